"""Filling gaps as a step of a pipeline."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_param_validation,
    parametrize_with_checks,
)

from sklearn_tsrep import DMAEImputer, DMAETransformer, TRepTransformer

NAN = np.nan


def tiny_imputer(**parameters):
    given = {"n_latents": 8, "n_heads": 2, "n_layers": 1, "max_steps": 3}
    return DMAEImputer(DMAETransformer(**{**given, "random_state": 0, **parameters}))


@parametrize_with_checks([tiny_imputer()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_parameters_are_validated():
    check_param_validation("DMAEImputer", DMAEImputer())


def test_it_fills_as_the_estimator_does(waves):
    waves[1, 0, 3:6] = NAN
    imputer = tiny_imputer()
    filled = imputer.fit_transform(waves)
    np.testing.assert_array_equal(filled, imputer.estimator_.impute(waves))
    assert not np.isnan(filled).any()
    np.testing.assert_array_equal(filled[0], waves[0])
    assert not hasattr(imputer.estimator, "mean_")


def test_a_fitted_estimator_may_be_kept_as_it_is(waves):
    dmae = tiny_imputer().estimator.fit(waves)
    waves[1, 0, 3:6] = NAN
    imputer = DMAEImputer(FrozenEstimator(dmae)).fit(2 * waves)
    np.testing.assert_array_equal(imputer.transform(waves), dmae.impute(waves))


def test_what_comes_behind_it_sees_no_gap(waves):
    waves[:, 1, 4:8] = NAN
    behind = TRepTransformer(n_latents=4, n_blocks=1, max_steps=1, random_state=0)
    pipeline = make_pipeline(tiny_imputer(), behind)
    assert np.isfinite(pipeline.fit_transform(waves)).all()


def test_it_must_be_fitted_first(waves):
    imputer = tiny_imputer()
    assert not hasattr(imputer, "n_features_in_")
    with pytest.raises(NotFittedError):
        imputer.transform(waves)
    assert clone(imputer).fit(waves).n_features_in_ == waves.shape[1]


def test_an_estimator_that_fills_nothing_is_refused(waves):
    with pytest.raises(ValueError, match="estimator"):
        DMAEImputer(TRepTransformer()).fit(waves)
