"""Forecasts as time goes on: one by one, in a roll, with intervals and a score."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import ParameterGrid

from tests.forecasting.series import (
    TRANSFORMERS,
    gappy,
    parts_ahead,
    seasons,
    tiny_forecaster,
    with_gaps,
)

NAN = np.nan
N_FIT = 100
CASES = [
    {"transformer": "none"},
    {"transformer": "none", "difference": None, "season": None},
    {"transformer": "none", "n_lags": 30, "difference": "season"},
    *ParameterGrid(
        {
            "transformer": ["trep", "dmae"],
            "encode_channels": ["apart", "together"],
            "time_index": ["continue", "clamp", "wrap"],
            "latent_lags": [(0,), (0, 3)],
            "normalize": [True, False],
        }
    ),
]


@cache
def fitted_as(*parameters: tuple[str, Any]) -> Any:
    given = dict(parameters)
    forecaster = tiny_forecaster(TRANSFORMERS[given.pop("transformer")], **given)
    return forecaster.fit(with_gaps(seasons(N_FIT)))


def fitted(name: str = "none", **parameters: Any) -> Any:
    """Return a copy of a forecaster that was fitted to a series with gaps."""
    forecaster = fitted_as(("transformer", name), *parameters.items())
    return copy.deepcopy(forecaster)


@pytest.fixture(params=TRANSFORMERS)
def forecaster(request: pytest.FixtureRequest) -> Any:
    return fitted(request.param)


def later(n_rows: int = 60, seed: int = 1) -> np.ndarray:
    """Return rows with gaps of all kinds, and a value at last."""
    return with_gaps(seasons(n_rows, seed=seed))


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def assert_forecasts_agree(forecaster: Any, rows: np.ndarray, every: int = 1) -> None:
    """Check each rolling forecast against one at the end of what was seen."""
    rolling = forecaster.predict_rolling(rows)
    assert len(rolling) == len(rows) - 2
    updated = copy.deepcopy(forecaster)
    for k in range(0, len(rolling), every):
        assert_near(forecaster.predict(rows[:k] if k else None), rolling[k])
        assert_near(updated.predict(), rolling[k])
        updated.update(rows[k : k + every])


# One forecast, made in three ways


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(map(str, case.values()))
)
def test_a_rolling_forecast_is_what_would_have_been_predicted(case):
    given = dict(case)
    assert_forecasts_agree(
        fitted(given.pop("transformer"), **given), later(45), every=7
    )


@settings(deadline=None, max_examples=25)
@given(name=st.sampled_from(["none", "trep"]), rows=gappy(30), every=st.integers(3, 9))
def test_gaps_do_not_change_that(name, rows, every):
    assert_forecasts_agree(fitted(name), rows, every)


@pytest.mark.parametrize("encode_channels", ["apart", "together"])
@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("n_empty", [8, 65])
def test_gaps_at_the_start_do_not_change_that(name, encode_channels, n_empty):
    rows = seasons(135)
    rows[:n_empty, 1 if encode_channels == "apart" else slice(None)] = NAN
    # The context goes back to the gap, and before the series.
    forecaster = tiny_forecaster(
        TRANSFORMERS[name], context=90, encode_channels=encode_channels
    )
    assert_forecasts_agree(forecaster.fit(rows[:90]), rows[90:], every=14)


def test_a_huge_value_that_is_past_does_not_change_that():
    rows = seasons(60, seed=1)
    rows[5] = 1e9
    assert_forecasts_agree(fitted("none"), rows)


def test_it_does_not_change_with_how_many_are_made_at_once(forecaster, monkeypatch):
    from sklearn_tsrep.forecasting import _design

    expected = forecaster.predict_rolling(later())
    monkeypatch.setattr(_design, "_VALUES_AT_ONCE", 100)
    assert_near(forecaster.predict_rolling(later()), expected)


@settings(deadline=None, max_examples=20)
@given(
    name=st.sampled_from(list(TRANSFORMERS)),
    k=st.integers(0, 57),
    change=st.sampled_from([NAN, 1e3, -5.0]),
)
def test_forecasts_do_not_look_ahead(name, k, change):
    forecaster, rows = fitted(name), later()
    before = forecaster.predict_rolling(rows)
    rows[k:] = np.nan_to_num(rows[k:]) + change
    after = forecaster.predict_rolling(rows)
    np.testing.assert_array_equal(after[: k + 1], before[: k + 1])


def test_forecasts_are_of_the_units_and_shape_of_the_series(forecaster):
    found = forecaster.predict()
    assert found.shape == (3, 2)
    assert found.dtype == np.float64
    rolling = forecaster.predict_rolling(later(3))
    assert rolling.shape == (1, 3, 2)
    assert rolling.dtype == np.float64
    np.testing.assert_allclose(rolling[0], found)
    assert np.abs(found.mean(axis=0) - [0, 10]).max() < 4


# What was seen


def test_update_takes_in_rows_and_predict_does_not(forecaster):
    rows, before = later(), forecaster.predict()
    forecaster.predict(rows)
    forecaster.predict_rolling(rows)
    forecaster.predict_interval(rows)
    forecaster.score(rows)
    np.testing.assert_array_equal(forecaster.predict(), before)
    assert forecaster.n_seen_ == N_FIT
    assert forecaster.update(rows[:7]) is forecaster
    assert forecaster.update(rows[7:]).n_seen_ == N_FIT + 60
    assert np.abs(forecaster.predict() - before).max() > 1e-3


def test_update_keeps_no_more_than_forecasts_need(forecaster):
    forecaster.update(seasons(500))
    size = len(pickle.dumps(forecaster))
    for _ in range(5):
        forecaster.update(seasons(500))
    assert len(pickle.dumps(forecaster)) <= size + 16
    forecaster.update(seasons(1)).update(seasons(3))
    assert len(pickle.dumps(forecaster)) <= size + 16
    # A view would hold on to all rows.
    assert forecaster._seen.base is None


def test_update_does_not_hold_on_to_the_rows(forecaster):
    rows = later()
    other = copy.deepcopy(forecaster).update(rows.copy())
    forecaster.update(rows)
    rows[:] = 99
    np.testing.assert_array_equal(forecaster.predict(), other.predict())


def test_update_does_not_learn(forecaster):
    rows = 5 * later()
    once = forecaster.predict(rows)
    forecaster.update(-3 * rows)
    # Time goes on, which is an input to T-Rep.
    if getattr(forecaster.transformer, "time_embedding", None) is None:
        np.testing.assert_allclose(forecaster.predict(rows), once)
    assert_near(forecaster.mean_, fitted("none").mean_)


@pytest.mark.parametrize("method", ["update", "predict", "predict_rolling", "score"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((9, 3)), "X has 3 features, but RepresentationForecaster is expect"),
        (np.zeros(9), "Expected 2D array, got 1D array"),
        (np.zeros((0, 2)), "0 sample"),
        (np.full((9, 2), np.inf), "infinite value"),
        (np.full((9, 2), "high"), "bytes/strings"),
        (np.full((9, 2), 1e20), r"X has values more than 1e\+15 standard deviations"),
        (
            pd.DataFrame(np.zeros((9, 2)), pd.date_range("2026", periods=9)[::-1]),
            "X must have its rows in order of time",
        ),
    ],
    ids=["3 columns", "1-D", "no rows", "infinity", "strings", "huge", "backwards"],
)
def test_rows_that_are_refused_are_not_taken_in(forecaster, method, rows, message):
    before = forecaster.predict()
    with pytest.raises(ValueError, match=message):
        getattr(forecaster, method)(rows)
    assert forecaster.n_seen_ == N_FIT
    np.testing.assert_array_equal(forecaster.predict(), before)


@pytest.mark.parametrize("method", ["predict_rolling", "score"])
def test_rolling_needs_as_many_rows_as_the_horizon(forecaster, method):
    with pytest.raises(ValueError, match=r"X must have at least horizon=3 rows.*got 2"):
        getattr(forecaster, method)(later(2))


@pytest.mark.parametrize(
    "method", ["update", "predict", "predict_interval", "predict_rolling", "score"]
)
def test_methods_need_a_fit(method):
    with pytest.raises(NotFittedError):
        getattr(tiny_forecaster(), method)(later())


def test_rows_may_come_in_any_table(forecaster):
    rows = later()
    expected = forecaster.predict(rows)
    for table in (rows.tolist(), np.asfortranarray(rows), np.ma.masked_invalid(rows)):
        assert_near(forecaster.predict(table), expected)
    named = clone(forecaster).fit(
        pd.DataFrame(with_gaps(seasons(N_FIT)), columns=["load", "oil"])
    )
    frame = pd.DataFrame(rows, columns=["load", "oil"])
    assert_near(named.predict(frame), expected)
    with pytest.raises(ValueError, match="feature names should match"):
        named.update(frame[["oil", "load"]])


def test_integers_are_rows_too(forecaster):
    rows = seasons(20).round().astype(np.int16)
    expected = forecaster.predict(rows.astype(np.float64))
    np.testing.assert_array_equal(forecaster.predict(rows), expected)


# Intervals


def stationary(n_timepoints: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(n_timepoints, 2))
    values = lfilter([1], [1, -0.8], noise, axis=0)
    return np.array([0, 300]) + np.array([1, 20]) * values


def test_intervals_cover_about_what_they_promise():
    rows = np.concatenate([stationary(1500, seed) for seed in range(3)])
    forecaster = tiny_forecaster(season=None, difference="last").fit(rows[:3000])
    truth = parts_ahead(rows[3000:], 3)
    for coverage in (0.5, 0.9):
        inside = []
        for k in range(10, len(truth), 10):
            ends = forecaster.predict_interval(rows[3000 : 3000 + k], coverage=coverage)
            inside.append((ends[0] <= truth[k]) & (truth[k] <= ends[1]))
        found = np.mean(inside, axis=0)
        assert np.abs(found - coverage).max() < 0.15
        assert np.abs(found.mean() - coverage) < 0.06


def test_each_step_and_channel_has_an_interval_of_its_own():
    rows = stationary(3000, 0)
    forecaster = tiny_forecaster(season=None, difference="last").fit(rows)
    lower, upper = forecaster.predict_interval()
    width = upper - lower
    assert (np.diff(width, axis=0) > 0).all()
    np.testing.assert_allclose(width[:, 1] / width[:, 0], 20, rtol=0.2)


def test_intervals_of_more_coverage_hold_those_of_less(forecaster):
    rows = later()
    for before in (None, rows):
        ends = [
            forecaster.predict_interval(before, coverage=coverage)
            for coverage in (1e-9, 0.1, 0.5, 0.501, 0.8, 0.9)
        ]
        lower, upper = np.array(ends).swapaxes(0, 1)
        assert lower.shape == (6, 3, 2)
        assert lower.dtype == np.float64
        assert (lower[0] <= upper[0]).all()
        assert (np.diff(lower, axis=0) <= 0).all()
        assert (np.diff(upper, axis=0) >= 0).all()
        # Also between the quantiles that are kept.
        assert (lower[3] < lower[2]).all()
        assert (upper[3] > upper[2]).all()


def test_intervals_are_the_forecast_and_what_was_left_over_in_validation():
    rows, n_train = seasons(N_FIT), 75
    rows[85:88, 0] = rows[80] = NAN
    forecaster = tiny_forecaster(refit=False).fit(rows)
    # The same regression, with the validation part still to come.
    before = copy.deepcopy(forecaster)
    before._keep(rows[:n_train], n_train)
    left_over = parts_ahead(rows[n_train:], 3) - before.predict_rolling(rows[n_train:])
    lower, upper = forecaster.predict_interval(coverage=0.6)
    forecast = forecaster.predict()
    assert_quantile(lower - forecast, left_over, 0.2)
    assert_quantile(upper - forecast, left_over, 0.8)


def assert_quantile(found: np.ndarray, left_over: np.ndarray, level: float) -> None:
    expected = np.nanquantile(left_over, level, axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_an_interval_needs_errors_outside_of_it():
    rows = seasons(N_FIT)
    # Of 25 rows 23 forecasts are about, and the gap is in 15 of each step.
    rows[77:92, 1] = NAN
    fitted = tiny_forecaster().fit(rows)
    lower, upper = fitted.predict_interval(coverage=0.75)
    assert (lower < upper).all()
    match = r"coverage=0.8 needs 10 forecasts.* got 8 of channel 1\. Set a lower cov"
    with pytest.raises(ValueError, match=match):
        fitted.predict_interval(coverage=0.8)
    plain = tiny_forecaster().fit(seasons(N_FIT))
    plain.predict_interval(coverage=0.9)
    with pytest.raises(ValueError, match=r"coverage=0\.95 needs 40"):
        plain.predict_interval(coverage=0.95)


@pytest.mark.parametrize(
    ("coverage", "error"),
    [(0, ValueError), (1, ValueError), (90, ValueError), ("high", TypeError)],
)
def test_coverage_is_a_share(coverage, error):
    with pytest.raises(error, match="coverage"):
        fitted().predict_interval(coverage=coverage)


# The score


@settings(deadline=None, max_examples=15)
@given(rows=gappy(30))
def test_the_score_is_minus_the_mean_squared_error_of_standardised_channels(rows):
    rows[10] = 1.0
    forecaster = fitted()
    errors = parts_ahead(rows, 3) - forecaster.predict_rolling(rows)
    expected = -np.nanmean((errors / forecaster.scale_) ** 2)
    found = forecaster.score(rows, y=np.zeros(30))
    assert type(found) is float
    assert found == pytest.approx(expected)


def test_rows_without_a_value_have_no_score(forecaster):
    with pytest.raises(ValueError, match="X has no value to compare forecasts with"):
        forecaster.score(np.full((9, 2), NAN))
