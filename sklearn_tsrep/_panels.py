"""What an estimator accepts as a panel and as its time, and what it remembers."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from sklearn_tsrep._sklearn import check_feature_names
from sklearn_tsrep.data._frames import is_flat_frame
from sklearn_tsrep.data._values import read_array
from sklearn_tsrep.data.containers import as_panel
from sklearn_tsrep.data.panel import Panel

LARGEST_INDEX = 2**24


def read_panel(estimator: Any, X: Any, *, reset: bool) -> Panel:
    """Validate the panel given to an estimator.

    With ``reset`` it sets ``n_features_in_`` (time points of a 2-D array, channels
    otherwise) and, for frames, ``feature_names_in_``; else it checks against them.
    """
    came_as_table = is_table(X)
    if came_as_table:
        panel = as_panel(_check_table(estimator, X, reset=reset))
    else:
        panel = as_panel(X)
        if hasattr(X, "iloc"):  # of pandas, with a column a channel
            check_feature_names(estimator, X, reset=reset)
    if reset:
        n_features = panel.lengths[0] if came_as_table else panel.n_channels
        estimator.n_features_in_ = int(n_features)
        estimator._n_channels = panel.n_channels
        estimator._fitted_on_table = came_as_table
    _check_channels(estimator, panel, came_as_table=came_as_table)
    return panel


@contextmanager
def unchanged_if_refused(estimator: Any) -> Iterator[None]:
    """Let an estimator forget what it took from data that it then refuses."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:  # an interrupt too must not leave a half of each
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def is_table(X: Any) -> bool:
    """Tell a 2-D array-like, one row a univariate series, from other panels."""
    if isinstance(X, Panel):
        return False
    if hasattr(X, "columns"):
        return is_flat_frame(X)
    if isinstance(X, list | tuple):
        shapes = {_shape(item) for item in X}
        return len(shapes) == 1 and len(shapes.pop()) < 2
    return len(_shape(X)) < 3


def unmasked(X: Any) -> Any:
    """Turn masked entries into NaN: scikit-learn would uncover what they hide."""
    if isinstance(X, np.ma.MaskedArray):
        return read_array(X, "X")
    if isinstance(X, list | tuple):
        return [unmasked(row) for row in X]
    return X


def checked_time(time: Any, n_timepoints: int) -> np.ndarray:
    """Return the indices of time points as an array.

    Raises
    ------
    ValueError
        If they are not finite numbers, one a time point.
    """
    indices = column_or_1d(check_array(time, ensure_2d=False, input_name="time"))
    if indices.dtype.kind not in "iuf" or (np.abs(indices) > LARGEST_INDEX).any():
        raise ValueError(
            f"time must hold numbers of steps of at most {LARGEST_INDEX}, which single "
            f"precision tells apart, and no dates; got {indices.dtype} from "
            f"{indices.min()} to {indices.max()}."
        )
    if len(indices) != n_timepoints:
        raise ValueError(
            f"time must hold one index a time point, got {len(indices)} for a longest "
            f"series of {n_timepoints} time points."
        )
    return indices.astype(np.float64)


def filled_gaps(panel: Panel, believed: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return the series of a panel with what is believed of their missing values.

    Integers have no gaps, and large ones are no float64: they stay what they are.
    """
    return [
        np.where(np.isnan(own), other, own) if own.dtype.kind == "f" else own.copy()
        for own, other in zip(panel.series, believed, strict=True)
    ]


def _shape(values: Any) -> tuple[int, ...]:
    try:
        return tuple(getattr(values, "shape", None) or np.asarray(values).shape)
    except ValueError:
        # Rows of unequal length, which are no array; `as_panel` says so.
        return (-1, -1)


def _check_table(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    X = unmasked(X)
    # `as_panel` looks for infinity, without a mask of the whole of a memory map.
    checks: dict[str, Any] = {"dtype": "numeric", "ensure_all_finite": False}
    if reset or estimator._fitted_on_table:
        return validate_data(estimator, X, reset=reset, **checks)
    return check_array(X, estimator=estimator, input_name="X", **checks)


def _check_channels(estimator: Any, panel: Panel, *, came_as_table: bool) -> None:
    expected = estimator._n_channels
    if panel.n_channels == expected:
        return
    message = (
        f"X has {panel.n_channels} channels, but {type(estimator).__name__} is "
        f"expecting {expected} channels as input."
    )
    if came_as_table:
        message += " A 2-D array is a panel of univariate series, one a row."
        if expected in (len(panel), panel.lengths[0]):
            message += " For one multivariate series pass X.T[None] or X[None]."
    elif all(series.shape[1] == expected for series in panel.series):
        message += (
            " It looks as if time came before channels: each series must have the "
            "shape (n_channels, n_timepoints)."
        )
    raise ValueError(message)
