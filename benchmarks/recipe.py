"""From features to accuracy: the one recipe of all classification tables.

Features are standardised and given to an RBF support vector machine with
``gamma="scale"``; C comes from 10**-4 .. 10**4 by stratified cross-validation on the
training part (5 folds, fewer when a class has fewer members; of equal C the
smallest), and the machine is fitted anew on the whole training part. The kernel of a
fold is computed once for all values of C, which changes the time and not the result.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

C_GRID = 10.0 ** np.arange(-4, 5)
RIDGE_ALPHAS = np.logspace(-3, 3, 10)
MOST_FOLDS = 5

Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Chosen:
    """A fitted classifier, what was chosen for it, and its accuracy in choosing."""

    model: Any
    setting: str
    cv_accuracy: float | None


def fit_svm(features: np.ndarray, y: np.ndarray, seed: int) -> Chosen:
    """Choose C by cross-validation on these rows, then fit on all of them."""
    C, cv_accuracy = choose_c(features, y, seed)
    model = make_pipeline(StandardScaler(), SVC(C=C, gamma="scale"))
    return Chosen(model.fit(features, y), f"C={C:g}", cv_accuracy)


def fit_ridge(features: np.ndarray, y: np.ndarray, seed: int) -> Chosen:
    """Fit MiniRocket's usual ridge classifier; it chooses alpha by leave-one-out."""
    ridge = RidgeClassifierCV(alphas=RIDGE_ALPHAS)
    model = make_pipeline(StandardScaler(with_mean=False), ridge).fit(features, y)
    return Chosen(model, f"alpha={ridge.alpha_:g}", None)


def choose_c(features: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the C of the best mean accuracy over folds, and that accuracy."""
    accuracies = np.mean(
        [
            _accuracies(features, y, split, C_GRID)
            for split in stratified_folds(features, y, seed)
        ],
        axis=0,
    )
    best = int(np.argmax(accuracies))
    return float(C_GRID[best]), float(accuracies[best])


def stratified_folds(
    X: np.ndarray, y: np.ndarray, seed: int, most: int | None = None
) -> Iterator[Split]:
    """Yield shuffled stratified folds, as many as the smallest class allows.

    At least 2, and at most 5 or as many as asked for.
    """
    smallest = int(np.unique(y, return_counts=True)[1].min())
    n_folds = min(most or MOST_FOLDS, max(2, smallest))
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of one member is in one fold only, which is the best to be had.
        warnings.filterwarnings("ignore", message="The least populated class")
        yield from splitter.split(X, y)


def _accuracies(
    features: np.ndarray, y: np.ndarray, split: Split, grid: Any
) -> list[float]:
    """Return the accuracy of each C on one split."""
    train, test = split
    scaler = StandardScaler().fit(features[train])
    A = scaler.transform(features[train]).astype(np.float64)
    B = scaler.transform(features[test]).astype(np.float64)
    gamma = _gamma_scale(A)
    fitting, scoring = rbf_kernel(A, gamma=gamma), rbf_kernel(B, A, gamma=gamma)
    return [
        SVC(C=C, kernel="precomputed").fit(fitting, y[train]).score(scoring, y[test])
        for C in grid
    ]


def _gamma_scale(features: np.ndarray) -> float:
    """Return what SVC makes of ``gamma="scale"``."""
    variance = features.var()
    return 1.0 / (features.shape[1] * variance) if variance > 0 else 1.0
