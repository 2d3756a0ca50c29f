"""Features of the methods beside ours, each with ``fit(X)`` and ``transform(X)``."""

import math
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer

from benchmarks.datasets import Series


class ChannelStatistics:
    """Mean and deviation of each channel of a training part, as columns."""

    def __init__(self, X: Series) -> None:
        steps = np.concatenate(list(X), axis=1)
        self.means = np.nanmean(steps, axis=1, keepdims=True)
        deviations = np.nanstd(steps, axis=1, keepdims=True)
        self.deviations = np.where(deviations > 0, deviations, 1.0)

    def z_score(self, one: np.ndarray) -> np.ndarray:
        """Return one series in units of the training part's deviations."""
        return (one - self.means) / self.deviations

    def unscaled(self, one: np.ndarray) -> np.ndarray:
        """Return one series in its own units again."""
        return one * self.deviations + self.means


class FlatSeries:
    """Each series as one long row of z-scored values.

    Channels are z-scored by the training part; what is missing, and what a series lacks
    to the longest one in training, is 0. Longer test series are cut.
    """

    def fit(self, X: Series) -> "FlatSeries":
        """Learn each channel's mean and deviation, and the longest length."""
        self.channels_ = ChannelStatistics(X)
        self.length_ = _longest(X)
        return self

    def transform(self, X: Series) -> np.ndarray:
        """Return an array (n_instances, n_channels * longest length)."""
        scaled = (self.channels_.z_score(one) for one in X)
        rows = (_resize(np.nan_to_num(one), self.length_, 0.0) for one in scaled)
        return np.stack([row.ravel() for row in rows])


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
        self.means_ = ChannelStatistics(X).means
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
            same = [_resize(one, self.length_, self.means_) for one in filled]
            return np.stack(same).astype(np.float32)
        import pandas as pd

        return [pd.DataFrame(one.T.astype(np.float32)) for one in filled]


class Catch22Features:
    """The 22 features of catch22 and mean and deviation, of each channel.

    Missing steps are left out of a channel. A feature that cannot be computed, as of a
    channel too short or without variation, becomes its mean over the training part,
    or 0 if no training series has it.
    """

    def fit(self, X: Series) -> "Catch22Features":
        """Learn the mean of each feature."""
        self.imputer_ = SimpleImputer(keep_empty_features=True).fit(_catch24(X))
        return self

    def transform(self, X: Series) -> np.ndarray:
        """Return an array (n_instances, n_channels * 24)."""
        return self.imputer_.transform(_catch24(X))


class PyPOTSTS2Vec(BaseEstimator):
    """TS2Vec as PyPOTS has it, its representation pooled by PyPOTS over all steps.

    Channels are z-scored by the training part, because PyPOTS does not scale. Series
    are filled with NaN to the longest one in training, and longer ones cut. Of these
    steps PyPOTS hides the input, and pools their representations with the others'; in
    training it sees them as zeros. It trains with Adam, keeps the weights of the epoch
    with the lowest training loss, and averages none.
    """

    def __init__(
        self,
        n_outputs: int = 320,
        hidden: int = 64,
        n_blocks: int = 10,
        batch_size: int = 16,
        lr: float = 1e-3,
        n_optimiser_steps: int = 200,
        random_state: int = 0,
    ) -> None:
        self.n_outputs = n_outputs
        self.hidden = hidden
        self.n_blocks = n_blocks
        self.batch_size = batch_size
        self.lr = lr
        self.n_optimiser_steps = n_optimiser_steps
        self.random_state = random_state

    def fit(self, X: Series) -> "PyPOTSTS2Vec":
        """Train for whole epochs, as few as give the steps.

        numpy's and torch's global generators are seeded, from which PyPOTS draws.
        """
        from pypots.utils.logging import logger_creator
        from pypots.utils.random import set_random_seed

        logger_creator.set_level("warning")
        self.channels_ = ChannelStatistics(X)
        self.length_ = _longest(X)
        set_random_seed(self.random_state)
        self.model_ = self._model(len(X), n_channels=len(X[0]))
        self.model_.fit({"X": self._prepare(X)})
        return self

    def transform(self, X: Series) -> np.ndarray:
        """Return an array (n_instances, n_outputs)."""
        panel = {"X": self._prepare(X)}
        return np.asarray(self.model_.represent(panel, encoding_window="full_series"))

    def _model(self, n_instances: int, n_channels: int) -> Any:
        from pypots.optim import Adam
        from pypots.representation import TS2Vec

        n_batches = math.ceil(n_instances / self.batch_size)
        return TS2Vec(
            n_steps=self.length_,
            n_features=n_channels,
            n_output_dims=self.n_outputs,
            d_hidden=self.hidden,
            n_layers=self.n_blocks,
            batch_size=self.batch_size,
            epochs=math.ceil(self.n_optimiser_steps / n_batches),
            optimizer=Adam(lr=self.lr),
            model_saving_strategy=None,
            verbose=False,
        )

    def _prepare(self, X: Series) -> np.ndarray:
        """Return an array (n_instances, n_timepoints, n_channels)."""
        scaled = (self.channels_.z_score(one) for one in X)
        rows = [_resize(one, self.length_, np.nan).T for one in scaled]
        return np.stack(rows).astype(np.float32)


def _longest(X: Series) -> int:
    return max(one.shape[1] for one in X)


def _resize(one: np.ndarray, length: int, filling: float | np.ndarray) -> np.ndarray:
    """Cut a series (n_channels, any length) or fill its end."""
    shape = len(one), max(0, length - one.shape[1])
    return np.hstack([one[:, :length], np.full(shape, filling)])


def _catch24(X: Series) -> np.ndarray:
    """Return all features of all channels, NaN where one cannot be computed."""
    return np.array([np.concatenate([_of_channel(c) for c in one]) for one in X])


def _of_channel(channel: np.ndarray) -> list[float]:
    import pycatch22

    observed = channel[~np.isnan(channel)].astype(np.float64)
    with warnings.catch_warnings():
        # All features of nothing are NaN, which is what is wanted.
        warnings.filterwarnings("ignore", message="the time series is empty")
        found = pycatch22.catch22_all(observed, catch24=True, mask_nans=False)
    return found["values"]
