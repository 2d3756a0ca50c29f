"""The conformance suites of detectors: scikit-learn's checks, and ours for series."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from tests.conftest import tiny_amad

ROWS_ARE_TIME_POINTS = (
    "rows are time points: the score of one depends on those around it"
)
EXPECTED_FAILURES = {
    "check_methods_sample_order_invariance": ROWS_ARE_TIME_POINTS,
    "check_methods_subset_invariance": ROWS_ARE_TIME_POINTS,
}
DETECTORS = [tiny_amad()]


@parametrize_with_checks(
    DETECTORS, expected_failed_checks=lambda estimator: EXPECTED_FAILURES
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_dataframe_column_names_consistency, check_param_validation]
)
@pytest.mark.parametrize("estimator", DETECTORS)
def test_checks_not_run_for_third_parties(estimator, check):
    check(type(estimator).__name__, estimator)
