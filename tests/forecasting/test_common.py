"""The conformance suite of the forecaster, and scikit-learn's own tools."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from tests.conftest import tiny_trep
from tests.forecasting.series import TRANSFORMERS, seasons, tiny_forecaster, with_gaps

ROWS_ARE_TIME_POINTS = "rows are time points, and predict gives the horizon"
EXPECTED_FAILURES = {
    "check_methods_sample_order_invariance": ROWS_ARE_TIME_POINTS,
    "check_methods_subset_invariance": ROWS_ARE_TIME_POINTS,
}
SHORT = {
    name: tiny_forecaster(transformer, horizon=2, n_lags=3, context=4, season="auto")
    for name, transformer in TRANSFORMERS.items()
}


@parametrize_with_checks(
    list(SHORT.values()), expected_failed_checks=lambda estimator: EXPECTED_FAILURES
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_dataframe_column_names_consistency, check_param_validation]
)
@pytest.mark.parametrize("estimator", SHORT.values(), ids=SHORT)
def test_checks_not_run_for_third_parties(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.fixture(params=TRANSFORMERS)
def forecaster(request: pytest.FixtureRequest) -> Any:
    return tiny_forecaster(clone(TRANSFORMERS[request.param], safe=False))


@pytest.fixture
def rows() -> np.ndarray:
    return with_gaps(seasons())


def test_fitted_twice_it_gives_the_same_bits(forecaster, rows):
    expected = forecaster.fit(rows).predict_rolling(rows)
    twin = clone(forecaster).fit(rows)
    np.testing.assert_array_equal(twin.predict_rolling(rows), expected)
    forecaster.fit(seasons(70, 1)).fit(rows)
    np.testing.assert_array_equal(forecaster.predict_rolling(rows), expected)
    assert forecaster.n_seen_ == len(rows)


def through_skops(estimator: Any) -> Any:
    data = skops.io.dumps(estimator)
    ours = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith("sklearn_tsrep.") for name in ours)
    return skops.io.loads(data, trusted=ours)


@pytest.mark.parametrize(
    "way",
    [lambda own: pickle.loads(pickle.dumps(own)), through_skops, copy.deepcopy],
    ids=["pickle", "skops", "deepcopy"],
)
@pytest.mark.parametrize("regressor", [None, LinearRegression()])
def test_loaded_forecasters_go_on(forecaster, rows, way, regressor):
    fitted = forecaster.set_params(regressor=regressor, latent_lags=(0, 2)).fit(rows)
    loaded = way(fitted)
    assert repr(loaded) == repr(fitted)
    following = seasons(20)
    for _ in range(2):
        np.testing.assert_array_equal(loaded.predict(), fitted.predict())
        np.testing.assert_array_equal(
            loaded.predict_interval(following), fitted.predict_interval(following)
        )
        loaded.update(following), fitted.update(following)


def test_grid_search_with_folds_along_time(rows):
    grid = {"transformer__n_latents": [2, 4], "difference": ["last", "both"]}
    search = GridSearchCV(
        tiny_forecaster(tiny_trep()),
        grid,
        cv=TimeSeriesSplit(3, test_size=20),
        error_score="raise",
    ).fit(rows)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    assert search.predict(seasons(9)).shape == (3, 2)
    assert search.best_estimator_.n_seen_ == len(rows)


def test_cross_validation_scores_rows_behind_those_seen(rows):
    forecaster = tiny_forecaster()
    folds = TimeSeriesSplit(2, test_size=20)
    found = cross_val_score(forecaster, rows, cv=folds)
    expected = [
        forecaster.fit(rows[:stop]).score(rows[stop : stop + 20]) for stop in (110, 130)
    ]
    np.testing.assert_allclose(found, expected)


def test_frames_carry_the_names_of_channels(forecaster, rows):
    frame = pd.DataFrame(rows, columns=["load", "oil"])
    forecaster.fit(frame)
    assert forecaster.feature_names_in_.tolist() == ["load", "oil"]
    assert forecaster.n_features_in_ == 2
    expected = clone(forecaster).fit(rows).predict()
    np.testing.assert_allclose(forecaster.predict(), expected)


def test_rows_are_not_changed(forecaster, rows):
    before = rows.copy()
    rows.setflags(write=False)
    forecaster.fit(rows).update(rows).predict(rows)
    forecaster.predict_rolling(rows), forecaster.score(rows)
    np.testing.assert_array_equal(rows, before)


def test_the_forecaster_is_silent(forecaster, rows, capfd):
    forecaster.fit(rows).predict_interval(rows)
    assert capfd.readouterr() == ("", "")


def test_fit_adds_only_names_with_an_underscore(forecaster, rows):
    parameters = forecaster.get_params()
    forecaster.fit(rows)
    added = set(vars(forecaster)) - set(clone(forecaster).get_params(deep=False))
    assert all(name.startswith("_") or name.endswith("_") for name in added)
    assert repr(forecaster.get_params()) == repr(parameters)
