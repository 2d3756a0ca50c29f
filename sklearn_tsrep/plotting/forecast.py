"""A series and its forecast, channel above channel."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_scalar

from sklearn_tsrep.plotting._forecast_input import (
    read_forecast,
    read_names,
    read_steps,
)
from sklearn_tsrep.plotting._matplotlib import (
    alone,
    given_axes,
    grid_in,
    import_pyplot,
    shortened,
    write_dates_briefly,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.lines import Line2D

_HISTORY = {"color": "0.25", "linewidth": 1}
_TRUTH = {"color": "0.25", "linewidth": 1.2, "linestyle": (0, (3, 1.5))}
_FORECAST = {"color": "tab:blue", "linewidth": 1.8}


class ForecastDisplay:
    """What a series was, what is forecast, and what came, one panel a channel.

    Make it by `from_estimator` or `from_predictions`. All parameters are attributes.

    Parameters
    ----------
    history : ndarray of shape (n_timepoints, n_channels)
        The series before the forecast. NaN is not drawn.

    forecast : ndarray of shape (horizon, n_channels)
        What is forecast for the steps that follow.

    lower, upper : ndarray of shape (horizon, n_channels), default=None
        The ends of the interval around the forecast.

    truth : ndarray of shape (n_known, n_channels), default=None
        The first values that came, at most `horizon` of them.

    coverage : float, default=None
        The share of values that the interval is meant to hold, for its label.

    channel_names : list of str, default=None
        None numbers the channels.

    index : ndarray of shape (n_timepoints + horizon,), default=None
        Numbers or dates of the steps of history and forecast. None counts them from 0.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure that was drawn in.

    axes_ : ndarray of matplotlib Axes
        The panels from top to bottom, one a channel.

    history_lines_, forecast_lines_ : list of matplotlib Line2D
        One a panel. A forecast begins at the last step of the history.

    truth_lines_ : list of matplotlib Line2D
        One a panel, as forecasts; empty without truth.

    intervals_ : list of matplotlib FillBetweenPolyCollection
        One a panel; empty without an interval.

    See Also
    --------
    AnomalyDisplay : A series with the scores of a detector.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.plotting import ForecastDisplay
    >>> series = np.sin(np.arange(60) / 3)
    >>> display = ForecastDisplay.from_predictions(
    ...     series[:50],
    ...     series[50:] + 0.1,
    ...     lower=series[50:] - 0.2,
    ...     upper=series[50:] + 0.4,
    ...     truth=series[50:],
    ...     coverage=0.9,
    ... )
    >>> [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    ['history', 'forecast', '90 % interval', 'truth']
    >>> display.figure_.savefig("forecast.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        history: np.ndarray,
        forecast: np.ndarray,
        *,
        lower: np.ndarray | None = None,
        upper: np.ndarray | None = None,
        truth: np.ndarray | None = None,
        coverage: float | None = None,
        channel_names: Sequence[str] | None = None,
        index: np.ndarray | None = None,
    ) -> None:
        numbered = [f"channel {channel}" for channel in range(history.shape[1])]
        counted = np.arange(len(history) + len(forecast))
        self.history = history
        self.forecast = forecast
        self.lower = lower
        self.upper = upper
        self.truth = truth
        self.coverage = coverage
        self.channel_names = numbered if channel_names is None else channel_names
        self.index = counted if index is None else index

    @classmethod
    def from_estimator(
        cls,
        forecaster: Any,
        X: Any,
        *,
        truth: Any = None,
        coverage: float | None = 0.9,
        channels: Any = None,
        n_history: int | None = None,
        channel_names: Sequence[str] | None = None,
        index: Any = None,
        ax: Any = None,
    ) -> Self:
        """Forecast by a fitted forecaster what follows a series, and draw it.

        Parameters
        ----------
        forecaster : object
            Fitted forecaster with ``predict(X)`` and, if `coverage` is not None,
            ``predict_interval(X, coverage=coverage)``.

        X : array-like of shape (n_timepoints, n_channels)
            The history that is drawn: rows that follow what the forecaster has seen.
            To draw what it has seen, use `from_predictions`.

        truth : array-like of shape (n_known, n_channels), default=None
            The first values that came after `X`, at most ``horizon`` of them.

        coverage : float, default=0.9
            The share of values that the interval is meant to hold, between 0 and 1.
            None draws no interval.

        channels, n_history, ax : default=None
            What to draw, and where, as in `plot`.

        channel_names, index : default=None
            Names of channels and steps, as in `from_predictions`.

        Returns
        -------
        display : ForecastDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If arguments are not valid, as in `from_predictions`.
        """
        import_pyplot("ForecastDisplay.from_estimator")
        lower, upper = (
            (None, None)
            if coverage is None
            else forecaster.predict_interval(X, coverage=coverage)
        )
        return cls.from_predictions(
            X,
            forecaster.predict(X),
            lower=lower,
            upper=upper,
            truth=truth,
            coverage=coverage,
            channels=channels,
            n_history=n_history,
            channel_names=channel_names,
            index=index,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        history: Any,
        forecast: Any,
        *,
        lower: Any = None,
        upper: Any = None,
        truth: Any = None,
        coverage: float | None = None,
        channels: Any = None,
        n_history: int | None = None,
        channel_names: Sequence[str] | None = None,
        index: Any = None,
        ax: Any = None,
    ) -> Self:
        """Draw a forecast that is at hand.

        Arrays of one dimension are series of one channel.

        Parameters
        ----------
        history : array-like of shape (n_timepoints, n_channels) or (n_timepoints,)
            The series before the forecast. The columns of a frame name the channels,
            and the index of a pandas frame the steps, if it holds numbers or dates.

        forecast : array-like of shape (horizon, n_channels) or (horizon,)
            What is forecast for the steps that follow.

        lower, upper : array-like of the shape of `forecast`, default=None
            The ends of the interval around the forecast.

        truth : array-like of shape (n_known, n_channels) or (n_known,), default=None
            The first values that came, at most ``horizon`` of them.

        coverage : float, default=None
            The share of values that the interval is meant to hold, between 0 and 1,
            for its label.

        channels, n_history, ax : default=None
            What to draw, and where, as in `plot`.

        channel_names : list of str, default=None
            Names of the channels, instead of those of the frame.

        index : array-like of shape (n_timepoints,) or (n_timepoints + horizon,), \
                default=None
            Numbers or dates of the steps, instead of those of the frame. Without those
            of the forecast, they are the dates of its own frame, or of that of
            `truth`, or go on as evenly as those of the history.

        Returns
        -------
        display : ForecastDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If values are not numbers, or an index has neither numbers nor dates.

        ValueError
            If shapes, names of channels or dates do not fit, one end of the interval
            is missing or on the wrong side of the other, or the steps of the forecast
            cannot be told.
        """
        values = {"history": history, "forecast": forecast}
        optional = {"lower": lower, "upper": upper, "truth": truth}
        values |= {name: own for name, own in optional.items() if own is not None}
        if coverage is not None and not 0 < coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1, got {coverage}.")
        display = cls(
            **read_forecast(values),
            coverage=coverage,
            channel_names=read_names(values, channel_names),
            index=read_steps(values, index),
        )
        return display.plot(ax, channels=channels, n_history=n_history)

    def plot(
        self, ax: Any = None, *, channels: Any = None, n_history: int | None = None
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            A single Axes holds one channel, and is divided into panels for several; an
            array must hold one Axes for each channel. None makes a new figure.

        channels : int, str, or list of them, default=None
            Which channels to draw, by number or name. None draws all.

        n_history : int, default=None
            How many steps of the history to draw, the last ones. None draws all.

        Returns
        -------
        display : ForecastDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If a channel is neither a whole number nor a name.

        ValueError
            If there is no such channel, `n_history` is below 1, or `ax` does not fit.
        """
        if n_history is not None:
            check_scalar(n_history, "n_history", Integral, min_val=1)
        chosen = self._chosen(channels)
        self.axes_ = self._panels(ax, len(chosen))
        self.figure_ = self.axes_[0].figure
        self.history_lines_: list[Line2D] = []
        self.forecast_lines_: list[Line2D] = []
        self.truth_lines_: list[Line2D] = []
        self.intervals_: list[FillBetweenPolyCollection] = []
        for panel, channel in zip(self.axes_, chosen, strict=True):
            self._draw_channel(panel, channel, n_history)
        self._tidy()
        return self

    def _chosen(self, channels: Any) -> list[int]:
        names = list(self.channel_names)
        if channels is None:
            return list(range(len(names)))
        wanted = [channels] if np.ndim(channels) == 0 else list(channels)
        if not wanted:
            raise ValueError("channels must hold at least one channel.")
        return [_number_of(channel, names) for channel in wanted]

    def _panels(self, ax: Any, n_channels: int) -> np.ndarray:
        axes = given_axes(ax, n_channels)
        if axes is not None:
            return axes
        if ax is not None and n_channels == 1:
            return np.array([ax], dtype=object)
        size = (10, 1.6 * n_channels + 1.6)
        grid = grid_in(ax, "ForecastDisplay.plot", (n_channels, 1), size)
        return grid.subplots(sharex=True, squeeze=False)[:, 0]

    def _draw_channel(self, panel: Axes, channel: int, n_history: int | None) -> None:
        before = slice(-(n_history or 0), None)
        history = self.history[before, channel]
        steps = self.index[: len(self.history)][before]
        self.history_lines_ += _line(panel, steps, history, "history", _HISTORY)
        self.forecast_lines_ += _line(
            panel, *self._after(self.forecast, channel), "forecast", _FORECAST
        )
        if self.lower is not None and self.upper is not None:
            self._draw_interval(panel, channel)
        if self.truth is not None:
            self.truth_lines_ += _line(
                panel, *self._after(self.truth, channel), "truth", _TRUTH
            )
        panel.set_ylabel(shortened(self.channel_names[channel]))
        panel.locator_params(axis="y", nbins=4)
        panel.margins(x=0.01)

    def _draw_interval(self, panel: Axes, channel: int) -> None:
        steps, lower = self._after(self.lower, channel)
        upper = self._after(self.upper, channel)[1]
        share = "" if self.coverage is None else f"{100 * self.coverage:g} % "
        band = panel.fill_between(
            steps,
            lower,
            upper,
            label=f"{share}interval",
            color=_FORECAST["color"],
            alpha=0.2,
            linewidth=0,
        )
        self.intervals_.append(band)

    def _after(self, values: Any, channel: int) -> tuple[np.ndarray, np.ndarray]:
        """Return steps and values from the last known one on."""
        last = len(self.history) - 1
        joined = np.append(self.history[last, channel], values[:, channel])
        return self.index[last : last + len(joined)], joined

    def _tidy(self) -> None:
        for panel in self.axes_:
            panel.spines[["top", "right"]].set_visible(False)
            if self.index.dtype.kind == "M":
                write_dates_briefly(panel)
        if self.index.dtype.kind != "M":
            self.axes_[-1].set_xlabel("time point")
        self.figure_.align_ylabels(list(self.axes_))
        self.axes_[0].legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=4,
            frameon=False,
            markerscale=0,
            handlelength=1.5,
            columnspacing=1.2,
        )


def _line(
    panel: Axes, steps: np.ndarray, values: np.ndarray, label: str, style: Any
) -> list[Line2D]:
    return panel.plot(
        steps,
        values,
        label=label,
        marker=".",
        markersize=4,
        markevery=alone(values),
        **style,
    )


def _number_of(channel: Any, names: list[str]) -> int:
    if channel in names:
        return names.index(channel)
    if isinstance(channel, str) or not 0 <= channel < len(names):
        raise ValueError(
            f"channels must be from 0 to {len(names) - 1} or of {names}, got "
            f"{channel!r}."
        )
    return operator.index(channel)
