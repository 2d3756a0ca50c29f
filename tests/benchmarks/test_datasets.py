"""Tests of finding and loading data sets."""

import numpy as np
import pytest

from benchmarks import datasets

HEADER = """@problemName Small
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength {equal}
@classLabel true a b
@data
"""
UNEQUAL = "1,2,3:4,5,6:a\n1,?,3,4:5,6,7,8:b\n"
EQUAL = "1,2,3:4,5,6:a\n1,?,3:5,6,7:b\n"


def _write_ts(folder, body, equal="true"):
    pytest.importorskip("sktime")
    folder.mkdir(exist_ok=True)
    for part in ("TRAIN", "TEST"):
        file = folder / f"Small_{part}.ts"
        file.write_text(HEADER.format(equal=equal) + body, encoding="utf-8")


@pytest.mark.parametrize("place", [".", "Small"])
def test_ts_files_are_read_with_missing_values(data, place):
    _write_ts(data / place, EQUAL)
    X, y = datasets.load_train("Small")
    np.testing.assert_array_equal(
        X, [[[1, 2, 3], [4, 5, 6]], [[1, np.nan, 3], [5, 6, 7]]]
    )
    assert y.tolist() == ["a", "b"]


def test_ts_files_of_unequal_lengths_give_a_list(data):
    _write_ts(data, UNEQUAL, equal="false")
    X, _ = datasets.load_test("Small")
    assert [one.shape for one in X] == [(2, 3), (2, 4)]
    np.testing.assert_array_equal(X[1], [[1, np.nan, 3, 4], [5, 6, 7, 8]])


def test_channels_of_different_lengths_end_in_nan(data):
    _write_ts(data, "1,2,3:4,5:a\n1,2:3,4:b\n", equal="false")
    X, _ = datasets.load_train("Small")
    np.testing.assert_array_equal(X[0], [[1, 2, 3], [4, 5, np.nan]])


def test_npz_parts_are_loaded_apart(tiny):
    tiny(test=False)
    X, y = datasets.load_train("Tiny")
    assert X.shape == (12, 2, 20)
    assert y.shape == (12,)
    with pytest.raises(KeyError):
        datasets.load_test("Tiny")


def test_sets_that_sktime_ships_need_no_variable(monkeypatch):
    monkeypatch.delenv("TSREP_DATA", raising=False)
    datasets.require(["BasicMotions", "JapaneseVowels"])


def test_unset_variable_is_named_with_all_missing_sets(monkeypatch):
    monkeypatch.delenv("TSREP_DATA", raising=False)
    with pytest.raises(datasets.MissingDataError, match="TSREP_DATA is not set") as e:
        datasets.require(["ERing", "BasicMotions", "NATOPS"])
    assert "ERing, NATOPS" in str(e.value)


def test_missing_set_says_where_its_files_belong(data):
    with pytest.raises(datasets.MissingDataError, match=r"Cricket_TRAIN\.ts") as error:
        datasets.load_train("Cricket")
    assert str(data / "Cricket") in str(error.value)
