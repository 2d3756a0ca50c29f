"""Taking values away at random.

The same seed takes away the same, whoever asks, and with a larger share what a smaller
one takes away and more. Each series loses an exact share of what it has, rounded, and
keeps something.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.datasets import Series


def remove_steps(X: Series, share: float, seed: int | Sequence[int]) -> Series:
    """Return the series with whole time steps set to NaN, in all channels."""
    rng = np.random.default_rng(seed)
    return _like(X, [_without_steps(one, share, rng) for one in X])


def remove_values(X: Series, share: float, seed: int | Sequence[int]) -> Series:
    """Return the series with single values set to NaN."""
    rng = np.random.default_rng(seed)
    return _like(X, [_without_values(one, share, rng) for one in X])


def _like(X: Series, series: list[np.ndarray]) -> Series:
    return series if isinstance(X, list) else np.stack(series)


def _without_steps(
    one: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    steps = np.flatnonzero(~np.isnan(one).all(axis=0))
    kept = one.copy()
    kept[:, _drawn(steps, share, rng)] = np.nan
    return kept


def _without_values(
    one: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    kept = one.copy()
    # one.copy() keeps the order of axes in memory, so ravel() may not be a view.
    kept.flat[_drawn(np.flatnonzero(~np.isnan(one)), share, rng)] = np.nan
    return kept


def _drawn(places: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    n_removed = min(round(share * len(places)), len(places) - 1)
    return rng.permutation(places)[: max(n_removed, 0)]
