"""Alarms at time steps put together into segments, and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_tsrep.data.lengths import series_bounds
from sklearn_tsrep.thresholds import check_labels, check_scores

_FIELDS = [
    ("series", np.int64),
    ("start", np.int64),
    ("end", np.int64),
    ("peak", np.int64),
    ("peak_score", np.float64),
    ("mean_score", np.float64),
]


def to_segments(
    is_anomaly: Any,
    scores: Any,
    *,
    lengths: Sequence[int] | np.ndarray | None = None,
    max_gap: int = 0,
    min_length: int = 1,
) -> np.ndarray:
    """Put neighbouring anomalous steps together into segments.

    First, segments that are at most `max_gap` normal steps apart become one, then
    those that are shorter than `min_length` are dropped. A segment never reaches from
    one series into another.

    Parameters
    ----------
    is_anomaly : array-like of shape (n_timepoints,)
        Whether each step is an anomaly: booleans, or 1 and 0. For a fitted detector,
        ``detector.predict(X) == -1``.

    scores : array-like of shape (n_timepoints,)
        Scores of the steps, higher for normal ones, as of ``score_samples``.

    lengths : array-like of shape (n_series,), default=None
        Steps of each series, if several stand one after another. They must sum to
        `n_timepoints`.

    max_gap : int, default=0
        How many normal steps may lie between two alarms of one segment.

    min_length : int, default=1
        Steps that a segment must have, with the gaps in it.

    Returns
    -------
    segments : structured ndarray of shape (n_segments,)
        One record a segment, in the order of time, which ``pandas.DataFrame`` takes as
        it is:

        - ``series``: index of the series, only with `lengths`;
        - ``start``, ``end``: first step, and the step after the last, so that
          ``scores[start:end]`` is the segment. Steps are counted from the start of
          the arrays, also with `lengths`;
        - ``peak``: the step with the lowest score, the first of several;
        - ``peak_score``, ``mean_score``: the score there, and the mean over the
          segment with the gaps in it.

    Raises
    ------
    TypeError
        If flags or scores are not numbers, or counts not whole numbers.

    ValueError
        If shapes or lengths do not fit, a score is NaN or infinite, or `max_gap` or
        `min_length` is too small.

    See Also
    --------
    from_segments : The way back to one flag a step.

    Examples
    --------
    >>> from sklearn_tsrep.detection.segments import to_segments
    >>> scores = [0.9, 0.2, 0.8, 0.1, 0.3, 0.9, 0.9, 0.0]
    >>> is_anomaly = [0, 1, 0, 1, 1, 0, 0, 1]
    >>> segments = to_segments(is_anomaly, scores, max_gap=1)
    >>> for segment in segments:
    ...     print(segment["start"], segment["end"], segment["peak"])
    1 5 3
    7 8 7
    """
    scores = check_scores(scores)
    flags = check_labels(is_anomaly, len(scores), "is_anomaly")
    _check_count(max_gap, 0, "max_gap")
    _check_count(min_length, 1, "min_length")
    stops = series_bounds(lengths, len(scores))[1:]
    start, end = _bounds(flags, stops, max_gap)
    is_long = end - start >= min_length
    start, end = start[is_long], end[is_long]
    segments = np.empty(len(start), _FIELDS if lengths is not None else _FIELDS[1:])
    segments["start"], segments["end"] = start, end
    if lengths is not None:
        segments["series"] = np.searchsorted(stops, start, side="right")
    if len(segments):
        _describe(segments, scores)
    return segments


def from_segments(segments: Any, n_timepoints: int) -> np.ndarray:
    """Mark the steps that lie in segments.

    Parameters
    ----------
    segments : structured ndarray or DataFrame
        Segments with ``start`` and ``end``, the step after the last, as returned by
        `to_segments`. They may overlap.

    n_timepoints : int
        Number of steps.

    Returns
    -------
    is_anomaly : ndarray of shape (n_timepoints,), dtype bool
        True inside of segments.

    Raises
    ------
    ValueError
        If a segment ends before it starts, or reaches beyond the steps.

    Examples
    --------
    >>> from sklearn_tsrep.detection.segments import from_segments, to_segments
    >>> segments = to_segments([0, 1, 1, 0, 1], [0.9, 0.1, 0.2, 0.8, 0.3])
    >>> from_segments(segments, 5).astype(int)
    array([0, 1, 1, 0, 1])
    """
    start, end = (np.asarray(segments[name]) for name in ("start", "end"))
    if ((start < 0) | (start > end) | (end > n_timepoints)).any():
        raise ValueError(
            f"Each segment must have 0 <= start <= end <= {n_timepoints}, the number "
            "of time steps."
        )
    n_open = np.zeros(n_timepoints + 1, dtype=np.int64)
    np.add.at(n_open, start, 1)
    np.subtract.at(n_open, end, 1)
    return n_open.cumsum()[:-1] > 0


def _check_count(count: Any, least: int, name: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise TypeError(f"{name} must be a whole number, got {count!r}.")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}.")


def _bounds(
    flags: np.ndarray, stops: np.ndarray, max_gap: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return first steps, and steps after the last, of merged segments."""
    steps = np.flatnonzero(flags)
    series = np.searchsorted(stops, steps, side="right")
    is_apart = (np.diff(steps) > max_gap + 1) | (np.diff(series) > 0)
    # All of it is empty without an alarm.
    edge = np.ones(min(len(steps), 1), dtype=bool)
    start = steps[np.concatenate([edge, is_apart])]
    last = steps[np.concatenate([is_apart, edge])]
    return start, last + 1


def _describe(segments: np.ndarray, scores: np.ndarray) -> None:
    """Write peaks and means into segments, of which there must be one at least."""
    steps = np.flatnonzero(from_segments(segments, len(scores)))
    inside = scores[steps].astype(np.float64)
    sizes = segments["end"] - segments["start"]
    first = np.cumsum(sizes) - sizes
    segments["mean_score"] = np.add.reduceat(inside, first) / sizes
    segments["peak_score"] = np.minimum.reduceat(inside, first)
    is_lowest = np.flatnonzero(inside == np.repeat(segments["peak_score"], sizes))
    segments["peak"] = steps[is_lowest[np.searchsorted(is_lowest, first)]]
