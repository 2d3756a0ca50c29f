"""Masks: the share and the runs that were asked for, and places of what is chosen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sklearn_tsrep.data.masks import draw_runs, draw_tokens, indices_of

SEEDS = st.integers(0, 2**32 - 1)
CHOICES = npst.arrays(bool, npst.array_shapes(min_dims=2, max_dims=2, max_side=12))
# Standard errors within which a statistic has to lie: the chance of another is 1 in
# a million.
N_ERRORS = 5


def runs_of(
    shape: tuple[int, int, int], share: float, mean_length: float, seed: int = 0
) -> np.ndarray:
    return draw_runs(shape, share, mean_length, np.random.default_rng(seed))


def error_of_share(share: float, length: float, n_draws: int) -> float:
    """Return the standard error of a share of values that depend on their neighbours.

    They are a Markov chain whose correlation over one step is ``correlation``.
    """
    correlation = 1 - 1 / length - share / (length * (1 - share))
    variance = share * (1 - share) * (1 + correlation) / (1 - correlation)
    return math.sqrt(variance / n_draws)


def lengths_of_runs(hidden: np.ndarray, of: bool = True) -> np.ndarray:
    """Return the lengths of runs of hidden (or else shown) values, one by one.

    Those that touch an end of the series may be longer than they look.
    """
    lengths = []
    for series in hidden.transpose(0, 2, 1).reshape(-1, hidden.shape[1]):
        starts = np.flatnonzero(series[1:] != series[:-1]) + 1
        lengths.append(np.diff(starts)[series[starts[:-1]] == of])
    return np.concatenate(lengths)


CASES = [(0.15, 3.0), (0.3, 3.0), (0.5, 1.5), (0.5, 10.0), (0.05, 1.0), (0.8, 6.0)]


@pytest.mark.parametrize(("share", "length"), CASES)
def test_the_share_of_hidden_values_is_the_one_asked_for(
    share: float, length: float
) -> None:
    hidden = runs_of((20, 3000, 3), share, length)
    error = error_of_share(share, length, hidden.size)
    assert hidden.mean() == pytest.approx(share, abs=N_ERRORS * error)


@pytest.mark.parametrize(("share", "length"), CASES)
def test_runs_have_the_mean_length_asked_for_and_are_geometric(
    share: float, length: float
) -> None:
    lengths = lengths_of_runs(runs_of((4, 10_000, 3), share, length))
    error = math.sqrt(length * (length - 1) / len(lengths))
    # Long runs are the likeliest to touch an end.
    bias = length**2 / 10_000
    assert lengths.mean() == pytest.approx(length, abs=N_ERRORS * error + bias)
    for shortest in (1, 2, 3):
        survival = (1 - 1 / length) ** shortest
        error = math.sqrt(survival * (1 - survival) / len(lengths))
        found = (lengths > shortest).mean()
        assert found == pytest.approx(survival, abs=N_ERRORS * error + 1e-3)


@pytest.mark.parametrize(("share", "length"), CASES)
def test_every_step_is_hidden_with_the_same_probability(
    share: float, length: float
) -> None:
    by_step = runs_of((5000, 12, 2), share, length).mean(axis=(0, 2))
    error = math.sqrt(share * (1 - share) / 10_000)
    np.testing.assert_allclose(by_step, share, atol=N_ERRORS * error)


def test_series_and_channels_are_hidden_independently() -> None:
    hidden = runs_of((3, 20_000, 3), 0.3, 3.0)
    columns = hidden.transpose(1, 0, 2).reshape(20_000, 9)
    correlations = np.corrcoef(columns, rowvar=False)[np.triu_indices(9, 1)]
    # Of the products of two chains, each with the correlation 1 - 1/3 - 1/7.
    correlation = (1 - 1 / 3 - 1 / 7) ** 2
    error = math.sqrt((1 + correlation) / (1 - correlation) / 20_000)
    assert np.abs(correlations).max() < N_ERRORS * error


def test_nothing_is_hidden_with_share_0() -> None:
    assert not runs_of((5, 100, 2), 0.0, 3.0).any()


@pytest.mark.parametrize("share", [0.9, 0.99])
def test_a_length_too_short_for_the_share_is_raised_to_the_shortest(
    share: float,
) -> None:
    shortest = share / (1 - share)
    hidden = runs_of((6, 10_000, 3), share, 1.0)
    error = error_of_share(share, shortest, hidden.size)
    assert hidden.mean() == pytest.approx(share, abs=N_ERRORS * error)
    # What lies between the runs cannot be shorter than one value.
    assert (lengths_of_runs(hidden, of=False) == 1).mean() > 0.999


def test_a_share_next_to_1_hides_next_to_all() -> None:
    assert runs_of((5, 100, 2), 1 - 1e-9, 3.0).all()


@pytest.mark.parametrize("shape", [(0, 5, 2), (3, 0, 2), (3, 5, 0), (2, 1, 1)])
def test_runs_have_the_shape_asked_for(shape: tuple[int, int, int]) -> None:
    hidden = runs_of(shape, 0.5, 3.0)
    assert hidden.shape == shape
    assert hidden.dtype == bool


@settings(deadline=None)
@given(
    eligible=CHOICES,
    share=st.floats(0, 1, exclude_max=True),
    seed=SEEDS,
)
def test_an_exact_share_of_the_tokens_is_hidden_but_never_all(
    eligible: np.ndarray, share: float, seed: int
) -> None:
    hidden = draw_tokens(eligible, share, np.random.default_rng(seed))
    assert hidden.dtype == bool
    assert hidden.shape == eligible.shape
    assert not (hidden & ~eligible).any()
    for own, possible in zip(hidden, eligible, strict=True):
        n_eligible = int(possible.sum())
        assert own.sum() == max(min(round(share * n_eligible), n_eligible - 1), 0)


def test_eligible_tokens_are_hidden_equally_often() -> None:
    eligible = np.tile(np.array([1, 0, 1, 1, 1, 0, 1], dtype=bool), (20_000, 1))
    hidden = draw_tokens(eligible, 0.4, np.random.default_rng(0))
    expected = np.where(eligible[0], 0.4, 0.0)
    error = math.sqrt(0.4 * 0.6 / len(eligible))
    np.testing.assert_allclose(hidden.mean(axis=0), expected, atol=N_ERRORS * error)
    # All pairs of five, too.
    pairs = {tuple(np.flatnonzero(row)) for row in hidden}
    assert len(pairs) == 10


@given(chosen=CHOICES)
def test_places_are_those_of_what_is_chosen(chosen: np.ndarray) -> None:
    indices, valid = indices_of(chosen)
    assert indices.dtype == np.int64
    assert valid.dtype == bool
    assert indices.shape == valid.shape
    assert indices.shape == (len(chosen), max(chosen.sum(axis=1).max(), 1))
    for places, own_valid, row in zip(indices, valid, chosen, strict=True):
        assert places[own_valid].tolist() == np.flatnonzero(row).tolist()
        assert not places[~own_valid].any()


def test_the_generator_decides() -> None:
    eligible = np.ones((4, 30), dtype=bool)
    for draw in (
        lambda rng: draw_runs((4, 30, 2), 0.5, 3.0, rng),
        lambda rng: draw_tokens(eligible, 0.5, rng),
    ):
        first, second, other = (draw(np.random.default_rng(s)) for s in (0, 0, 1))
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)
