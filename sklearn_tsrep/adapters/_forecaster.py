"""Forecasters as those of sktime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon
from sktime.utils.warnings import warn

from sklearn_tsrep.adapters._base import EstimatorAdapter
from sklearn_tsrep.adapters._transformers import tiny_transformers
from sklearn_tsrep.forecasting import RepresentationForecaster

# sktime asks for the median by a coverage of 0, which is no interval.
_SMALLEST_COVERAGE = 1e-9


class SktimeForecaster(EstimatorAdapter, BaseForecaster):
    """Forecasts by a forecaster of this package, as a forecaster of sktime.

    All channels of a series are forecast by one estimator. For a panel or a hierarchy
    sktime fits one a series.

    Parameters
    ----------
    estimator : RepresentationForecaster or None, default=None
        What forecasts, cloned before it is fitted; any forecaster with a parameter
        ``horizon``, which becomes the last step of ``fh``, and with ``update``,
        ``predict`` and ``predict_interval``. None for a `RepresentationForecaster` with
        its defaults, which has no representation.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one.

    See Also
    --------
    sklearn_tsrep.plotting.ForecastDisplay : Draws forecasts of the fitted estimator.

    Notes
    -----
    Only time points to come can be forecast. Exogenous series are ignored.

    ``update`` takes in what follows the time points seen, without learning from them,
    whatever ``update_params`` is. What was seen before is left out, and time points in
    between are missing values. To learn anew from time to time, put the forecaster into
    a `sktime.forecasting.stream.UpdateRefitsEvery`.

    Where there are too few errors in the validation part for an interval, its ends are
    infinite and a UserWarning says so, instead of the error of the estimator: sktime
    wants an interval of any series that can be forecast.

    The series is not kept (``remember_data`` is False); the estimator keeps the last
    rows, which forecasts depend on.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sklearn_tsrep.adapters import SktimeForecaster
    >>> y = load_airline()
    >>> forecaster = SktimeForecaster().fit(y[:120], fh=[1, 2, 3])
    >>> forecaster.predict().index.astype(str).tolist()
    ['1959-01', '1959-02', '1959-03']
    >>> forecaster.update(y[120:123]).predict().index.astype(str).tolist()
    ['1959-04', '1959-05', '1959-06']
    >>> forecaster.predict_interval(coverage=0.8).shape
    (3, 2)
    """

    _tags: ClassVar[dict[str, Any]] = {
        "y_inner_mtype": "pd.DataFrame",
        "capability:multivariate": True,
        "capability:exogenous": False,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:update": True,
        "requires-fh-in-fit": True,
    }
    # The default from sktime 1.3 on; 1.2 warns of the change with each construction.
    _config: ClassVar[dict[str, Any]] = {"remember_data": False}
    _y = None
    _X = None

    @classmethod
    def _usual_estimator(cls) -> Any:
        return RepresentationForecaster()

    def _fit(self, y: pd.DataFrame, X: Any, fh: Any) -> SktimeForecaster:
        horizon = int(fh.to_relative(self.cutoff).to_pandas().max())
        self._fit_clone(y, horizon=horizon)
        self._last_seen = self.cutoff
        return self

    def _update(
        self, y: pd.DataFrame, X: Any = None, update_params: bool = True
    ) -> SktimeForecaster:
        following = self._following(y)
        if len(following):
            self.estimator_.update(following)
            self._last_seen = self.cutoff
        return self

    def _following(self, y: pd.DataFrame) -> pd.DataFrame:
        """Return the rows behind those seen, with rows of NaN for what is left out."""
        times = ForecastingHorizon(y.index, is_relative=False, freq=self.cutoff)
        last_step = times.to_relative(self._last_seen).to_pandas().max()
        if last_step < 1:
            return y[:0]
        steps = ForecastingHorizon(np.arange(1, last_step + 1))
        return y.reindex(steps.to_absolute_index(self._last_seen))

    def _predict(self, fh: Any, X: Any) -> pd.DataFrame:
        return self._framed(self.estimator_.predict(), fh, self._get_varnames())

    def _predict_interval(
        self, fh: Any, X: Any, coverage: Sequence[float]
    ) -> pd.DataFrame:
        # (n_coverages, 2, horizon, n_channels) to (horizon, channel, coverage, end)
        values = np.asarray([*map(self._ends, coverage)]).transpose(2, 3, 0, 1)
        columns = self._get_columns("predict_interval", coverage=coverage)
        return self._framed(values, fh, columns)

    # What sktime 1.2 makes of intervals has the levels of channels mixed up.
    def _predict_quantiles(
        self, fh: Any, X: Any, alpha: Sequence[float]
    ) -> pd.DataFrame:
        ends = [self._ends(abs(1 - 2 * level))[int(level >= 0.5)] for level in alpha]
        # (n_levels, horizon, n_channels) to (horizon, channel, level)
        values = np.asarray(ends).transpose(1, 2, 0)
        columns = self._get_columns("predict_quantiles", alpha=alpha)
        return self._framed(values, fh, columns)

    def _ends(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the intervals, which are infinite where none is known."""
        try:
            coverage = max(share, _SMALLEST_COVERAGE)
            return self.estimator_.predict_interval(coverage=coverage)
        except ValueError as refused:
            warn(f"Intervals are infinite. {refused}", UserWarning, obj=self)
            upper = np.full_like(self.estimator_.predict(), np.inf)
            return -upper, upper

    def _check_time(self) -> None:
        if self.cutoff[0] != self._last_seen[0]:
            raise ValueError(
                f"y must go on behind what was seen, up to {self._last_seen[0]}, got "
                f"an update that ends at {self.cutoff[0]}. Fit anew to go back."
            )

    def _framed(self, values: np.ndarray, fh: Any, columns: Any) -> pd.DataFrame:
        """Return the rows of the horizon that are asked for."""
        self._check_time()
        rows = values.reshape(len(values), -1)[fh.to_indexer(self.cutoff)]
        index = fh.to_absolute_index(self.cutoff)
        return pd.DataFrame(rows, index=index, columns=columns)

    @classmethod
    def _small_parameters(cls) -> list[dict[str, Any]]:
        # Quantiles near the ends need many errors, of which a short series has few.
        small: dict[str, Any] = {
            "n_lags": 3,
            "context": 4,
            "season": None,
            "alphas": [1.0],
            "validation_fraction": 0.6,
        }
        return [
            {"estimator": RepresentationForecaster(transformer, **small)}
            for transformer in (None, tiny_transformers()[0])
        ]
