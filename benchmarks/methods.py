"""The methods of the classification tables: name -> how features are made.

A method builds an object with ``fit(X)`` and ``transform(X)``; labels are not given to
it. Another method joins by one entry in METHODS.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.datasets import Series
from benchmarks.recipe import Chosen, fit_ridge, fit_svm


@dataclass(frozen=True)
class Method:
    """How one method makes features and which classifier reads them."""

    build: Callable[[int, Mapping[str, Any]], Any]
    summary: str
    fit_classifier: Callable[[np.ndarray, np.ndarray, int], Chosen] = fit_svm
    takes_parameters: bool = False
    expected_seconds: float = 10.0


def build_trep(seed: int, parameters: Mapping[str, Any]) -> Any:
    """Return a TRepTransformer with these parameters."""
    from sklearn_tsrep import TRepTransformer

    # fit loads them when first used, and the clock is for fitting.
    for library in ("torch", "skorch"):
        importlib.import_module(library)
    return TRepTransformer(**{"random_state": seed, **parameters})


def build_untrained(seed: int, parameters: Mapping[str, Any]) -> Any:
    """Return the same transformer, left with its random weights."""
    return build_trep(seed, {**parameters, "max_epochs": 0})


class FlatSeries:
    """Each series as one long row of z-scored values.

    Channels are z-scored by the training part; what is missing, and what a series lacks
    to the longest one in training, is 0. Longer test series are cut.
    """

    def fit(self, X: Series) -> "FlatSeries":
        """Learn each channel's mean and deviation, and the longest length."""
        steps = np.concatenate(list(X), axis=1)
        self.means_ = np.nanmean(steps, axis=1, keepdims=True)
        deviations = np.nanstd(steps, axis=1, keepdims=True)
        self.deviations_ = np.where(deviations > 0, deviations, 1.0)
        self.length_ = max(one.shape[1] for one in X)
        return self

    def transform(self, X: Series) -> np.ndarray:
        """Return an array (n_instances, n_channels * longest length)."""
        return np.stack([self._flatten(one) for one in X])

    def _flatten(self, one: np.ndarray) -> np.ndarray:
        flat = np.zeros((len(one), self.length_))
        kept = (one[:, : self.length_] - self.means_) / self.deviations_
        flat[:, : kept.shape[1]] = np.nan_to_num(kept, nan=0.0)
        return flat.ravel()


class MiniRocketFeatures:
    """sktime's multivariate MiniRocket; its variant for unequal lengths where needed.

    Missing values become the training mean of their channel. The compiler runs before
    the clock starts, on random numbers.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def warm_up(self, X: Series) -> None:
        """Compile for data such as X without looking at its values."""
        noise = np.random.default_rng(0).normal(size=(4, *X[0].shape))
        few = list(noise) if isinstance(X, list) else noise
        MiniRocketFeatures(self.seed).fit(few).transform(few)

    def fit(self, X: Series) -> "MiniRocketFeatures":
        """Draw the kernels and their biases."""
        steps = np.concatenate(list(X), axis=1)
        self.means_ = np.nanmean(steps, axis=1, keepdims=True)
        self.length_ = None if isinstance(X, list) else X.shape[2]
        self.rocket_ = self._rocket().fit(self._prepare(X))
        return self

    def transform(self, X: Series) -> np.ndarray:
        """Return an array (n_instances, about 10,000)."""
        return np.asarray(self.rocket_.transform(self._prepare(X)), dtype=np.float32)

    def _rocket(self) -> Any:
        from sktime.transformations.panel import rocket

        if self.length_ is not None:
            return rocket.MiniRocketMultivariate(random_state=self.seed)
        return rocket.MiniRocketMultivariateVariable(
            random_state=self.seed, pad_value_short_series=0.0
        )

    def _prepare(self, X: Series) -> Any:
        filled = [np.where(np.isnan(one), self.means_, one) for one in X]
        if self.length_ is not None:
            return np.stack([self._resize(one) for one in filled]).astype(np.float32)
        import pandas as pd

        return [pd.DataFrame(one.T.astype(np.float32)) for one in filled]

    def _resize(self, one: np.ndarray) -> np.ndarray:
        """Cut or fill a test series to the one length seen in training."""
        missing = max(0, self.length_ - one.shape[1])
        return np.hstack([one, np.repeat(self.means_, missing, 1)])[:, : self.length_]


METHODS = {
    "trep": Method(
        build_trep,
        "TRepTransformer, fitted once on the training part without labels",
        takes_parameters=True,
        expected_seconds=90,
    ),
    "untrained": Method(
        build_untrained,
        "the same encoder with its random weights (`max_epochs=0`)",
        takes_parameters=True,
        expected_seconds=20,
    ),
    "raw-svm": Method(
        lambda seed, parameters: FlatSeries(),
        "z-scored series, flattened and padded with zeros, in the same SVM",
        expected_seconds=3,
    ),
    "minirocket": Method(
        lambda seed, parameters: MiniRocketFeatures(seed),
        "sktime's MiniRocket with its ridge classifier",
        fit_classifier=fit_ridge,
        expected_seconds=8,
    ),
}
