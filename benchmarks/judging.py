"""Judging the latents of a fitted encoder inside the training part."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.configurations import pooling_parameters
from benchmarks.recipe import nested_accuracy
from benchmarks.records import Row

MEASURED = (
    "cv_accuracy",
    "cv_sd",
    "n_features",
    "n_epochs",
    "fit_seconds",
    "transform_seconds",
    "evaluate_seconds",
)
REPEATS = 3
RECIPE = (
    f"Accuracy in {REPEATS} repeats of stratified cross-validation on the training "
    "parts (at most 5 folds, C chosen inside each training fold), mean ± standard "
    "deviation over seeds. The encoder is fitted once a seed on the whole training "
    "part, without labels. Test parts are never read."
)
STARTING_SECONDS = 5.0
EXPECTED_JUDGING_SECONDS = 3.0


def judge(model: Any, X: Any, y: np.ndarray, pooling: str) -> dict[str, Any]:
    """Return the columns of a row that a pooling of the latents earns, or its error."""
    try:
        return _judge(model, X, y, pooling)
    except Exception as error:  # one pooling must not lose the others
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def expected_seconds(rows: Sequence[Row], n_keys: int, expected_fit: float) -> float:
    """Return the seconds of a fit with some judgements, by rows of its like if any."""
    fit, judging = expected_fit, EXPECTED_JUDGING_SECONDS
    if rows:
        fit = max(float(row["fit_seconds"]) for row in rows)
        judging = float(np.mean([_judging_seconds(row) for row in rows]))
    return STARTING_SECONDS + fit + judging * n_keys


def _judge(model: Any, X: Any, y: np.ndarray, pooling: str) -> dict[str, Any]:
    model.set_params(**pooling_parameters(pooling))
    start = time.perf_counter()
    features = np.asarray(model.transform(X))
    transformed = time.perf_counter()
    accuracies = nested_accuracy(features, y, REPEATS)
    return {
        "cv_accuracy": float(np.mean(accuracies)),
        "cv_sd": float(np.std(accuracies, ddof=1)),
        "n_features": features.shape[1],
        "transform_seconds": round(transformed - start, 3),
        "evaluate_seconds": round(time.perf_counter() - transformed, 3),
    }


def _judging_seconds(row: Row) -> float:
    return float(row["transform_seconds"]) + float(row["evaluate_seconds"])
