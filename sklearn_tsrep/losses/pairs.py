"""Random pairs of time steps for the time-embedding tasks."""

from typing import NamedTuple

import torch
from torch import Tensor


class StepPairs(NamedTuple):
    """Instances and steps of pairs; all tensors are of shape (n_pairs,).

    Attributes
    ----------
    first_instances, first_steps, second_instances, second_steps : int64 Tensor
        Where the two steps of each pair are.

    counted : bool Tensor
        False for a pair that could not be drawn; its steps mean nothing.
    """

    first_instances: Tensor
    first_steps: Tensor
    second_instances: Tensor
    second_steps: Tensor
    counted: Tensor

    @property
    def instances(self) -> Tensor:
        """Instances of both steps (2, n_pairs)."""
        return torch.stack([self.first_instances, self.second_instances])

    @property
    def steps(self) -> Tensor:
        """Both steps (2, n_pairs)."""
        return torch.stack([self.first_steps, self.second_steps])


def draw_distinct_steps(
    lengths: Tensor,
    scales: Tensor,
    generator: torch.Generator,
    identity_share: float = 0.0,
) -> StepPairs:
    """Draw pairs of steps at different positions, of any two instances.

    Parameters
    ----------
    lengths : int64 Tensor of shape (n_scales, batch)
        Steps of each instance at each scale.

    scales : int64 Tensor of shape (n_pairs,)
        At which scale to draw each pair.

    generator : torch.Generator
        On the device of ``lengths``.

    identity_share : float, default=0
        Probability with which a pair holds one and the same step twice instead.

    Returns
    -------
    pairs : StepPairs
        On the same device.
    """
    instances, steps = _draw_steps(lengths, scales, generator)
    others = _draw_instances(lengths, scales, generator)
    other_lengths = lengths[scales, others]
    inside = steps < other_lengths
    n_candidates = other_lengths - inside.long()
    other_steps = _draw_below(n_candidates.clamp(min=1), generator)
    other_steps = other_steps + (inside & (other_steps >= steps)).long()
    if identity_share == 0:
        return StepPairs(instances, steps, others, other_steps, n_candidates > 0)
    identical = _draw_shares(scales, generator) < identity_share
    return StepPairs(
        instances,
        steps,
        torch.where(identical, instances, others),
        torch.where(identical, steps, other_steps),
        identical | (n_candidates > 0),
    )


def draw_nearby_steps(
    lengths: Tensor, scales: Tensor, max_distance: int, generator: torch.Generator
) -> StepPairs:
    """Draw steps of one instance each, at most a distance apart, which may be 0.

    Parameters
    ----------
    lengths, scales
        As in `draw_distinct_steps`; instances of one step have no pair.

    max_distance : int
        Largest distance of the two steps, in steps, in either direction.

    generator : torch.Generator
        On the device of ``lengths``.

    Returns
    -------
    pairs : StepPairs
        On the same device.
    """
    instances, steps = _draw_steps(lengths, scales, generator)
    own_lengths = lengths[scales, instances]
    first = (steps - max_distance).clamp(min=0)
    last = torch.minimum(steps + max_distance, own_lengths - 1)
    others = first + _draw_below(last - first + 1, generator)
    return StepPairs(instances, steps, instances, others, own_lengths > 1)


def _draw_steps(
    lengths: Tensor, scales: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    instances = _draw_instances(lengths, scales, generator)
    return instances, _draw_below(lengths[scales, instances], generator)


def _draw_instances(
    lengths: Tensor, scales: Tensor, generator: torch.Generator
) -> Tensor:
    n_instances = lengths.shape[1]
    return _draw_below(torch.full_like(scales, n_instances), generator)


def _draw_below(bounds: Tensor, generator: torch.Generator) -> Tensor:
    shares = _draw_shares(bounds, generator)
    # In single precision a share just below 1 of a large bound rounds up to it.
    return torch.minimum((shares * bounds).long(), bounds - 1)


def _draw_shares(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator, device=like.device)
