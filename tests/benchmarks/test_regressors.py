"""Tests of choosing a regressor."""

import numpy as np
import pytest

from benchmarks import regressors
from benchmarks.regressors import MEAN, RBF, RIDGE, fit_best, setting

FEW = (*RIDGE[:2], RIDGE[2][:2])


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(60, 3)).astype("float32")


def _fit(features, y, candidates=(RIDGE, RBF), **options):
    return fit_best(features, y, candidates, 0, **options)


def test_ridge_is_chosen_for_a_line_and_the_svm_for_a_curve(features):
    line = _fit(features, 5 + features @ [1.0, 2.0, 0.0])
    assert setting(line).startswith("Ridge alpha=0.00")
    curve = _fit(features, features[:, 0] ** 2)
    assert setting(curve).startswith("SVR C=")
    assert curve.best_score_ < 0


def test_neither_units_nor_gaps_of_features_matter(features):
    y = 1000 + 50 * features[:, 0].astype(float)
    plain = _fit(features, y, [FEW]).predict(features)
    np.testing.assert_allclose(plain, y, rtol=1e-4)
    scaled = _fit(features * [100, 0.01, 1] + 7, y, [FEW])
    np.testing.assert_allclose(
        scaled.predict(features * [100, 0.01, 1] + 7), plain, rtol=1e-4
    )
    gappy = features.copy()
    gappy[3] = np.nan
    assert np.isfinite(_fit(gappy, y, [FEW]).predict(gappy)).all()


def test_the_mean_alone_has_an_error_in_cross_validation_too(features):
    y = np.arange(60.0)
    search = _fit(np.zeros((60, 1)), y, [MEAN])
    np.testing.assert_allclose(search.predict(np.zeros((2, 1))), y.mean())
    assert setting(search) == "DummyRegressor"
    assert -search.best_score_ == pytest.approx(y.std(), rel=0.1)


def test_folds_follow_one_another_where_rows_do(features):
    y = np.arange(60.0)
    in_order = _fit(features, y, [MEAN], in_order=True)
    drawn = _fit(features, y, [MEAN])
    # A block of time is off from the mean of the others.
    assert in_order.best_score_ < drawn.best_score_ - 1
    assert in_order.n_splits_ == regressors.N_FOLDS
