"""The objective of DMAE: hidden values, hidden latents, and their alignment."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.losses.alignment import feature_alignment
from sklearn_tsrep.nn.dmae import DMAENetwork, Estimates, shown_values


class DMAEObjective(nn.Module):
    """Three tasks: to estimate hidden values, hidden latents, and features of them.

    Parameters
    ----------
    task_weights : mapping of str to float
        Weights of "value", "latent" and "alignment"; a task without weight is not
        computed.

    decorrelation_weight : float
        Weight of the products of different features in the alignment, as in
        `feature_alignment`.

    References
    ----------
    The abstract of MTS-DMAE, arXiv:2509.16078; the user guide says what it leaves
    open.
    """

    def __init__(
        self, task_weights: Mapping[str, float], decorrelation_weight: float
    ) -> None:
        super().__init__()
        self.task_weights = {
            task: weight for task, weight in task_weights.items() if weight
        }
        self.decorrelation_weight = decorrelation_weight

    def forward(
        self, network: DMAENetwork, estimates: Estimates, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the loss of each task by name.

        Parameters
        ----------
        network : DMAENetwork
            Not used.

        estimates : Estimates
            Of a batch.

        generator : torch.Generator
            Not used.
        """
        tasks = {
            "value": self._value,
            "latent": self._latent,
            "alignment": self._alignment,
        }
        return {task: tasks[task](estimates) for task in self.task_weights}

    def monitors(self, estimates: Estimates) -> dict[str, Tensor]:
        """Return the spread of the teacher's latents, which falls to 0 in a collapse.

        It is their standard deviation over all tokens, mean over features. Where no
        task asks the teacher there is none.
        """
        if not estimates.teacher_latents.numel():
            return {}
        batch = estimates.batch
        valid = torch.cat([batch.seen_valid, batch.hidden_valid], dim=1)
        places = torch.cat([batch.seen_tokens, batch.hidden_tokens], dim=1)
        rows = torch.arange(len(places), device=places.device).unsqueeze(1)
        latents = estimates.teacher_latents[
            rows.expand_as(places)[valid], places[valid]
        ]
        spread = latents.detach().std(dim=0, correction=0).mean()
        return {"teacher_spread": spread}

    def _value(self, estimates: Estimates) -> Tensor:
        """Return the mean squared error of values that are there but were not shown."""
        series = estimates.batch.series
        hidden = shown_values(series) - estimates.batch.shown
        errors = (estimates.values - series.values).square() * hidden
        return errors.sum() / hidden.sum().clamp(min=1)

    def _latent(self, estimates: Estimates) -> Tensor:
        errors = functional.smooth_l1_loss(
            estimates.latents, estimates.targets, reduction="none"
        )
        valid = estimates.batch.hidden_valid
        return (errors.mean(dim=-1) * valid).sum() / valid.sum().clamp(min=1)

    def _alignment(self, estimates: Estimates) -> Tensor:
        valid = estimates.batch.hidden_valid
        return feature_alignment(
            estimates.latents[valid],
            estimates.targets[valid],
            self.decorrelation_weight,
        )
