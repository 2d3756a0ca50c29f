"""Plain detectors beside ours, each with ``fit`` and ``score_samples``.

Rows of X are time points and columns channels, of one series or of several below one
another, whose ``lengths`` then are given. Higher scores are more normal.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

Lengths = Sequence[int] | None

# A smaller deviation counts as none: the channel is as good as constant.
SMALLEST_DEVIATION = 1e-3
# Values of windows at a time, so that memory is bounded.
VALUES_PER_CHUNK = 2**23


class RandomDetector(BaseEstimator):
    """Random scores, which know nothing of the data."""

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray, lengths: Lengths = None) -> "RandomDetector":
        """Learn nothing."""
        return self

    def score_samples(self, X: np.ndarray, lengths: Lengths = None) -> np.ndarray:
        """Return the same random scores for any X of this length."""
        return np.random.default_rng(self.random_state).random(len(X))


class ScalingDetector(BaseEstimator):
    """What detectors share: scales of channels, and series scored one by one.

    Channels are scaled by the training part, constant ones by 1, and clipped at
    ``clip`` deviations on both sides; a missing value becomes its channel's mean.
    """

    clip: float

    def fit(self, X: np.ndarray, lengths: Lengths = None) -> "ScalingDetector":
        """Learn the scales of channels, then from the scaled series."""
        self.scaler_ = StandardScaler().fit(X)
        self.scaler_.scale_[self.scaler_.scale_ < SMALLEST_DEVIATION] = 1.0
        self._learn(self._scaled(X, lengths))
        return self

    def score_samples(self, X: np.ndarray, lengths: Lengths = None) -> np.ndarray:
        """Return a score for each row of X."""
        return np.concatenate([self._score(one) for one in self._scaled(X, lengths)])

    def _scaled(self, X: np.ndarray, lengths: Lengths) -> list[np.ndarray]:
        scaled = np.nan_to_num(self.scaler_.transform(X), copy=False)
        return _cut(np.clip(scaled, -self.clip, self.clip), lengths)

    def _learn(self, series: Sequence[np.ndarray]) -> None:
        raise NotImplementedError

    def _score(self, series: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class WindowDetector(ScalingDetector):
    """Scores of windows, averaged over those windows that hold a time point.

    Windows start at every time point and lie within one series; with ``window=1`` they
    are the time points. A series shorter than a window is continued by its last values.

    Parameters
    ----------
    scorer : estimator
        Has ``fit`` and ``score_samples``; a row is a window.
    window : int
        Time points of a window.
    clip : float
        Largest deviation of a scaled value.
    max_windows : int
        Most windows to fit the scorer on; if there are more, then every second one,
        every third one, ...
    """

    def __init__(
        self,
        scorer: Any,
        window: int = 1,
        clip: float = 20.0,
        max_windows: int = 50_000,
    ) -> None:
        self.scorer = scorer
        self.window = window
        self.clip = clip
        self.max_windows = max_windows

    def _learn(self, series: Sequence[np.ndarray]) -> None:
        windows = [self._windows(one) for one in series]
        stride = math.ceil(sum(map(len, windows)) / self.max_windows)
        rows = np.concatenate([_as_rows(some[::stride]) for some in windows])
        self.scorer_ = clone(self.scorer).fit(rows)

    def _score(self, series: np.ndarray) -> np.ndarray:
        windows = self._windows(series)
        size = max(1, VALUES_PER_CHUNK // windows[0].size)
        scores = [
            self.scorer_.score_samples(_as_rows(windows[some]))
            for some in gen_batches(len(windows), size)
        ]
        return _mean_at_points(np.concatenate(scores), self.window)[: len(series)]

    def _windows(self, series: np.ndarray) -> np.ndarray:
        """Return a view (n_windows, n_channels, window)."""
        continued = _continue_to(self.window, series)
        return sliding_window_view(continued, self.window, axis=0)


class Norm(BaseEstimator):
    """Minus the Euclidean norm of a row."""

    def fit(self, X: np.ndarray) -> "Norm":
        """Learn nothing."""
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return a score for each row."""
        return -np.linalg.norm(X, axis=1)


