"""The skeleton of forecasters: rows come in, what they lead to is forecast."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep._series import read_rows
from sklearn_tsrep.forecasting._design import Design, Map, Recipe

# Shares of what is left over that lie below the quantiles kept of it.
LEVELS = np.linspace(0, 1, 201)


class RollingForecaster(BaseEstimator, metaclass=ABCMeta):
    """Forecasts from the last rows that it has seen, of which it keeps no more.

    A forecaster says how it fits (`fit`), what its `Recipe` and its maps are, and makes
    the `Design` of rows. Fitting sets ``mean_`` and ``scale_``, calls `_keep` and sets
    ``_quantiles``, an array (len(LEVELS), n_channels, horizon).
    """

    n_seen_: int
    mean_: np.ndarray
    scale_: np.ndarray

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
            As in `predict`, or if ``coverage`` is not valid.
        """
        check_is_fitted(self)
        check_scalar(
            coverage,
            "coverage",
            Real,
            min_val=0,
            max_val=1,
            include_boundaries="neither",
        )
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
        return self._rolling_forecasts(self._read(X))

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
        forecasts = self._rolling_forecasts(rows)
        truth = sliding_window_view(rows, forecasts.shape[1], axis=0).swapaxes(1, 2)
        errors = (forecasts - truth) / self.scale_
        if np.isnan(errors).all():
            raise ValueError("X has no value to compare forecasts with.")
        return -float(np.nanmean(errors**2))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_seen")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: Any, *, reset: bool = False) -> np.ndarray:
        series = read_rows(self, X, None, None, reset=reset).panel.series[0]
        return series.T.astype(np.float64)

    def _keep(self, rows: np.ndarray, n_seen: int) -> None:
        """Keep as many of the rows seen as forecasts depend on."""
        self._seen = rows[-self._recipe.n_kept :].copy()
        self.n_seen_ = n_seen

    def _rolling_forecasts(self, rows: np.ndarray) -> np.ndarray:
        horizon = self._recipe.horizon
        if len(rows) < horizon:
            raise ValueError(
                f"X must have at least horizon={horizon} rows, which the first "
                f"forecast is about, got {len(rows)}."
            )
        origins = len(self._seen) - 1 + np.arange(len(rows) + 1 - horizon)
        design = self._continued(rows[: len(rows) - horizon], origins[0])
        parts = [design.forecasts(own, self._maps) for own in design.blocks(origins)]
        return self._in_units(np.concatenate(parts, axis=1))

    def _at_the_end(self, X: Any) -> tuple[Design, np.ndarray]:
        rows = self._seen[:0] if X is None else self._read(X)
        origin = np.array([len(self._seen) + len(rows) - 1])
        return self._continued(rows, origin[0]), origin

    def _continued(self, rows: np.ndarray, first: int) -> Design:
        """Return the design of rows behind those seen, from an origin on."""
        n_before = self.n_seen_ - len(self._seen)
        return self._design(np.concatenate([self._seen, rows]), n_before, first)

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
) -> np.ndarray:
    """Return quantiles of what forecasts leave over of the standardised series.

    They have the shape (len(LEVELS), n_channels, horizon), float32.
    """
    left_over = []
    for block in design.blocks(origins):
        ahead = design.history.ahead(block, design.recipe.horizon)
        errors = ahead - design.forecasts(block, maps)
        left_over.append(errors.astype(np.float32))
    return np.quantile(np.concatenate(left_over, axis=1), LEVELS, axis=1)
