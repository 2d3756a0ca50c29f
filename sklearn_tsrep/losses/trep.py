"""The objective of T-Rep: four tasks at every scale of a hierarchy."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.losses.contrastive import instance_contrast, temporal_contrast
from sklearn_tsrep.losses.pairs import draw_distinct_steps, draw_nearby_steps
from sklearn_tsrep.losses.time_embedding import (
    conditioned_forecasting,
    divergence_prediction,
)
from sklearn_tsrep.nn.trep import ContextViews, TRepNetwork

TASKS = ("instance", "temporal", "divergence", "forecast")


def halve(views: ContextViews) -> ContextViews:
    """Merge neighbouring steps: maxima of representations, means of embeddings.

    A last step without neighbour is kept as it is. The mean of distributions is a
    distribution, so that the embedding stays one at every scale.
    """
    valid = valid_steps(views)
    first, second = (_pool_maximum(part, valid) for part in (views.first, views.second))
    embedding = views.embedding
    if embedding is not None:
        embedding = _pool_mean(embedding, valid)
    return ContextViews(first, second, embedding, (views.lengths + 1) // 2)


def valid_steps(views: ContextViews) -> Tensor | None:
    """Return a bool mask (batch, time), or None where nothing is padded."""
    steps = torch.arange(views.first.shape[1], device=views.lengths.device)
    valid = steps < views.lengths.unsqueeze(1)
    return None if bool(valid.all()) else valid


def _pool_maximum(series: Tensor, valid: Tensor | None) -> Tensor:
    if valid is not None:
        series = series.masked_fill(~valid.unsqueeze(-1), -torch.inf)
    pooled = functional.max_pool1d(series.transpose(1, 2), 2, ceil_mode=True)
    if valid is not None:
        pooled = pooled.masked_fill(pooled == -torch.inf, 0)
    return pooled.transpose(1, 2)


def _pool_mean(series: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        counts = series.new_ones(1, series.shape[1], 1)
    else:
        counts = valid.unsqueeze(-1).to(series.dtype)
    sums, totals = (
        functional.avg_pool1d(part.transpose(1, 2), 2, ceil_mode=True).transpose(1, 2)
        for part in (series * counts, counts)
    )
    return sums / totals.clamp(min=torch.finfo(series.dtype).tiny)


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

    n_pairs : int, default=800
        Pairs of steps drawn a scale for each of the time-embedding tasks.

    identity_share : float, default=0
        Share of the pairs of the divergence task that hold one step twice.

    detach_targets : bool, default=False
        Whether the targets of the time-embedding tasks pass no gradient on.

    References
    ----------
    Fraikin et al. (2024). T-Rep. ICLR, section 4.2 and appendix B.
    """

    def __init__(
        self,
        task_weights: Mapping[str, float],
        temporal_unit: int = 0,
        max_forecast_distance: int = 10,
        n_pairs: int = 800,
        identity_share: float = 0.0,
        detach_targets: bool = False,
    ) -> None:
        super().__init__()
        self.task_weights = {
            task: task_weights[task] for task in TASKS if task_weights.get(task)
        }
        self.temporal_unit = temporal_unit
        self.max_forecast_distance = max_forecast_distance
        self.n_pairs = n_pairs
        self.identity_share = identity_share
        self.detach_targets = detach_targets

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
        # A sum with a gradient (of 0) even where no scale has a task to offer.
        nothing = views.first.sum() * 0
        totals = dict.fromkeys(self.task_weights, nothing)
        scale = 0
        while True:
            losses = self._losses_at_scale(network, views, generator, scale)
            for task, loss in losses.items():
                totals[task] = totals[task] + loss
            scale += 1
            if views.first.shape[1] == 1:
                break
            views = halve(views)
        return {task: total / scale for task, total in totals.items()}

    def monitors(self, views: ContextViews) -> dict[str, Tensor]:
        """Return the spread of representations and time-embeddings.

        The standard deviation over all steps of the batch, mean over components; it
        falls to 0 when training collapses.
        """
        spreads = {"latent_spread": _spread(views.first, views)}
        if views.embedding is not None:
            spreads["time_embedding_spread"] = _spread(views.embedding, views)
        return spreads

    def _losses_at_scale(
        self,
        network: TRepNetwork,
        views: ContextViews,
        generator: torch.Generator,
        scale: int,
    ) -> dict[str, Tensor]:
        losses = {}
        valid = valid_steps(views)
        if "instance" in self.task_weights:
            losses["instance"] = instance_contrast(views.first, views.second, valid)
        if scale < self.temporal_unit or views.first.shape[1] == 1:
            return losses
        if "temporal" in self.task_weights:
            losses["temporal"] = temporal_contrast(views.first, views.second, valid)
        if "divergence" in self.task_weights:
            losses["divergence"] = self._divergence(network, views, generator)
        if "forecast" in self.task_weights:
            losses["forecast"] = self._forecast(network, views, generator)
        return losses

    def _divergence(
        self, network: TRepNetwork, views: ContextViews, generator: torch.Generator
    ) -> Tensor:
        pairs = draw_distinct_steps(
            views.lengths, self.n_pairs, generator, self.identity_share
        )
        one = (pairs.first_instances, pairs.first_steps)
        other = (pairs.second_instances, pairs.second_steps)
        differences = _rows(views.first, *one) - _rows(views.second, *other)
        assert views.embedding is not None
        embedding = self._target(views.embedding)
        return divergence_prediction(
            network.divergence_head(differences).squeeze(-1),
            _rows(embedding, *one),
            _rows(embedding, *other),
        )

    def _forecast(
        self, network: TRepNetwork, views: ContextViews, generator: torch.Generator
    ) -> Tensor:
        pairs = draw_nearby_steps(
            views.lengths, self.n_pairs, self.max_forecast_distance, generator
        )
        contexts = torch.stack([views.first, views.second])
        from_context, to_context = torch.randint(
            2,
            (2, len(pairs.first_steps)),
            generator=generator,
            device=generator.device,
        )
        one = (pairs.first_instances, pairs.first_steps)
        other = (pairs.second_instances, pairs.second_steps)
        assert views.embedding is not None
        inputs = torch.cat(
            [
                _rows(contexts, from_context, *one),
                _rows(views.embedding, *other),
            ],
            dim=-1,
        )
        return conditioned_forecasting(
            network.forecast_head(inputs),
            self._target(_rows(contexts, to_context, *other)),
        )

    def _target(self, target: Tensor) -> Tensor:
        return target.detach() if self.detach_targets else target


def _rows(table: Tensor, *indices: Tensor) -> Tensor:
    """Return ``table[indices]``, with a gradient that is the same in every run.

    The gradient of indexing is summed by several threads at once, in no fixed order.
    """
    flat = torch.zeros_like(indices[0])
    for index, size in zip(indices, table.shape, strict=False):
        flat = flat * size + index
    return functional.embedding(flat, table.flatten(0, -2))


def _spread(series: Tensor, views: ContextViews) -> Tensor:
    valid = valid_steps(views)
    steps = series.flatten(0, 1) if valid is None else series[valid]
    return steps.detach().std(dim=0, correction=0).mean()
