"""Ridge regression for many strengths at once, in groups that share what they learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinearMaps:
    """A linear map with an intercept for each group.

    Attributes
    ----------
    coefficients : ndarray of shape (n_groups, n_features, n_targets)
        One column a target.

    intercepts : ndarray of shape (n_groups, 1, n_targets)
        What is added.
    """

    coefficients: np.ndarray
    intercepts: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Map (n_groups, n_rows, n_features) to (n_groups, n_rows, n_targets)."""
        return features @ self.coefficients + self.intercepts


class NormalEquations:
    """Sums over rows from which ridge regression is solved for any strength.

    Neither all rows nor all features of a long series need to be in memory at once.

    Parameters
    ----------
    sharing : float
        How much of what a group is solved from is the mean over groups, in which all
        count alike, however much they vary: with 0 each has a map of its own, with 1
        all have the same coefficients.

    shrink_means : bool
        Whether the strength holds for the means of targets as well, which each group
        has of its own, so that an infinite one predicts 0.
    """

    def __init__(self, sharing: float, shrink_means: bool) -> None:
        self.sharing = sharing
        self.shrink_means = shrink_means
        self.n_rows = 0
        self._sums: list[np.ndarray] = []

    def add(self, features: np.ndarray, targets: np.ndarray) -> None:
        """Add rows of each group.

        Parameters
        ----------
        features : ndarray of shape (n_groups or 1, n_rows, n_features)
            With 1, the same of all groups.

        targets : ndarray of shape (n_groups, n_rows, n_targets)
        """
        self.n_rows += features.shape[1]
        transposed = features.swapaxes(1, 2)
        sums = [
            transposed @ features,
            transposed @ targets,
            features.sum(axis=1, keepdims=True),
            targets.sum(axis=1, keepdims=True),
        ]
        if self._sums:
            sums = [before + own for before, own in zip(self._sums, sums, strict=True)]
        self._sums = sums

    def solve(self, alphas: Sequence[float]) -> list[LinearMaps]:
        """Return the maps of each strength.

        It is in units of the mean variance of the features, for a row:
        `sklearn.linear_model.Ridge` means it times that and the number of rows.
        """
        products, cross, features, targets = (part / self.n_rows for part in self._sums)
        squares = _mean_of_diagonal(products)
        products = products - features.swapaxes(1, 2) @ features
        cross = cross - features.swapaxes(1, 2) @ targets
        # Rounding leaves features that do not vary a variance of this size.
        variance = _mean_of_diagonal(products)
        varies = variance > products.shape[1] * np.finfo(float).eps * squares
        unit = np.where(varies, variance, np.inf)
        values, vectors = np.linalg.eigh(self._mixed(products / unit))
        # It leaves those that depend on each other eigenvalues a little below 0.
        values = np.maximum(values, 1e-12)[..., np.newaxis]
        turned = vectors.swapaxes(1, 2) @ self._mixed(cross / unit)
        solved = []
        for alpha in alphas:
            coefficients = vectors @ (turned / (values + alpha))
            means = targets / (1 + alpha) if self.shrink_means else targets
            solved.append(LinearMaps(coefficients, means - features @ coefficients))
        return solved

    def _mixed(self, parts: np.ndarray) -> np.ndarray:
        shared = parts.mean(axis=0, keepdims=True)
        return (1 - self.sharing) * parts + self.sharing * shared


def _mean_of_diagonal(products: np.ndarray) -> np.ndarray:
    """Return (n_groups, 1, 1) of (n_groups, n_features, n_features)."""
    return np.trace(products, axis1=1, axis2=2)[:, None, None] / products.shape[1]
