"""Forecasts as sktime sees them."""

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.forecasting.stream import UpdateRefitsEvery
from sktime.split import ExpandingWindowSplitter, SlidingWindowSplitter
from sktime.transformations.difference import Differencer

from sklearn_tsrep import DMAEImputer
from sklearn_tsrep.adapters import SktimeForecaster, SktimeImputer
from tests.conftest import tiny_dmae, tiny_trep
from tests.forecasting.series import seasons, tiny_forecaster

HOURS = pd.date_range("2026-01-05", periods=200, freq="h")
INDEXES = {
    "datetime": HOURS,
    "period": HOURS.to_period(),
    "range": pd.RangeIndex(200),
    "int": pd.Index(np.arange(5, 205)),
}
# sktime's own forecasters keep the default that 1.3 changes, and warn of it.
KEEPS_DATA = pytest.mark.filterwarnings("ignore:The default of config ``remember_data")


def frame_of(index="datetime"):
    return pd.DataFrame(seasons(200), INDEXES[index], ["load", "oil"])


@pytest.fixture
def y():
    return frame_of()


@pytest.mark.parametrize("index", INDEXES)
def test_forecasts_are_those_of_the_estimator(index):
    y = frame_of(index)
    forecaster = SktimeForecaster(tiny_forecaster(tiny_trep()))
    forecast = forecaster.fit(y[:150], fh=[1, 3]).predict()
    expected = tiny_forecaster(tiny_trep(), horizon=3).fit(y[:150]).predict()
    np.testing.assert_array_equal(forecast, expected[[0, 2]])
    assert forecast.index.equals(y.index[[150, 152]])
    assert forecast.columns.tolist() == ["load", "oil"]


def test_a_horizon_of_dates(y):
    dates = ForecastingHorizon(y.index[[151, 154]], is_relative=False)
    forecast = SktimeForecaster(tiny_forecaster()).fit(y[:150], fh=dates).predict()
    expected = tiny_forecaster(horizon=5).fit(y[:150]).predict()
    np.testing.assert_array_equal(forecast, expected[[1, 4]])


def test_a_series_of_one_channel_stays_one(y):
    forecaster = SktimeForecaster(tiny_forecaster())
    forecast = forecaster.fit(y["oil"], fh=[1, 2]).predict()
    assert isinstance(forecast, pd.Series)
    assert forecast.name == "oil"


def test_gaps_are_missing_values(y):
    y = y.mask(np.random.default_rng(0).random(y.shape) < 0.1)
    forecast = SktimeForecaster(tiny_forecaster()).fit(y, fh=[1, 2]).predict()
    expected = tiny_forecaster(horizon=2).fit(y).predict()
    np.testing.assert_array_equal(forecast, expected)


def test_intervals_are_those_of_the_estimator(y):
    forecaster = SktimeForecaster(tiny_forecaster()).fit(y, fh=[1, 3])
    intervals = forecaster.predict_interval(coverage=[0.5, 0.8])
    estimator = tiny_forecaster(horizon=3).fit(y)
    for coverage in (0.5, 0.8):
        ends = estimator.predict_interval(coverage=coverage)
        for end, expected in zip(("lower", "upper"), ends, strict=True):
            found = intervals.xs((coverage, end), axis=1, level=(1, 2))
            np.testing.assert_array_equal(found, expected[[0, 2]])


def test_quantiles_are_ends_of_intervals_and_the_median(y):
    forecaster = SktimeForecaster(tiny_forecaster()).fit(y, fh=[1, 3])
    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])
    intervals = forecaster.predict_interval(coverage=0.8)
    for channel in ("load", "oil"):
        own, ends = quantiles[channel], intervals[channel, 0.8]
        np.testing.assert_allclose(own[[0.1, 0.9]], ends)
        assert (own[0.1] < own[0.5]).all()
        assert (own[0.5] < own[0.9]).all()


def test_intervals_are_infinite_where_none_is_known(y):
    forecaster = SktimeForecaster(tiny_forecaster()).fit(y[:80], fh=[1, 2])
    with pytest.warns(UserWarning, match=r"infinite\. coverage=0\.95 needs 40 fore"):
        intervals = forecaster.predict_interval(coverage=0.95)
    assert np.isinf(intervals).all(axis=None)


