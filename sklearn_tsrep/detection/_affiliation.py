"""Precision and recall by distance, each anomaly judged in its own neighbourhood."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sklearn_tsrep.data.lengths import series_bounds
from sklearn_tsrep.detection._labels import (
    Labels,
    Positions,
    Values,
    harmonic_mean,
    labels_and_alarms,
    segments_of,
)

# Time points are cut into so many cells, in units of which all positions are counted.
# Zones begin and end at halves of time points, so the integrands have their kinks at
# quarters. Between these they are linear: the value amid a cell is its mean.
_CELLS = 4


def affiliation_precision(
    y_true: ArrayLike, y_pred: ArrayLike, *, lengths: ArrayLike | None = None
) -> float:
    """Precision by distance: how near alarms are to anomalies, as against by chance.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1, with
        `lengths` in each series.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Distances
        are taken within a series; the mean is over all anomalies alike.

    Returns
    -------
    precision : float
        Between 0 and 1, higher is better, about 0.5 by chance; 0 without any alarm.

    Raises
    ------
    ValueError
        If a series has no anomaly, labels are other than 0 and 1, or the lengths do
        not fit.

    See Also
    --------
    affiliation_recall : How near anomalies are to alarms.

    Notes
    -----
    Time point ``i`` is the interval from ``i`` to ``i + 1``. Each anomaly has a zone,
    the times nearer to it than to any other anomaly. For a time ``x`` with an alarm,
    at the distance ``d`` from the anomaly of its zone::

        chance(x) = share of the zone that is at a distance of d or more

    so 1 within the anomaly and 0 at the far end of the zone. The precision of a zone is
    the mean of ``chance`` over all times with an alarm, and the result the mean over
    the zones that have any [1]_. The integrals are exact.

    Trust: about 0.5 is what random alarms get, and slightly more if anomalies are
    long; differences between 0.5 and 1 are all there is. A near miss counts almost as
    much as a hit if anomalies are far apart, and zones without alarms do not count.

    References
    ----------
    .. [1] Huet, Navarro, Rossi. "Local Evaluation of Time Series Anomaly Detection
       Algorithms". KDD 2022.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import affiliation_precision
    >>> y_true = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    >>> affiliation_precision(y_true, [0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
    0.85
    >>> affiliation_precision(y_true, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    0.1
    """
    cells = _cells(y_true, y_pred, lengths)
    return _mean_of_means(*_chances_of_alarms(cells)) if cells.alarms.any() else 0.0


def affiliation_recall(
    y_true: ArrayLike, y_pred: ArrayLike, *, lengths: ArrayLike | None = None
) -> float:
    """Recall by distance: how near anomalies are to alarms, as against by chance.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1, with
        `lengths` in each series.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Distances
        are taken within a series; the mean is over all anomalies alike.

    Returns
    -------
    recall : float
        Between 0 and 1, higher is better; about 0.5 for one random alarm an anomaly,
        more for several.

    Raises
    ------
    ValueError
        If a series has no anomaly, labels are other than 0 and 1, or the lengths do
        not fit.

    See Also
    --------
    affiliation_precision : How near alarms are to anomalies, with the terms used here.

    Notes
    -----
    For a time ``y`` of an anomaly, at the distance ``d`` from the nearest alarm in the
    zone of the anomaly::

        chance(y) = share of the zone that is at a distance of d or more from y

    so 1 where there is an alarm, and 0 if the zone has none. The recall of a zone is
    the mean of ``chance`` over the anomaly, and the result the mean over all zones
    [1]_. The integrals are exact.

    Trust: alarms strewn everywhere are near to everything, so this recall rises
    towards 1 with their number. It means something beside the precision only.

    References
    ----------
    .. [1] Huet, Navarro, Rossi. "Local Evaluation of Time Series Anomaly Detection
       Algorithms". KDD 2022.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import affiliation_recall
    >>> y_true = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    >>> affiliation_recall(y_true, [0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
    0.95
    >>> round(affiliation_recall(y_true, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 4)
    0.2125
    """
    return _mean_of_means(*_chances_of_anomalies(_cells(y_true, y_pred, lengths)))


def affiliation_f1(
    y_true: ArrayLike, y_pred: ArrayLike, *, lengths: ArrayLike | None = None
) -> float:
    """Harmonic mean of the precision and the recall by distance.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1, with
        `lengths` in each series.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    f1 : float
        Between 0 and 1, higher is better.

    Raises
    ------
    ValueError
        If a series has no anomaly, labels are other than 0 and 1, or the lengths do
        not fit.

    See Also
    --------
    affiliation_precision, affiliation_recall : The two, with their equations.

    Notes
    -----
    ``2 * precision * recall / (precision + recall)``, 0 if both are 0 [1]_.

    Trust: an alarm at every time point gets 2 / 3 or more, and so do many random
    alarms. Only what is well above that is a finding.

    References
    ----------
    .. [1] Huet, Navarro, Rossi. "Local Evaluation of Time Series Anomaly Detection
       Algorithms". KDD 2022.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import affiliation_f1
    >>> y_true = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    >>> round(affiliation_f1(y_true, [0, 0, 0, 0, 0, 1, 1, 0, 0, 0]), 3)
    0.897
    >>> round(affiliation_f1(y_true, [1] * 10), 3)
    0.684
    """
    precision = affiliation_precision(y_true, y_pred, lengths=lengths)
    return harmonic_mean(precision, affiliation_recall(y_true, y_pred, lengths=lengths))


class _Cells(NamedTuple):
    """All cells of all time points, and the zones into which they fall.

    Attributes
    ----------
    labels, alarms : ndarray of bool of shape (n_cells,)
        Whether there is an anomaly, or an alarm.

    zones : ndarray of int64 of shape (n_cells,)
        The zone of each cell.

    starts, stops : ndarray of int64 of shape (n_zones,)
        First cell of each zone, and one past its last.

    anomaly_starts, anomaly_stops : ndarray of int64 of shape (n_zones,)
        The same of the anomaly in it.
    """

    labels: Labels
    alarms: Labels
    zones: Positions
    starts: Positions
    stops: Positions
    anomaly_starts: Positions
    anomaly_stops: Positions


def _cells(y_true: ArrayLike, y_pred: ArrayLike, lengths: ArrayLike | None) -> _Cells:
    points, point_alarms = labels_and_alarms(y_true, y_pred)
    bounds = _CELLS * series_bounds(lengths, len(points))
    labels, alarms = np.repeat(points, _CELLS), np.repeat(point_alarms, _CELLS)
    anomalies = segments_of(labels, bounds)
    series = np.searchsorted(bounds, anomalies.starts, side="right")
    _check_anomaly_everywhere(series, len(bounds) - 1)
    midways = (anomalies.stops[:-1] + anomalies.starts[1:]) // 2
    borders = np.where(series[1:] > series[:-1], bounds[series[:-1]], midways)
    starts = np.concatenate([[0], borders])
    stops = np.append(borders, len(labels))
    zones = np.repeat(np.arange(len(starts)), stops - starts)
    return _Cells(labels, alarms, zones, starts, stops, *anomalies)


def _check_anomaly_everywhere(series: Positions, n_series: int) -> None:
    without = np.setdiff1d(np.arange(1, n_series + 1), series)
    if len(without):
        raise ValueError(
            f"y_true has no anomaly in series {without[0] - 1} of those that lengths "
            "tells, and without one there is nothing to be near to. Leave such series "
            "out."
        )


def _chances_of_alarms(cells: _Cells) -> tuple[Positions, Values]:
    """Return the zones and the chances of the cells with alarms."""
    places = np.flatnonzero(cells.alarms)
    zones, times = cells.zones[places], places + 0.5
    room_before = (cells.anomaly_starts - cells.starts)[zones]
    room_after = (cells.stops - cells.anomaly_stops)[zones]
    distances = np.maximum(
        cells.anomaly_starts[zones] - times, times - cells.anomaly_stops[zones]
    )
    farther = _positive(room_before - distances) + _positive(room_after - distances)
    chances = farther / (cells.stops - cells.starts)[zones]
    return zones, np.where(distances > 0, chances, 1.0)


def _chances_of_anomalies(cells: _Cells) -> tuple[Positions, Values]:
    """Return the zones and the chances of the cells with anomalies."""
    places = np.flatnonzero(cells.labels)
    zones, times = cells.zones[places], places + 0.5
    starts, stops = cells.starts[zones], cells.stops[zones]
    last, following = _nearest_alarms(cells.alarms)
    before = np.where(last[places] >= starts, times - last[places] - 1, np.inf)
    after = np.where(following[places] < stops, following[places] - times, np.inf)
    distances = _positive(np.minimum(before, after))
    farther = _positive(times - distances - starts) + _positive(
        stops - times - distances
    )
    return zones, farther / (stops - starts)


def _nearest_alarms(alarms: Labels) -> tuple[Positions, Positions]:
    """Return for each cell the last one with an alarm, and the next, itself counted."""
    cells = np.arange(len(alarms))
    last = np.maximum.accumulate(np.where(alarms, cells, -1))
    following = np.where(alarms, cells, len(alarms))[::-1]
    return last, np.minimum.accumulate(following)[::-1]


def _positive(values: Values) -> Values:
    return np.maximum(values, 0)


def _mean_of_means(zones: Positions, chances: Values) -> float:
    counts = np.bincount(zones)
    is_in_use = counts > 0
    return float(np.mean(np.bincount(zones, chances)[is_in_use] / counts[is_in_use]))
