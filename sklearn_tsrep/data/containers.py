"""Read panels of series from the containers in which people keep them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from sklearn_tsrep.data._frames import column, read_frame, read_frame_panel, split_long
from sklearn_tsrep.data._values import (
    check_not_empty,
    is_frame,
    read_array,
    read_column,
)
from sklearn_tsrep.data.panel import Panel

_LAYOUTS = (
    "a 2-D array (n_instances, n_timepoints), a 3-D array (n_instances, n_channels, "
    "n_timepoints), a list of arrays (n_channels, length), or a DataFrame"
)


def as_panel(X: Any, *, name: str = "X") -> Panel:
    """Read a panel of series from any of the usual containers.

    The same values give the same panel whatever they came in. Arrays and memory
    maps are neither copied nor cast.

    Parameters
    ----------
    X : array-like, list of array-like, or DataFrame
        The series, as one of

        - an array of shape (n_instances, n_channels, n_timepoints), or of shape
          (n_instances, n_timepoints) for series of one channel;
        - a list or tuple of arrays of shape (n_channels, length_i), or of shape
          (length_i,) for series of one channel;
        - a list of DataFrames, one an instance, rows for steps and columns for
          channels;
        - a pandas DataFrame with a column a channel and a MultiIndex of instance
          and time, or its polars form, with two columns named ``__index__...``.
          Instances come in order of first appearance, each sorted by time;
        - a pandas DataFrame with a row an instance, a column a channel, and a
          whole series in each cell;
        - a DataFrame of numbers, a row an instance and a column a step.

        Numbers are float, int or bool. NaN is a missing value, and so are None
        and ``pandas.NA`` in DataFrames and masked entries in masked arrays.
    name : str, default="X"
        What to call the data in error messages.

    Returns
    -------
    panel : Panel
        The series, with the first and last observed step of each. An instance
        without any value is kept, with start and stop 0.

    Raises
    ------
    TypeError
        If the values are not real numbers (strings, dates, complex numbers,
        arrays of objects), or come as a sparse matrix.
    ValueError
        If there are no instances, channels or steps, if instances differ in
        their channels, if a value is infinite, if the array has another number
        of dimensions, or if a step of an instance comes twice.

    See Also
    --------
    from_long_frame : Split a long table into a list of arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.data.containers import as_panel
    >>> as_panel(np.zeros((4, 3, 20)))
    Panel(n_instances=4, n_channels=3, lengths=20)
    >>> as_panel([np.zeros((3, 20)), np.zeros((3, 50))])
    Panel(n_instances=2, n_channels=3, lengths=20 to 50)
    """
    if isinstance(X, Panel):
        return X
    return Panel.from_series(_read_series(X, name), name=name)


def from_long_frame(
    frame: Any, *, instance: Hashable, time: Hashable, values: Any
) -> tuple[list[np.ndarray], np.ndarray]:
    """Split a long table into one array an instance.

    Parameters
    ----------
    frame : pandas.DataFrame or polars.DataFrame of shape (n_rows, n_columns)
        A table with one row for each step of each instance, in any order.
    instance : str
        The column that says which instance a row belongs to.
    time : str
        The column by which the rows of an instance are sorted: numbers, dates
        or anything else that has an order. Only the order is used: the steps
        need not be equally far apart.
    values : str or list of str
        The column of each channel. Missing values become NaN.

    Returns
    -------
    series : list of ndarray of shape (n_channels, length_i)
        The instances in order of first appearance, in the common dtype of the
        columns.
    ids : ndarray of shape (n_instances,)
        What `instance` holds for each of them.

    Raises
    ------
    TypeError
        If `frame` is not a DataFrame, a column of `values` does not hold
        numbers, or the times cannot be put in order.
    ValueError
        If a column is not there or there twice, there are no rows or no
        columns of values, an instance or a time is missing, or an instance has
        two rows at the same time.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_tsrep.data import from_long_frame
    >>> beats = pd.DataFrame({
    ...     "patient": ["b", "a", "b"],
    ...     "hour": [2, 1, 1],
    ...     "pulse": [70.0, 64.0, 72.0],
    ... })
    >>> series, ids = from_long_frame(
    ...     beats, instance="patient", time="hour", values="pulse"
    ... )
    >>> series
    [array([[72., 70.]]), array([[64.]])]
    >>> ids.tolist()
    ['b', 'a']
    """
    if not is_frame(frame):
        raise TypeError(
            "frame must be a pandas or polars DataFrame, "
            f"got {type(frame).__qualname__}."
        )
    channels = [
        read_column(column(frame, label), f"Column {label!r} of frame")
        for label in _value_labels(values, frame)
    ]
    instances, times = (column(frame, label).to_numpy() for label in (instance, time))
    return split_long(np.column_stack(channels), instances, times, "frame")


def _value_labels(values: Any, frame: Any) -> list[Hashable]:
    is_one = not isinstance(values, list) and isinstance(values, Hashable)
    if isinstance(values, str) or (is_one and values in list(frame.columns)):
        return [values]
    labels = list(values)
    if not labels:
        raise ValueError("values must name at least one column, got none.")
    return labels


def _read_series(X: Any, name: str) -> np.ndarray | list[np.ndarray]:
    if isinstance(X, list | tuple):
        return _read_list(X, name)
    values = read_frame_panel(X, name) if is_frame(X) else read_array(X, name)
    return values if isinstance(values, list) else _as_three_dimensional(values, name)


def _as_three_dimensional(values: np.ndarray, name: str) -> np.ndarray:
    if values.ndim < 2:
        raise ValueError(
            f"{name} must be {_LAYOUTS}, got {values.ndim} dimension(s). Reshape your "
            f"data: {name}.reshape(1, 1, -1) is a single series of one channel."
        )
    if values.ndim > 3:
        raise ValueError(f"{name} must be {_LAYOUTS}, got {values.ndim} dimensions.")
    if values.ndim == 2:
        check_not_empty(values.shape, ("instances", "time steps"), name)
        return values[:, np.newaxis, :]
    check_not_empty(values.shape, ("instances", "channels", "time steps"), name)
    return values


def _read_list(items: Sequence[Any], name: str) -> list[np.ndarray]:
    if not items:
        raise ValueError(f"{name} holds no instances.")
    _check_same_columns([item for item in items if is_frame(item)], name)
    series = [_read_instance(item, f"{name}[{i}]") for i, item in enumerate(items)]
    _check_same_channels(series, name)
    return series


def _read_instance(item: Any, name: str) -> np.ndarray:
    """Read one instance as an array (n_channels, length)."""
    values = read_frame(item, name).T if is_frame(item) else read_array(item, name)
    if values.ndim == 0:
        raise ValueError(
            f"{name} is a single number, where each item must be a series. Reshape "
            "your data: put a single series into a list of its own."
        )
    if values.ndim > 2:
        raise ValueError(
            f"{name} must be an array (n_channels, length), or (length,) for one "
            f"channel, got {values.ndim} dimensions."
        )
    values = np.atleast_2d(values)
    check_not_empty(values.shape, ("channels", "time steps"), name)
    return values


def _check_same_columns(frames: Sequence[Any], name: str) -> None:
    columns = [list(frame.columns) for frame in frames]
    for other in columns[1:]:
        if other != columns[0]:
            raise ValueError(
                f"The DataFrames in {name} must have the same columns in the same "
                f"order, got {columns[0]} and {other}."
            )


def _check_same_channels(series: Sequence[np.ndarray], name: str) -> None:
    n_channels = np.array([values.shape[0] for values in series])
    if (n_channels == n_channels[0]).all():
        return
    other = (n_channels != n_channels[0]).argmax()
    message = (
        f"The instances of {name} must have the same number of channels, got "
        f"{n_channels[0]} in {name}[0] and {n_channels[other]} in {name}[{other}]. "
        "Each must be an array (n_channels, length)."
    )
    widths = {values.shape[1] for values in series}
    if len(widths) == 1:
        message += (
            f" All have {widths.pop()} columns: if these are the channels, transpose "
            f"them, [x.T for x in {name}]."
        )
    raise ValueError(message)