@pytest.mark.parametrize("update_params", [True, False])
def test_update_takes_in_what_follows(y, update_params):
    forecaster = SktimeForecaster(tiny_forecaster()).fit(y[:150], fh=[1, 3])
    forecaster.update(y[140:160], update_params=update_params)
    estimator = tiny_forecaster(horizon=3).fit(y[:150]).update(y[150:160])
    np.testing.assert_array_equal(forecaster.predict(), estimator.predict()[[0, 2]])
    assert forecaster.predict().index.equals(y.index[[160, 162]])


@pytest.mark.parametrize("index", INDEXES)
def test_what_an_update_leaves_out_is_missing(index):
    y = frame_of(index)
    forecaster = SktimeForecaster(tiny_forecaster()).fit(y[:150], fh=[1])
    forecaster.update(y[155:160])
    gappy = y.copy()
    gappy.iloc[150:155] = np.nan
    estimator = tiny_forecaster(horizon=1).fit(y[:150]).update(gappy[150:160])
    np.testing.assert_array_equal(forecaster.predict(), estimator.predict())


def test_time_does_not_go_back(y):
    forecaster = SktimeForecaster(tiny_forecaster()).fit(y[:150], fh=[1])
    forecaster.update(y[90:100])
    with pytest.raises(ValueError, match="y must go on behind what was seen, up to"):
        forecaster.predict()
    with pytest.raises(ValueError, match="y must go on behind what was seen, up to"):
        forecaster.predict_interval()


def test_time_points_seen_are_not_forecast(y):
    with pytest.raises(NotImplementedError, match="in-sample"):
        SktimeForecaster(tiny_forecaster()).fit(y, fh=[-1, 1])


def test_a_panel_is_forecast_series_by_series(y):
    panel = pd.concat({"north": y, "south": 2 * y}, names=["plant", "time"])
    forecast = SktimeForecaster(tiny_forecaster()).fit(panel, fh=[1, 2]).predict()
    expected = SktimeForecaster(tiny_forecaster()).fit(2 * y, fh=[1, 2]).predict()
    np.testing.assert_array_equal(forecast.loc["south"], expected)
    assert forecast.loc["south"].index.equals(expected.index)


@pytest.mark.parametrize("strategy", ["refit", "update", "no-update_params"])
@pytest.mark.parametrize("splitter", [ExpandingWindowSplitter, SlidingWindowSplitter])
def test_evaluate(y, strategy, splitter):
    length = "window_length" if splitter is SlidingWindowSplitter else "initial_window"
    cv = splitter(fh=[1, 2, 3], step_length=20, **{length: 130})
    scores = evaluate(
        SktimeForecaster(tiny_forecaster()),
        cv=cv,
        y=y,
        strategy=strategy,
        error_score="raise",
    )
    assert len(scores) == 4
    errors = scores["test_MeanAbsolutePercentageError"]
    assert np.isfinite(errors).all()


@KEEPS_DATA
def test_grid_search(y):
    search = ForecastingGridSearchCV(
        SktimeForecaster(tiny_forecaster()),
        cv=ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=150, step_length=20),
        param_grid={"estimator__difference": [None, "season"]},
        backend="None",
        error_score="raise",
    ).fit(y, fh=[1, 2, 3])
    assert search.best_params_["estimator__difference"] in (None, "season")
    assert search.predict().shape == (3, 2)


@KEEPS_DATA
def test_a_pipeline_of_sktime_ends_in_a_forecaster(y):
    imputer = SktimeImputer(DMAEImputer(tiny_dmae()))
    pipeline = imputer * Differencer() * SktimeForecaster(tiny_forecaster())
    gappy = y.mask(np.random.default_rng(0).random(y.shape) < 0.1)
    assert np.isfinite(pipeline.fit(gappy, fh=[1, 2]).predict()).all(axis=None)


@KEEPS_DATA
def test_a_stream_of_sktime_learns_anew(y):
    stream = UpdateRefitsEvery(SktimeForecaster(tiny_forecaster()), refit_interval=0)
    forecast = stream.fit(y[:150], fh=[1, 2]).update(y[150:]).predict()
    expected = tiny_forecaster(horizon=2).fit(y).predict()
    np.testing.assert_array_equal(forecast, expected)
