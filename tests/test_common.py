"""The conformance suites: scikit-learn's checks, and ours for panels."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from sklearn_tsrep import TRepTransformer


def tiny_trep(**parameters):
    """Return a T-Rep that trains in milliseconds."""
    small = {
        "n_latents": 4,
        "hidden_channels": 4,
        "n_blocks": 2,
        "n_time_latents": 3,
        "max_steps": 3,
        "device": "cpu",
        "random_state": 0,
    }
    return TRepTransformer(**{**small, **parameters})


TRANSFORMERS = [tiny_trep(), tiny_trep(time_embedding=None, pooling=["mean", "last"])]


@parametrize_with_checks(TRANSFORMERS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_set_output_transform_polars,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
@pytest.mark.parametrize("estimator", TRANSFORMERS)
def test_checks_not_run_for_third_parties(estimator, check):
    check(type(estimator).__name__, estimator)
