"""Filling gaps as a step of a pipeline."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_n_features_in,
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


def test_a_pipeline_names_features_and_sets_the_output_behind_it(waves):
    pipeline = make_pipeline(
        tiny_imputer(),
        TRepTransformer(
            n_latents=4, n_blocks=1, pooling="max", max_steps=1, random_state=0
        ),
    ).set_output(transform="pandas")
    features = pipeline.fit_transform(waves)
    names = [f"max_latent{number}" for number in range(4)]
    assert features.columns.tolist() == names
    assert pipeline.get_feature_names_out().tolist() == names
    imputer = pipeline[0]
    assert imputer.get_feature_names_out().tolist() == ["x0", "x1", "x2"]
    assert isinstance(imputer.transform(waves), np.ndarray)


def test_names_of_columns_are_those_seen_in_fit(waves):
    table = pd.DataFrame(waves[:, 0]).rename(columns="at {}".format)
    imputer = tiny_imputer().fit(table)
    assert imputer.feature_names_in_.tolist() == table.columns.tolist()
    assert imputer.get_feature_names_out().tolist() == table.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        imputer.transform(table.rename(columns=str.upper))
    assert not hasattr(tiny_imputer().fit(waves), "feature_names_in_")


@pytest.mark.parametrize(
    "check", [check_dataframe_column_names_consistency, check_n_features_in]
)
def test_checks_that_scikit_learn_makes_of_its_own_only(check):
    check("DMAEImputer", tiny_imputer())


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
