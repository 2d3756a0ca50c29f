"""Standardisation of channels with statistics of the training panel."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_tsrep.data.panel import Panel

_STEPS_A_CHUNK = 2**18


class ChannelScaler:
    """Mean and standard deviation of each channel, missing values left out.

    Constant channels and channels without a value have the divisor 1. Statistics are
    taken in double precision, and chunk by chunk, so that memory is bounded.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_channels,), float64
        Subtracted, and divided by.
    """

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        self.mean = mean
        self.scale = scale

    @classmethod
    def identity(cls, n_channels: int) -> "ChannelScaler":
        """Return a scaler that leaves the values as they are."""
        return cls(np.zeros(n_channels), np.ones(n_channels))

    @classmethod
    def fit(cls, panel: Panel) -> "ChannelScaler":
        """Take the statistics of a panel."""
        scaler = StandardScaler()
        for steps in _chunks_of_steps(panel):
            scaler.partial_fit(steps)
        unseen = scaler.n_samples_seen_ == 0
        mean = np.where(unseen, 0.0, scaler.mean_)
        scale = np.where(unseen, 1.0, scaler.scale_)
        return cls(mean, scale)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scale values (n_channels, n_timepoints) into a new float32 array."""
        scaled = (values - self.mean[:, np.newaxis]) / self.scale[:, np.newaxis]
        return scaled.astype(np.float32)


def _chunks_of_steps(panel: Panel):  # type: ignore[no-untyped-def]
    pieces: list[np.ndarray] = []
    n_steps = 0
    for series in panel.series:
        for start in range(0, series.shape[1], _STEPS_A_CHUNK):
            piece = series[:, start : start + _STEPS_A_CHUNK]
            pieces.append(np.asarray(piece, dtype=np.float64).T)
            n_steps += piece.shape[1]
            if n_steps >= _STEPS_A_CHUNK:
                yield np.concatenate(pieces)
                pieces, n_steps = [], 0
    if pieces:
        yield np.concatenate(pieces)
