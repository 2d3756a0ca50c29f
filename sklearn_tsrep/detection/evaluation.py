"""Comparing detectors on series with labels, without looking at the labels first."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from sklearn_tsrep.detection.metrics import (
    best_f1,
    delay_tolerant_f1,
    pa_k_auc,
    point_adjusted_f1,
    vus_pr,
)


class LabelledSeries(NamedTuple):
    """A series to learn from, and one to score.

    Attributes
    ----------
    X_train, X_test : array-like of shape (n_timepoints, n_channels)
        Time points before, which are mostly normal, and later ones.

    y_test : array-like of shape (n_timepoints,)
        1 at anomalous time points of X_test, 0 at the others.
    """

    X_train: Any
    X_test: Any
    y_test: ArrayLike


def evaluate_detectors(
    detectors: Mapping[str, Any],
    series: Mapping[str, tuple[Any, Any, ArrayLike]],
    *,
    alarm_ratio: float = 0.01,
    max_buffer: int = 500,
) -> pd.DataFrame:
    """Fit each detector on the first part of each series, and judge it by the second.

    Parameters
    ----------
    detectors : mapping of str to outlier detector
        Any with ``fit`` and ``score_samples``, higher for normal time points, such as
        `sklearn.ensemble.IsolationForest`. They are cloned. Put a random score and a
        plain method beside what you want to know about.

    series : mapping of str to LabelledSeries
        Or tuples ``(X_train, X_test, y_test)``.

    alarm_ratio : float, default=0.01
        As in `judge_scores`.

    max_buffer : int, default=500
        As in `judge_scores`.

    Returns
    -------
    table : DataFrame
        One row a detector and series: ``"detector"``, ``"series"``, the columns of
        `judge_scores`, and ``"fit_seconds"`` and ``"score_seconds"``, in which scoring
        is that of the second part.

    Raises
    ------
    ValueError
        If a detector refuses the data, or the labels are not of two kinds.

    See Also
    --------
    sklearn_tsrep.detection.metrics : Which of the figures to trust.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_tsrep.detection import evaluate_detectors
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> X_test, y_test = X[200:].copy(), np.zeros(100, dtype=int)
    >>> X_test[40:45], y_test[40:45] = 9, 1
    >>> table = evaluate_detectors(
    ...     {"forest": IsolationForest(random_state=0)},
    ...     {"noise": (X[:200], X_test, y_test)},
    ... )
    >>> float(table.loc[0, "average_precision"])
    1.0
    """
    rows = [
        {
            "detector": name,
            "series": label,
            **_judged(clone(detector), LabelledSeries(*parts), alarm_ratio, max_buffer),
        }
        for label, parts in series.items()
        for name, detector in detectors.items()
    ]
    return pd.DataFrame(rows)


def judge_scores(
    y_true: ArrayLike,
    scores: ArrayLike,
    training_scores: ArrayLike,
    offset: float | None = None,
    *,
    alarm_ratio: float = 0.01,
    max_buffer: int = 500,
) -> dict[str, float]:
    """Return what scores of one series are worth by its labels.

    Parameters
    ----------
    y_true : array-like of shape (n_timepoints,)
        1 at anomalous time points, 0 at the others.

    scores : array-like of shape (n_timepoints,)
        Higher for normal time points, as ``score_samples`` returns them.

    training_scores : array-like of shape (n_training_timepoints,)
        Scores of what the detector was fitted to.

    offset : float or None, default=None
        Scores below are alarms, as ``offset_`` of a detector; None for the quantile
        of the training scores at ``alarm_ratio``.

    alarm_ratio : float, default=0.01
        Share of training and test scores together that are alarms in the protocol of
        many papers, for point adjustment.

    max_buffer : int, default=500
        Of `vus_pr`.

    Returns
    -------
    figures : dict of str to float
        ``"vus_pr"``, ``"average_precision"`` and ``"roc_auc"``, which need no
        threshold; ``"f1"`` at the offset, and ``"delay_tolerant_f1"``, for which an
        alarm has to come within 7 time points; and three that have looked at the
        labels or at all scores: ``"best_f1"``, ``"pa_k_auc"`` and
        ``"point_adjusted_f1"``, both at ``alarm_ratio``. The last two are diagnostics
        and not for comparison.

    Raises
    ------
    ValueError
        If scores or labels are not valid, or the labels of one kind only.
    """
    strangeness = -np.asarray(scores, dtype=np.float64)
    training = -np.asarray(training_scores, dtype=np.float64)
    if offset is None:
        offset = -float(np.quantile(training, 1 - alarm_ratio))
    alarms = strangeness > -offset
    together = np.concatenate([training, strangeness])
    ratio_alarms = strangeness > np.quantile(together, 1 - alarm_ratio)
    return {
        "vus_pr": vus_pr(y_true, strangeness, max_buffer=max_buffer),
        "average_precision": float(average_precision_score(y_true, strangeness)),
        "roc_auc": float(roc_auc_score(y_true, strangeness)),
        "f1": float(f1_score(y_true, alarms, zero_division=0.0)),
        "delay_tolerant_f1": delay_tolerant_f1(y_true, alarms),
        "best_f1": best_f1(y_true, strangeness)[0],
        "pa_k_auc": pa_k_auc(y_true, ratio_alarms),
        "point_adjusted_f1": point_adjusted_f1(y_true, ratio_alarms),
    }


def _judged(
    detector: Any, series: LabelledSeries, alarm_ratio: float, max_buffer: int
) -> dict[str, float]:
    start = time.perf_counter()
    detector.fit(series.X_train)
    fitted = time.perf_counter()
    scores = detector.score_samples(series.X_test)
    scored = time.perf_counter()
    figures = judge_scores(
        series.y_test,
        scores,
        detector.score_samples(series.X_train),
        getattr(detector, "offset_", None),
        alarm_ratio=alarm_ratio,
        max_buffer=max_buffer,
    )
    return {
        **figures,
        "fit_seconds": fitted - start,
        "score_seconds": scored - fitted,
    }
