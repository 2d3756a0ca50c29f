"""Volume under the surface of precision (or false alarms), recall and buffer."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar

from sklearn_tsrep.data.lengths import series_bounds
from sklearn_tsrep.detection._labels import (
    Labels,
    Positions,
    Scores,
    Segments,
    Values,
    labels_and_scores,
    segments_of,
)

_N_THRESHOLDS = 250


def vus_pr(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    max_buffer: int = 500,
    lengths: ArrayLike | None = None,
) -> float:
    """Volume under the surface of precision, recall and buffer (VUS-PR).

    Average precision with two changes: alarms near an anomaly count in part, since
    labels are rarely exact to the step, and the recall is multiplied by the share of
    anomalies that are hit at all, so that many found points of one long anomaly do
    not make up for missed short ones. No threshold is chosen, and no single width of
    what is near: the area under the curve is averaged over widths.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_score : array-like of shape (n_timepoints,)
        Finite scores, higher where the series is more anomalous. Of a detector:
        ``-detector.score_samples(X)``.

    max_buffer : int, default=500
        Largest buffer ``L``, in time points, half of which lies in front of an anomaly
        and half behind. Figures with different ones must not be compared. The default
        is that of aeon; where anomalies are shorter than that, take about their length.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Anomalies
        and their buffers end at the end of a series; thresholds are shared.

    Returns
    -------
    vus_pr : float
        Between 0 and 1, higher is better. A score that is the same everywhere tells
        nothing and gets 0.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly or values other than 0 and 1, `y_score` a value
        that is not finite, or the lengths do not fit.

    See Also
    --------
    vus_roc : The same with false alarms in place of the precision.
    sklearn.metrics.average_precision_score : Without buffers, point by point.

    Notes
    -----
    For a buffer ``l``, a time point ``d`` in front of the first one of an anomaly is
    anomalous to the degree ``sqrt(1 - d / l)``, if ``d <= l // 2``; so is one ``d``
    behind the last, if ``d <= l // 2 - 1``. Degrees from several anomalies add up, to
    1 at most, and those within anomalies are 1. At a threshold, with the alarms ``A``
    (scores at or above it)::

        hits      = sum of the degrees over A
        precision = hits / number of alarms
        recall    = min(1, hits / p) * share of the anomalies hit
        p         = mean of the number of anomalous points and the sum of all degrees

    where an anomaly is hit if it or its buffer holds an alarm, and anomalies whose
    buffers touch are one. The area is that under the lines between the points
    (recall, precision) at 250 thresholds, evenly spaced in rank, from (0, 1) on; the
    result is the mean over ``l = 0, 1, ..., L``.

    This is the definition of [1]_ as aeon 1.6 has it (``range_pr_vus_score``). TSB-AD
    computes something else under the same name [2]_: its area is a sum of steps
    instead of trapezoids; in ``p`` it counts the degrees in buffers only where there
    are alarms, so that the recall does not suffer from buffers without; buffers are as
    wide behind an anomaly as in front of it; and ``L`` comes from the period of each
    series. Its figures are mostly higher, by 0.18 for one good score with anomalies
    shorter than the buffers, and must not stand in one column with these.

    Trust: the first to look at, with average precision, when detectors are compared.
    A random score gets more than the share of anomalous points, and the more the
    wider the buffers are beside the anomalies, so its figure belongs into every table.
    Lines instead of steps flatter scores that take few values.

    References
    ----------
    .. [1] Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin. "Volume Under the
       Surface: A New Accuracy Evaluation Measure for Time-Series Anomaly Detection".
       PVLDB 15(11), 2022.

    .. [2] Liu, Paparrizos. "The Elephant in the Room: Towards A Reliable Time-Series
       Anomaly Detection Benchmark". NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.detection.metrics import vus_pr
    >>> y_true = np.zeros(300)
    >>> y_true[100:120] = 1
    >>> y_score = np.roll(y_true, 5) + 1e-3 * np.sin(np.arange(300))
    >>> round(vus_pr(y_true, y_score, max_buffer=40), 3)
    0.739
    >>> random = np.random.default_rng(0).random(300)
    >>> round(vus_pr(y_true, random, max_buffer=40), 3)
    0.135
    """
    surface = _surface(y_true, y_score, max_buffer, lengths)
    if surface is None:
        return 0.0
    recall = np.pad(surface.recall, ((0, 0), (1, 0)))
    precision = np.pad(surface.precision, ((0, 0), (1, 0)), constant_values=1)
    return float(np.trapezoid(precision, recall, axis=1).mean())


def vus_roc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    max_buffer: int = 500,
    lengths: ArrayLike | None = None,
) -> float:
    """Volume under the surface of recall, false alarm rate and buffer (VUS-ROC).

    As `vus_pr`, with the area under the curve of recall over false alarm rate.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. There must be both.

    y_score : array-like of shape (n_timepoints,)
        Finite scores, higher where the series is more anomalous. Of a detector:
        ``-detector.score_samples(X)``.

    max_buffer : int, default=500
        Largest buffer, in time points.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    vus_roc : float
        Between 0 and 1, higher is better. A score that is the same everywhere gets 0.

    Raises
    ------
    ValueError
        If `y_true` is all 0, all 1 or has other values, `y_score` a value that is not
        finite, or the lengths do not fit.

    See Also
    --------
    vus_pr : The one to prefer where anomalies are rare.

    Notes
    -----
    With the terms of `vus_pr`::

        false alarm rate = min(1, (number of alarms - hits) / (n_timepoints - p))

    and the area under the lines through (0, 0), the points (false alarm rate, recall)
    at the 250 thresholds, and (1, 1). The definition is that of [1]_ as aeon computes
    it (``range_roc_vus_score``).

    Trust: as ROC AUC, it is near 1 for detectors that raise many more false alarms
    than true ones, if anomalies are rare. A random score gets more than 0.5, and the
    more the wider the buffers are beside the anomalies.

    References
    ----------
    .. [1] Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin. "Volume Under the
       Surface: A New Accuracy Evaluation Measure for Time-Series Anomaly Detection".
       PVLDB 15(11), 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.detection.metrics import vus_roc
    >>> y_true = np.zeros(300)
    >>> y_true[100:120] = 1
    >>> y_score = np.roll(y_true, 5) + 1e-3 * np.sin(np.arange(300))
    >>> round(vus_roc(y_true, y_score, max_buffer=40), 3)
    0.915
    """
    surface = _surface(y_true, y_score, max_buffer, lengths)
    if np.all(y_true):
        raise ValueError(
            "y_true has anomalies only, and without normal time points vus_roc is not "
            "defined. At least one of its entries must be 0."
        )
    if surface is None:
        return 0.0
    recall, false_alarm_rate = (
        np.pad(rates, ((0, 0), (1, 1)), constant_values=(0, 1))
        for rates in (surface.recall, surface.false_alarm_rate)
    )
    return float(np.trapezoid(recall, false_alarm_rate, axis=1).mean())


class _Surface(NamedTuple):
    """Arrays of shape (n_buffers, n_thresholds), thresholds from high to low."""

    recall: Values
    precision: Values
    false_alarm_rate: Values


def _surface(
    y_true: ArrayLike, y_score: ArrayLike, max_buffer: int, lengths: ArrayLike | None
) -> _Surface | None:
    """Compute the surface, or nothing for a score that is the same everywhere."""
    check_scalar(max_buffer, "max_buffer", Integral, min_val=0)
    labels, scores = labels_and_scores(y_true, y_score)
    bounds = series_bounds(lengths, len(labels))
    if scores.min() == scores.max():
        return None
    ranks = _threshold_ranks(scores)
    segments = segments_of(labels, bounds)
    around = _surroundings(labels, segments, bounds, max_buffer // 2)
    hits = _hits(ranks, labels, around, max_buffer)
    widths = range(max_buffer // 2 + 1)
    found = [_found_shares(ranks, segments, bounds, width) for width in widths]
    found_by_buffer = np.repeat(found, 2, axis=0)[: max_buffer + 1]
    return _rates(hits, found_by_buffer, _counted(ranks), labels.sum())


def _rates(hits: Values, found: Values, n_alarms: Values, n_anomalous: int) -> _Surface:
    sum_of_degrees = hits[:, -1:]  # at the lowest threshold all points are alarms
    positives = (n_anomalous + sum_of_degrees) / 2
    negatives = n_alarms[-1] - positives
    rate = (n_alarms - hits) / np.where(negatives > 0, negatives, np.inf)
    return _Surface(
        recall=np.minimum(hits / positives, 1) * found,
        precision=hits / n_alarms,
        false_alarm_rate=np.minimum(rate, 1),
    )


def _threshold_ranks(scores: Scores) -> Positions:
    """Return for each point the first threshold, from high to low, that it reaches."""
    places = np.linspace(0, len(scores) - 1, _N_THRESHOLDS, dtype=np.int64)
    negated = -scores
    return np.searchsorted(np.sort(negated)[places], negated)


def _counted(ranks: Positions, weights: Values | None = None) -> Values:
    """Sum the weights of the points that reach each threshold."""
    return np.cumsum(np.bincount(ranks, weights, minlength=_N_THRESHOLDS))


class _Surroundings(NamedTuple):
    """Time points outside of anomalies, by the width at which a buffer reaches them.

    Attributes
    ----------
    points : ndarray of int64 of shape (n_points,)
        The time points.

    first : ndarray of int64 of shape (n_points,)
        Width of a buffer at which that of one anomaly reaches the point; ascending.

    second : ndarray of int64 of shape (n_points,)
        Width from which on those of several do, so that the degree is 1.

    distances : ndarray of int64 of shape (n_points,)
        Distance to the anomaly that reaches the point first.
    """

    points: Positions
    first: Positions
    second: Positions
    distances: Positions


def _surroundings(
    labels: Labels, segments: Segments, bounds: Positions, max_width: int
) -> _Surroundings:
    far = len(labels) + max_width
    # Times at which series are out of reach of one another.
    times = np.arange(len(labels)) + far * _series_of_points(bounds)
    outside = (-far, times[-1] + far)
    starts = np.pad(times[segments.starts], 2, constant_values=outside)
    lasts = np.pad(times[segments.stops - 1], 2, constant_values=outside)
    points = np.flatnonzero(~labels)
    next_one = np.searchsorted(segments.starts, points) + 2
    # Two anomalies on each side are enough: the degrees of two add up to 1 or more.
    widths = np.stack(
        [starts[next_one + k] - times[points] for k in (0, 1)]
        + [times[points] - lasts[next_one - k] + 1 for k in (1, 2)]
    )
    is_behind = widths.argmin(axis=0) >= 2
    first, second = np.partition(widths, 1, axis=0)[:2]
    order = np.argsort(first, kind="stable")
    return _Surroundings(
        points[order], first[order], second[order], (first - is_behind)[order]
    )


def _series_of_points(bounds: Positions) -> Positions:
    return np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))


def _hits(
    ranks: Positions, labels: Labels, around: _Surroundings, max_buffer: int
) -> Values:
    """Sum the degrees of the alarms: (n_buffers, n_thresholds)."""
    within = _counted(ranks[labels])
    hits = np.empty((max_buffer + 1, _N_THRESHOLDS))
    ranks_around = ranks[around.points]
    n_reached = np.searchsorted(
        around.first, np.arange(max_buffer + 1) // 2, side="right"
    )
    for buffer, n in enumerate(n_reached):
        degrees = np.sqrt(1 - around.distances[:n] / max(buffer, 1))
        degrees[around.second[:n] <= buffer // 2] = 1
        hits[buffer] = within + _counted(ranks_around[:n], degrees)
    return hits


def _found_shares(
    ranks: Positions, segments: Segments, bounds: Positions, width: int
) -> Values:
    """Return the share of anomalies with an alarm in their buffers at each threshold.

    Buffers reach `width` points to the front and `width - 1` to the back, and
    anomalies whose buffers touch are one.
    """
    series = np.searchsorted(bounds, segments.starts, side="right")
    starts = np.maximum(segments.starts - width, bounds[series - 1])
    stops = np.minimum(segments.stops + max(width - 1, 0), bounds[series])
    is_apart = (starts[1:] > stops[:-1]) | (series[1:] > series[:-1])
    starts = starts[np.concatenate([[True], is_apart])]
    stops = stops[np.concatenate([is_apart, [True]])]
    edges = np.stack([starts, stops], axis=1).ravel()
    padded = np.append(ranks, _N_THRESHOLDS)
    first_ranks = np.minimum.reduceat(padded, edges)[::2]
    return _counted(first_ranks) / len(starts)
