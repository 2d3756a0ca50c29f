"""Series that lie one behind the other, told apart by their lengths."""

from typing import Any

import numpy as np


def series_bounds(lengths: Any, n_timepoints: int) -> np.ndarray:
    """Return where each series starts, and at the end the number of time points.

    Parameters
    ----------
    lengths : array-like of int of shape (n_series,) or None
        Time points of series that lie one behind the other; None for one series.

    n_timepoints : int
        Of all series.

    Returns
    -------
    bounds : int64 array of shape (n_series + 1,)

    Raises
    ------
    ValueError
        If lengths are no positive integers, or do not sum to the time points.
    """
    if lengths is None:
        return np.array([0, n_timepoints])
    steps = np.asarray(lengths)
    if steps.ndim != 1 or steps.dtype.kind not in "iu" or (steps < 1).any():
        raise ValueError(
            "lengths must be a sequence of positive integers, the time points of each "
            f"series, got {lengths!r}."
        )
    if steps.sum() != n_timepoints:
        raise ValueError(
            f"lengths must sum to the number of time points, {n_timepoints}, but they "
            f"sum to {steps.sum()}."
        )
    return np.concatenate([[0], np.cumsum(steps, dtype=np.int64)])
