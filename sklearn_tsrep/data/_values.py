"""Read arrays of real numbers, whatever holds them.

pandas and polars are recognised where the caller has loaded them, and never
imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

_KINDS = {
    "O": "Python objects",
    "U": "strings",
    "S": "bytes",
    "T": "strings",
    "M": "dates",
    "m": "time differences",
    "V": "records",
}


def is_frame(values: Any) -> bool:
    return _is_table_type(values, "DataFrame")


def is_frame_column(values: Any) -> bool:
    return _is_table_type(values, "Series")


def _is_table_type(values: Any, type_name: str) -> bool:
    modules = (sys.modules.get(module) for module in ("pandas", "polars"))
    # A module that is only half imported does not have the type yet.
    types = (getattr(module, type_name, None) for module in modules)
    return any(type_ is not None and isinstance(values, type_) for type_ in types)


def read_array(values: Any, name: str) -> np.ndarray:
    """Read real numbers of any shape, as a view wherever there can be one."""
    if hasattr(values, "nnz") and hasattr(values, "toarray"):
        raise TypeError(
            f"{name} is a sparse matrix; sparse data is not supported. "
            f"Pass {name}.toarray()."
        )
    if isinstance(values, np.ma.MaskedArray):
        return _masked_to_nan(values, name)
    if is_frame_column(values):
        return read_column(values, name)
    if type(values) not in (np.ndarray, np.memmap):
        values = _convert(values, name)
    _check_real(values.dtype, name)
    return values


def read_column(column: Any, name: str) -> np.ndarray:
    """Read a pandas or polars Series of numbers, missing ones as NaN."""
    values = column.to_numpy()
    if values.ndim != 1:
        raise TypeError(f"{name} must hold numbers, got arrays.")
    if values.dtype.kind == "O":
        return _objects_to_floats(values, name)
    _check_real(values.dtype, name)
    return values


def is_missing(value: Any) -> bool:
    # pandas.NA and NaT are told by name, because pandas may not be loaded.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def check_not_empty(shape: Sequence[int], axes: Sequence[str], name: str) -> None:
    for size, axis in zip(shape, axes, strict=True):
        if size == 0:
            raise ValueError(f"{name} holds no {axis}: its shape is {tuple(shape)}.")


def _convert(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as an array: {error}") from error


def _check_real(dtype: np.dtype, name: str) -> None:
    if dtype.kind in "biuf":
        return
    if dtype.kind == "c":
        raise TypeError(f"Complex data not supported: {name} must hold real numbers.")
    message = (
        f"{name} must hold numbers (float, int or bool), "
        f"got {_KINDS[dtype.kind]} (dtype {dtype})."
    )
    if dtype.kind == "O":
        message += (
            f" Pass {name}.astype(float) if all are numbers, or a list of arrays if "
            "each is a series."
        )
    raise TypeError(message)


def _masked_to_nan(values: np.ma.MaskedArray, name: str) -> np.ndarray:
    _check_real(values.dtype, name)
    if not np.ma.is_masked(values):
        return values.data
    dtype = values.dtype if values.dtype.kind == "f" else np.float64
    numbers = np.array(values.data, dtype=dtype)
    numbers[np.ma.getmaskarray(values)] = np.nan
    return numbers


def _objects_to_floats(values: np.ndarray, name: str) -> np.ndarray:
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if is_missing(value):
            continue
        if not isinstance(value, Real | Decimal | np.bool_):
            raise TypeError(
                f"{name} must hold numbers (float, int or bool), got "
                f"{type(value).__qualname__} in row {row}."
            )
        numbers[row] = float(value)
    return numbers
