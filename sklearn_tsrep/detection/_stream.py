"""Scores of the time points of a series as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_tsrep.detection._sequence import panel_of

if TYPE_CHECKING:
    from sklearn_tsrep.detection._representation_detector import RepresentationDetector


class ScoreStream:
    """Scores the time points of one series as they come.

    It gives the scores of the whole series, and keeps no more of it than scores depend
    on. It is made by ``stream`` of a fitted detector, which it does not change.

    Parameters
    ----------
    detector : RepresentationDetector
        The fitted detector, with ``causal=True``.

    Attributes
    ----------
    n_seen_ : int
        Time points so far.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.detection import RepresentationDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> detector = RepresentationDetector(causal=True, random_state=0).fit(X)
    >>> stream = detector.stream()
    >>> stream.push(X[:50]).shape, stream.push(X[50:51]).shape
    ((50,), (1,))
    """

    def __init__(self, detector: RepresentationDetector) -> None:
        self.detector = detector
        self.n_seen_ = 0
        self._learned = detector._learned
        self._before = np.empty((0, detector.n_features_in_))

    def push(self, X: Any) -> np.ndarray:
        """Return the scores of the next time points: the higher, the more normal.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            The time points that follow those before; NaN is missing data.

        Returns
        -------
        scores : ndarray of shape (n_timepoints,), float64
            What ``score_samples`` gives for them in the whole series; below the
            ``offset_`` of the detector they are alarms.

        Raises
        ------
        ValueError
            If X is not valid, or the detector has learned since the stream was made.
            The stream is then as it was before.
        """
        if self.detector._learned is not self._learned:
            raise ValueError(
                "The detector has learned since the stream was made: make another with "
                "its method stream."
            )
        new = self.detector._read(X, None, None).panel.series[0].T
        rows = np.concatenate([self._before, new])
        normality = self.detector._normality
        n_before = len(self._before)
        scores = normality.scores_from(
            panel_of([rows]), n_before, self.n_seen_ - n_before
        )
        n_needed = normality.n_before
        assert n_needed is not None
        # A copy, since a view keeps all that was pushed.
        self._before = rows[max(len(rows) - n_needed, 0) :].copy()
        self.n_seen_ += len(new)
        return -scores
