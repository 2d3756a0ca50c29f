"""Detectors of anomalous time points as those of sktime."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sktime.detection.base import BaseDetector

from sklearn_tsrep._amad import AMADDetector
from sklearn_tsrep.adapters._base import EstimatorAdapter
from sklearn_tsrep.detection import (
    RepresentationDetector,
    from_segments,
    to_segments,
)

_TASKS = ("anomaly_detection", "segmentation")


class SktimeDetector(EstimatorAdapter, BaseDetector):
    """Anomalies of a series by a detector of time points, as a detector of sktime.

    ``predict`` gives the positions of alarms, or with ``task="segmentation"`` the
    stretches of neighbouring ones; ``transform`` gives a label for each time point,
    and ``transform_scores`` a score.

    Parameters
    ----------
    estimator : AMADDetector, RepresentationDetector or None, default=None
        What scores time points and says when they are an alarm, cloned before it is
        fitted; any detector with ``score_samples`` and ``predict`` whose rows are time
        points. One that is fitted already stays as it is in a
        `sklearn.frozen.FrozenEstimator`. None for an `AMADDetector` with its defaults.

    task : {"anomaly_detection", "segmentation"}, default="anomaly_detection"
        Whether alarms are time points, or stretches of them: sktime's tag of that name.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.

    See Also
    --------
    sklearn_tsrep.detection.to_segments : Stretches with short gaps closed.

    Notes
    -----
    ``predict_segments`` is what sktime says of it: with ``task="segmentation"`` the
    stretches of alarms, and otherwise the intervals from one alarm to the next.
    ``predict_points`` gives alarms, or the first time point of each stretch.

    Scores are those of the estimator with the sign changed: the higher, the more
    anomalous. Those of a stretch are its highest.

    Events that are given to ``fit`` as ``y`` are the labels of the estimator, which
    ``threshold="best_f1"`` needs.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_tsrep import AMADDetector
    >>> from sklearn_tsrep.adapters import SktimeDetector
    >>> X = pd.DataFrame({"load": np.sin(np.arange(400) / 5)})
    >>> X_new = X.copy()
    >>> X_new.iloc[200:205] = 3.0
    >>> amad = AMADDetector(window_length=40, smoothing=1, max_steps=30, random_state=0)
    >>> detector = SktimeDetector(amad, task="segmentation").fit(X)
    >>> highest = detector.predict_scores(X_new)["scores"].argmax()
    >>> 202 in detector.predict(X_new)["ilocs"][highest]
    True
    >>> detector.transform_scores(X_new).shape
    (400, 1)
    """

    _tags: ClassVar[dict[str, Any]] = {
        "task": "anomaly_detection",
        "learning_type": "unsupervised",
        "capability:multivariate": True,
        "X_inner_mtype": "pd.DataFrame",
    }

    def __init__(self, estimator: Any = None, task: str = "anomaly_detection") -> None:
        self.task = task
        super().__init__(estimator)

    @classmethod
    def _usual_estimator(cls) -> Any:
        return AMADDetector()

    def _tags_of(self, estimator: Any) -> dict[str, Any]:
        return {**super()._tags_of(estimator), "task": self.task}

    def _fit(self, X: pd.DataFrame, y: Any = None) -> SktimeDetector:
        if self.task not in _TASKS:
            raise ValueError(f"task must be one of {_TASKS}, got {self.task!r}.")
        self._fit_clone(X, None if y is None else _is_event(y, len(X)))
        return self

    def _predict(self, X: Any) -> pd.DataFrame:
        # `predict_points` and `predict_segments` hand on whatever they were given.
        is_alarm = self.estimator_.predict(pd.DataFrame(X)) == -1
        if self.task == "anomaly_detection":
            return pd.DataFrame({"ilocs": np.flatnonzero(is_alarm)})
        segments = to_segments(is_alarm, np.zeros(len(X)))
        bounds = segments["start"], segments["end"]
        return pd.DataFrame(
            {"ilocs": pd.IntervalIndex.from_arrays(*bounds, closed="left")}
        )

    def _transform_scores(self, X: pd.DataFrame) -> pd.DataFrame:
        scores = -self.estimator_.score_samples(X)
        return pd.DataFrame({"scores": scores}, index=X.index)

    def _predict_scores(self, X: pd.DataFrame) -> pd.DataFrame:
        scores = self._transform_scores(X)["scores"].to_numpy()
        starts, ends = _bounds(self._predict(X))
        highest = [scores[own].max() for own in map(slice, starts, ends)]
        return pd.DataFrame({"scores": np.asarray(highest, dtype=np.float64)})

    @classmethod
    def _small_parameters(cls) -> list[dict[str, Any]]:
        tiny = AMADDetector(
            8,
            d_model=4,
            n_heads=1,
            n_layers=1,
            smoothing=3,
            max_steps=2,
            random_state=0,
        )
        nearest = RepresentationDetector(
            transformer=None,
            window_length=3,
            reconstruction_length=4,
            smoothing=3,
            random_state=0,
        )
        return [{"estimator": tiny}, {"estimator": nearest, "task": "segmentation"}]


def _bounds(events: Any) -> tuple[Any, Any]:
    """Return first positions of events of sktime, and those behind their last."""
    ilocs = pd.Index(events["ilocs"])
    is_interval = isinstance(ilocs, pd.IntervalIndex)
    return (ilocs.left, ilocs.right) if is_interval else (ilocs, ilocs + 1)


def _is_event(events: Any, n_timepoints: int) -> np.ndarray:
    start, end = _bounds(events)
    return from_segments({"start": start, "end": end}, n_timepoints)
