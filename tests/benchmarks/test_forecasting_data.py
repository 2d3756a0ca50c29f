"""Tests of finding and cutting forecasting sets."""

import numpy as np
import pytest

from benchmarks import forecasting_data
from benchmarks.datasets import MissingDataError
from benchmarks.forecasting_data import SETS, USUAL_SETS, ForecastingSet

LOADERS = (
    forecasting_data.load_train,
    forecasting_data.load_validation,
    forecasting_data.load_test,
)


@pytest.fixture
def folder(data):
    place = data.parent / "forecasting"
    place.mkdir()
    return place


def _write(folder, name, n_rows=50):
    values = np.arange(2 * n_rows, dtype="float32").reshape(n_rows, 2)
    np.savez(folder / f"{name}.npz", values=values)
    return values


def test_parts_follow_one_another(folder):
    values = _write(folder, "Small")
    parts = [load("Small") for load in LOADERS]
    assert [len(part) for part in parts] == [35, 5, 10]
    np.testing.assert_array_equal(np.concatenate(parts), values)
    assert {part.dtype for part in parts} == {np.dtype(np.float64)}


def test_rows_behind_the_parts_are_not_used(folder, monkeypatch):
    values = _write(folder, "Small")
    monkeypatch.setitem(SETS, "Small", ForecastingSet(parts=(20, 10, 5)))
    np.testing.assert_array_equal(
        np.concatenate([load("Small") for load in LOADERS]), values[:35]
    )


def test_a_file_shorter_than_its_parts_is_an_error(folder):
    _write(folder, "ETTh1")
    with pytest.raises(ValueError, match="ETTh1 has 50 rows"):
        forecasting_data.load_train("ETTh1")


@pytest.mark.parametrize(
    ("name", "n_rows", "sizes"),
    [
        ("ETTh1", 17420, (8640, 2880, 2880)),
        ("ETTm1", 69680, (34560, 11520, 11520)),
        ("exchange_rate", 7588, (5311, 760, 1517)),
        ("illness", 966, (676, 97, 193)),
    ],
)
def test_usual_sets_have_the_parts_of_the_literature(name, n_rows, sizes):
    own = forecasting_data.described(name)
    assert name in USUAL_SETS
    assert own.sizes(n_rows) == sizes
    assert max(own.horizons) <= min(sizes)


def test_a_table_with_dates_has_the_same_values(folder):
    values = _write(folder, "Small")
    rows = [f"2020-01-01,{a},{b}" for a, b in values]
    (folder / "Other.csv").write_text("\n".join(["date,a,b", *rows]))
    np.testing.assert_array_equal(
        forecasting_data.load_train("Other"), forecasting_data.load_train("Small")
    )


def test_the_archive_counts_before_the_table(folder):
    _write(folder, "Both")
    (folder / "Both.csv").write_text("date,a\n2020-01-01,0\n")
    assert forecasting_data.load_train("Both").shape == (35, 2)


def test_unset_variable_is_named_with_all_missing_sets(monkeypatch):
    monkeypatch.delenv("TSREP_DATA", raising=False)
    with pytest.raises(MissingDataError, match=r"TSREP_DATA is not set.*A, B\."):
        forecasting_data.require(["A", "B"])


def test_missing_set_says_where_its_file_belongs(folder):
    message = r"put Small\.npz or Small\.csv into"
    with pytest.raises(MissingDataError, match=message) as error:
        forecasting_data.load_train("Small")
    assert str(folder) in str(error.value)
