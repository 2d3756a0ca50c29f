"""Predictions adjusted by the true segments, and F1 of what comes out."""

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import f1_score
from sklearn.utils import check_scalar

from sklearn_tsrep.data.lengths import series_bounds
from sklearn_tsrep.detection._labels import (
    Labels,
    Segments,
    labels_and_alarms,
    segments_of,
)


def point_adjust(
    y_true: ArrayLike, y_pred: ArrayLike, lengths: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Give alarms at all time points of each anomaly that is hit: a diagnostic.

    **Not for comparing detectors**: random alarms do very well by it, often better
    than any detector.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Anomalies
        end at the end of a series.

    Returns
    -------
    adjusted : ndarray of int64 of shape (n_timepoints,)
        The labels of `y_pred`, with 1 at all time points of each true anomaly at any
        of which there was a 1.

    Raises
    ------
    ValueError
        If labels are other than 0 and 1, or the lengths do not fit.

    See Also
    --------
    delay_adjust : The same for alarms in time, with late ones taken away.
    point_adjusted_f1 : F1 of the result.

    Notes
    -----
    The protocol is that of [1]_. It needs the true labels, so what comes out is no
    prediction. An anomaly of 300 points is hit by alarms at a random 1 % of points
    with a probability of 95 %, and then counts for 300 found points [2]_.

    References
    ----------
    .. [1] Xu et al. "Unsupervised Anomaly Detection via Variational Auto-Encoder for
       Seasonal KPIs in Web Applications". WWW 2018.

    .. [2] Kim, Choi, Choi, Lee, Yoon. "Towards a Rigorous Evaluation of Time-Series
       Anomaly Detection". AAAI 2022.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import point_adjust
    >>> point_adjust([0, 1, 1, 1, 0, 1, 1], [1, 0, 0, 1, 0, 0, 0])
    array([1, 1, 1, 1, 0, 0, 0])
    """
    labels, alarms = labels_and_alarms(y_true, y_pred, needs_anomaly=False)
    segments = segments_of(labels, series_bounds(lengths, len(labels)))
    return _with_found(labels, alarms, segments, segments.counts(alarms) > 0)


def point_adjusted_f1(
    y_true: ArrayLike, y_pred: ArrayLike, lengths: ArrayLike | None = None
) -> float:
    """F1 after point adjustment: a diagnostic.

    **Not for comparing detectors**: random alarms do very well by it, often better
    than any detector. It is here since many papers report it, and so that a random
    score can be put beside their figures.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    f1 : float
        Point-wise F1 of `point_adjust`.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly, labels are other than 0 and 1, or the lengths do
        not fit.

    See Also
    --------
    pa_k_f1 : Less generous.
    vus_pr : For comparing detectors.

    Notes
    -----
    Source and critique are those of `point_adjust`. The longer the anomalies, the
    fewer random alarms it takes for an F1 near 1.

    Examples
    --------
    Alarms at a random 2 % of time points, and two long anomalies:

    >>> import numpy as np
    >>> from sklearn.metrics import f1_score
    >>> from sklearn_tsrep.detection.metrics import point_adjusted_f1
    >>> y_true = np.zeros(2000)
    >>> y_true[200:500] = y_true[1500:1700] = 1
    >>> random_alarms = np.random.default_rng(0).random(2000) < 0.02
    >>> round(f1_score(y_true, random_alarms), 2)
    0.03
    >>> round(point_adjusted_f1(y_true, random_alarms), 2)
    0.96
    """
    labels, _ = labels_and_alarms(y_true, y_pred)
    return float(f1_score(labels, point_adjust(y_true, y_pred, lengths)))


def pa_k_f1(
    y_true: ArrayLike, y_pred: ArrayLike, k: float, lengths: ArrayLike | None = None
) -> float:
    """F1 after adjusting the anomalies of which more than k % are hit: a diagnostic.

    **Not for comparing detectors**: with a small ``k``, or alarms at more than ``k`` %
    of all time points, random alarms do very well by it.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    k : float
        Between 0, which is point adjustment, and 100, which is no adjustment.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    f1 : float
        Point-wise F1 of the adjusted alarms (F1 by PA%K).

    Raises
    ------
    ValueError
        If `y_true` has no anomaly, labels are other than 0 and 1, the lengths do not
        fit, or `k` is out of its bounds.

    See Also
    --------
    pa_k_auc : Over all k.

    Notes
    -----
    All points of an anomaly with ``n`` points become alarms if more than
    ``k / 100 * n`` of them are; the others stay as they are [1]_.

    References
    ----------
    .. [1] Kim, Choi, Choi, Lee, Yoon. "Towards a Rigorous Evaluation of Time-Series
       Anomaly Detection". AAAI 2022.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import pa_k_f1
    >>> y_true = [0, 1, 1, 1, 1, 0, 1, 1, 1, 1]
    >>> y_pred = [0, 1, 1, 0, 0, 0, 1, 0, 0, 0]
    >>> [round(pa_k_f1(y_true, y_pred, k), 3) for k in (0, 25, 50)]
    [1.0, 0.769, 0.545]
    """
    check_scalar(k, "k", Real, min_val=0, max_val=100)
    labels, alarms = labels_and_alarms(y_true, y_pred)
    segments = segments_of(labels, series_bounds(lengths, len(labels)))
    is_found = 100 * segments.counts(alarms) > k * segments.lengths
    return float(f1_score(labels, _with_found(labels, alarms, segments, is_found)))


def pa_k_auc(
    y_true: ArrayLike, y_pred: ArrayLike, lengths: ArrayLike | None = None
) -> float:
    """Area under `pa_k_f1` as a function of k from 0 to 100 %: a diagnostic.

    **Not for comparing detectors**: random alarms do very well at small ``k``, and
    the area counts these too.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    area : float
        Between the point-wise F1 and the point-adjusted F1.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly, labels are other than 0 and 1, or the lengths do
        not fit.

    See Also
    --------
    pa_k_f1 : The function of k.

    Notes
    -----
    The predictions are the same for all ``k``. F1 changes only where ``k`` passes the
    share of an anomaly that is hit, so the area is a sum of rectangles, and exact. It
    is proposed in [1]_, so that no ``k`` has to be chosen.

    References
    ----------
    .. [1] Kim, Choi, Choi, Lee, Yoon. "Towards a Rigorous Evaluation of Time-Series
       Anomaly Detection". AAAI 2022.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import pa_k_auc
    >>> y_true = [0, 1, 1, 1, 1, 0, 1, 1, 1, 1]
    >>> y_pred = [0, 1, 1, 0, 0, 0, 1, 0, 0, 0]
    >>> round(pa_k_auc(y_true, y_pred), 3)
    0.715
    """
    labels, alarms = labels_and_alarms(y_true, y_pred)
    segments = segments_of(labels, series_bounds(lengths, len(labels)))
    n_hit = segments.counts(alarms)
    shares = n_hit / segments.lengths
    order = np.argsort(-shares)
    # Entry j: the j segments with the largest shares are adjusted, k being between
    # the share of the last of these and that of the next.
    n_added = np.concatenate([[0], np.cumsum((segments.lengths - n_hit)[order])])
    n_found = n_hit.sum() + n_added
    f1 = 2 * n_found / (alarms.sum() + n_added + labels.sum())
    edges = np.concatenate([[1.0], shares[order], [0.0]])
    return float(np.sum(f1 * (edges[:-1] - edges[1:])))


def delay_adjust(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    max_delay: int = 7,
    lengths: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Mark anomalies found in time throughout, and take the alarms from all others.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    max_delay : int, default=7
        Time points after the first of an anomaly at which an alarm is still in time.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another. Anomalies
        end at the end of a series.

    Returns
    -------
    adjusted : ndarray of int64 of shape (n_timepoints,)
        The labels of `y_pred` outside of anomalies. Within an anomaly all 1 if there
        was a 1 among its first ``max_delay + 1`` points, else all 0.

    Raises
    ------
    ValueError
        If labels are other than 0 and 1, or the lengths or the delay do not fit.

    See Also
    --------
    delay_tolerant_f1 : F1 of the result, and what it is worth.
    sklearn.metrics.precision_recall_fscore_support : Precision and recall of it.

    Notes
    -----
    The protocol is that of [1]_ and of the AIOps challenge on key performance
    indicators, with a delay of 7 points for minutely data and 3 for hourly.

    References
    ----------
    .. [1] Ren et al. "Time-Series Anomaly Detection Service at Microsoft". KDD 2019.

    Examples
    --------
    >>> from sklearn.metrics import precision_score, recall_score
    >>> from sklearn_tsrep.detection.metrics import delay_adjust
    >>> y_true = [0, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    >>> y_pred = [1, 0, 1, 0, 0, 0, 0, 0, 1, 1]
    >>> adjusted = delay_adjust(y_true, y_pred, max_delay=1)
    >>> adjusted
    array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    >>> precision_score(y_true, adjusted), round(recall_score(y_true, adjusted), 3)
    (0.75, 0.429)
    """
    check_scalar(max_delay, "max_delay", Integral, min_val=0)
    labels, alarms = labels_and_alarms(y_true, y_pred, needs_anomaly=False)
    segments = segments_of(labels, series_bounds(lengths, len(labels)))
    ends = np.minimum(segments.starts + max_delay + 1, segments.stops)
    is_in_time = Segments(segments.starts, ends).counts(alarms) > 0
    return _with_found(labels, alarms & ~labels, segments, is_in_time)


def delay_tolerant_f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    max_delay: int = 7,
    lengths: ArrayLike | None = None,
) -> float:
    """F1 if an anomaly counts as found only by an alarm soon after its beginning.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_pred : array-like of shape (n_timepoints,)
        1 (or True) where there is an alarm, else 0. Of a detector:
        ``detector.predict(X) == -1``.

    max_delay : int, default=7
        Time points after the first of an anomaly at which an alarm is still in time.

    lengths : array-like of int of shape (n_series,), default=None
        Time points of each series, if there are several below one another.

    Returns
    -------
    f1 : float
        Point-wise F1 of `delay_adjust`.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly, labels are other than 0 and 1, or the lengths or
        the delay do not fit.

    See Also
    --------
    delay_adjust : The adjusted labels, from which precision and recall come too.

    Notes
    -----
    An alarm among the first ``max_delay + 1`` points of an anomaly makes all its points
    true positives; without one all are false negatives, later alarms included. Alarms
    outside of anomalies are false positives, point by point [1]_.

    Trust: harder to win by chance than point adjustment, since the points that help
    are few, but one early alarm still counts for a whole long anomaly. Random alarms at
    one in ten points are in time for 57 % of anomalies at the default delay. Report
    the same for random alarms at the same rate.

    References
    ----------
    .. [1] Ren et al. "Time-Series Anomaly Detection Service at Microsoft". KDD 2019.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import delay_tolerant_f1
    >>> y_true = [0, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    >>> y_pred = [1, 0, 1, 0, 0, 0, 0, 0, 1, 1]
    >>> round(delay_tolerant_f1(y_true, y_pred, max_delay=1), 3)
    0.545
    >>> round(delay_tolerant_f1(y_true, y_pred, max_delay=2), 3)
    0.933
    """
    labels, _ = labels_and_alarms(y_true, y_pred)
    adjusted = delay_adjust(y_true, y_pred, max_delay=max_delay, lengths=lengths)
    return float(f1_score(labels, adjusted))


def _with_found(
    labels: Labels, alarms: Labels, segments: Segments, is_found: Labels
) -> NDArray[np.int64]:
    adjusted = alarms.astype(np.int64)
    adjusted[labels] |= np.repeat(is_found, segments.lengths)
    return adjusted
