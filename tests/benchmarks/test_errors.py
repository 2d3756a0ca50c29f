"""Tests of errors and their tables."""

import numpy as np
import pytest

from benchmarks import errors


def test_errors_are_root_mean_square_and_mean_absolute():
    found = errors.measured(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 2.0]))
    assert found["rmse"] == pytest.approx(np.sqrt(20 / 3))
    assert found["mae"] == pytest.approx(2)


def test_cells_have_three_digits_that_count_and_the_lowest_in_bold():
    shown = errors.cells([[0.0391, 0.0395], [], [12.345], [123.4, 125.4], [0.0]])
    assert shown == ["0.0393 ± 0.0003", "", "12.3", "124 ± 1", "**0.00**"]
    assert errors.cells([[1.001], [1.002], [1.2]]) == ["**1.00**", "**1.00**", "1.20"]
    assert errors.cells([[]]) == [""]


def test_several_columns_name_a_line_of_the_table_together():
    figures = {("random", "0.1", "a"): 0.5, ("blocks", "0.1", "b"): 0.25}
    rows = [
        {"pattern": pattern, "share": share, "method": method, "rmse": str(value)}
        for (pattern, share, method), value in figures.items()
    ]
    shown = errors.table(rows, ("pattern", "share"), "method", "rmse")
    assert shown.splitlines() == [
        "| pattern share | a | b |",
        "| --- | --- | --- |",
        "| random 0.1 | **0.500** |  |",
        "| blocks 0.1 |  | **0.250** |",
    ]
