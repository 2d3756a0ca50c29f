"""A standardised series, and what windows of it say at each time point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_tsrep.data.rolling import last_known, without_level

_LEAST_AUTOCORRELATION = 0.3
_LEAST_RISE = 0.1
# Rounding leaves a straight line with a sum of squares below this share of its own.
_ROUNDING = 1e-20


@dataclass(frozen=True)
class History:
    """A standardised series, and what is known of it at each time point.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints, n_channels)
        Standardised by the training part; NaN is missing.

    window : int
        Time points, the last one included, to which what is known goes back.
    """

    values: np.ndarray
    window: int

    @cached_property
    def known(self) -> np.ndarray:
        """The last value within the window; 0, the training mean, where none is."""
        return last_known(self.values, self.window)

    @cached_property
    def without_gaps(self) -> np.ndarray:
        """The values with gaps filled by straight lines, which look ahead.

        To learn from. Channels without a value are 0.
        """
        steps = np.arange(len(self.values))
        filled = np.zeros_like(self.values)
        for channel, column in enumerate(self.values.T):
            is_there = ~np.isnan(column)
            if is_there.any():
                filled[:, channel] = np.interp(steps, steps[is_there], column[is_there])
        return filled

    @cached_property
    def normalized(self) -> np.ndarray:
        """The values without the mean of their window, over its spread."""
        return without_level(self.values, self.window)

    def lags(self, origins: np.ndarray, n_lags: int) -> np.ndarray:
        """Return what is known of the last time points, oldest first.

        The shape is (n_channels, n_origins, n_lags).
        """
        windows = sliding_window_view(self.known, n_lags, axis=0)
        return windows[origins - n_lags + 1].swapaxes(0, 1)

    def last(self, origins: np.ndarray) -> np.ndarray:
        """Return the last values (n_channels, n_origins, 1)."""
        return self.lags(origins, 1)

    def seasonal(
        self, origins: np.ndarray, season: int, n_seasons: int, horizon: int
    ) -> np.ndarray:
        """Return the mean of the last seasons, repeated over the horizon.

        The shape is (n_channels, n_origins, horizon).
        """
        lags = self.lags(origins, n_seasons * season)
        profile = lags.reshape(*lags.shape[:2], n_seasons, season).mean(axis=2)
        return profile[..., np.arange(horizon) % season]

    def ahead(
        self, origins: np.ndarray, horizon: int, *, without_gaps: bool
    ) -> np.ndarray:
        """Return what follows (n_channels, n_origins, horizon), NaN where missing.

        Or, to learn from, without gaps.
        """
        values = self.without_gaps if without_gaps else self.values
        windows = sliding_window_view(values, horizon, axis=0)
        return windows[origins + 1].swapaxes(0, 1)


def find_season(values: np.ndarray) -> int | None:
    """Return the period of the series, or None where it shows none.

    It is the highest of the local maxima of the autocorrelation, in the mean over
    channels that vary, without a straight trend; between 2 and a third of the time
    points. The autocorrelation has to rise to it: the noise of a series that drifts
    has maxima where it still falls.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints, n_channels)
        Without gaps.
    """
    correlation = _autocorrelation(values)[: len(values) // 3 + 2]
    inner, lowest = correlation[1:-1], np.minimum.accumulate(correlation)[1:-1]
    is_peak = (inner > correlation[:-2]) & (inner > correlation[2:])
    peaks = np.flatnonzero(is_peak & (inner - lowest > _LEAST_RISE)) + 1
    if not len(peaks):
        return None
    highest = int(peaks[correlation[peaks].argmax()])
    return highest if correlation[highest] > _LEAST_AUTOCORRELATION else None


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    """Return the mean over channels of what is left of them without a trend."""
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.signal import detrend

    n_steps = len(values)
    left = detrend(values, axis=0)
    left = left[:, (left**2).sum(axis=0) > _ROUNDING * (values**2).sum(axis=0)]
    if not left.shape[1]:
        return np.zeros(n_steps)
    n_padded = next_fast_len(2 * n_steps, real=True)
    covariance = irfft(np.abs(rfft(left, n_padded, axis=0)) ** 2, n_padded, axis=0)
    return (covariance[:n_steps] / covariance[0]).mean(axis=1)
