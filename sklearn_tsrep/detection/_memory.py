"""Which normal windows are kept, and how near others come to them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.cluster import kmeans_plusplus
from sklearn.neighbors import NearestNeighbors

# Where windows repeat, neighbours have no distance: a share of the spread of all.
_SMALLEST_SCALE = 1e-4


def evenly(n_windows: int, n_kept: int) -> np.ndarray:
    """Return indices of windows at equal distances, of all if there are no more."""
    return np.linspace(0, n_windows - 1, min(n_kept, n_windows)).astype(np.int64)


def coreset(rows: np.ndarray, n_kept: int, seed: int) -> np.ndarray:
    """Return indices of rows that cover all: seeds of k-means++, in their order."""
    if len(rows) <= n_kept:
        return np.arange(len(rows))
    _, chosen = kmeans_plusplus(
        np.asarray(rows, np.float64), n_kept, random_state=seed, n_local_trials=1
    )
    return np.unique(chosen)


def local_scales(memory: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return how far each row is from its neighbours, in the mean, and not too near.

    Half of what is usual is added, so that rows that repeat do not make all others
    strange.
    """
    spread = float(np.sqrt(memory.var(axis=0, dtype=np.float64).sum()))
    smallest = _SMALLEST_SCALE * (spread or 1.0)
    if len(memory) == 1:
        return np.full(1, smallest)
    n_neighbors = min(n_neighbors, len(memory) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(memory)
    scales = search.kneighbors()[0].mean(axis=1)
    return scales + np.median(scales) / 2 + smallest


class Search:
    """Finds the nearest rows of a memory.

    Parameters
    ----------
    memory : ndarray of shape (n_kept, n_columns)
        The rows.

    n_neighbors : int
        How many to find.

    is_exact : bool
        By scikit-learn's neighbours, or approximately by PyNNDescent's.
    """

    def __init__(self, memory: np.ndarray, n_neighbors: int, is_exact: bool) -> None:
        self.n_neighbors = min(n_neighbors, len(memory))
        self.is_exact = is_exact
        if is_exact:
            self.index: Any = NearestNeighbors(algorithm="brute").fit(memory)
        else:
            self.index = _approximate_index(memory, self.n_neighbors)

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return distances and indices (n_rows, n_neighbors), the nearest first."""
        if self.is_exact:
            return self.index.kneighbors(rows, self.n_neighbors)
        indices, distances = self.index.query(rows, k=self.n_neighbors)
        return distances, indices


def _approximate_index(memory: np.ndarray, n_neighbors: int) -> Any:
    index = require_pynndescent().NNDescent(
        memory, n_neighbors=max(n_neighbors, 15), random_state=0, compressed=False
    )
    index.prepare()
    return index


@lru_cache(maxsize=1)
def require_pynndescent() -> Any:
    """Return the module.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import pynndescent
    except ModuleNotFoundError as error:
        raise ImportError(
            "search='approximate' needs the package pynndescent: "
            'pip install "sklearn-tsrep[neighbors]"'
        ) from error
    return pynndescent
