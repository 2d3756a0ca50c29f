"""A series as a detector looks at it: its values, and what a transformer says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.rolling import last_known


@dataclass(frozen=True)
class Encoding:
    """What a transformer says of the time points of standardised series.

    Parameters
    ----------
    transformer : transformer
        The fitted one.

    mean, scale : ndarray of shape (n_channels,) or None
        What series are standardised with, where the transformer wants them as they
        were.

    causal : bool
        Whether time points are represented without those to come.

    context : int
        Time points before one that a causal representation depends on.
    """

    transformer: Any
    mean: np.ndarray | None
    scale: np.ndarray | None
    causal: bool
    context: int

    @property
    def reach(self) -> tuple[int, int] | None:
        """Time points before and after one that it depends on; None for all."""
        return (self.context, 0) if self.causal else self.transformer._reach

    @property
    def counts_time(self) -> bool:
        """Whether it depends on the index of a time point."""
        return getattr(self.transformer, "time_embedding", None) is not None

    def latents(self, values: np.ndarray, first: int) -> np.ndarray:
        """Return representations (n_timepoints, n_latents)."""
        if self.causal:
            return self.causal_latents(values, first)
        time = first + np.arange(len(values))
        return self.transformer.encode(self._panel(values), time=time)[0].T

    def causal_latents(
        self, values: np.ndarray, first: int, hide: int | str | None = None
    ) -> np.ndarray:
        """Return causal representations (n_timepoints, n_latents).

        ``hide`` is what a time point hides from its own: a channel, or "all".
        """
        latents = self.transformer.encode_causal(
            self._panel(values),
            context=self.context,
            time=first + np.arange(len(values)),
            hide=hide,
        )
        return latents[0].T

    def reconstructed(self, values: np.ndarray) -> np.ndarray:
        """Return what is believed of the values (n_timepoints, n_channels)."""
        believed = self.transformer.reconstruct(self._panel(values))[0].T
        if self.mean is None:
            return believed
        return (believed - self.mean) / self.scale

    def _panel(self, values: np.ndarray) -> Panel:
        if self.mean is not None:
            values = values * self.scale + self.mean
        return panel_of([values])


def panel_of(series: list[np.ndarray]) -> Panel:
    """Return the panel of series (n_timepoints, n_channels), their ends as gaps."""
    lengths = np.array([len(values) for values in series])
    return Panel([values.T for values in series], np.zeros_like(lengths), lengths)


@dataclass(frozen=True)
class Sequence:
    """A standardised series, or a part of one.

    Parameters
    ----------
    values : ndarray of shape (n_timepoints, n_channels)
        NaN where missing.

    window : int
        Time points to which the last known value goes back.

    encoding : Encoding or None
        What represents it; None for its values.

    first : int, default=0
        Index of the first time point in the whole series.
    """

    values: np.ndarray
    window: int
    encoding: Encoding | None
    first: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def is_observed(self) -> np.ndarray:
        """Whether a time point has any value (n_timepoints,)."""
        return ~np.isnan(self.values).all(axis=1)

    @cached_property
    def known(self) -> np.ndarray:
        """The values, gaps filled by those before (n_timepoints, n_channels)."""
        return last_known(self.values, self.window).astype(np.float32)

    @cached_property
    def latents(self) -> np.ndarray:
        """Representations (n_timepoints, n_latents)."""
        assert self.encoding is not None
        return self.encoding.latents(self.values, self.first)
