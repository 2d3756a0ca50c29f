"""Metrics of the detection of anomalies in time series.

Labels are 1 at anomalous time points and else 0. Scores are higher where a series is
more anomalous (``-detector.score_samples(X)``), alarms are 1 where a detector raises
one (``detector.predict(X) == -1``). Point-wise precision, recall, F1, average
precision and ROC AUC are those of `sklearn.metrics`.

Which to trust: the upper ones. The last column says what a random score gets, and
random alarms at 2 % of time points, where 10 anomalies of 100 points each lie in a
series of 10,000; an anomalous share of 10 %. A figure says something only beside it.

================================  ==============================================  ======
metric                            use                                             random
================================  ==============================================  ======
average precision (scikit-learn)  first; no threshold, no tolerance               0.10
`vus_pr`                          first; no threshold, near misses count in part  0.14
`best_f1`                         upper bound: its threshold has seen the labels  0.18
ROC AUC (scikit-learn)            beside the above; mild on false alarms          0.50
`vus_roc`                         beside the above; mild on false alarms          0.57
`range_f1`                        each anomaly the same; say its settings         0.02
`affiliation_f1`                  distances; 2 / 3 is what chance gives           0.66
`delay_tolerant_f1`               how soon anomalies are found                    0.19
`pa_k_f1`, `pa_k_auc`             diagnostics, not for comparing; here k = 5      0.04
`point_adjusted_f1`               diagnostic, not for comparing detectors         0.84
================================  ==============================================  ======

The volumes are those with ``max_buffer=100``. Random alarms at 10 % of time points get
0.66 by ``pa_k_f1`` with k = 5 and 0.45 by `delay_tolerant_f1`.
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix_at_thresholds

from sklearn_tsrep.detection._adjustment import (
    delay_adjust,
    delay_tolerant_f1,
    pa_k_auc,
    pa_k_f1,
    point_adjust,
    point_adjusted_f1,
)
from sklearn_tsrep.detection._affiliation import (
    affiliation_f1,
    affiliation_precision,
    affiliation_recall,
)
from sklearn_tsrep.detection._labels import labels_and_scores
from sklearn_tsrep.detection._ranges import range_f1, range_precision, range_recall
from sklearn_tsrep.detection._volume import vus_pr, vus_roc

__all__ = [
    "affiliation_f1",
    "affiliation_precision",
    "affiliation_recall",
    "best_f1",
    "delay_adjust",
    "delay_tolerant_f1",
    "pa_k_auc",
    "pa_k_f1",
    "point_adjust",
    "point_adjusted_f1",
    "range_f1",
    "range_precision",
    "range_recall",
    "vus_pr",
    "vus_roc",
]


def best_f1(y_true: ArrayLike, y_score: ArrayLike) -> tuple[float, float]:
    """Return the largest point-wise F1 over all thresholds, and its threshold.

    The threshold is chosen by the labels, which no detector in use has: the F1 is an
    upper bound of what a threshold can reach, not what to expect.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 (or True) where there is an anomaly, else 0. At least one must be 1.

    y_score : array-like of shape (n_timepoints,)
        Finite scores, higher where the series is more anomalous. Of a detector:
        ``-detector.score_samples(X)``.

    Returns
    -------
    f1 : float
        Between 0 and 1, higher is better.

    threshold : float
        The largest score with which ``y_score >= threshold`` has this F1.

    Raises
    ------
    ValueError
        If `y_true` has no anomaly or values other than 0 and 1, or `y_score` a value
        that is not finite.

    See Also
    --------
    sklearn.metrics.average_precision_score : Over all thresholds, none chosen.

    Notes
    -----
    F1 is ``2 TP / (2 TP + FP + FN)``, point by point.

    Trust: fine as a bound and for ranking detectors; alarms at all points get
    ``2 p / (1 + p)`` for a share ``p`` of anomalous points, so no score gets less.

    Examples
    --------
    >>> from sklearn_tsrep.detection.metrics import best_f1
    >>> best_f1([0, 0, 1, 1, 0], [0.1, 0.4, 0.35, 0.8, 0.2])
    (0.8, 0.35)
    """
    labels, scores = labels_and_scores(y_true, y_score)
    _, false_alarms, missed, hits, thresholds = confusion_matrix_at_thresholds(
        labels, scores
    )
    f1 = 2 * hits / (2 * hits + false_alarms + missed)
    best = np.argmax(f1)
    return float(f1[best]), float(thresholds[best])
