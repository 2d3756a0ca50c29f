"""Plain ways of filling gaps, each with ``fit(X)`` and ``impute(X)``.

Values that are there are kept, and nothing is NaN afterwards.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.datasets import Series
from benchmarks.peers import ChannelStatistics

Fill = Callable[[Any], Any]


def interpolated(frame: Any) -> Any:
    """Fill each column by straight lines between its values, their ends carried on."""
    return frame.interpolate(limit_direction="both")


def carried(frame: Any) -> Any:
    """Fill each column with its last value before, or else with its first."""
    return frame.ffill().bfill()


def untouched(frame: Any) -> Any:
    """Leave all gaps as they are."""
    return frame


class WithinSeries:
    """Fills each series by a function of its frame, whose rows are time steps.

    What it leaves, as in a channel without a value, becomes the channel's mean in
    the training part.
    """

    def __init__(self, fill: Fill) -> None:
        self.fill = fill

    def fit(self, X: Series) -> "WithinSeries":
        """Learn the mean of each channel."""
        self.means_ = ChannelStatistics(X).means
        return self

    def impute(self, X: Series) -> Series:
        """Return the series without gaps."""
        import pandas as pd

        filled = (self.fill(pd.DataFrame(one.T)).to_numpy().T for one in X)
        believed = [np.where(np.isnan(one), self.means_, one) for one in filled]
        return _kept(X, believed)


class IterativeSteps:
    """scikit-learn's IterativeImputer on time steps.

    A row is a time step of a series, its columns the z-scored channels at this step,
    the one before and the one after; beyond the ends of a series they are missing.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, X: Series) -> "IterativeSteps":
        """Learn to tell each column from the others."""
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        self.channels_ = ChannelStatistics(X)
        imputer = IterativeImputer(random_state=self.seed, keep_empty_features=True)
        with warnings.catch_warnings():
            # It ends after its ten rounds, settled or not, as a user would have it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.imputer_ = imputer.fit(self._steps(X))
        return self

    def impute(self, X: Series) -> Series:
        """Return the series without gaps."""
        filled = self.imputer_.transform(self._steps(X))[:, : len(X[0])]
        ends = np.cumsum([one.shape[1] for one in X])
        scaled = [rows.T for rows in np.split(filled, ends[:-1])]
        return _kept(X, [self.channels_.unscaled(one) for one in scaled])

    def _steps(self, X: Series) -> np.ndarray:
        """Return the rows of all series, (n_timepoints of all, 3 * n_channels)."""
        scaled = (self.channels_.z_score(one) for one in X)
        return np.concatenate([_with_neighbours(one).T for one in scaled])


class Interpolated:
    """Features of series whose gaps are filled by straight lines."""

    def __init__(self, features: Any) -> None:
        self.features = features

    def warm_up(self, X: Series) -> None:
        """Compile for data such as X."""
        if hasattr(self.features, "warm_up"):
            self.features.warm_up(X)

    def fit(self, X: Series) -> "Interpolated":
        """Fit on the training part, filled."""
        self.imputer_ = WithinSeries(interpolated).fit(X)
        self.features.fit(self.imputer_.impute(X))
        return self

    def transform(self, X: Series) -> np.ndarray:
        """Return the features of the series, filled."""
        return self.features.transform(self.imputer_.impute(X))


def _with_neighbours(one: np.ndarray) -> np.ndarray:
    beyond = np.full((len(one), 1), np.nan)
    before, after = np.hstack([beyond, one[:, :-1]]), np.hstack([one[:, 1:], beyond])
    return np.concatenate([one, before, after])


def _kept(X: Series, believed: list[np.ndarray]) -> Series:
    """Return series with what is believed of their gaps, and their own values."""
    filled = [
        np.where(np.isnan(one), other, one).astype(one.dtype)
        for one, other in zip(X, believed, strict=True)
    ]
    return filled if isinstance(X, list) else np.stack(filled)
