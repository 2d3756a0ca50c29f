"""What is refused says which argument, what came, and what is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from tests.conftest import tiny_trep
from tests.forecasting.series import seasons, tiny_forecaster

NAN = np.nan
BAD_PARAMETERS = {
    "no transformer": ({"transformer": StandardScaler()}, "'transformer' parameter"),
    "horizon 0": ({"horizon": 0}, "'horizon' parameter"),
    "part of a lag": ({"n_lags": 2.5}, "'n_lags' parameter"),
    "lags by name": ({"n_lags": "all"}, "'n_lags' parameter"),
    "nothing": ({"n_lags": 0}, "n_lags=0 leaves nothing to forecast from without"),
    "no level": (
        {"n_lags": 0, "transformer": tiny_trep()},
        "normalize=True takes level.*got n_lags=0.*Set normalize=False",
    ),
    "a number of latent lags": ({"latent_lags": 2}, "'latent_lags' parameter"),
    "context before": ({"context": -1}, "'context' parameter"),
    "channels": ({"encode_channels": "alone"}, "'encode_channels' parameter"),
    "normalize": ({"normalize": "yes"}, "'normalize' parameter"),
    "difference": ({"difference": "first"}, "'difference' parameter"),
    "season": ({"season": 0}, "'season' parameter"),
    "time": ({"time_index": "stop"}, "'time_index' parameter"),
    "sharing": ({"sharing": 1.5}, "'sharing' parameter"),
    "regressor": ({"regressor": StandardScaler()}, "'regressor' parameter"),
    "alphas by name": ({"alphas": "auto"}, "'alphas' parameter"),
    "validation": ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
    "refit": ({"refit": "never"}, "'refit' parameter"),
}


def refused(
    message: str, error: type[Exception] = ValueError, **parameters: Any
) -> None:
    forecaster = tiny_forecaster(**parameters)
    with pytest.raises(error, match=message):
        forecaster.fit(seasons())
    with pytest.raises(NotFittedError):
        forecaster.predict()


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters_give_clear_errors(case):
    parameters, message = BAD_PARAMETERS[case]
    refused(message, **parameters)


@pytest.mark.parametrize("lags", [(), [-1], [0, 0.5], [[0]], [None], ["a"], [np.inf]])
def test_latent_lags_are_whole_numbers(lags):
    refused("latent_lags must be a sequence of whole numbers.*got", latent_lags=lags)


@pytest.mark.parametrize("alphas", [[], [0.0], [-1], [NAN], [None], ["a"], [[1.0]]])
def test_alphas_are_above_0(alphas):
    refused("alphas must be a sequence of numbers above 0, got", alphas=alphas)


def test_numbers_of_numpy_will_do():
    given = {"latent_lags": np.array([0, 2]), "alphas": np.array([1, 10])}
    fitted = tiny_forecaster(
        tiny_trep(), horizon=np.int64(3), context=np.int32(4), **given
    ).fit(seasons())
    assert type(fitted.alphas_["latents"]) is float


def test_a_season_that_is_needed_and_not_found_is_an_error():
    noise = np.random.default_rng(0).normal(size=(200, 2))
    for season in ("auto", None):
        forecaster = tiny_forecaster(difference="season", season=season)
        with pytest.raises(
            ValueError, match=r"difference='season' needs a season.*Give"
        ):
            forecaster.fit(noise)


TOO_SHORT = {
    "horizon": ({"horizon": 50}, r"needs 62 \(lags or seasons, and horizon\) and 50"),
    "lags": ({"n_lags": 120}, r"needs 123 \(lags.* and 3"),
    "season": ({"season": 120}, r"needs 123 \(lags.* and 3"),
    "seasons": ({"n_lags": 111, "season": 55}, r"needs 114 .* and 3"),
    "latents": (
        {"transformer": tiny_trep(), "latent_lags": [115]},
        "needs 119 .*and 3",
    ),
    "validation": (
        {"validation_fraction": 0.01},
        r"148 to learn from and 2 to validate on \(validation_fraction=0.01\)",
    ),
    "training": (
        {"validation_fraction": 0.95},
        "8 to learn from and 142 to validate on",
    ),
    "no training": (
        {"validation_fraction": 0.999},
        "validation_fraction=0.999 leaves 0 of 150 rows of X to learn from",
    ),
}


@pytest.mark.parametrize("case", TOO_SHORT)
def test_series_that_are_too_short_say_how_long_they_have_to_be(case):
    parameters, message = TOO_SHORT[case]
    refused(message, **parameters)


def test_series_as_long_as_that_are_enough():
    rows = seasons(80)
    forecaster = tiny_forecaster(n_lags=57, season=None)
    assert forecaster.fit(rows).predict().shape == (3, 2)
    with pytest.raises(ValueError, match=r"Found 80 rows in X.*needs 61"):
        forecaster.set_params(n_lags=58).fit(rows)
    long = tiny_forecaster(horizon=20, n_lags=40, season=None).fit(rows)
    assert long.predict().shape == (20, 2)


BAD_ROWS = {
    "one dimension": (np.zeros(50), "Expected 2D array, got 1D array"),
    "three dimensions": (np.zeros((50, 2, 2)), "dim 3"),
    "no rows": (np.zeros((0, 2)), "0 sample"),
    "infinity": (np.full((50, 2), np.inf), "infinite value"),
    "strings": (np.full((50, 2), "high"), "bytes/strings"),
    "a channel that comes late": (
        np.where(np.arange(50) < 40, NAN, 1.0)[:, np.newaxis] ** [0, 1],
        "X has no value of channel 1 in its first 38 rows, the part to learn from",
    ),
    "an end without a value": (
        np.where(np.arange(50) < 38, 1.0, NAN)[:, np.newaxis],
        "X has no value in its last 12 rows, the part to choose by",
    ),
    "rows in another order": (
        pd.DataFrame(np.zeros((50, 2)), index=pd.date_range("2026", periods=50)[::-1]),
        "X must have its rows in order of time, by its index",
    ),
    "huge values": (np.logspace(0, 300, 50)[:, np.newaxis], "X has values too large"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_give_clear_errors_and_leave_the_fit_before(case):
    rows, message = BAD_ROWS[case]
    with pytest.raises(ValueError, match=message):
        tiny_forecaster().fit(rows)
    fitted = tiny_forecaster(tiny_trep()).fit(seasons())
    before, state = fitted.predict(), set(vars(fitted))
    with pytest.raises(ValueError, match=message):
        fitted.fit(rows)
    np.testing.assert_array_equal(fitted.predict(), before)
    assert fitted.n_seen_ == 150
    assert set(vars(fitted)) == state


class _Refusing(LinearRegression):
    """Raises what it is given for a parameter."""

    def fit(self, X: Any, y: Any) -> Any:
        raise self.copy_X


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 500}, "needs 512"),
        ({"transformer": tiny_trep(temporal_unit=20)}, "temporal_unit=20"),
        ({"regressor": _Refusing(copy_X=ValueError("no"))}, "no"),
        ({"regressor": _Refusing(copy_X=KeyboardInterrupt("now"))}, "now"),
        ({"n_lags": 0}, "got n_lags=0"),
    ],
    ids=str,
)
def test_a_fit_that_is_refused_leaves_the_one_before(parameters, message):
    fitted = tiny_forecaster(tiny_trep()).fit(seasons())
    before = fitted.predict(), fitted.mean_
    with pytest.raises((ValueError, KeyboardInterrupt), match=message):
        fitted.set_params(**parameters).fit(3 * seasons())
    np.testing.assert_array_equal(fitted.predict(), before[0])
    np.testing.assert_array_equal(fitted.mean_, before[1])


def test_a_transformer_of_another_number_of_channels_says_so():
    trained = tiny_trep().fit(np.random.default_rng(0).normal(size=(4, 3, 30)))
    refused("3 channels", transformer=FrozenEstimator(trained))
