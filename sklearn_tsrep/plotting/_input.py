"""What displays of a series read: values, names of channels, and steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_tsrep.data._frames import read_frame
from sklearn_tsrep.data._values import is_frame, read_array


def read_rows(values: Any, name: str) -> np.ndarray:
    rows = read_frame(values, name) if is_frame(values) else read_array(values, name)
    if rows.ndim == 1:
        rows = rows[:, np.newaxis]
    if rows.ndim != 2 or not rows.size:
        raise ValueError(
            f"{name} must have the shape (n_timepoints, n_channels), got {rows.shape}."
        )
    return rows.astype(np.float64, copy=False)


def column_names(X: Any) -> list[str] | None:
    return [str(name) for name in X.columns] if is_frame(X) else None


def read_index(X: Any, index: Any, n_timepoints: int) -> np.ndarray | None:
    """Return numbers or dates of the steps, None where nothing gives them."""
    if index is not None:
        steps = plain_dates(index)
        if steps.dtype.kind not in "iufM":
            raise TypeError(
                f"index must hold numbers or dates, got the dtype {steps.dtype}."
            )
        check_shape(steps, (n_timepoints,), "index")
        return steps
    if not hasattr(X, "iloc"):
        return None
    steps = plain_dates(X.index)
    return steps if steps.dtype.kind in "iufM" else None


def plain_dates(index: Any) -> np.ndarray:
    """Turn periods into their starts, and times of a zone into what clocks show."""
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    elif getattr(index, "tz", None) is not None:
        index = index.tz_localize(None)
    return np.asarray(index)


def check_shape(values: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    if values.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, got {values.shape}.")
