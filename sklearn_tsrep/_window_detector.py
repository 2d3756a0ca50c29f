"""The skeleton of detectors that train a network on windows."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.callback import with_callbacks

from sklearn_tsrep._base import SelfSupervisedEstimator
from sklearn_tsrep._detector import TimePointDetector
from sklearn_tsrep._panels import unchanged_if_refused
from sklearn_tsrep._sklearn import Interval, fit_context
from sklearn_tsrep.data.panel import Panel

if TYPE_CHECKING:
    from torch import Tensor

    from sklearn_tsrep.data.batches import PieceBatches, Pieces, SeriesReader

# Scaled values beyond are no longer told apart, so that their squares stay finite.
_LARGEST_VALUE = 1e3


class WindowDetector(TimePointDetector, SelfSupervisedEstimator):
    """Trains a network on windows of series, and scores time points by those over them.

    A method names its network and objective, and says how strange it finds the time
    points of a window.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **SelfSupervisedEstimator._parameter_constraints,
        **TimePointDetector._parameter_constraints,
        "window_length": [Interval(Integral, 2, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left"), None],
        "smoothing": [Interval(Integral, 1, None, closed="left")],
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self._stride > self.window_length:
            raise ValueError(
                "stride must be at most window_length, so that windows cover every "
                f"time point, got stride={self.stride} and "
                f"window_length={self.window_length}."
            )

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, *, lengths: Any = None, series_id: Any = None
    ) -> Self:
        """Learn what is usual in series, without labels, and fit the threshold.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels)
            One series, or several one below the other: mostly normal. NaN is missing
            data.

        y : array-like of shape (n_timepoints,), default=None
            Only read with ``threshold="best_f1"``, as in `set_threshold`.

        lengths : array-like of int of shape (n_series,), default=None
            Time points of each series, in the order of the rows; None for one series.

        series_id : array-like of shape (n_timepoints,), default=None
            Which series each row belongs to, instead of ``lengths``. Rows of a series
            are in order of time.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid, or training diverges.
        """
        return self._fit(
            self.warm_start and self.__sklearn_is_fitted__(),
            self.warm_start,
            (X, lengths, series_id),
            y,
        )

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, *, lengths: Any = None, series_id: Any = None
    ) -> Self:
        """Go on learning from further series, and fit the threshold to them.

        Scaling stays as it was after the first call.

        Parameters
        ----------
        X, y, lengths, series_id
            As in `fit`.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ValueError
            As in `fit`, or if a parameter of the network or the number of channels
            changed since the first call.
        """
        return self._fit(self.__sklearn_is_fitted__(), True, (X, lengths, series_id), y)

    def _fit(
        self, resumed: bool, keep_state: bool, given: tuple[Any, Any, Any], y: Any
    ) -> Self:
        self._check_parameters()
        with unchanged_if_refused(self):
            rows = self._read(*given, reset=not resumed)
            batches = self._prepared(rows.panel, resumed=resumed)
        self._train(batches, resumed=resumed, keep_state=keep_state)
        self._fit_offset(rows, y)
        return self

    def _pieces(self, panel: Panel) -> Pieces:
        windows = self._windows(panel.lengths)
        has_value = np.array(
            [
                not np.isnan(panel.series[instance][:, start:stop]).all()
                for instance, start, stop in zip(*windows, strict=True)
            ]
        )
        if not has_value.any():
            raise ValueError("X has no value to learn from.")
        return windows.select(has_value)

    def _hold_back(
        self, pieces: Pieces, seed: np.random.SeedSequence
    ) -> tuple[Pieces, Pieces]:
        from sklearn_tsrep.data.windows import hold_back_tail

        return hold_back_tail(pieces, self.validation_fraction)

    def _batches(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        seed: np.random.SeedSequence,
        repeatable: bool,
    ) -> PieceBatches:
        from sklearn_tsrep.data.batches import PieceBatches

        return PieceBatches(reader, pieces, self.batch_size, seed, repeatable)

    def _reader(self, panel: Panel) -> SeriesReader:
        from sklearn_tsrep.data.batches import SeriesReader
        from sklearn_tsrep.data.scaling import ChannelScaler

        scaler = ChannelScaler(self.mean_, self.scale_, largest=_LARGEST_VALUE)
        return SeriesReader(panel, scaler)

    def _windows(self, lengths: np.ndarray) -> Pieces:
        from sklearn_tsrep.data.windows import cut_into_windows

        self._check_parameters()  # they may have been set since fit
        return cut_into_windows(lengths, self.window_length, self._stride)

    @property
    def _stride(self) -> int:
        return self.stride or max(self.window_length // 2, 1)

    def _first_needed(self, n_timepoints: int, first: int) -> int:
        from sklearn_tsrep.features.smoothing import steps_around

        averaged = max(first - steps_around(self.smoothing)[0], 0)
        windows = self._windows(np.array([n_timepoints]))
        return int(windows.starts[windows.stops > averaged].min())

    def _smoothed(
        self,
        panel: Panel,
        scores_of: Callable[[Any], Tensor],
        **network_options: Any,
    ) -> np.ndarray:
        """Return the mean over the windows that cover a time point, of what they say.

        Then the moving average in each series; series one after another. Options are
        given to the network with each batch.
        """
        from sklearn_tsrep.features.smoothing import moving_average
        from sklearn_tsrep.training.windows import mean_over_windows

        scores = mean_over_windows(
            self.module_,
            self._reader(panel),
            self._windows(panel.lengths),
            scores_of,
            show_progress=bool(self.verbose),
            **network_options,
        )
        if self.smoothing == 1:
            return scores
        parts = np.split(scores, np.cumsum(panel.lengths)[:-1])
        return np.concatenate(
            [
                moving_average(part, ~np.isnan(series).all(axis=0), self.smoothing)
                for part, series in zip(parts, panel.series, strict=True)
            ]
        )
