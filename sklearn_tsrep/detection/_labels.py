"""Labels and scores of time points as they come, and the segments they make up."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_tsrep.thresholds import check_labels, check_scores

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]
Values = NDArray[np.float64]
Positions = NDArray[np.int64]


class Segments(NamedTuple):
    """Runs of consecutive time points, in order and apart from one another.

    Attributes
    ----------
    starts : ndarray of int64 of shape (n_segments,)
        First time point of each.

    stops : ndarray of int64 of shape (n_segments,)
        One past the last time point of each.
    """

    starts: Positions
    stops: Positions

    @property
    def lengths(self) -> Positions:
        """Number of time points of each."""
        return self.stops - self.starts

    def counts(self, is_marked: Labels) -> Positions:
        """Return how many time points of each segment are marked."""
        before = np.concatenate([[0], np.cumsum(is_marked)])
        return before[self.stops] - before[self.starts]


def segments_of(labels: Labels, bounds: Positions) -> Segments:
    """Find the runs of marked time points; none crosses a border of series."""
    before = np.concatenate([[False], labels[:-1]])
    before[bounds[:-1]] = False
    after = np.concatenate([labels[1:], [False]])
    after[bounds[1:] - 1] = False
    return Segments(
        np.flatnonzero(labels & ~before), np.flatnonzero(labels & ~after) + 1
    )


def labels_and_scores(y_true: ArrayLike, y_score: ArrayLike) -> tuple[Labels, Scores]:
    """Check true labels, of which one at least is 1, and scores of the same points."""
    scores = check_scores(y_score, "y_score").astype(np.float64)
    labels = check_labels(y_true, len(scores), "y_true")
    _check_has_anomaly(labels)
    return labels, scores


def labels_and_alarms(
    y_true: ArrayLike, y_pred: ArrayLike, *, needs_anomaly: bool = True
) -> tuple[Labels, Labels]:
    """Check true and predicted labels of the same time points."""
    labels = check_labels(y_true, np.size(y_true), "y_true")
    alarms = check_labels(y_pred, len(labels), "y_pred")
    if not len(labels):
        raise ValueError("y_true and y_pred must have one time point at least.")
    if needs_anomaly:
        _check_has_anomaly(labels)
    return labels, alarms


def check_option(value: str, name: str, options: tuple[str, ...]) -> None:
    """Raise if a parameter is none of the words that it may be."""
    if value not in options:
        raise ValueError(f"{name} must be one of {options}, got {value!r}.")


def harmonic_mean(precision: float, recall: float) -> float:
    """Return the F1 of a precision and a recall, 0 where both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def _check_has_anomaly(labels: Labels) -> None:
    if not labels.any():
        raise ValueError(
            "y_true has no anomaly, and without one this metric is not defined. "
            f"At least one of its {len(labels)} entries must be 1."
        )
