"""Tests of finding and loading regression sets."""

import numpy as np
import pytest

from benchmarks import regression_data
from benchmarks.datasets import MissingDataError


@pytest.fixture
def folder(data):
    place = data.parent / "regression"
    place.mkdir()
    return place


def _write(folder, name, parts=("train", "test")):
    arrays = {f"X_{part}": np.ones((3, 2, 5), dtype="float32") for part in parts}
    np.savez(folder / name, **arrays, **{f"y_{part}": np.arange(3) for part in parts})


def test_parts_are_loaded_apart(folder):
    _write(folder, "Small.npz", parts=["train"])
    X, y = regression_data.load_train("Small")
    assert X.shape == (3, 2, 5)
    assert y.dtype == np.float64
    with pytest.raises(KeyError):
        regression_data.load_test("Small")


def test_a_set_that_sktime_ships_needs_no_variable(monkeypatch):
    pytest.importorskip("sktime")
    monkeypatch.delenv("TSREP_DATA", raising=False)
    regression_data.require(["Covid3Month"])
    X, y = regression_data.load_train("Covid3Month")
    assert X.shape == (140, 1, 84)
    assert y.shape == (140,)


def test_the_file_counts_before_the_copy_of_sktime(folder):
    _write(folder, "Covid3Month.npz")
    assert regression_data.load_test("Covid3Month")[0].shape == (3, 2, 5)


def test_unset_variable_is_named_with_all_missing_sets(monkeypatch):
    monkeypatch.delenv("TSREP_DATA", raising=False)
    with pytest.raises(MissingDataError, match=r"TSREP_DATA is not set.*A, B\."):
        regression_data.require(["A", "Covid3Month", "B"])


def test_missing_set_says_where_its_file_belongs(folder):
    with pytest.raises(MissingDataError, match=r"put Small\.npz into") as error:
        regression_data.load_train("Small")
    assert str(folder) in str(error.value)
