"""Long tables of pandas and polars are split into series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data import from_long_frame

NAN = np.nan
LONG = {
    "patient": ["b", "a", "b", "a", "b"],
    "hour": [2, 7, 0, 3, 1],
    "pulse": [1.0, 2.0, None, 4.0, 5.0],
    "awake": [True, False, True, True, False],
}
FRAMES = [
    pytest.param(pd.DataFrame, id="pandas"),
    pytest.param(pl.DataFrame, id="polars"),
]


@pytest.mark.parametrize("frame_type", FRAMES)
def test_long_frames_keep_instances_in_order_and_sort_steps(
    frame_type: Callable,
) -> None:
    series, ids = from_long_frame(
        frame_type(LONG), instance="patient", time="hour", values=["pulse", "awake"]
    )
    assert ids.tolist() == ["b", "a"]
    np.testing.assert_array_equal(series[0], [[NAN, 5.0, 1.0], [1.0, 0.0, 1.0]])
    np.testing.assert_array_equal(series[1], [[4.0, 2.0], [1.0, 0.0]])


@pytest.mark.parametrize("frame_type", FRAMES)
def test_one_column_of_values_may_be_named_alone(frame_type: Callable) -> None:
    series, _ = from_long_frame(
        frame_type(LONG), instance="patient", time="hour", values="awake"
    )
    assert [values.shape for values in series] == [(1, 3), (1, 2)]
    assert series[0].dtype == bool


@pytest.mark.parametrize("frame_type", FRAMES)
@pytest.mark.parametrize("column", ["instance", "time"])
def test_dates_serve_as_instance_or_time(frame_type: Callable, column: str) -> None:
    days = np.array(["2020-03-02", "2020-03-01", "2020-03-03"], "datetime64[ms]")
    data = {"instance": [0, 0, 0], "time": [2, 1, 3], "value": [2, 1, 3], column: days}
    series, ids = from_long_frame(
        frame_type(data), instance="instance", time="time", values="value"
    )
    if column == "time":
        assert [values.tolist() for values in series] == [[[1, 2, 3]]]
    else:
        np.testing.assert_array_equal(ids, days)


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2020-01-01", periods=3, tz="Europe/Paris"),
        pd.period_range("2020-01", periods=3, freq="M"),
        ["a", "b", "c"],
        pd.Categorical(["x", "y", "z"]),
    ],
    ids=["time zone", "period", "string", "category"],
)
def test_any_times_with_an_order_will_do(times: Any) -> None:
    frame = pd.DataFrame({"id": 1, "time": times, "value": [1, 2, 3]})
    series, _ = from_long_frame(frame[::-1], instance="id", time="time", values="value")
    assert series[0].tolist() == [[1, 2, 3]]


def test_long_frames_take_column_names_that_are_not_strings() -> None:
    frame = pd.DataFrame([[0, 0, 1.0, 2.0]], columns=[0, 1, ("a", "x"), "b"])
    series, _ = from_long_frame(frame, instance=0, time=1, values=("a", "x"))
    assert series[0].tolist() == [[1.0]]
    series, _ = from_long_frame(frame, instance=0, time=1, values=(("a", "x"), "b"))
    assert series[0].tolist() == [[1.0], [2.0]]


@given(
    keys=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, unique=True
    )
)
@settings(max_examples=50, deadline=None)
def test_every_row_of_a_long_frame_finds_its_place(keys: list[tuple[int, int]]) -> None:
    frame = pd.DataFrame(keys, columns=["id", "time"])
    series, ids = from_long_frame(
        frame, instance="id", time="time", values=["id", "time"]
    )
    assert ids.tolist() == list(dict.fromkeys(key for key, _ in keys))
    for values, key in zip(series, ids, strict=True):
        assert values.T.tolist() == sorted([k, t] for k, t in keys if k == key)


LONG_ERRORS: dict[str, tuple[type[Exception], dict[str, Any], str]] = {
    "missing value column": (
        ValueError,
        {"values": ["pulse", "weight"]},
        r"no column named 'weight'; its columns are \['patient', 'hour'",
    ),
    "missing value column, alone": (
        ValueError,
        {"values": "weight"},
        "no column named 'weight'",
    ),
    "missing time column": (ValueError, {"time": "day"}, "no column named 'day'"),
    "missing instance column": (ValueError, {"instance": 3}, "no column named 3"),
    "no values": (ValueError, {"values": []}, "at least one column, got none"),
    "values are no numbers": (
        TypeError,
        {"values": ["pulse", "patient"]},
        "Column 'patient' of frame must hold numbers",
    ),
    "no frame": (TypeError, {"frame": LONG}, "pandas or polars DataFrame, got dict"),
}


@pytest.mark.parametrize("frame_type", FRAMES)
@pytest.mark.parametrize("case", LONG_ERRORS)
def test_errors_of_long_frames(case: str, frame_type: Callable) -> None:
    error, changed, message = LONG_ERRORS[case]
    right = {
        "frame": frame_type(LONG),
        "instance": "patient",
        "time": "hour",
        "values": "pulse",
    }
    with pytest.raises(error, match=message):
        from_long_frame(**(right | changed))


@pytest.mark.parametrize("frame_type", FRAMES)
@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        ("hour", [2, 7, 0, 3, 2], "more than one row for instance b at time 2"),
        ("hour", [2, None, 0, 3, 1], "missing time in row 1"),
        ("patient", ["b", "a", None, "a", "b"], "missing instance in row 2"),
    ],
)
def test_long_frames_need_each_step_once(
    frame_type: Callable, column: str, cells: list, message: str
) -> None:
    frame = frame_type(LONG | {column: cells})
    with pytest.raises(ValueError, match=message):
        from_long_frame(frame, instance="patient", time="hour", values="pulse")


def test_long_frames_need_rows() -> None:
    frame = pd.DataFrame(LONG).iloc[:0]
    with pytest.raises(ValueError, match="frame holds no rows"):
        from_long_frame(frame, instance="patient", time="hour", values="awake")


def test_a_column_name_must_be_unique() -> None:
    frame = pd.DataFrame([[0, 0, 1.0, 2.0]], columns=["id", "time", "a", "a"])
    with pytest.raises(ValueError, match="frame has 2 columns named 'a'"):
        from_long_frame(frame, instance="id", time="time", values="a")


def test_an_index_level_is_pointed_out() -> None:
    frame = pd.DataFrame(LONG).set_index("hour")
    with pytest.raises(ValueError, match=r"'hour' is in its index: pass frame\.reset_"):
        from_long_frame(frame, instance="patient", time="hour", values="pulse")
