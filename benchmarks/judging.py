"""Judging encoders inside the training part, on series that they have not seen."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.configurations import pooling_parameters
from benchmarks.datasets import Series
from benchmarks.recipe import fit_svm, stratified_folds
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
N_FOLDS = 3
RECIPE = (
    f"Accuracy in stratified cross-validation of {N_FOLDS} folds inside the training "
    "parts, mean ± standard deviation over seeds, which draw the folds too. The "
    "encoder is fitted on the series of the other folds alone, without labels, C is "
    "chosen there as well, and the series held out are judged once. An encoder that "
    "had seen them, if without labels, would seem to gain more by training than it "
    "does on new series. Seconds are those of one fit. Test parts are never read."
)
STARTING_SECONDS = 5.0
EXPECTED_JUDGING_SECONDS = 0.5


class Fold(NamedTuple):
    """Series and labels to learn from, and others to judge by."""

    X: Series
    y: np.ndarray
    X_held_out: Series
    y_held_out: np.ndarray


def folds(X: Series, y: np.ndarray, seed: int) -> Iterator[Fold]:
    """Yield the folds of a training part; the seed shuffles the series."""
    for kept, held_out in stratified_folds(y[:, None], y, seed, N_FOLDS):
        yield Fold(_chosen(X, kept), y[kept], _chosen(X, held_out), y[held_out])


def judge(model: Any, fold: Fold, pooling: str, seed: int) -> dict[str, Any]:
    """Return what a fitted encoder's pooling is worth on the series held out."""
    model.set_params(**pooling_parameters(pooling))
    start = time.perf_counter()
    features = np.asarray(model.transform(fold.X))
    held_out = np.asarray(model.transform(fold.X_held_out))
    transformed = time.perf_counter()
    classifier = fit_svm(features, fold.y, seed).model
    return {
        "accuracy": float(classifier.score(held_out, fold.y_held_out)),
        "n_features": features.shape[1],
        "transform_seconds": transformed - start,
        "evaluate_seconds": time.perf_counter() - transformed,
    }


def summary(judgements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns of a row that judgements of all folds make."""
    accuracies = [one["accuracy"] for one in judgements]
    seconds = {
        name: round(float(np.mean([one[name] for one in judgements])), 3)
        for name in ("fit_seconds", "transform_seconds", "evaluate_seconds")
    }
    return {
        "cv_accuracy": float(np.mean(accuracies)),
        "cv_sd": float(np.std(accuracies, ddof=1)),
        "n_features": judgements[0]["n_features"],
        "n_epochs": judgements[0]["n_epochs"],
        **seconds,
    }


def expected_seconds(rows: Sequence[Row], n_keys: int, expected_fit: float) -> float:
    """Return the seconds of all folds with their judgements, by rows of its like."""
    fit, judging = expected_fit, EXPECTED_JUDGING_SECONDS
    if rows:
        fit = max(float(row["fit_seconds"]) for row in rows)
        judging = float(np.mean([_judging_seconds(row) for row in rows]))
    return STARTING_SECONDS + N_FOLDS * (fit + judging * n_keys)


def _chosen(X: Series, rows: np.ndarray) -> Series:
    return X[rows] if isinstance(X, np.ndarray) else [X[row] for row in rows]


def _judging_seconds(row: Row) -> float:
    return float(row["transform_seconds"]) + float(row["evaluate_seconds"])
