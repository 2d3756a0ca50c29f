"""Windows at every time point of series: cut, described by their values, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_tsrep.detection._sequence import Sequence


def sliding_windows(values: np.ndarray, length: int, *, causal: bool) -> np.ndarray:
    """Return a view (n_windows, n_columns, length) of windows at every time point.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints, n_columns)
        Of one series.

    length : int
        Time points of a window.

    causal : bool
        Whether there is a window for each time point, which ends there; the first
        value stands for those before. Else windows lie within the series; one that is
        shorter is continued by its last value.
    """
    n_lacking = length - 1 if causal else max(length - len(values), 0)
    sides = (n_lacking, 0) if causal else (0, n_lacking)
    continued = np.pad(values, (sides, (0, 0)), mode="edge")
    return sliding_window_view(continued, length, axis=0)


def at_time_points(
    scores: np.ndarray, length: int, n_timepoints: int, *, causal: bool
) -> np.ndarray:
    """Return scores of time points, from those of the windows of `sliding_windows`.

    Parameters
    ----------
    scores : ndarray of shape (n_windows, ...)
        Of windows.

    length, causal
        As they were cut.

    n_timepoints : int
        Of the series.

    Returns
    -------
    scores : float64 ndarray of shape (n_timepoints, ...)
        Means over the windows that hold a time point, or of the one that ends there.
    """
    scores = np.asarray(scores, np.float64)
    if causal or length == 1:
        return scores[:n_timepoints]
    counts = _sums(np.ones(len(scores)), length)
    means = _sums(scores, length) / counts.reshape(-1, *(1 for _ in scores.shape[1:]))
    return means[:n_timepoints]


def _sums(values: np.ndarray, length: int) -> np.ndarray:
    """Return sums over the last values, of which there are fewer at both ends."""
    sides = [(length - 1, length - 1), *((0, 0) for _ in values.shape[1:])]
    return sliding_window_view(np.pad(values, sides), length, axis=0).sum(axis=-1)


class Windows:
    """The windows of sequences, one after another.

    Parameters
    ----------
    sequences : list of Sequence
        What is cut.

    length, causal
        As in `sliding_windows`.
    """

    def __init__(self, sequences: list[Sequence], length: int, causal: bool) -> None:
        self.sequences = sequences
        self.length = length
        self.causal = causal
        sizes = [len(self._cut(one.is_observed[:, np.newaxis])) for one in sequences]
        self.bounds = np.concatenate([[0], np.cumsum(sizes)])

    def __len__(self) -> int:
        return int(self.bounds[-1])

    @cached_property
    def observed(self) -> np.ndarray:
        """Indices of the windows that have a value."""
        parts = [
            self._cut(one.is_observed[:, np.newaxis]).any(axis=(1, 2))
            for one in self.sequences
        ]
        return np.flatnonzero(np.concatenate(parts))

    @cached_property
    def _have_gaps(self) -> bool:
        return any(np.isnan(one.values).any() for one in self.sequences)

    def values(self, indices: np.ndarray) -> np.ndarray:
        """Return the known values (n_chosen, n_channels * length) of some windows.

        ``indices`` ascend.
        """
        return self._gathered(
            indices, lambda one, own: self._cut(one.known)[own].reshape(len(own), -1)
        )

    def is_there(self, indices: np.ndarray) -> np.ndarray | np.float32:
        """Return 1 at values (n_chosen, n_channels * length) that are not missing."""
        if not self._have_gaps:
            return np.float32(1)
        return self._gathered(
            indices,
            lambda one, own: (
                ~np.isnan(self._cut(one.values)[own].reshape(len(own), -1))
            ),
        )

    def latents(self, indices: np.ndarray) -> np.ndarray:
        """Return the mean representations (n_chosen, n_latents) of some windows.

        ``indices`` ascend.
        """
        return self._gathered(
            indices, lambda one, own: self._cut(one.latents)[own].mean(axis=2)
        )

    def at_time_points(self, scores: np.ndarray) -> list[np.ndarray]:
        """Return scores of the time points of each sequence from those of windows."""
        parts = np.split(scores, self.bounds[1:-1])
        return [
            at_time_points(part, self.length, len(one), causal=self.causal)
            for one, part in zip(self.sequences, parts, strict=True)
        ]

    def _cut(self, values: np.ndarray) -> np.ndarray:
        return sliding_windows(values, self.length, causal=self.causal)

    def _gathered(
        self,
        indices: np.ndarray,
        of_sequence: Callable[[Sequence, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        borders = np.searchsorted(indices, self.bounds)
        return np.concatenate(
            [
                of_sequence(one, indices[first:stop] - start)
                for one, start, first, stop in zip(
                    self.sequences, self.bounds, borders, borders[1:], strict=False
                )
                if stop > first
            ]
        )
