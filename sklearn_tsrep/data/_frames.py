"""Read the series in a pandas or polars DataFrame."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from sklearn_tsrep.data._values import (
    check_not_empty,
    is_missing,
    read_array,
    read_column,
)


def read_frame_panel(frame: Any, name: str) -> np.ndarray | list[np.ndarray]:
    """Read a list of series, or one array (n_instances, n_timepoints)."""
    if not _is_pandas(frame):
        return _read_polars_panel(frame, name)
    n_levels = frame.index.nlevels
    if n_levels > 2:
        raise ValueError(
            f"The index of {name} must have one level (instance) or two (instance, "
            f"time), got {n_levels}."
        )
    if n_levels == 2:
        levels = [frame.index.get_level_values(level).to_numpy() for level in (0, 1)]
        return split_long(read_frame(frame, name), levels[0], levels[1], name)[0]
    if len(frame) and _holds_series(frame):
        return _read_nested(frame, name)
    return read_frame(frame, name)


def is_flat_frame(frame: Any) -> bool:
    """Tell a frame with a row an instance and a column a step from other panels."""
    if not _is_pandas(frame):
        return not any(str(label).startswith("__index__") for label in frame.columns)
    return frame.index.nlevels == 1 and not (len(frame) and _holds_series(frame))


def read_frame(frame: Any, name: str) -> np.ndarray:
    """Read a frame of numbers as an array (n_rows, n_columns)."""
    if _has_one_numpy_dtype(frame):
        return frame.to_numpy()
    columns = [
        read_column(column, f"Column {label!r} of {name}")
        for label, column in _columns(frame)
    ]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def column(frame: Any, label: Hashable) -> Any:
    """Take the only column of this name."""
    n_found = list(frame.columns).count(label)
    if n_found == 1:
        return frame[label]
    if n_found > 1:
        raise ValueError(f"frame has {n_found} columns named {label!r}.")
    message = (
        f"frame has no column named {label!r}; its columns are {list(frame.columns)}."
    )
    if _is_pandas(frame) and label in frame.index.names:
        message += f" {label!r} is in its index: pass frame.reset_index()."
    raise ValueError(message)


def split_long(
    values: np.ndarray, instances: np.ndarray, times: np.ndarray, name: str
) -> tuple[list[np.ndarray], np.ndarray]:
    """Cut rows (n_rows, n_channels) into instances, each sorted by time."""
    check_not_empty(values.shape, ("rows", "channels"), name)
    _check_none_missing(instances, "instance", name)
    _check_none_missing(times, "time", name)
    codes, ids = _number_by_appearance(instances)
    order = np.lexsort((_sortable(times, name), codes))
    codes = codes[order]
    _check_no_time_twice(codes, times[order], ids, name)
    stops = np.flatnonzero(np.diff(codes)) + 1
    return np.split(values[order].T, stops, axis=1), ids


def _is_pandas(frame: Any) -> bool:
    return hasattr(frame, "iloc")


def _columns(frame: Any) -> Iterator[tuple[Hashable, Any]]:
    if _is_pandas(frame):
        return iter(frame.items())
    return zip(frame.columns, frame.iter_columns(), strict=True)


def _has_one_numpy_dtype(frame: Any) -> bool:
    dtypes = set(frame.dtypes)
    first = next(iter(dtypes), None)
    return len(dtypes) == 1 and isinstance(first, np.dtype) and first.kind in "biuf"


def _read_polars_panel(frame: Any, name: str) -> np.ndarray | list[np.ndarray]:
    index = [label for label in frame.columns if label.startswith("__index__")]
    values = read_frame(frame.drop(index), name)
    if not index:
        return values
    if len(index) != 2:
        raise ValueError(
            f"{name} must have two columns named '__index__...' (instance, time), or "
            f"none, got {index}."
        )
    instances, times = (frame[label].to_numpy() for label in index)
    return split_long(values, instances, times, name)[0]


# A whole series in each cell --------------------------------------------------


def _holds_series(frame: Any) -> bool:
    return any(
        hasattr(cell, "__len__") and not isinstance(cell, str | bytes | dict)
        for cell in frame.iloc[0]
    )


def _read_nested(frame: Any, name: str) -> list[np.ndarray]:
    columns = [cells.to_numpy() for _, cells in _columns(frame)]
    return [
        _stack_cells(cells, f"Row {row} of {name}")
        for row, cells in enumerate(zip(*columns, strict=True))
    ]


def _stack_cells(cells: Sequence[Any], name: str) -> np.ndarray:
    channels = [
        read_array(cell, f"{name}, column {j},") for j, cell in enumerate(cells)
    ]
    for j, channel in enumerate(channels):
        if channel.ndim != 1:
            raise ValueError(
                f"{name}, column {j}, must hold a series, "
                f"got {channel.ndim} dimension(s)."
            )
    lengths = [len(channel) for channel in channels]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{name} must hold channels of the same length, got {lengths}. Pad them "
            "with NaN."
        )
    series = np.stack(channels)
    check_not_empty(series.shape, ("channels", "time steps"), name)
    return series


# A row for each step of each instance -----------------------------------------


def _check_none_missing(keys: np.ndarray, what: str, name: str) -> None:
    if keys.dtype.kind == "O":
        is_gone = np.array([is_missing(key) for key in keys])
    else:
        # NaN and NaT are the only keys that differ from themselves.
        is_gone = keys != keys
    if is_gone.any():
        raise ValueError(
            f"{name} has a missing {what} in row {is_gone.argmax()}; each row needs "
            "its instance and time."
        )


def _number_by_appearance(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give distinct keys numbers as they first appear, and list them in that order."""
    if keys.dtype.kind == "O":
        numbers: dict[Hashable, int] = {}
        codes = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
        ids = np.empty(len(numbers), dtype=object)
        ids[:] = list(numbers)
        return codes, ids
    ids, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    by_appearance = first.argsort()
    return by_appearance.argsort()[inverse], ids[by_appearance]


def _sortable(times: np.ndarray, name: str) -> np.ndarray:
    if times.dtype.kind != "O":
        return times
    try:
        return np.unique(times, return_inverse=True)[1]
    except TypeError as error:
        raise TypeError(
            f"The times of {name} cannot be put in order: {error}."
        ) from error


def _check_no_time_twice(
    codes: np.ndarray, times: np.ndarray, ids: np.ndarray, name: str
) -> None:
    is_twice = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
    if is_twice.any():
        row = is_twice.argmax()
        raise ValueError(
            f"{name} has more than one row for instance {ids[codes[row]]} at time "
            f"{times[row]}; each (instance, time) may come once."
        )
