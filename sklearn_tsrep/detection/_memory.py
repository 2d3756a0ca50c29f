"""Which normal windows are kept, and how near others come to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import kmeans_plusplus
from sklearn.neighbors import NearestNeighbors

# Where windows repeat, neighbours have no distance: a share of the spread of all.
_SMALLEST_SCALE = 1e-4
_USUAL_SCALES = 4.0
# One of so many clusters is looked at.
_SHARE_OF_CLUSTERS = 8
# Of fewer, faiss warns that a cluster is not known well.
_ROWS_A_CLUSTER = 40


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

    A multiple of what is usual is added, so that rows that nearly repeat do not make
    all others strange.
    """
    spread = float(np.sqrt(memory.var(axis=0, dtype=np.float64).sum()))
    smallest = _SMALLEST_SCALE * (spread or 1.0)
    if len(memory) == 1:
        return np.full(1, smallest)
    n_neighbors = min(n_neighbors, len(memory) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(memory)
    scales = search.kneighbors()[0].mean(axis=1)
    return scales + _USUAL_SCALES * np.median(scales) + smallest


class Search:
    """Finds the nearest rows of a memory.

    Parameters
    ----------
    memory : ndarray of shape (n_kept, n_columns), float32
        The rows.

    n_neighbors : int
        How many to find.

    is_exact : bool
        Among all by scikit-learn's neighbours, or by faiss among those of the clusters
        that are nearest.
    """

    def __init__(self, memory: np.ndarray, n_neighbors: int, is_exact: bool) -> None:
        self.n_neighbors = min(n_neighbors, len(memory))
        self.is_exact = is_exact
        if is_exact:
            self.index: Any = NearestNeighbors(algorithm="brute").fit(memory)
        else:
            self.index = _index_of_clusters(memory)

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return distances and indices (n_rows, n_neighbors), the nearest first."""
        if self.is_exact:
            return self.index.kneighbors(rows, self.n_neighbors)
        rows = np.ascontiguousarray(rows, np.float32)
        squares, indices = self.index.search(rows, self.n_neighbors)
        # Clusters with fewer rows than are asked for: the nearest stands for the rest.
        indices = np.where(indices < 0, indices[:, :1], indices)
        squares = np.where(np.isfinite(squares), squares, squares[:, :1])
        squares = np.minimum(squares, np.finfo(np.float32).max)
        return np.sqrt(np.maximum(squares, 0)), indices


def _index_of_clusters(memory: np.ndarray) -> Any:
    faiss = require_faiss()
    n_rows = len(memory)
    n_clusters = max(min(round(np.sqrt(n_rows) / 2), n_rows // _ROWS_A_CLUSTER), 1)
    quantizer = faiss.IndexFlatL2(memory.shape[1])
    index = faiss.IndexIVFFlat(quantizer, memory.shape[1], n_clusters)
    index.train(memory)
    index.add(memory)
    index.nprobe = max(n_clusters // _SHARE_OF_CLUSTERS, 4)
    return index


def require_faiss() -> Any:
    """Return the module.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import faiss
    except ModuleNotFoundError as error:
        raise ImportError(
            "search='approximate' needs the package faiss: "
            'pip install "sklearn-tsrep[neighbors]"'
        ) from error
    return faiss