class Residual(BaseEstimator):
    """Minus the distance of a row from the subspace of the principal components.

    ``n_components`` is their number, or the share of the variance that they explain; in
    any case they are at most half as many as columns, so that something is left.
    """

    def __init__(self, n_components: float) -> None:
        self.n_components = n_components

    def fit(self, X: np.ndarray) -> "Residual":
        """Find the components."""
        is_share = self.n_components < 1
        wanted = self.n_components if is_share else min(self.n_components, *X.shape)
        # Rows that are all alike have no variance to take shares of.
        with np.errstate(invalid="ignore"):
            pca = PCA(wanted).fit(X)
        with_variance = pca.components_[pca.explained_variance_ > 0]
        self.mean_, self.components_ = pca.mean_, with_variance[: X.shape[1] // 2]
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return a score for each row."""
        centred = X - self.mean_
        explained = centred @ self.components_.T @ self.components_
        return -np.linalg.norm(centred - explained, axis=1)


class NearestCentre(BaseEstimator):
    """Minus the distance of a row to the nearest of the k-means."""

    def __init__(self, n_clusters: int, random_state: int = 0) -> None:
        self.n_clusters = n_clusters
        self.random_state = random_state

    def fit(self, X: np.ndarray) -> "NearestCentre":
        """Find the centres, fewer where there are fewer distinct rows."""
        kmeans = KMeans(min(self.n_clusters, len(X)), random_state=self.random_state)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Number of distinct clusters", ConvergenceWarning
            )
            self.kmeans_ = kmeans.fit(X)
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Return a score for each row."""
        return -self.kmeans_.transform(X).min(axis=1)


class PyODAnomalyTransformer(ScalingDetector):
    """The Anomaly Transformer as PyOD has it, trained on one series.

    It trains for whole epochs, as few as give ``n_batches``, with two optimiser steps a
    batch. PyOD scores windows at a distance of ``stride`` and leaves what comes after
    the last of them without a score; here that is scored in a window at the end.

    Other than in its paper, the width of the prior is one number a head instead of one
    a time point, both steps of a batch enlarge the discrepancy, and the discrepancy
    enters the score without the factor 50 of the authors' program.
    """

    def __init__(
        self,
        window: int = 100,
        stride: int = 10,
        d_model: int = 512,
        n_heads: int = 8,
        n_layers: int = 3,
        batch_size: int = 32,
        lr: float = 1e-4,
        n_batches: int = 100,
        clip: float = 20.0,
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.stride = stride
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.batch_size = batch_size
        self.lr = lr
        self.n_batches = n_batches
        self.clip = clip
        self.device = device
        self.random_state = random_state

    def _learn(self, series: Sequence[np.ndarray]) -> None:
        """Train with torch's global generator seeded, and leave it as it was."""
        import torch

        if len(series) > 1:
            raise ValueError(
                f"PyOD's AnomalyTransformer learns from one series, got {len(series)}"
            )
        continued = _continue_to(self.window, series[0])
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.model_ = self._model(len(continued)).fit(continued)

    def _score(self, series: np.ndarray) -> np.ndarray:
        continued = _continue_to(self.window, series)
        scores = self.model_.decision_function(continued)
        n_left = (len(continued) - self.window) % self.stride
        if n_left:
            at_end = self.model_.decision_function(continued[-self.window :])
            scores[-n_left:] = at_end[-n_left:]
        return -scores[: len(series)]

    def _model(self, n_timepoints: int) -> Any:
        from pyod.models.ts_anomaly_transformer import AnomalyTransformer

        n_windows = (n_timepoints - self.window) // self.stride + 1
        batches_an_epoch = math.ceil(n_windows / self.batch_size)
        return AnomalyTransformer(
            window_size=self.window,
            step=self.stride,
            d_model=self.d_model,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            batch_size=self.batch_size,
            lr=self.lr,
            epochs=math.ceil(self.n_batches / batches_an_epoch),
            device=self.device,
        )


def _cut(X: np.ndarray, lengths: Lengths) -> list[np.ndarray]:
    """Return the series that lie below one another in X."""
    lengths = [len(X)] if lengths is None else list(lengths)
    if sum(lengths) != len(X) or min(lengths) < 1:
        raise ValueError(
            f"lengths must be positive and sum to the {len(X)} rows of X, got {lengths}"
        )
    return np.split(X, np.cumsum(lengths)[:-1])


def _continue_to(length: int, series: np.ndarray) -> np.ndarray:
    """Return a series of at least this length, continued by its last values."""
    n_lacking = max(0, length - len(series))
    return np.pad(series, ((0, n_lacking), (0, 0)), mode="edge")


def _as_rows(windows: np.ndarray) -> np.ndarray:
    return windows.reshape(len(windows), -1)


def _mean_at_points(scores: np.ndarray, window: int) -> np.ndarray:
    """Average the scores of all windows that hold a time point."""
    ones = np.ones(window)
    return np.convolve(scores, ones) / np.convolve(np.ones(len(scores)), ones)


DETECTORS: Mapping[str, Callable[[int], Any]] = {
    "random": lambda seed: RandomDetector(seed),
    "z-score": lambda seed: WindowDetector(Norm()),
    "pca": lambda seed: WindowDetector(Residual(0.9)),
    "pca-windows": lambda seed: WindowDetector(Residual(20), window=20),
    "k-means-windows": lambda seed: WindowDetector(NearestCentre(20, seed), window=20),
    "isolation-forest": lambda seed: WindowDetector(IsolationForest(random_state=seed)),
}
