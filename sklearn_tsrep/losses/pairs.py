"""Random pairs of time steps for the time-embedding tasks."""

from typing import NamedTuple

import torch
from torch import Tensor


class StepPairs(NamedTuple):
    """Instances and steps of pairs; all tensors are int64 of shape (n_pairs,)."""

    first_instances: Tensor
    first_steps: Tensor
    second_instances: Tensor
    second_steps: Tensor


def draw_distinct_steps(
    lengths: Tensor,
    n_pairs: int,
    generator: torch.Generator,
    identity_share: float = 0.0,
) -> StepPairs:
    """Draw pairs of steps at different positions, of any two instances.

    Parameters
    ----------
    lengths : int Tensor of shape (batch,)
        Steps of each instance.

    n_pairs : int
        Pairs to draw; those for which an instance has no other position are left out.

    generator : torch.Generator
        On the device of ``lengths``.

    identity_share : float, default=0
        Share of the pairs that hold one and the same step twice instead.

    Returns
    -------
    pairs : StepPairs
        On the same device.
    """
    instances, steps = _draw_steps(lengths, n_pairs, generator)
    others = _draw_below(lengths.new_tensor(len(lengths)), n_pairs, generator)
    inside = steps < lengths[others]
    n_candidates = lengths[others] - inside.long()
    other_steps = _draw_below(n_candidates.clamp(min=1), n_pairs, generator)
    other_steps = other_steps + (inside & (other_steps >= steps)).long()
    identical = torch.arange(n_pairs, device=lengths.device) < identity_share * n_pairs
    others = torch.where(identical, instances, others)
    other_steps = torch.where(identical, steps, other_steps)
    kept = identical | (n_candidates > 0)
    return StepPairs(instances[kept], steps[kept], others[kept], other_steps[kept])


def draw_nearby_steps(
    lengths: Tensor, n_pairs: int, max_distance: int, generator: torch.Generator
) -> StepPairs:
    """Draw steps of one instance each, at most a distance apart, which may be 0.

    Parameters
    ----------
    lengths : int Tensor of shape (batch,)
        Steps of each instance; instances of one step are left out.

    n_pairs : int
        Pairs to draw.

    max_distance : int
        Largest distance of the two steps, in steps, in either direction.

    generator : torch.Generator
        On the device of ``lengths``.

    Returns
    -------
    pairs : StepPairs
        On the same device.
    """
    instances, steps = _draw_steps(lengths, n_pairs, generator)
    first = (steps - max_distance).clamp(min=0)
    last = torch.minimum(steps + max_distance, lengths[instances] - 1)
    others = first + _draw_below(last - first + 1, n_pairs, generator)
    kept = lengths[instances] > 1
    return StepPairs(instances[kept], steps[kept], instances[kept], others[kept])


def _draw_steps(
    lengths: Tensor, n_pairs: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    instances = _draw_below(lengths.new_tensor(len(lengths)), n_pairs, generator)
    return instances, _draw_below(lengths[instances], n_pairs, generator)


def _draw_below(bounds: Tensor, n_draws: int, generator: torch.Generator) -> Tensor:
    shares = torch.rand(n_draws, generator=generator, device=generator.device)
    # In single precision a share just below 1 of a large bound rounds up to it.
    return torch.minimum((shares * bounds).long(), bounds - 1)
