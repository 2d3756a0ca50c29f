"""Representations of the time points of a series as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_array

from sklearn_tsrep._panels import unchanged_if_refused, unmasked
from sklearn_tsrep._sklearn import check_feature_names
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from sklearn_tsrep._transformer import RepresentationTransformer
    from sklearn_tsrep.data.batches import SeriesReader

_ROWS_AT_ONCE = 2**14


class RepresentationStream:
    """Represents the time points of one series as they come.

    It gives what ``encode_causal`` gives for the whole series, and keeps no more than
    the last ``context`` time points, or what the layers of a causal network need. It is
    made by ``stream`` of a fitted transformer, which it does not change, and pickles
    with it.

    Parameters
    ----------
    transformer : TRepTransformer or DMAETransformer
        The fitted transformer.

    context : int or None
        Steps before a step that its representation depends on; None for all that a
        causal network sees.

    start : float
        Index of the first observed time point, in steps.

    Attributes
    ----------
    n_seen_ : int
        Time points since the first observed one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep import TRepTransformer
    >>> series = np.random.default_rng(0).normal(size=(60, 2))  # rows are time points
    >>> trep = TRepTransformer(n_latents=4, n_blocks=2, max_steps=5, random_state=0)
    >>> stream = trep.fit(series.T[None]).stream(context=20)
    >>> stream.push(series[:50]).shape, stream.push(series[50:51]).shape
    ((50, 4), (1, 4))
    """

    def __init__(
        self,
        transformer: RepresentationTransformer,
        context: int | None = 200,
        start: float = 0,
    ) -> None:
        self.transformer = transformer
        self.context = context
        self.start = start
        self.n_seen_ = 0
        self._before = np.empty((0, transformer._n_channels))
        self._layers: list[np.ndarray] = []
        self._weights = transformer._weights

    def push(self, X: Any) -> np.ndarray:
        """Return the representations of the next time points.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            The time points that follow those before; NaN is missing data.

        Returns
        -------
        representation : ndarray of shape (n_timepoints, n_latents), float32
            NaN for time points before the first one with a value.

        Raises
        ------
        ValueError
            If X is not valid, has other channels or names of them than in fit, or the
            transformer was fitted anew. The stream is then as it was before.
        """
        X = self._checked(X)
        if self.transformer._weights is not self._weights:
            raise ValueError(
                "The transformer was fitted anew since the stream was made: make "
                "another with its method stream."
            )
        n_empty = 0
        if not self.n_seen_:
            has_value = ~np.isnan(X).all(axis=1)
            n_empty = int(has_value.argmax()) if has_value.any() else len(X)
        n_latents = self.transformer._n_latents
        represented = np.full((len(X), n_latents), np.nan, dtype=np.float32)
        with unchanged_if_refused(self):
            for begin in range(n_empty, len(X), _ROWS_AT_ONCE):
                rows = slice(begin, begin + _ROWS_AT_ONCE)
                represented[rows] = self._represented(X[rows])
        return represented

    def _represented(self, X: np.ndarray) -> np.ndarray:
        latents = self._followed(X) if self.context is None else self._in_windows(X)
        self.n_seen_ += len(X)
        return latents

    def _followed(self, X: np.ndarray) -> np.ndarray:
        """Represent rows by a causal network, from what it keeps of those before."""
        from sklearn_tsrep.training.inference import encode_next_steps

        encoder = self.transformer._causal_encoder(None)
        reader, device = self._reader(X), self.transformer._network_device()
        latents, self._layers = encode_next_steps(encoder, reader, device, self._layers)
        return latents

    def _in_windows(self, X: np.ndarray) -> np.ndarray:
        from sklearn_tsrep.training.inference import encode_last_steps

        encoder = self.transformer._causal_encoder(self.context)
        series = np.concatenate([self._before, X])
        reader, device = self._reader(series), self.transformer._network_device()
        latents = encode_last_steps(encoder, reader, device, len(X))
        n_kept = min(encoder.reach[0], len(series))
        # A copy, since a view keeps all that was pushed.
        self._before = series[len(series) - n_kept :].copy()
        return latents

    def _reader(self, series: np.ndarray) -> SeriesReader:
        """Return what reads rows that end with the new ones."""
        ends = np.zeros(1, dtype=np.int64), np.array([len(series)])
        reader = self.transformer._reader(Panel(series.T[np.newaxis], *ends))
        first = self.start + self.n_seen_ - len(self._before)
        return reader.at(first + np.arange(len(series)))

    def _checked(self, X: Any) -> np.ndarray:
        # The columns of a table seen in fit were time points.
        has_names = not self.transformer._fitted_on_table and hasattr(X, "columns")
        if has_names and hasattr(self.transformer, "feature_names_in_"):
            check_feature_names(self.transformer, X, reset=False)
        X = check_array(
            unmasked(X), dtype=np.float64, ensure_all_finite="allow-nan", input_name="X"
        )
        n_channels = self.transformer._n_channels
        if X.shape[1] != n_channels:
            raise ValueError(
                f"X must have a row a time point and {n_channels} columns, one a "
                f"channel, got an array of shape {X.shape}."
            )
        return X
