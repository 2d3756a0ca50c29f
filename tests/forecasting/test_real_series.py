"""From a file to forecasts that are better than what is free."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline

from sklearn_tsrep.forecasting import RepresentationForecaster
from tests.conftest import tiny_dmae, tiny_trep
from tests.forecasting.series import parts_ahead

TRANSFORMERS = {"none": None, "trep": tiny_trep(), "dmae": tiny_dmae()}
ETTH1 = Path(os.environ.get("TSREP_DATA", ""), "forecasting", "ETTh1.csv")


def errors_of(forecaster, seen: pd.DataFrame, later: pd.DataFrame, season: int):
    """Return the errors of rolling forecasts, last values and the season before."""
    horizon = forecaster.horizon
    everything = np.concatenate([seen, later])
    first = len(seen)
    truth = parts_ahead(everything[first:], horizon)
    before = [
        everything[first - 1 : -horizon, np.newaxis],
        parts_ahead(everything[first - season : -season], horizon),
    ]
    forecasts = [forecaster.predict_rolling(later), *before]
    scale = seen.std().to_numpy()
    return [np.abs((forecast - truth) / scale).mean() for forecast in forecasts]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_passengers_are_forecast_better_than_by_the_year_before(name):
    passengers = load_airline().to_frame()
    seen, later = passengers[:108], passengers[108:]
    forecaster = RepresentationForecaster(TRANSFORMERS[name], horizon=12, context=20)
    forecaster.fit(seen)
    assert forecaster.season_ == 12
    assert forecaster.feature_names_in_.tolist() == ["Number of airline passengers"]
    found, last, year_before = errors_of(forecaster, seen, later, 12)
    assert found < 0.95 * min(last, year_before)
    lower, upper = forecaster.predict_interval(coverage=0.8)
    assert (lower < upper).all()


@pytest.mark.skipif(not ETTH1.is_file(), reason="needs ETTh1.csv under TSREP_DATA")
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_loads_are_forecast_better_than_by_the_day_before(name):
    # Of the training part.
    hours = pd.read_csv(ETTH1, index_col="date", nrows=1500)
    seen, later = hours[:1200], hours[1200:]
    forecaster = RepresentationForecaster(TRANSFORMERS[name], context=20).fit(seen)
    assert forecaster.season_ == 24
    found, last, day_before = errors_of(forecaster, seen, later, 24)
    assert found < 0.95 * min(last, day_before)
    updated = forecaster.predict(later[:100])
    np.testing.assert_allclose(forecaster.update(later[:100]).predict(), updated)
