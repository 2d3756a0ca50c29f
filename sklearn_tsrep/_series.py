"""What a detector accepts as series: rows are time points, channels are columns."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import column_or_1d, validate_data

from sklearn_tsrep._panels import unmasked
from sklearn_tsrep.data.lengths import series_bounds
from sklearn_tsrep.data.panel import Panel


class Rows(NamedTuple):
    """Rows of an array as series.

    Attributes
    ----------
    panel : Panel
        The series.

    order : int array of shape (n_timepoints,) or None
        Which row of the array each time point of the panel was; None for their order.
    """

    panel: Panel
    order: np.ndarray | None

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Bring values of the rows into the order of the panel."""
        return values if self.order is None else values[self.order]

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Bring values of the time points of the panel into the order of the rows."""
        if self.order is None:
            return values
        restored = np.empty_like(values)
        restored[self.order] = values
        return restored


def read_rows(
    estimator: Any, X: Any, lengths: Any, series_id: Any, *, reset: bool
) -> Rows:
    """Validate the rows given to an estimator, and cut them into series.

    With ``reset`` it sets ``n_features_in_`` (channels) and, for frames,
    ``feature_names_in_``; else it checks against them.
    """
    X = validate_data(
        estimator,
        unmasked(X),
        reset=reset,
        dtype="numeric",
        ensure_all_finite=False,  # the panel tells infinity from missing values
        ensure_min_samples=2 if reset else 1,
    )
    order = None
    if series_id is not None:
        if lengths is not None:
            raise ValueError("lengths and series_id say the same; give one of them.")
        order, lengths = _grouped(series_id, len(X))
        X = X if order is None else X[order]
    borders = series_bounds(lengths, len(X))[1:-1]
    if not len(borders):
        return Rows(Panel.from_series(X.T[np.newaxis]), order)
    return Rows(Panel.from_series([part.T for part in np.split(X, borders)]), order)


def _grouped(series_id: Any, n_rows: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the order that puts the rows of each series together, and their lengths.

    Series come in the order of their first rows; rows keep theirs.
    """
    ids = column_or_1d(series_id)
    if len(ids) != n_rows:
        raise ValueError(
            f"series_id must hold one id a row, got {len(ids)} ids for {n_rows} rows."
        )
    _, first, inverse, counts = np.unique(
        ids, return_index=True, return_inverse=True, return_counts=True
    )
    by_appearance = np.argsort(first)
    ranks = np.argsort(by_appearance)
    order = np.argsort(ranks[inverse], kind="stable")
    is_sorted = np.array_equal(order, np.arange(n_rows))
    return None if is_sorted else order, counts[by_appearance]
