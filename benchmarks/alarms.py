"""From features of hours to alarms: the one recipe of tables with labels.

A classifier and its strength are chosen by cross-validation inside the hours that are
learned from, by the folds' mean average precision, with all hours of a patient in one
fold. The scores that it gives to the hours of each fold without having seen them decide
where an alarm begins: where their F1 is largest. Hours without an anomaly and those
with one count the same in total.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_tsrep.thresholds import best_f1_offset

N_FOLDS = 3


class Candidates(NamedTuple):
    """A classifier, and values of its parameters to choose from."""

    model: Any
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]]


LINEAR = "passthrough"
# A support vector machine on as many hours takes too long. Its gamma is that which
# scikit-learn calls "scale", as features are standardised.
RBF = Nystroem(n_components=200, random_state=0)
LOGISTIC = Candidates(
    Pipeline(
        [
            ("filled", SimpleImputer(keep_empty_features=True)),
            ("scaled", StandardScaler()),
            ("kernel", LINEAR),
            ("model", LogisticRegression(class_weight="balanced", max_iter=1000)),
        ]
    ),
    [
        {"kernel": [LINEAR], "model__C": np.logspace(-4, -2, 3)},
        {"kernel": [RBF], "model__C": [0.01, 0.1]},
    ],
)
BOOSTING = Candidates(
    HistGradientBoostingClassifier(class_weight="balanced", random_state=0),
    {"learning_rate": [0.03, 0.1]},
)
NEVER = Candidates(DummyClassifier(strategy="most_frequent"), {})


class Alarms(NamedTuple):
    """A fitted classifier, and the score above which an hour gets an alarm."""

    classifier: Any
    threshold: float
    chosen: str
    cv_average_precision: float

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return how likely each row is an anomaly."""
        return self.classifier.predict_proba(features)[:, 1]


def fit_alarms(
    candidates: Candidates,
    features: np.ndarray,
    y: np.ndarray,
    patients: np.ndarray,
    seed: int,
) -> Alarms:
    """Choose a strength and a threshold, and fit to all rows."""
    splitter = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    folds = list(splitter.split(features, y, patients))
    search = GridSearchCV(
        candidates.model,
        candidates.grid,
        scoring="average_precision",
        cv=folds,
        error_score="raise",
    ).fit(features, y)
    best = search.best_estimator_
    unseen = cross_val_predict(best, features, y, cv=folds, method="predict_proba")
    return Alarms(
        best,
        threshold_of(unseen[:, 1], y),
        setting(search.best_params_),
        float(search.best_score_),
    )


def threshold_of(scores: np.ndarray, y: np.ndarray) -> float:
    """Return the threshold of the largest F1; none is passed by equal scores."""
    if scores.min() == scores.max():
        return float(scores.max())
    return -best_f1_offset(-scores, y)


def setting(chosen: Mapping[str, Any]) -> str:
    """Return what was chosen as "RBF C=0.01"."""
    names = {"kernel": "linear" if chosen.get("kernel") == LINEAR else "RBF"}
    words = (
        names.get(name) or f"{name.rpartition('__')[2]}={value:.3g}"
        for name, value in chosen.items()
    )
    return " ".join(words)


def figures(
    scores: np.ndarray, threshold: float, y: np.ndarray, patients: np.ndarray
) -> dict[str, float]:
    """Return the columns of a row that say how good scores and alarms are."""
    has_alarm = scores > threshold
    return {
        "average_precision": float(average_precision_score(y, scores)),
        "roc_auc": float(roc_auc_score(y, scores)),
        "f1": float(f1_score(y, has_alarm, zero_division=0.0)),
        "patient_f1": patient_f1(y, has_alarm, patients),
        "alarm_share": float(has_alarm.mean()),
    }


def patient_f1(y: np.ndarray, has_alarm: np.ndarray, patients: np.ndarray) -> float:
    """Return the mean over patients of their F1, 1 where is neither label nor alarm."""
    hits, labels, alarms = (
        np.bincount(patients, weights=marks) for marks in (y * has_alarm, y, has_alarm)
    )
    marked = labels + alarms
    f1 = np.where(marked == 0, 1.0, 2 * hits / np.maximum(marked, 1))
    return float(f1.mean())
