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


def remove_blocks(
    X: Series, share: float, seed: int | Sequence[int], mean_length: float
) -> Series:
    """Return the series with runs of steps set to NaN, in each channel on its own.

    Each channel is cut into runs of random lengths, geometric with this mean, and runs
    of all channels go in random order, the last one in part. Runs that are neighbours
    may both go, so that the more goes the longer are the gaps.
    """
    if mean_length < 1:
        raise ValueError(f"mean_length must be at least 1, got {mean_length}")
    rng = np.random.default_rng(seed)
    return _like(X, [_without_blocks(one, share, mean_length, rng) for one in X])


def _like(X: Series, series: list[np.ndarray]) -> Series:
    return series if isinstance(X, list) else np.stack(series)


def _without_steps(
    one: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    steps = np.flatnonzero(~np.isnan(one).all(axis=0))
    kept = one.copy()
    kept[:, _first(rng.permutation(steps), share)] = np.nan
    return kept


def _without_values(
    one: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    return _without(one, _first(rng.permutation(np.flatnonzero(~np.isnan(one))), share))


def _without_blocks(
    one: np.ndarray, share: float, mean_length: float, rng: np.random.Generator
) -> np.ndarray:
    is_start = rng.random(one.shape) < 1 / mean_length
    is_start[:, 0] = True
    turns = rng.permutation(is_start.sum())
    turn = turns[np.cumsum(is_start) - 1]
    places = np.argsort(turn, kind="stable")
    return _without(one, _first(places[~np.isnan(one).ravel()[places]], share))


def _without(one: np.ndarray, places: np.ndarray) -> np.ndarray:
    kept = one.copy()
    # one.copy() keeps the order of axes in memory, so ravel() may not be a view.
    kept.flat[places] = np.nan
    return kept


def _first(places: np.ndarray, share: float) -> np.ndarray:
    n_removed = min(round(share * len(places)), len(places) - 1)
    return places[: max(n_removed, 0)]
