"""Precision and recall of ranges instead of time points."""

from collections.abc import Callable
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar

from sklearn_tsrep.data.lengths import series_bounds
from sklearn_tsrep.detection._labels import (
    Labels,
    Positions,
    Values,
    check_option,
    harmonic_mean,
    labels_and_alarms,
    segments_of,
)

# From positions 1, 2, ... in a range and its length to weights.
_BIASES: dict[str, Callable[[Positions, Positions], Positions]] = {
    "flat": lambda position, length: np.ones_like(position),
    "front": lambda position, length: length - position + 1,
    "middle": lambda position, length: np.minimum(position, length - position + 1),
    "back": lambda position, length: position,
}
_CARDINALITIES = ("one", "reciprocal")


def range_recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    alpha: float = 0.0,
    bias: str = "flat",
    cardinality: str = "reciprocal",
    lengths: ArrayLike | None = None,
) -> float:
    """Recall of anomalous ranges: mean over the anomalies of how well each is found.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    alpha : float, default=0.0
        Between 0 and 1: how much it counts that an anomaly is hit at all, as against
        how much of it is.

    bias : {"flat", "front", "middle", "back"}, default="flat"
        Which time points of an anomaly count most: all the same, or linearly more
        towards its front, its middle or its back.

    cardinality : {"reciprocal", "one"}, default="reciprocal"
        Whether an anomaly found by ``k`` separate alarms counts only 1 / k.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Ranges end
        at the end of a series.

    Returns
    -------
    recall : float
        Between 0 and 1, higher is better.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly, labels are other than 0 and 1, the lengths do not
        fit, or a parameter is out of its bounds.

    See Also
    --------
    range_precision : How much of each alarm is right.
    range_f1 : Both in one figure.

    Notes
    -----
    For each anomaly, with the positional weights ``w``::

        overlap = sum of w over the points with an alarm / sum of w over all points
        found   = alpha * (1 if hit else 0)
                  + (1 - alpha) * overlap / (number of alarms within, if reciprocal)

    and the recall is the mean of ``found`` over the anomalies, whatever their lengths
    [1]_.

    Trust: a fair question if each anomaly counts the same, but the answer depends on
    four settings, so it says little without them. With ``alpha`` above 0, alarms
    strewn at random earn it for long anomalies, and with ``cardinality="one"`` they
    are not punished for being many.

    References
    ----------
    .. [1] Tatbul, Lee, Zdonik, Alam, Gottschlich. "Precision and Recall for Time
       Series". NeurIPS 2018.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import range_recall
    >>> y_true = [0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    >>> y_pred = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    >>> range_recall(y_true, y_pred)
    0.375
    >>> range_recall(y_true, y_pred, bias="front")
    0.3
    """
    check_scalar(alpha, "alpha", Real, min_val=0, max_val=1)
    labels, alarms = labels_and_alarms(y_true, y_pred)
    bounds = series_bounds(lengths, len(labels))
    overlaps = _overlaps(labels, alarms, bounds, bias, cardinality)
    return float(np.mean(alpha * (overlaps > 0) + (1 - alpha) * overlaps))


def range_precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    bias: str = "flat",
    cardinality: str = "reciprocal",
    lengths: ArrayLike | None = None,
) -> float:
    """Precision of predicted ranges: mean over the alarms of how right each is.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    bias : {"flat", "front", "middle", "back"}, default="flat"
        Which time points of an alarm count most: all the same, or linearly more
        towards its front, its middle or its back.

    cardinality : {"reciprocal", "one"}, default="reciprocal"
        Whether an alarm that spans ``k`` separate anomalies counts only 1 / k.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Ranges end
        at the end of a series.

    Returns
    -------
    precision : float
        Between 0 and 1, higher is better; 0 without any alarm.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly, labels are other than 0 and 1, the lengths do not
        fit, or a parameter is out of its bounds.

    See Also
    --------
    range_recall : The same with the two labels exchanged, and its equation.

    Notes
    -----
    The mean over the alarms of ``overlap`` as in `range_recall`, with true and
    predicted labels exchanged, divided by the number of anomalies within, if
    reciprocal. That an alarm hits something at all is no merit, so there is no
    ``alpha`` [1]_.

    Trust: each alarm counts the same, so one that lasts long and is wrong costs as
    little as one of a single point.

    References
    ----------
    .. [1] Tatbul, Lee, Zdonik, Alam, Gottschlich. "Precision and Recall for Time
       Series". NeurIPS 2018.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import range_precision
    >>> y_true = [0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    >>> y_pred = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    >>> range_precision(y_true, y_pred)
    0.75
    """
    labels, alarms = labels_and_alarms(y_true, y_pred)
    bounds = series_bounds(lengths, len(labels))
    overlaps = _overlaps(alarms, labels, bounds, bias, cardinality)
    return float(overlaps.mean()) if len(overlaps) else 0.0


def range_f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    alpha: float = 0.0,
    bias: str = "flat",
    cardinality: str = "reciprocal",
    lengths: ArrayLike | None = None,
) -> float:
    """Harmonic mean of the precision and the recall of ranges.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    alpha : float, default=0.0
        Of the recall: how much it counts that an anomaly is hit at all.

    bias : {"flat", "front", "middle", "back"}, default="flat"
        Of the recall: which time points of an anomaly count most. The precision
        takes all time points of an alarm the same.

    cardinality : {"reciprocal", "one"}, default="reciprocal"
        Of both: whether ranges found in several pieces count less.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    f1 : float
        Between 0 and 1, higher is better.

    Raises
    ------
    ValueError
        As `range_recall`.

    See Also
    --------
    range_recall, range_precision : The two, with their equations, and how far each is
        to be trusted.

    Notes
    -----
    ``2 * precision * recall / (precision + recall)``, 0 if both are 0 [1]_.

    Trust: as that of the two; say the settings beside the figure.

    References
    ----------
    .. [1] Tatbul, Lee, Zdonik, Alam, Gottschlich. "Precision and Recall for Time
       Series". NeurIPS 2018.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import range_f1
    >>> y_true = [0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    >>> y_pred = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    >>> range_f1(y_true, y_pred)
    0.5
    """
    recall = range_recall(
        y_true,
        y_pred,
        alpha=alpha,
        bias=bias,
        cardinality=cardinality,
        lengths=lengths,
    )
    precision = range_precision(
        y_true, y_pred, cardinality=cardinality, lengths=lengths
    )
    return harmonic_mean(precision, recall)


def _overlaps(
    ranges: Labels, others: Labels, bounds: Positions, bias: str, cardinality: str
) -> Values:
    """Return how much of each range the other ranges cover, by weight and number."""
    check_option(bias, "bias", tuple(_BIASES))
    check_option(cardinality, "cardinality", _CARDINALITIES)
    segments = segments_of(ranges, bounds)
    if not len(segments.starts):
        return np.empty(0)
    firsts = np.cumsum(segments.lengths) - segments.lengths
    positions = np.arange(1, ranges.sum() + 1) - np.repeat(firsts, segments.lengths)
    weights = _BIASES[bias](positions, np.repeat(segments.lengths, segments.lengths))
    covered = np.add.reduceat(weights * others[ranges], firsts)
    shares = covered / np.add.reduceat(weights, firsts)
    if cardinality == "one":
        return shares
    # What two ranges share is one run, so that runs count the other ranges.
    pieces = segments_of(ranges & others, bounds).starts
    edges = np.searchsorted(pieces, [segments.starts, segments.stops])
    return shares / np.maximum(edges[1] - edges[0], 1)
