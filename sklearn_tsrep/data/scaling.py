"""Standardisation of channels with statistics of the training panel."""

from collections.abc import Iterator

import numpy as np

from sklearn_tsrep.data.panel import Panel

# Values in double precision at a time, so that memory is bounded.
_VALUES_PER_CHUNK = 2**20
# Rounding leaves a constant channel with a deviation below this share of its mean.
_ROUNDING = 1e-13


class ChannelScaler:
    """Mean and standard deviation of each channel, missing values left out.

    Constant channels and channels without a value have the divisor 1. Statistics are
    taken in double precision, and chunk by chunk, so that memory is bounded.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_channels,), float64
        Subtracted, and divided by.

    largest : float or None
        Scaled values are cut off at it, to both sides.
    """

    def __init__(
        self, mean: np.ndarray, scale: np.ndarray, largest: float | None = None
    ) -> None:
        self.mean = mean
        self.scale = scale
        self.largest = largest

    @classmethod
    def identity(cls, n_channels: int) -> "ChannelScaler":
        """Return a scaler that leaves the values as they are."""
        return cls(np.zeros(n_channels), np.ones(n_channels))

    @classmethod
    def fit(cls, panel: Panel) -> "ChannelScaler":
        """Take the statistics of a panel.

        Those of each chunk are merged with those before, as Chan et al. (1979) do.
        (`StandardScaler.partial_fit` gives NaN for a channel that has no value in
        the first chunk.)

        Raises
        ------
        ValueError
            If values are too large for a standard deviation in double precision.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = cls._merged_statistics(panel)
        if not np.isfinite([mean, deviation]).all():
            raise ValueError(
                "X has values too large to take their standard deviation. Scale them "
                "down first, or look for placeholders such as 1e300 that should be NaN."
            )
        has_spread = deviation > _ROUNDING * np.abs(mean)
        return cls(mean, np.where(has_spread, deviation, 1.0))

    @staticmethod
    def _merged_statistics(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
        counts, mean, squares = np.zeros((3, panel.n_channels))
        for values in _chunks(panel):
            missing = np.isnan(values)
            values[missing] = 0
            new_counts = (~missing).sum(axis=1)
            totals = counts + new_counts
            new_mean = _ratio(values.sum(axis=1), new_counts)
            values -= new_mean[:, np.newaxis]
            values[missing] = 0
            shift = new_mean - mean
            mean = mean + shift * _ratio(new_counts, totals)
            squares += np.square(values, out=values).sum(axis=1)
            squares += shift**2 * _ratio(counts * new_counts, totals)
            counts = totals
        return mean, np.sqrt(_ratio(squares, counts))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scale values (..., n_channels) into a new float32 array."""
        scaled = values - self.mean
        scaled /= self.scale
        if self.largest is not None:
            np.clip(scaled, -self.largest, self.largest, out=scaled)
        # What is too large for single precision becomes infinite; encoding and
        # training check what comes of it.
        with np.errstate(over="ignore"):
            return scaled.astype(np.float32)


def _ratio(numerators: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Divide, with 0 where nothing was counted."""
    return numerators / np.maximum(counts, 1)


def _chunks(panel: Panel) -> Iterator[np.ndarray]:
    """Yield new arrays (n_channels, steps): short series joined, long ones cut."""
    chunk_size = max(1, _VALUES_PER_CHUNK // panel.n_channels)
    pieces: list[np.ndarray] = []
    n_steps = 0
    for series in panel.series:
        for start in range(0, series.shape[1], chunk_size):
            pieces.append(series[:, start : start + chunk_size])
            n_steps += pieces[-1].shape[1]
            if n_steps >= chunk_size:
                yield np.concatenate(pieces, axis=1, dtype=np.float64)
                pieces, n_steps = [], 0
    if pieces:
        yield np.concatenate(pieces, axis=1, dtype=np.float64)
