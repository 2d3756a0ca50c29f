"""The objective of T-Rep: four tasks at every scale of a hierarchy."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_tsrep.losses.contrastive import contrast
from sklearn_tsrep.losses.hierarchy import Hierarchy, build_hierarchy
from sklearn_tsrep.losses.pairs import draw_distinct_steps, draw_nearby_steps
from sklearn_tsrep.losses.time_embedding import (
    conditioned_forecasting,
    divergence_prediction,
)
from sklearn_tsrep.nn.trep import ContextViews, TRepNetwork

TASKS = ("instance", "temporal", "divergence", "forecast")


class TRepObjective(nn.Module):
    """The four pretext tasks of T-Rep, averaged over the scales of a hierarchy.

    At each scale representations are halved along time by a maximum, until one step
    is left, at which only the instance-wise contrast remains.

    Parameters
    ----------
    task_weights : mapping of str to float
        Weight of each task of `TASKS`; a task without weight is not computed.

    temporal_unit : int, default=0
        First scale at which the tasks along time count (0: the time steps
        themselves).

    max_forecast_distance : int, default=10
        Largest distance of the step to forecast, in steps of the scale.

    max_pairs : int, default=256
        Most pairs of steps drawn a scale for each of the time-embedding tasks; as
        many as it has steps in the batch otherwise.

    identity_share : float, default=0
        Share of the pairs of the divergence task that hold one step twice.

    detach_targets : bool, default=False
        Whether the targets of the time-embedding tasks pass no gradient on.

    time_pooling : {"mean", "max"}, default="mean"
        How time-embeddings are merged at coarser scales, as in `build_hierarchy`.

    References
    ----------
    Fraikin et al. (2024). T-Rep. ICLR, section 4.2 and appendix B.
    """

    def __init__(
        self,
        task_weights: Mapping[str, float],
        temporal_unit: int = 0,
        max_forecast_distance: int = 10,
        max_pairs: int = 256,
        identity_share: float = 0.0,
        detach_targets: bool = False,
        time_pooling: str = "mean",
    ) -> None:
        super().__init__()
        self.task_weights = {
            task: task_weights[task] for task in TASKS if task_weights.get(task)
        }
        self.temporal_unit = temporal_unit
        self.max_forecast_distance = max_forecast_distance
        self.max_pairs = max_pairs
        self.identity_share = identity_share
        self.detach_targets = detach_targets
        self.time_pooling = time_pooling

    def forward(
        self, network: TRepNetwork, views: ContextViews, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean over scales of each task's loss, by name.

        Parameters
        ----------
        network : TRepNetwork
            For its heads.

        views : ContextViews
            Representations under both contexts, and time-embeddings.

        generator : torch.Generator
            Draws the pairs of steps; on the device of the network.
        """
        hierarchy = build_hierarchy(views, self.time_pooling)
        tasks: dict[str, Callable[[], Tensor]] = {
            "instance": lambda: _instance(hierarchy),
            "temporal": lambda: self._temporal(hierarchy),
            "divergence": lambda: self._divergence(network, hierarchy, generator),
            "forecast": lambda: self._forecast(network, hierarchy, generator),
        }
        n_scales = len(hierarchy.sizes)
        return {task: tasks[task]() / n_scales for task in self.task_weights}

    def monitors(self, views: ContextViews) -> dict[str, Tensor]:
        """Return the spread of representations and time-embeddings.

        The standard deviation over all steps of the batch, mean over components; it
        falls to 0 when training collapses.
        """
        valid = _valid_steps(views)
        n_instances = len(views.lengths)
        first = views.contexts[:, :n_instances]
        spreads = {"latent_spread": _spread(first, valid)}
        if views.embedding is not None:
            spreads["time_embedding_spread"] = _spread(views.embedding, valid)
        return spreads

    def _temporal(self, hierarchy: Hierarchy) -> Tensor:
        total = hierarchy.contexts[:0].sum()  # 0, with a gradient of 0
        contexts = hierarchy.contexts.split(hierarchy.sizes)
        valid = (
            None if hierarchy.valid is None else hierarchy.valid.split(hierarchy.sizes)
        )
        for scale in self._temporal_scales(hierarchy):
            # (time, 2 * batch, n_latents) -> (batch, 2 * time, n_latents)
            by_context = contexts[scale].unflatten(1, (2, -1))
            losses, n_anchors = contrast(
                by_context.permute(2, 1, 0, 3).flatten(1, 2),
                None if valid is None else valid[scale].t(),
            )
            total = total + losses.sum() / n_anchors.sum().clamp(min=1)
        return total

    def _divergence(
        self, network: TRepNetwork, hierarchy: Hierarchy, generator: torch.Generator
    ) -> Tensor:
        scales = self._scales_of_pairs(hierarchy)
        pairs = draw_distinct_steps(
            hierarchy.lengths, scales, generator, self.identity_share
        )
        steps, instances = pairs.steps, pairs.instances
        contexts = instances.new_tensor([[0], [1]])
        first, second = _representations(hierarchy, scales, steps, instances, contexts)
        first_time, second_time = self._target(
            hierarchy.embeddings_at(scales, steps, instances)
        )
        errors = divergence_prediction(
            network.divergence_head(first - second).squeeze(-1),
            first_time,
            second_time,
        )
        return _sum_of_means(errors, pairs.counted, scales, hierarchy)

    def _forecast(
        self, network: TRepNetwork, hierarchy: Hierarchy, generator: torch.Generator
    ) -> Tensor:
        scales = self._scales_of_pairs(hierarchy)
        pairs = draw_nearby_steps(
            hierarchy.lengths, scales, self.max_forecast_distance, generator
        )
        steps, instances = pairs.steps, pairs.instances
        contexts = torch.randint(
            2, steps.shape, generator=generator, device=generator.device
        )
        source, target = _representations(hierarchy, scales, steps, instances, contexts)
        time = hierarchy.embeddings_at(scales, steps[1], instances[1])
        predicted = network.forecast_head(torch.cat([source, time], dim=-1))
        errors = conditioned_forecasting(predicted, self._target(target))
        return _sum_of_means(errors, pairs.counted, scales, hierarchy)

    def _temporal_scales(self, hierarchy: Hierarchy) -> range:
        """Return the scales of the tasks along time: not the last, of one step."""
        return range(self.temporal_unit, len(hierarchy.sizes) - 1)

    def _scales_of_pairs(self, hierarchy: Hierarchy) -> Tensor:
        """Return the scale of each pair to draw."""
        n_instances = hierarchy.lengths.shape[1]
        scales = self._temporal_scales(hierarchy)
        counts = [
            min(hierarchy.sizes[scale] * n_instances, self.max_pairs)
            for scale in scales
        ]
        numbers = np.repeat(np.array(scales, dtype=np.int64), counts)
        return torch.from_numpy(numbers).to(hierarchy.lengths.device)

    def _target(self, target: Tensor) -> Tensor:
        return target.detach() if self.detach_targets else target


