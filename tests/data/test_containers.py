"""Panels are the same from whatever container the values come in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sktime.datasets import load_basic_motions, load_japanese_vowels
from sktime.datatypes import convert_to

from sklearn_tsrep.data import from_long_frame
from sklearn_tsrep.data.containers import as_panel
from sklearn_tsrep.data.panel import Panel

NAN = np.nan
NUMBERS = st.sampled_from([NAN, -1.0, 0.0, 0.5, 3.0])


def assert_same_panel(actual: Panel, expected: Panel) -> None:
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual.series, expected.series, strict=True):
        assert ours.ndim == 2
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(actual.starts, expected.starts)
    np.testing.assert_array_equal(actual.stops, expected.stops)
    np.testing.assert_array_equal(actual.lengths, expected.lengths)


def frame_of(series: np.ndarray) -> pd.DataFrame:
    names = [f"channel_{c}" for c in range(len(series))]
    return pd.DataFrame(series.T.copy(), columns=names)


def multi_index_frame(panel: list[np.ndarray]) -> pd.DataFrame:
    frames = {i: frame_of(series) for i, series in enumerate(panel)}
    return pd.concat(frames, names=["instance", "time"])


def nested_frame(panel: list[np.ndarray], cell: Callable = pd.Series) -> pd.DataFrame:
    n_channels = len(panel[0])
    columns = {
        f"channel_{c}": [cell(series[c].copy()) for series in panel]
        for c in range(n_channels)
    }
    return pd.DataFrame(columns)


def long_frame(panel: list[np.ndarray]) -> pd.DataFrame:
    return multi_index_frame(panel).reset_index()


UNEQUAL_CONTAINERS: dict[str, Callable[[list[np.ndarray]], Any]] = {
    "tuple": tuple,
    "list of lists": lambda panel: [series.tolist() for series in panel],
    "list of tensors": lambda panel: [torch.tensor(series) for series in panel],
    "list of frames": lambda panel: [frame_of(series) for series in panel],
    "list of polars frames": lambda panel: [
        pl.from_pandas(frame_of(series), nan_to_null=True) for series in panel
    ],
    "list of column-major arrays": lambda panel: [np.asfortranarray(s) for s in panel],
    "multi-index": multi_index_frame,
    "multi-index, nullable": lambda panel: multi_index_frame(panel).convert_dtypes(),
    "multi-index, shuffled steps": lambda panel: multi_index_frame(panel).sort_index(
        level=["instance", "time"], ascending=[True, False]
    ),
    "nested": nested_frame,
    "nested arrays": lambda panel: nested_frame(panel, cell=np.asarray),
    "nested lists": lambda panel: nested_frame(panel, cell=np.ndarray.tolist),
    "sktime polars": lambda panel: pl.from_pandas(
        long_frame(panel).rename(
            columns={"instance": "__index__0", "time": "__index__1"}
        )
    ),
    "long pandas": lambda panel: from_long_frame(
        long_frame(panel),
        instance="instance",
        time="time",
        values=[f"channel_{c}" for c in range(len(panel[0]))],
    )[0],
    "long polars": lambda panel: from_long_frame(
        pl.from_pandas(long_frame(panel), nan_to_null=True),
        instance="instance",
        time="time",
        values=[f"channel_{c}" for c in range(len(panel[0]))],
    )[0],
}

EQUAL_CONTAINERS: dict[str, Callable[[np.ndarray], Any]] = {
    "list": list,
    "column-major": np.asfortranarray,
    "strided": lambda values: np.repeat(values, 2, axis=2)[:, :, ::2],
    "big-endian": lambda values: values.astype(">f8"),
    "float16": lambda values: values.astype(np.float16),
    "float32": lambda values: values.astype(np.float32),
    "long double": lambda values: values.astype(np.longdouble),
    "tensor": torch.from_numpy,
    "nested lists": np.ndarray.tolist,
    "masked": np.ma.masked_invalid,
    "anything with __array__": lambda values: Arrayed(values),
    "sktime df-list": lambda values: convert_to(values, "df-list"),
    "sktime nested": lambda values: convert_to(values, "nested_univ"),
    "sktime multi-index": lambda values: convert_to(values, "pd-multiindex"),
}


class Arrayed:
    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)


@st.composite
def unequal_panels(draw: st.DrawFn) -> list[np.ndarray]:
    n_channels = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    return [
        draw(hnp.arrays(np.float64, (n_channels, length), elements=NUMBERS))
        for length in lengths
    ]


@pytest.mark.parametrize("container", UNEQUAL_CONTAINERS)
@given(panel=unequal_panels())
@settings(max_examples=15, deadline=None)
def test_unequal_series_are_the_same_from_any_container(
    container: str, panel: list[np.ndarray]
) -> None:
    expected = as_panel(panel)
    assert_same_panel(as_panel(UNEQUAL_CONTAINERS[container](panel)), expected)


@pytest.mark.parametrize("container", EQUAL_CONTAINERS)
def test_equal_series_are_the_same_from_any_container(container: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-8, 8, size=(5, 3, 12)).astype(np.float64)
    values[1, :, :2] = values[3, :, 9:] = values[2, 1, 4] = NAN
    expected = as_panel(values)
    assert_same_panel(as_panel(EQUAL_CONTAINERS[container](values)), expected)


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda flat: flat, id="2-D array"),
        pytest.param(np.ndarray.tolist, id="list of lists"),
        pytest.param(list, id="list of 1-D arrays"),
        pytest.param(lambda flat: [pd.Series(row) for row in flat], id="pandas Series"),
        pytest.param(lambda flat: [pl.Series(row) for row in flat], id="polars Series"),
        pytest.param(torch.from_numpy, id="tensor"),
        pytest.param(pd.DataFrame, id="pandas frame"),
        pytest.param(lambda flat: pl.DataFrame(flat), id="polars frame"),
        pytest.param(
            lambda flat: pd.DataFrame(flat).convert_dtypes(), id="nullable frame"
        ),
        pytest.param(
            lambda flat: pd.DataFrame(flat).astype(object).replace({NAN: None}),
            id="frame of objects",
        ),
        pytest.param(lambda flat: pl.DataFrame(flat).fill_nan(None), id="polars nulls"),
    ],
)
def test_one_channel_needs_no_axis_of_its_own(convert: Callable) -> None:
    flat = np.array([[1.0, 2.0, 0.0], [NAN, 1.0, 2.0], [4.0, NAN, 3.0]])
    assert_same_panel(as_panel(convert(flat)), as_panel(flat[:, np.newaxis]))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, ">i4", np.float16, ">f8"])
def test_dtypes_stay_as_they_are(dtype: str) -> None:
    values = np.ones((2, 1, 4), dtype=dtype)
    assert as_panel(values).series[0].dtype == values.dtype
    assert as_panel(list(values)).series[0].dtype == values.dtype


def test_a_list_may_mix_dtypes() -> None:
    panel = as_panel([np.ones((1, 3), dtype=np.int8), np.ones((1, 2)), [[True]]])
    assert [series.dtype.kind for series in panel.series] == ["i", "f", "b"]


def test_arrays_are_not_copied() -> None:
    values = np.zeros((3, 2, 5))
    assert as_panel(values).series is values
    assert np.shares_memory(as_panel(values[:, 0]).series, values)
    assert all(np.shares_memory(s, values) for s in as_panel(list(values)).series)


def test_a_panel_passes_through() -> None:
    panel = as_panel(np.zeros((3, 2, 5)))
    assert as_panel(panel) is panel


def test_a_read_only_memory_map_stays_on_disk(tmp_path: Path) -> None:
    values = np.arange(30.0).reshape(3, 2, 5)
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    panel = as_panel(mapped)
    assert panel.series is mapped
    assert_same_panel(panel, as_panel(values))
    flat = as_panel(mapped[:, 0])
    assert isinstance(flat.series, np.memmap)
    assert np.shares_memory(flat.series, mapped)


@pytest.mark.parametrize("container", ["pandas", "masked", "list", "nested"])
def test_the_input_is_never_changed(container: str) -> None:
    values = np.array([[NAN, 1.0, 2.0], [3.0, NAN, NAN]])
    values.flags.writeable = False
    inputs = {
        "pandas": pd.DataFrame(values),
        "masked": np.ma.masked_equal(values, 1.0),
        "list": list(values),
        "nested": nested_frame([values]),
    }
    before = repr(inputs[container])
    as_panel(inputs[container])
    assert repr(inputs[container]) == before


@pytest.mark.parametrize("mtype", ["df-list", "pd-multiindex", "numpy3D"])
def test_basic_motions_of_sktime(mtype: str) -> None:
    nested, _ = load_basic_motions(split="train", return_X_y=True)
    panel = as_panel(nested)
    assert (len(panel), panel.n_channels, panel.lengths[0]) == (40, 6, 100)
    assert_same_panel(as_panel(convert_to(nested, mtype)), panel)


@pytest.mark.parametrize("mtype", ["df-list", "pd-multiindex", "polars_panel"])
def test_japanese_vowels_of_sktime_have_unequal_lengths(mtype: str) -> None:
    nested, _ = load_japanese_vowels(split="train", return_X_y=True)
    panel = as_panel(nested)
    assert (len(panel), panel.n_channels) == (270, 12)
    assert not panel.is_equal_length
    multi_index = convert_to(nested, "pd-multiindex")
    assert_same_panel(as_panel(convert_to(multi_index, mtype)), panel)


def test_masked_entries_are_missing() -> None:
    integers = np.ma.array([[1, 2, 3]], mask=[[True, False, False]])
    panel = as_panel(integers)
    assert (panel.starts.tolist(), panel.stops.tolist()) == ([1], [3])
    np.testing.assert_array_equal(panel.series[0], [[NAN, 2.0, 3.0]])


def test_a_masked_array_without_masked_entries_is_a_view() -> None:
    values = np.ones((2, 3))
    assert np.shares_memory(as_panel(np.ma.array(values, copy=False)).series, values)


def test_a_masked_infinity_is_missing() -> None:
    panel = as_panel(np.ma.masked_invalid([[1.0, np.inf, 2.0]]))
    np.testing.assert_array_equal(panel.series[0], [[1.0, NAN, 2.0]])


def test_missing_values_of_frames_become_nan() -> None:
    frame = pd.DataFrame(
        {
            "object": [pd.NA, 1.0, None, np.bool_(True), Decimal("0.5")],
            "integer": pd.array([1, None, 3, 4, 5], dtype="Int8"),
            "bool": pd.array([True, False, None, True, True], dtype="boolean"),
            "float": pd.array([1.5, None, NAN, 2.5, 1.0], dtype="Float32"),
            "plain": [True, False, True, False, True],
        }
    )
    expected = [
        [NAN, 1.0, 1.0, 1.5, 1.0],
        [1.0, NAN, 0.0, NAN, 0.0],
        [NAN, 3.0, NAN, NAN, 1.0],
        [1.0, 4.0, 1.0, 2.5, 0.0],
        [0.5, 5.0, 1.0, 1.0, 1.0],
    ]
    np.testing.assert_array_equal(as_panel(frame).series[:, 0], expected)
    np.testing.assert_array_equal(as_panel([frame]).series[0].T, expected)
    in_polars = pl.DataFrame({"bool": [True, None], "null": [None, None]})
    np.testing.assert_array_equal(
        as_panel(in_polars).series[:, 0], [[1.0, NAN], [NAN, NAN]]
    )


def test_an_instance_without_values_is_kept() -> None:
    panel = as_panel([np.full((1, 3), NAN), np.ones((1, 2))])
    assert (panel.starts.tolist(), panel.stops.tolist()) == ([0, 0], [0, 2])


def test_instances_of_a_multi_index_keep_their_order() -> None:
    index = pd.MultiIndex.from_tuples([("b", 1), ("a", 1), ("b", 0)])
    panel = as_panel(pd.DataFrame({"value": [1.0, 2.0, 3.0]}, index=index))
    assert [series.tolist() for series in panel.series] == [[[3.0, 1.0]], [[2.0]]]


TYPE_ERRORS = {
    "complex": (np.ones((2, 3), dtype=complex), "Complex data not supported"),
    "strings": (np.array([["a", "b"]]), "X must hold numbers .* got strings"),
    "bytes": (np.array([[b"a"]]), "got bytes"),
    "variable strings": (np.array([["a"]], dtype=np.dtypes.StringDType()), "strings"),
    "objects": (np.array([[1.0, None]], dtype=object), "got Python objects"),
    "array of arrays": (
        np.array([np.ones(2), np.ones(3), None], dtype=object)[:2],
        "or a list of arrays",
    ),
    "dates": (np.array([["2020-01-01"]], dtype="datetime64[D]"), "got dates"),
    "time differences": (np.ones((1, 2), dtype="timedelta64[s]"), "time differences"),
    "records": (np.zeros((1, 2), dtype=[("a", float)]), "got records"),
    "masked complex": (np.ma.ones((1, 2), dtype=complex), "Complex data"),
    "None": (None, "X must hold numbers"),
    "a string": ("series", "X must hold numbers"),
    "a dict": ({"a": [1.0]}, "X must hold numbers"),
    "sparse matrix": (sparse.csr_matrix(np.eye(3)), "X is a sparse matrix"),
    "sparse array": (sparse.coo_array(np.eye(3)), r"X\.toarray\(\)"),
    "list of sparse": ([sparse.csr_array(np.eye(3))], r"X\[0\] is a sparse matrix"),
    "list of complex": ([np.ones(3), np.ones(3) * 1j], r"X\[1\] must hold real"),
    "list of strings": (["abc", "def"], r"X\[0\] must hold numbers"),
    "tensor with gradient": (torch.ones(2, 3, requires_grad=True), "X cannot be read"),
    "bfloat16": (torch.ones(2, 3, dtype=torch.bfloat16), "X cannot be read"),
    "frame of strings": (
        pd.DataFrame({"a": [1.0], "b": ["x"]}),
        "Column 'b' of X must hold numbers .* got str in row 0",
    ),
    "frame of dates": (
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}),
        "Column 'a' of X .* got dates",
    ),
    "frame of complex": (pd.DataFrame({"a": [1j]}), "Complex .* Column 'a' of X"),
    "polars strings": (pl.DataFrame({"a": ["x"]}), "Column 'a' of X must hold"),
    "polars lists": (pl.DataFrame({"a": [[1.0]]}), "Column 'a' of X must hold"),
    "polars arrays": (
        pl.DataFrame({"a": [[1.0]]}, schema={"a": pl.Array(pl.Float64, 1)}),
        "Column 'a' of X must hold numbers, got arrays",
    ),
    "lazy frame": (pl.LazyFrame({"a": [1.0]}), "X must hold numbers"),
    "nested strings": (
        nested_frame([np.array([["a"]])]),
        "Row 0 of X, column 0, must hold numbers",
    ),
    "list of frames of strings": (
        [pd.DataFrame({"a": ["x"]})],
        r"Column 'a' of X\[0\] must hold numbers",
    ),
    "times without order": (
        pd.DataFrame(
            {"a": [1, 2]}, index=pd.MultiIndex.from_arrays([[0, 0], [1, "b"]])
        ),
        "times of X cannot be put in order",
    ),
}


@pytest.mark.parametrize("case", TYPE_ERRORS)
def test_what_does_not_hold_numbers_is_a_type_error(case: str) -> None:
    X, message = TYPE_ERRORS[case]
    with pytest.raises(TypeError, match=message):
        as_panel(X)


def indexed(*levels: list, n_columns: int = 1) -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays(levels)
    return pd.DataFrame(np.ones((len(index), n_columns)), index=index)


VALUE_ERRORS = {
    "a number": (3.0, r"got 0 dimension\(s\)\. Reshape your data"),
    "1-D": (np.ones(3), r"got 1 dimension\(s\)\. Reshape your data"),
    "pandas Series": (pd.Series([1.0]), "got 1 dimension"),
    "list of numbers": ([1.0, 2.0], r"X\[0\] is a single number.* Reshape your data"),
    "4-D": (np.ones((1, 1, 1, 1)), "got 4 dimensions"),
    "list of 3-D": ([np.ones((1, 1, 1))], r"X\[0\] must be an array .* got 3 dim"),
    "empty list": ([], "X holds no instances"),
    "no instances, 2-D": (np.ones((0, 3)), "X holds no instances"),
    "no instances, 3-D": (np.ones((0, 2, 3)), "X holds no instances"),
    "no channels": (np.ones((2, 0, 3)), "X holds no channels"),
    "no steps, 2-D": (np.ones((2, 0)), r"no time steps: its shape is \(2, 0\)"),
    "no steps, 3-D": (np.ones((2, 1, 0)), "X holds no time steps"),
    "no channels in a list": ([np.ones((0, 3))], r"X\[0\] holds no channels"),
    "no steps in a list": ([np.ones((1, 3)), np.ones((1, 0))], r"X\[1\] holds no time"),
    "empty item": ([[]], r"X\[0\] holds no time steps"),
    "no steps in a cell": (nested_frame([np.ones((1, 0))]), "Row 0 of X holds no time"),
    "frame without rows": (pd.DataFrame({"a": []}), "X holds no instances"),
    "frame without columns": (pd.DataFrame(index=[0, 1]), "X holds no time steps"),
    "polars without columns": (pl.DataFrame(), "X holds no instances"),
    "multi-index without rows": (indexed([], []), "X holds no rows"),
    "multi-index without columns": (
        indexed([0], [0], n_columns=0),
        "X holds no channels",
    ),
    "three levels": (indexed([0], [0], [0]), "index of X must .* got 3"),
    "step twice": (
        indexed([0, 0, 1], [5, 5, 5]),
        "X has more than one row for instance 0 at time 5",
    ),
    "missing instance": (indexed([0, None], [0, 1]), "missing instance in row 1"),
    "missing time": (
        indexed([0, 0], [pd.NaT, pd.Timestamp(0)]),
        "missing time in row 0",
    ),
    "one polars index": (
        pl.DataFrame({"__index__0": [0], "a": [1.0]}),
        "must have two columns named '__index__...'",
    ),
    "unequal channels": (
        [np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 5))],
        r"same number of channels, got 2 in X\[0\] and 3 in X\[2\]",
    ),
    "time first": (
        [np.ones((20, 3)), np.ones((30, 3))],
        r"All have 3 columns.* transpose them, \[x\.T for x in X\]",
    ),
    "other columns": (
        [pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [1], "a": [2]})],
        r"same columns in the same order, got \['a', 'b'\] and \['b', 'a'\]",
    ),
    "ragged channels": ([[[1.0, 2.0], [1.0]]], r"X\[0\] cannot be read as an array"),
    "ragged cells": (
        pd.DataFrame({"a": [pd.Series([1.0])], "b": [pd.Series([1.0, 2.0])]}),
        r"Row 0 of X must hold channels of the same length, got \[1, 2\]",
    ),
    "number among series": (
        pd.DataFrame({"a": [pd.Series([1.0])], "b": [1.0]}),
        "Row 0 of X, column 1, must hold a series, got 0 dim",
    ),
    "infinity": ([[1.0, np.inf]], "X has an infinite value"),
    "infinity in a frame": (pd.DataFrame({"a": [-np.inf]}), "infinite value"),
}


@pytest.mark.parametrize("case", VALUE_ERRORS)
def test_what_is_no_panel_is_a_value_error(case: str) -> None:
    X, message = VALUE_ERRORS[case]
    with pytest.raises(ValueError, match=message):
        as_panel(X)


def test_there_is_no_hint_to_transpose_where_it_would_not_help() -> None:
    with pytest.raises(ValueError, match="same number of channels") as caught:
        as_panel([np.ones((2, 3)), np.ones((3, 4))])
    assert "transpose" not in str(caught.value)


def test_errors_use_the_name_of_the_argument() -> None:
    with pytest.raises(ValueError, match=r"^X_test holds no instances"):
        as_panel([], name="X_test")


@pytest.mark.parametrize(
    "module", ["sklearn_tsrep.data", "sklearn_tsrep.data.containers"]
)
def test_reading_arrays_loads_no_heavy_library(module: str) -> None:
    code = (
        f"import sys, {module}, numpy\n"
        "from sklearn_tsrep.data.containers import as_panel\n"
        "as_panel(numpy.zeros((2, 3))), as_panel([[1.0], [2.0, 3.0]])\n"
        "heavy = {'pandas', 'polars', 'sktime', 'torch'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
