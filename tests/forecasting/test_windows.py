"""What windows say of a series, against plain loops; and which season it has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from sklearn_tsrep.forecasting._windows import History, find_season
from tests.forecasting.series import gappy, seasons

NAN = np.nan
WINDOWS = st.integers(1, 12)
FEW = settings(deadline=None, max_examples=40)


def window_of(rows: np.ndarray, step: int, channel: int, window: int) -> np.ndarray:
    """Return the values there are among the last ones, the step included."""
    values = rows[max(step + 1 - window, 0) : step + 1, channel]
    return values[~np.isnan(values)]


def by_loop(rows: np.ndarray, window: int, value_of) -> np.ndarray:
    """Return what a function makes of the window of each value."""
    return np.array(
        [
            [value_of(window_of(rows, step, channel, window)) for channel in (0, 1)]
            for step in range(len(rows))
        ]
    )


def last_or_zero(values: np.ndarray) -> float:
    return values[-1] if len(values) else 0.0


def mean_of(values: np.ndarray) -> float:
    return values.mean() if len(values) else 0.0


def spread_of(values: np.ndarray) -> float:
    return np.sqrt((values.var() if len(values) else 0.0) + 0.1**2)


@FEW
@given(rows=gappy(), window=WINDOWS)
def test_the_last_value_within_the_window_is_known(rows, window):
    expected = by_loop(rows, window, last_or_zero)
    np.testing.assert_array_equal(History(rows, window).known, expected)


@FEW
@given(rows=gappy(), window=WINDOWS)
def test_values_lose_mean_and_spread_of_their_window(rows, window):
    mean, spread = by_loop(rows, window, mean_of), by_loop(rows, window, spread_of)
    found = History(rows, window).normalized
    np.testing.assert_allclose(found, (rows - mean) / spread, atol=1e-6)


def test_where_nothing_happens_noise_is_not_blown_up():
    rows = 1e-6 * seasons(30)
    assert np.abs(History(rows, 5).normalized).max() < 1e-3


def test_a_huge_value_matters_within_its_window_alone():
    rows = seasons(60)
    expected = History(rows, 7).normalized
    rows[20] = 1e12
    found = History(rows, 7).normalized
    np.testing.assert_array_equal(found[:20], expected[:20])
    np.testing.assert_allclose(found[27:], expected[27:], rtol=1e-9)
    assert np.abs(found - expected)[20:27].min() > 0.1


@pytest.mark.parametrize("window", [1, 29, 30, 31, 100])
def test_windows_may_be_as_long_as_the_series_and_longer(window):
    rows = seasons(30)
    mean, spread = by_loop(rows, window, mean_of), by_loop(rows, window, spread_of)
    found = History(rows, window).normalized
    np.testing.assert_allclose(found, (rows - mean) / spread, atol=1e-6)


@FEW
@given(rows=gappy(), window=WINDOWS, n_lags=st.integers(1, 8))
def test_lags_are_what_is_known_of_the_last_time_points(rows, window, n_lags):
    history, origins = History(rows, window), np.array([7, 30, 12, 39])
    found = history.lags(origins, n_lags)
    assert found.shape == (2, 4, n_lags)
    for row, origin in enumerate(origins):
        expected = history.known[origin + 1 - n_lags : origin + 1].T
        np.testing.assert_array_equal(found[:, row], expected)
    np.testing.assert_array_equal(history.last(origins), found[..., -1:])


@FEW
@given(
    rows=gappy(),
    season=st.integers(1, 6),
    n_seasons=st.integers(1, 5),
    horizon=st.integers(1, 15),
)
def test_a_season_is_the_mean_of_the_same_step_of_the_last_ones(
    rows, season, n_seasons, horizon
):
    history, origin = History(rows, 9), 32
    expected = np.empty((2, horizon))
    for ahead in range(1, horizon + 1):
        step = origin + ahead - season
        while step > origin:
            step -= season
        same = [history.known[step - back * season] for back in range(n_seasons)]
        expected[:, ahead - 1] = np.mean(same, axis=0)
    found = history.seasonal(np.array([origin]), season, n_seasons, horizon)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-12)


@FEW
@given(rows=gappy(), horizon=st.integers(1, 9))
def test_what_follows_has_its_gaps(rows, horizon):
    origins = np.array([0, 39 - horizon, 11])
    found = History(rows, 3).ahead(origins, horizon, without_gaps=False)
    expected = [rows[origin + 1 : origin + 1 + horizon].T for origin in origins]
    np.testing.assert_array_equal(found.swapaxes(0, 1), expected)


@FEW
@given(rows=gappy(), horizon=st.integers(1, 9))
def test_what_is_learned_from_has_them_filled_by_straight_lines(rows, horizon):
    origins = np.array([0, 39 - horizon, 11])
    found = History(rows, 3).ahead(origins, horizon, without_gaps=True)
    steps = np.arange(40)
    for channel in (0, 1):
        there = ~np.isnan(rows[:, channel])
        line = np.zeros(40)
        if there.any():
            line = np.interp(steps, steps[there], rows[there, channel])
        expected = [line[origin + 1 : origin + 1 + horizon] for origin in origins]
        np.testing.assert_allclose(found[channel], expected, atol=1e-12)


# Seasons


@pytest.mark.parametrize("season", [2, 3, 7, 24, 60])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_period_is_the_season(season, noise):
    rng = np.random.default_rng(0)
    steps = np.arange(20 * season)[:, np.newaxis]
    profile = rng.normal(size=(season, 2))
    rows = profile[steps[:, 0] % season] + noise * rng.normal(size=(len(steps), 2))
    assert find_season(rows) == season


def drifts(n_steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return series of one channel without a season."""
    steps = np.arange(n_steps)[:, np.newaxis]
    noise = rng.normal(size=(n_steps, 1))
    walk = rng.normal(size=(n_steps, 1)).cumsum(axis=0)
    return {
        "white noise": noise,
        "trend": 0.1 * steps + noise,
        "straight line": 0.1 * steps + 5,
        "curve": 10 * (steps / n_steps) ** 2 + noise,
        "random walk": walk,
        "noisy random walk": 0.2 * walk + noise,
        "autoregression": lfilter([1], [1, -0.9], noise, axis=0),
        "constant": np.full((n_steps, 1), 3.1),
    }