def _instance(hierarchy: Hierarchy) -> Tensor:
    losses, n_anchors = contrast(hierarchy.contexts, hierarchy.valid)
    return _sum_of_means(losses, n_anchors, hierarchy.scales, hierarchy)


def _representations(
    hierarchy: Hierarchy,
    scales: Tensor,
    steps: Tensor,
    instances: Tensor,
    contexts: Tensor,
) -> Tensor:
    """Return those of steps (2, n_pairs) under contexts that are 0 or 1."""
    columns = contexts * hierarchy.lengths.shape[1] + instances
    return hierarchy.representations_at(scales, steps, columns)


def _sum_of_means(
    values: Tensor, counts: Tensor, scales: Tensor, hierarchy: Hierarchy
) -> Tensor:
    """Sum the means at each scale; values without a count are left out."""
    counts = counts.to(values.dtype)
    totals = counts.new_zeros(len(hierarchy.sizes)).index_add(0, scales, counts)
    counted = torch.where(counts > 0, values, 0)
    return (counted / totals.clamp(min=1)[scales]).sum()


def _valid_steps(views: ContextViews) -> Tensor | None:
    """Return a bool mask (time, batch), or None where nothing is padded."""
    if not views.is_padded:
        return None
    steps = torch.arange(len(views.contexts), device=views.lengths.device)
    return steps.unsqueeze(1) < views.lengths


def _spread(series: Tensor, valid: Tensor | None) -> Tensor:
    steps = series.flatten(0, 1) if valid is None else series[valid]
    return steps.detach().std(dim=0, correction=0).mean()
