"""Tests of the recipe against scikit-learn's own search."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks import recipe


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return rng.normal(size=(60, 5)) + 0.8 * y[:, None], y


def test_choice_of_c_is_that_of_a_grid_search(features):
    X, y = features
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": recipe.C_GRID},
        cv=list(recipe.stratified_folds(X, y, 0)),
    ).fit(X, y)
    C, accuracy = recipe.choose_c(X, y, 0)
    assert search.best_params_["svc__C"] == C
    assert accuracy == pytest.approx(search.best_score_)


@pytest.mark.parametrize(("smallest", "n_folds"), [(1, 2), (3, 3), (9, 5)])
def test_folds_follow_the_smallest_class(smallest, n_folds):
    y = np.array([0] * 10 + [1] * smallest)
    assert len(list(recipe.stratified_folds(y[:, None], y, 0))) == n_folds


def test_constant_features_are_no_error(features):
    _, y = features
    C, accuracy = recipe.choose_c(np.ones((60, 2)), y, 0)
    assert pytest.approx(1e-4) == C
    assert accuracy == pytest.approx(1 / 3)


def test_ridge_reports_its_alpha(features):
    chosen = recipe.fit_ridge(*features, seed=0)
    assert chosen.setting.startswith("alpha=")
    assert chosen.cv_accuracy is None