@pytest.mark.parametrize("kind", drifts(3, np.random.default_rng(0)))
def test_a_series_without_a_season_has_none(kind):
    rng = np.random.default_rng(0)
    found = [find_season(drifts(1000, rng)[kind]) for _ in range(50)]
    assert sum(season is not None for season in found) <= 3


@pytest.mark.parametrize("n_steps", [100, 300, 2000])
@pytest.mark.parametrize("level", [0.0, 5.0, 1e6])
def test_rounding_is_no_season(n_steps, level):
    assert find_season(0.1 * np.arange(n_steps)[:, np.newaxis] + level) is None


@pytest.mark.parametrize("kind", ["trend", "straight line", "curve", "constant"])
@pytest.mark.parametrize("size", [1.0, 5.0])
def test_a_season_is_found_in_what_drifts(kind, size):
    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * np.arange(1000) / 20)[:, np.newaxis]
    rows = size * drifts(1000, rng)[kind] / 10 + wave
    assert find_season(rows) == 20


def test_channels_that_never_vary_are_not_asked():
    rows = np.full((200, 8), 0.1)
    rows[:, 3] = np.sin(2 * np.pi * np.arange(200) / 10)
    assert find_season(rows) == 10


def test_all_channels_are_asked():
    rng, steps = np.random.default_rng(0), np.arange(70)
    one, other = (rng.normal(size=season)[steps % season] for season in (10, 13))
    assert find_season(np.column_stack([one, one, other])) == 10
    assert find_season(np.column_stack([one, other, other])) == 13


@pytest.mark.parametrize("season", [4, 10])
def test_three_seasons_are_enough_and_two_are_not(season):
    wave = np.sin(2 * np.pi * np.arange(4 * season) / season)[:, np.newaxis]
    assert find_season(wave[: 3 * season + 1]) in (season, season - 1)
    found = find_season(wave[: 2 * season])
    assert found is None or found <= 2 * season // 3


@pytest.mark.parametrize("n_steps", range(2, 9))
def test_short_series_have_no_season_or_one_that_fits(n_steps):
    for rows in (seasons(n_steps), (-1.0) ** np.arange(n_steps)[:, np.newaxis]):
        found = find_season(rows)
        assert found is None or 2 <= found <= n_steps // 3
