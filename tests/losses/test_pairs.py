"""Pairs of steps: inside the series, as far apart as asked, every one as likely."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from sklearn_tsrep.losses.pairs import (
    StepPairs,
    draw_distinct_steps,
    draw_nearby_steps,
)

LENGTHS = st.lists(
    st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=1, max_size=4
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one_scale(*lengths: int) -> Tensor:
    return torch.tensor([lengths])


def pairs_of_each(n_pairs: int, lengths: Tensor) -> Tensor:
    """Return the scales of pairs, as many for each scale."""
    return torch.arange(len(lengths)).repeat_interleave(n_pairs)


def check_inside(pairs: StepPairs, lengths: Tensor, scales: Tensor) -> None:
    assert all(part.shape == scales.shape for part in pairs)
    assert all(part.dtype == torch.int64 for part in pairs[:4])
    assert pairs.counted.dtype == torch.bool
    for instances, steps in (pairs[:2], pairs[2:4]):
        assert ((instances >= 0) & (instances < lengths.shape[1])).all()
        is_inside = (steps >= 0) & (steps < lengths[scales, instances])
        assert is_inside[pairs.counted].all()


@settings(deadline=None)
@given(given_lengths=LENGTHS, seed=st.integers(0, 1000))
def test_distinct_steps_are_at_different_positions(
    given_lengths: list[list[int]], seed: int
) -> None:
    lengths = torch.tensor(given_lengths)
    scales = pairs_of_each(50, lengths)
    pairs = draw_distinct_steps(lengths, scales, generator(seed))
    check_inside(pairs, lengths, scales)
    assert (pairs.first_steps != pairs.second_steps)[pairs.counted].all()
    for scale, own_lengths in enumerate(lengths):
        counted = pairs.counted[scales == scale]
        if own_lengths.min() > 1:
            assert counted.all()
        if own_lengths.max() == 1:
            assert not counted.any()


def test_the_scales_of_pairs_may_come_in_any_order() -> None:
    lengths = torch.tensor([[20, 20], [3, 3], [1, 1]])
    scales = torch.tensor([2, 0, 1, 0, 2, 1]).repeat(100)
    pairs = draw_distinct_steps(lengths, scales, generator())
    check_inside(pairs, lengths, scales)
    assert torch.equal(pairs.counted, scales != 2)
    assert pairs.first_steps[scales == 0].max() > 2


def test_distinct_pairs_are_equally_likely() -> None:
    lengths = torch.tensor([[1, 1, 1], [4, 4, 4]])
    scales = torch.ones(30_000, dtype=torch.int64)
    pairs = draw_distinct_steps(lengths, scales, generator())
    assert pairs.counted.all()
    counts = Counter(zip(*(part.tolist() for part in pairs[:4]), strict=True))
    assert len(counts) == 3 * 4 * 3 * 3
    assert chisquare(list(counts.values())).pvalue > 1e-3


def test_instances_of_unequal_length_come_equally_often() -> None:
    lengths = one_scale(2, 20)
    pairs = draw_distinct_steps(lengths, pairs_of_each(30_000, lengths), generator())
    for instances in (pairs.first_instances, pairs.second_instances):
        assert instances.float().mean().item() == pytest.approx(0.5, abs=0.02)
    in_long = pairs.second_steps[pairs.second_instances == 1]
    shares = torch.bincount(in_long) / len(in_long)
    # Half of the first steps are 0 or 1 of the short series, so these are rarer.
    np.testing.assert_allclose(shares[2:], 1 / 20, atol=0.01)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_share_of_pairs_is_one_step_twice(share: float) -> None:
    lengths = torch.tensor([[5, 8, 2], [1, 1, 1]])
    scales = pairs_of_each(5000, lengths)
    pairs = draw_distinct_steps(lengths, scales, generator(), identity_share=share)
    check_inside(pairs, lengths, scales)
    same_step = pairs.first_steps == pairs.second_steps
    same_instance = pairs.first_instances == pairs.second_instances
    assert same_instance[same_step & pairs.counted].all()
    # Where there is no other step, only the identical pairs count.
    assert pairs.counted[scales == 0].all()
    identical = torch.where(scales == 0, same_step, pairs.counted).view(2, -1)
    tolerance = 0.03 if 0 < share < 1 else 0
    np.testing.assert_allclose(identical.float().mean(dim=1), share, atol=tolerance)


@settings(deadline=None)
@given(
    given_lengths=LENGTHS, max_distance=st.integers(1, 12), seed=st.integers(0, 1000)
)
def test_nearby_steps_are_near(
    given_lengths: list[list[int]], max_distance: int, seed: int
) -> None:
    lengths = torch.tensor(given_lengths)
    scales = pairs_of_each(50, lengths)
    pairs = draw_nearby_steps(lengths, scales, max_distance, generator(seed))
    check_inside(pairs, lengths, scales)
    assert torch.equal(pairs.first_instances, pairs.second_instances)
    distances = (pairs.second_steps - pairs.first_steps).abs()
    assert (distances <= max_distance).all()
    own_lengths = lengths[scales, pairs.first_instances]
    assert torch.equal(pairs.counted, own_lengths > 1)


def test_nearby_distances_are_equally_likely_in_both_directions() -> None:
    lengths = torch.tensor([[50, 50], [1, 1]])
    scales = torch.zeros(40_000, dtype=torch.int64)
    pairs = draw_nearby_steps(lengths, scales, 3, generator())
    middle = (pairs.first_steps >= 3) & (pairs.first_steps < 47)
    distances = (pairs.second_steps - pairs.first_steps)[middle]
    counts = torch.bincount(distances + 3)
    assert len(counts) == 7
    assert chisquare(counts.numpy()).pvalue > 1e-3


def test_nearby_inputs_are_equally_likely_up_to_the_ends() -> None:
    lengths = one_scale(12)
    pairs = draw_nearby_steps(lengths, pairs_of_each(24_000, lengths), 10, generator())
    counts = torch.bincount(pairs.first_steps, minlength=12)
    assert chisquare(counts.numpy()).pvalue > 1e-3
    assert (torch.bincount(pairs.second_steps, minlength=12) > 0).all()


def test_no_scales_are_no_pairs() -> None:
    lengths, none = one_scale(3, 4), torch.zeros(0, dtype=torch.int64)
    for pairs in (
        draw_distinct_steps(lengths, none, generator(), 0.5),
        draw_nearby_steps(lengths, none, 3, generator()),
    ):
        check_inside(pairs, lengths, none)


def test_draws_come_from_the_generator_alone() -> None:
    lengths = torch.tensor([[5, 8, 2], [3, 4, 1]])
    scales = pairs_of_each(50, lengths)
    state = torch.get_rng_state()
    for draw in (
        lambda seed: draw_distinct_steps(lengths, scales, generator(seed)),
        lambda seed: draw_distinct_steps(lengths, scales, generator(seed), 0.5),
        lambda seed: draw_nearby_steps(lengths, scales, 3, generator(seed)),
    ):
        first, same, other = (torch.stack(list(draw(seed))) for seed in (1, 1, 2))
        assert torch.equal(first, same)
        assert not torch.equal(first, other)
    assert torch.equal(state, torch.get_rng_state())
