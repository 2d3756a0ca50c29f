"""The skeleton of forecasters: rows come in, what they lead to is forecast."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._html import DisplayedEstimator
from sklearn_tsrep._series import read_rows
from sklearn_tsrep.forecasting._design import Design, Map, Recipe

# Shares of what is left over that lie below the quantiles kept of it.
LEVELS = np.linspace(0, 1, 201)
# What is squared, and goes through a network in single precision, must stay finite.
_FARTHEST = 1e15


class RollingForecaster(DisplayedEstimator, metaclass=ABCMeta):
    """Forecasts from the last rows that it has seen, of which it keeps no more.

    A forecaster says how it fits (`fit`), what its `Recipe` and its maps are, and makes
    the `Design` of rows. Fitting sets ``mean_`` and ``scale_``, calls `_keep` and sets
    ``_quantiles`` and ``_n_errors``, what `error_quantiles` returns.
    """

    n_seen_: int
    mean_: np.ndarray
    scale_: np.ndarray
    _quantiles: np.ndarray
    _n_errors: np.ndarray

    @property
    @abstractmethod
    def _recipe(self) -> Recipe:
        """How rows become features, and responses forecasts."""

    @property
    @abstractmethod
    def _maps(self) -> Sequence[Map]:
        """From features to responses."""

    @abstractmethod
    def _design(self, rows: np.ndarray, n_before: int, first: int) -> Design:
        """Return the design of rows, of which ``n_before`` are left out at the start.

        It will be asked of origins from ``first`` on.
        """

    def update(self, X: Any) -> Self:
        """Take in time points that follow those seen, without learning from them.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            Rows that follow those of `fit` and of the updates before; NaN is missing.

        Returns
        -------
        self : object

        Raises
        ------
        NotFittedError, ValueError
            Before `fit`, or if X is not valid.
        """
        check_is_fitted(self)
        rows = self._read(X)
        self._keep(np.concatenate([self._seen, rows]), self.n_seen_ + len(rows))
        return self

    def predict(self, X: Any = None) -> np.ndarray:
        """Forecast the time points that follow.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels), default=None
            Rows that follow those seen. They are not kept: call `update` for that.

        Returns
        -------
        forecast : ndarray of shape (horizon, n_channels), float64
            In the units of the series.

        Raises
        ------
        NotFittedError, ValueError
            As in `update`.
        """
        check_is_fitted(self)
        design, origin = self._at_the_end(X)
        return self._in_units(design.forecasts(origin, self._maps))[0]

    def predict_interval(
        self, X: Any = None, *, coverage: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """Forecast between which values the time points that follow will lie.

        The ends are the forecast and quantiles of the errors in the validation part,
        of each horizon and channel on its own: each end holds for one value, and not
        for a whole path. Errors that grow after training are not covered.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels), default=None
            As in `predict`.

        coverage : float, default=0.9
            Share of the values that are to lie between the ends, above 0, below 1.

        Returns
        -------
        lower, upper : ndarray of shape (horizon, n_channels), float64
            In the units of the series.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, or if ``coverage`` is not valid, or more than the errors
            of the validation part can tell.
        """
        check_is_fitted(self)
        self._check_coverage(coverage)
        design, origin = self._at_the_end(X)
        forecast = design.forecasts(origin, self._maps)
        lower, upper = (
            self._in_units(forecast + self._quantile(level))[0]
            for level in ((1 - coverage) / 2, (1 + coverage) / 2)
        )
        return lower, upper

    def predict_rolling(self, X: Any) -> np.ndarray:
        """Forecast each part of a series from all that comes before it.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            Rows that follow those seen, at least ``horizon`` of them; not kept.

        Returns
        -------
        forecasts : ndarray of shape (n_timepoints + 1 - horizon, horizon, n_channels)
            Forecast ``k`` is what ``update(X[:k]).predict()`` gives, about
            ``X[k : k + horizon]``. float64, in the units of the series.

        Raises
        ------
        NotFittedError, ValueError
            As in `update`, or if X has fewer rows than ``horizon``.
        """
        check_is_fitted(self)
        rows = self._read(X)
        horizon, n_channels = self._recipe.horizon, rows.shape[1]
        forecasts = np.empty((len(rows) + 1 - horizon, horizon, n_channels))
        for places, own in self._rolling_blocks(rows):
            forecasts[places] = own
        return forecasts

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean squared error of rolling forecasts.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            As in `predict_rolling`; values that are missing are left out.

        y : None
            Ignored; for searches over parameters.

        Returns
        -------
        score : float
            Of channels that are standardised by the training part; 0 at most.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict_rolling`, or if X has no value to compare with.
        """
        check_is_fitted(self)
        rows = self._read(X)
        total, n_values = 0.0, 0
        for places, forecasts in self._rolling_blocks(rows):
            truth = sliding_window_view(rows, forecasts.shape[1], axis=0)[places]
            errors = (forecasts - truth.swapaxes(1, 2)) / self.scale_
            total += float(np.nansum(errors**2))
            n_values += int((~np.isnan(errors)).sum())
        if not n_values:
            raise ValueError("X has no value to compare forecasts with.")
        return -total / n_values

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_seen")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: Any, *, reset: bool = False) -> np.ndarray:
        """Return the rows as float64, checked, and after `fit` against its data."""
        index: Any = getattr(X, "index", None)
        if hasattr(index, "freq") and not index.is_monotonic_increasing:
            raise ValueError("X must have its rows in order of time, by its index.")
        series = read_rows(self, X, None, None, reset=reset).panel.series[0]
        rows = series.T.astype(np.float64)
        if not reset and (np.abs((rows - self.mean_) / self.scale_) > _FARTHEST).any():
            raise ValueError(
                f"X has values more than {_FARTHEST:g} standard deviations from those "
                "of the training part. Placeholders for missing values must be NaN."
            )
        return rows

    def _keep(self, rows: np.ndarray, n_seen: int) -> None:
        """Keep as many of the rows seen as forecasts depend on."""
        self._seen = rows[-self._recipe.n_kept :].copy()
        self.n_seen_ = n_seen

    def _rolling_blocks(self, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield forecasts (n_origins, horizon, n_channels), and which they are."""
        horizon, n_seen = self._recipe.horizon, len(self._seen)
        if len(rows) < horizon:
            raise ValueError(
                f"X must have at least horizon={horizon} rows, which the first "
                f"forecast is about, got {len(rows)}."
            )
        origins = n_seen - 1 + np.arange(len(rows) + 1 - horizon)
        design = self._continued(rows[: len(rows) - horizon], n_seen - 1)
        for own in design.blocks(origins):
            places = slice(own[0] + 1 - n_seen, own[-1] + 2 - n_seen)
            yield places, self._in_units(design.forecasts(own, self._maps))

    def _at_the_end(self, X: Any) -> tuple[Design, np.ndarray]:
        rows = self._seen[:0] if X is None else self._read(X)
        origin = np.array([len(self._seen) + len(rows) - 1])
        return self._continued(rows, origin[0]), origin

    def _continued(self, rows: np.ndarray, first: int) -> Design:
        """Return the design of rows behind those seen, from an origin on."""
        n_before = self.n_seen_ - len(self._seen)
        return self._design(np.concatenate([self._seen, rows]), n_before, first)

    def _check_coverage(self, coverage: float) -> None:
        check_scalar(coverage, "coverage", Real)
        if not 0 < coverage < 1:
            raise ValueError(f"coverage must lie between 0 and 1, got {coverage}.")
        needed = math.ceil(round(2 / (1 - coverage), 6))
        n_errors = self._n_errors.min(axis=1)
        if n_errors.min() < needed:
            raise ValueError(
                f"coverage={coverage} needs {needed} forecasts to be compared in the "
                f"validation part, got {n_errors.min()} of channel "
                f"{n_errors.argmin()}. Set a lower coverage, or fit to more rows or "
                "with a larger validation_fraction."
            )

    def _quantile(self, level: float) -> np.ndarray:
        """Return a quantile (n_channels, 1, horizon) of what is left over."""
        place = level * (len(LEVELS) - 1)
        below = min(int(place), len(LEVELS) - 2)
        lower, upper = self._quantiles[below : below + 2].astype(np.float64)
        return (lower + (place - below) * (upper - lower))[:, np.newaxis]

    def _in_units(self, forecasts: np.ndarray) -> np.ndarray:
        """Return (n_origins, horizon, n_channels) of standardised forecasts."""
        return forecasts.transpose(1, 2, 0) * self.scale_ + self.mean_


def error_quantiles(
    design: Design, maps: Sequence[Map], origins: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return quantiles of what forecasts leave over of the standardised series.

    Returns
    -------
    quantiles : ndarray of shape (len(LEVELS), n_channels, horizon), float32
        NaN where there are no errors.

    n_errors : int array of shape (n_channels, horizon)
        Of how many errors.
    """
    left_over = []
    for block in design.blocks(origins):
        ahead = design.history.ahead(block, design.recipe.horizon, without_gaps=False)
        left_over.append((ahead - design.forecasts(block, maps)).astype(np.float32))
    # Missing ones come last.
    errors = np.sort(np.concatenate(left_over, axis=1), axis=1)
    n_errors = (~np.isnan(errors)).sum(axis=1)
    quantiles = []
    for level in LEVELS:
        place = level * np.maximum(n_errors - 1, 0)[:, np.newaxis]
        below, above = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
        lower, upper = (
            np.take_along_axis(errors, where, axis=1)[:, 0] for where in (below, above)
        )
        quantiles.append(lower + (place - below)[:, 0] * (upper - lower))
    return np.stack(quantiles).astype(np.float32), n_errors
