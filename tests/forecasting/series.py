"""Series to forecast, and forecasters that are fitted in milliseconds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from sklearn_tsrep.forecasting import RepresentationForecaster
from sklearn_tsrep.forecasting._design import Recipe
from tests.conftest import tiny_dmae, tiny_trep

NAN = np.nan
SEASON = 12
TRANSFORMERS = {"none": None, "trep": tiny_trep(), "dmae": tiny_dmae()}


def tiny_forecaster(transformer: Any = None, **parameters: Any) -> Any:
    """Return a forecaster of short windows, without a search for its strength."""
    small = {"horizon": 3, "n_lags": 6, "context": 8, "season": SEASON, "alphas": [1.0]}
    return RepresentationForecaster(transformer, **{**small, **parameters})


def seasons(
    n_timepoints: int = 150, n_channels: int = 2, noise: float = 0.3, seed: int = 0
) -> np.ndarray:
    """Return noisy seasons; channels differ in phase, level and size."""
    rng = np.random.default_rng(seed)
    channels = np.arange(n_channels)
    steps = np.arange(n_timepoints)[:, np.newaxis]
    waves = np.sin(2 * np.pi * steps / SEASON + channels)
    waves = waves + noise * rng.normal(size=waves.shape)
    return 10 * channels + (1 + 3 * channels) * waves


def with_gaps(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return a copy with single values, rows, a start and long parts missing."""
    rng = np.random.default_rng(seed)
    rows = np.where(rng.random(rows.shape) < 0.05, NAN, rows)
    n_rows = len(rows)
    rows[:3] = rows[n_rows // 3] = NAN
    rows[n_rows // 2 : n_rows // 2 + 15] = NAN
    rows[n_rows // 4 : n_rows // 4 + 10, -1] = NAN
    return rows


@st.composite
def gappy(draw: Any, n_timepoints: int = 40, n_channels: int = 2) -> np.ndarray:
    """Draw a series with gaps of any length, in one channel or in all."""
    rows = seasons(n_timepoints, n_channels, seed=draw(st.integers(0, 99)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, n_timepoints - 1))
        length = draw(st.integers(1, 25))
        channel = draw(st.integers(0, n_channels))
        columns = slice(None) if channel == n_channels else channel
        rows[start : start + length, columns] = NAN
    return rows


def recipe_of(**parameters: Any) -> Recipe:
    """Return a recipe of lags alone, which are the values themselves."""
    given = {
        "horizon": 3,
        "n_lags": 4,
        "latent_lags": (0,),
        "context": 0,
        "difference": None,
        "normalize": False,
        "time_index": "continue",
        "season": None,
        "encodes_apart": True,
        "is_joined": False,
        "n_train": 30,
        **parameters,
    }
    return Recipe(**given)


def parts_ahead(rows: np.ndarray, horizon: int) -> np.ndarray:
    """Return the parts of rows that rolling forecasts are about."""
    starts = range(len(rows) + 1 - horizon)
    return np.stack([rows[start : start + horizon] for start in starts])
