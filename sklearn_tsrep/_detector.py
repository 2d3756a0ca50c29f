"""The skeleton of detectors: scores of time points, and when they are an alarm."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._html import DisplayedEstimator
from sklearn_tsrep._series import Rows, read_rows
from sklearn_tsrep._sklearn import Interval, StrOptions
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.thresholds import THRESHOLDS, check_labels, fit_offset


class TimePointDetector(OutlierMixin, DisplayedEstimator, metaclass=ABCMeta):
    """Scores the time points of series, which are the rows of an array.

    A method says how strange the time points of a panel are, and how far its network
    looks back.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "contamination": [
            StrOptions({"auto"}),
            Interval(Real, 0, 0.5, closed="right"),
        ],
        "threshold": [StrOptions(THRESHOLDS.keys())],
    }

    @abstractmethod
    def _time_scores(self, panel: Panel) -> np.ndarray:
        """Return how strange each time point is (n_timepoints,), at least 0.

        Series one after another; 0 where there is no value.
        """

    @abstractmethod
    def _channel_scores(self, panel: Panel) -> np.ndarray:
        """Return the parts (n_timepoints, n_channels) whose sums are the scores."""

    @abstractmethod
    def _first_needed(self, n_timepoints: int, first: int) -> int:
        """Return the first time point that the scores from ``first`` on depend on.

        The series from there on has these scores as it has them in the whole.
        """

    def score_samples(
        self, X: Any, *, lengths: Any = None, series_id: Any = None, context: Any = None
    ) -> np.ndarray:
        """Score each time point: the higher, the more normal.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            One series, or several one below the other. NaN is missing data.

        lengths : array-like of int of shape (n_series,), default=None
            Time points of each series, in the order of the rows; None for one series.

        series_id : array-like of shape (n_timepoints,), default=None
            Which series each row belongs to, instead of ``lengths``. Rows of a series
            are in order of time.

        context : array-like of shape (n_context, n_channels), default=None
            What came before X, if X goes on with one series. Scores are those that X
            gets at the end of the whole.

        Returns
        -------
        scores : ndarray of shape (n_timepoints,), float64
            Finite, and 0 at most. Time points without any value get 0: nothing speaks
            against them.

        Raises
        ------
        NotFittedError
            Before `fit`.

        ValueError
            If X is not valid or does not fit ``lengths``, ``series_id`` or
            ``context``.
        """
        check_is_fitted(self)
        if context is None:
            rows = self._read(X, lengths, series_id)
            return rows.restored(-self._time_scores(rows.panel))
        if lengths is not None or series_id is not None:
            raise ValueError("context is for one series, without lengths or series_id.")
        panel, first = self._with_context(X, context)
        return -self._time_scores(panel)[first:]

    def decision_function(
        self, X: Any, *, lengths: Any = None, series_id: Any = None, context: Any = None
    ) -> np.ndarray:
        """Return the scores minus the threshold: below 0 is an anomaly.

        Parameters
        ----------
        X, lengths, series_id, context
            As in `score_samples`.

        Returns
        -------
        decision : ndarray of shape (n_timepoints,), float64
            ``score_samples(X) - offset_``.

        Raises
        ------
        NotFittedError, ValueError
            As in `score_samples`.
        """
        check_is_fitted(self, "offset_")
        scores = self.score_samples(
            X, lengths=lengths, series_id=series_id, context=context
        )
        return scores - self.offset_

    def predict(
        self, X: Any, *, lengths: Any = None, series_id: Any = None, context: Any = None
    ) -> np.ndarray:
        """Return -1 for anomalies and 1 for other time points.

        Parameters
        ----------
        X, lengths, series_id, context
            As in `score_samples`.

        Returns
        -------
        labels : ndarray of shape (n_timepoints,), int64

        Raises
        ------
        NotFittedError, ValueError
            As in `score_samples`.
        """
        decision = self.decision_function(
            X, lengths=lengths, series_id=series_id, context=context
        )
        return np.where(decision < 0, -1, 1)

    def fit_predict(
        self, X: Any, y: Any = None, *, lengths: Any = None, series_id: Any = None
    ) -> np.ndarray:
        """Fit to the time points, and return -1 for anomalies among them, 1 else.

        Parameters
        ----------
        X, y, lengths, series_id
            As in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_timepoints,), int64
        """
        fitted = self.fit(X, y, lengths=lengths, series_id=series_id)
        return fitted.predict(X, lengths=lengths, series_id=series_id)

    def set_threshold(
        self, X: Any, y: Any = None, *, lengths: Any = None, series_id: Any = None
    ) -> Self:
        """Fit the threshold anew, without training.

        ``threshold`` and ``contamination`` may have been changed since `fit`.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            Time points to take scores from: training or validation data, not those
            to judge the detector by.

        y : array-like of shape (n_timepoints,), default=None
            For ``threshold="best_f1"``: 1 for anomalies, 0 for normal time points.

        lengths, series_id
            As in `score_samples`.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError, ValueError
            As in `score_samples`, or if labels are needed and missing.
        """
        check_is_fitted(self)
        self._validate_params()
        self._fit_offset(self._read(X, lengths, series_id), y)
        return self

    def contributions(
        self, X: Any, *, lengths: Any = None, series_id: Any = None, context: Any = None
    ) -> np.ndarray:
        """Return what each channel contributes to the score of each time point.

        Parameters
        ----------
        X, lengths, series_id, context
            As in `score_samples`.

        Returns
        -------
        contributions : ndarray of shape (n_timepoints, n_channels), float64
            Not negative; their sums over channels are ``-score_samples(X)``. For a
            segment take the mean over its rows. Scores that are smoothed have smoothed
            parts.

        Raises
        ------
        NotFittedError, ValueError
            As in `score_samples`.
        """
        check_is_fitted(self)
        if context is None:
            rows = self._read(X, lengths, series_id)
            return rows.restored(self._channel_scores(rows.panel))
        panel, first = self._with_context(X, context)
        return self._channel_scores(panel)[first:]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(
        self, X: Any, lengths: Any, series_id: Any, *, reset: bool = False
    ) -> Rows:
        return read_rows(self, X, lengths, series_id, reset=reset)

    def _with_context(self, X: Any, context: Any) -> tuple[Panel, int]:
        """Return X behind as much of its context as it needs, and where it begins."""
        before, after = (
            self._read(part, None, None).panel.series[0] for part in (context, X)
        )
        n_before = before.shape[1]
        begin = self._first_needed(n_before + after.shape[1], n_before)
        together = np.concatenate([before[:, begin:], after], axis=1)
        return Panel.from_series(together[np.newaxis]), n_before - begin

    def _fit_offset(
        self, rows: Rows, y: Any, time_scores: np.ndarray | None = None
    ) -> None:
        """Take the threshold from how strange rows are, which may be known already."""
        if time_scores is None:
            time_scores = self._time_scores(rows.panel)
        scores = -time_scores
        observed = np.concatenate(
            [~np.isnan(series).all(axis=0) for series in rows.panel.series]
        )
        labels = None
        if self.threshold == "best_f1" and y is not None:
            labels = rows.arranged(check_labels(y, len(scores)))[observed]
        self.offset_ = fit_offset(
            scores[observed],
            self.threshold,
            self.contamination,
            labels,
        )
