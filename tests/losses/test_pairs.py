"""Pairs of steps: inside the series, as far apart as asked, every one as likely."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from sklearn_tsrep.losses.pairs import (
    StepPairs,
    draw_distinct_steps,
    draw_nearby_steps,
)

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def check_inside(pairs: StepPairs, lengths: torch.Tensor) -> None:
    assert len({len(part) for part in pairs}) == 1
    for instances, steps in (pairs[:2], pairs[2:]):
        assert ((instances >= 0) & (instances < len(lengths))).all()
        assert ((steps >= 0) & (steps < lengths[instances])).all()


@settings(deadline=None)
@given(given_lengths=LENGTHS, seed=st.integers(0, 1000))
def test_distinct_steps_are_at_different_positions(
    given_lengths: list[int], seed: int
) -> None:
    lengths = torch.tensor(given_lengths)
    pairs = draw_distinct_steps(lengths, 100, generator(seed))
    check_inside(pairs, lengths)
    assert (pairs.first_steps != pairs.second_steps).all()
    assert len(pairs.first_steps) <= 100
    if min(given_lengths) > 1:
        assert len(pairs.first_steps) == 100
    if max(given_lengths) == 1:
        assert len(pairs.first_steps) == 0


def test_distinct_pairs_are_equally_likely() -> None:
    lengths = torch.tensor([4, 4, 4])
    pairs = draw_distinct_steps(lengths, 30_000, generator())
    counts = Counter(zip(*(part.tolist() for part in pairs), strict=True))
    assert len(counts) == 3 * 4 * 3 * 3
    assert chisquare(list(counts.values())).pvalue > 1e-3


def test_instances_of_unequal_length_come_equally_often() -> None:
    lengths = torch.tensor([2, 20])
    pairs = draw_distinct_steps(lengths, 30_000, generator())
    for instances in (pairs.first_instances, pairs.second_instances):
        assert instances.float().mean().item() == pytest.approx(0.5, abs=0.02)
    in_long = pairs.second_steps[pairs.second_instances == 1]
    shares = torch.bincount(in_long) / len(in_long)
    # Half of the first steps are 0 or 1 of the short series, so these are rarer.
    np.testing.assert_allclose(shares[2:], 1 / 20, atol=0.01)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_share_of_pairs_is_one_step_twice(share: float) -> None:
    lengths = torch.tensor([5, 8, 2])
    pairs = draw_distinct_steps(lengths, 1000, generator(), identity_share=share)
    check_inside(pairs, lengths)
    same_step = pairs.first_steps == pairs.second_steps
    same_instance = pairs.first_instances == pairs.second_instances
    assert same_step.sum().item() == round(1000 * share)
    assert same_instance[same_step].all()


@settings(deadline=None)
@given(
    given_lengths=LENGTHS, max_distance=st.integers(1, 12), seed=st.integers(0, 1000)
)
def test_nearby_steps_are_near(
    given_lengths: list[int], max_distance: int, seed: int
) -> None:
    lengths = torch.tensor(given_lengths)
    pairs = draw_nearby_steps(lengths, 100, max_distance, generator(seed))
    check_inside(pairs, lengths)
    assert torch.equal(pairs.first_instances, pairs.second_instances)
    distances = (pairs.second_steps - pairs.first_steps).abs()
    assert (distances <= max_distance).all()
    assert (lengths[pairs.first_instances] > 1).all()


def test_nearby_distances_are_equally_likely_in_both_directions() -> None:
    pairs = draw_nearby_steps(torch.tensor([50, 50]), 40_000, 3, generator())
    middle = (pairs.first_steps >= 3) & (pairs.first_steps < 47)
    distances = (pairs.second_steps - pairs.first_steps)[middle]
    counts = torch.bincount(distances + 3)
    assert len(counts) == 7
    assert chisquare(counts.numpy()).pvalue > 1e-3


def test_nearby_inputs_are_equally_likely_up_to_the_ends() -> None:
    pairs = draw_nearby_steps(torch.tensor([12]), 24_000, 10, generator())
    counts = torch.bincount(pairs.first_steps, minlength=12)
    assert chisquare(counts.numpy()).pvalue > 1e-3
    assert (torch.bincount(pairs.second_steps, minlength=12) > 0).all()


def test_draws_come_from_the_generator_alone() -> None:
    lengths = torch.tensor([5, 8, 2])
    state = torch.get_rng_state()
    for draw in (
        lambda seed: draw_distinct_steps(lengths, 50, generator(seed)),
        lambda seed: draw_nearby_steps(lengths, 50, 3, generator(seed)),
    ):
        first, same, other = (torch.stack(list(draw(seed))) for seed in (1, 1, 2))
        assert torch.equal(first, same)
        assert first.shape != other.shape or not torch.equal(first, other)
    assert torch.equal(state, torch.get_rng_state())
