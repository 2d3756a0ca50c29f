"""Tests of judging inside the training part."""

import pytest

from benchmarks import judging


def test_expected_seconds_are_those_of_rows_of_its_like(result_row):
    rows = [
        result_row(fit_seconds=10, transform_seconds=1, evaluate_seconds=2),
        result_row(fit_seconds=30, transform_seconds=2, evaluate_seconds=5),
    ]
    start = judging.STARTING_SECONDS
    assert judging.expected_seconds(rows, 4, 99.0) == pytest.approx(start + 30 + 4 * 5)
    unknown = judging.expected_seconds([], 4, 99.0)
    assert unknown == start + 99 + 4 * judging.EXPECTED_JUDGING_SECONDS
