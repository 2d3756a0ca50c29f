"""A series, its scores and its alarms above one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklearn_tsrep.data._frames import read_frame
from sklearn_tsrep.data._values import is_frame, read_array
from sklearn_tsrep.detection.segments import to_segments
from sklearn_tsrep.plotting._input import (
    check_shape,
    column_names,
    read_index,
    read_rows,
)
from sklearn_tsrep.plotting._matplotlib import (
    alone,
    given_axes,
    grid_in,
    import_pyplot,
    shortened,
    write_dates_briefly,
)
from sklearn_tsrep.thresholds import check_labels, check_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIGNAL, _SCORE, _ALARM, _TRUTH = "tab:blue", "0.2", "tab:red", "black"


class AnomalyDisplay:
    """The channels that matter, the anomaly score with its threshold, and the alarms.

    Make it by `from_estimator` or `from_predictions`. All parameters are attributes.

    Parameters
    ----------
    signal : ndarray of shape (n_timepoints, n_channels)
        The series. NaN is not drawn.

    scores : ndarray of shape (n_timepoints,)
        Scores as of ``score_samples``, higher for normal steps. Drawn is the anomaly
        score, which is their negative.

    offset : float
        Steps with a score below are alarms.

    index : ndarray of shape (n_timepoints,), default=None
        Numbers or dates of the steps. None counts them from 0.

    channel_names : list of str, default=None
        None numbers the channels.

    channel_order : ndarray of int of shape (n_channels,), default=None
        Channels, the most important first. None leaves them as they are.

    y_true : ndarray of shape (n_timepoints,), dtype bool, default=None
        True where a step is known to be an anomaly.

    Attributes
    ----------
    segments : structured ndarray
        The alarms, see `~sklearn_tsrep.detection.segments.to_segments`.

    figure_ : matplotlib Figure
        The figure that was drawn in.

    axes_ : ndarray of matplotlib Axes
        The panels from top to bottom: channels, then scores.

    See Also
    --------
    AttentionDisplay : Why a window is an anomaly.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_tsrep.plotting import AnomalyDisplay
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[40:45, 1] += 9
    >>> detector = IsolationForest(contamination=0.05, random_state=0).fit(X)
    >>> display = AnomalyDisplay.from_estimator(detector, X)
    >>> len(display.axes_)
    3
    >>> display.segments[["start", "end"]].tolist()
    [(40, 45)]
    >>> display.figure_.savefig("alarms.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        signal: np.ndarray,
        scores: np.ndarray,
        offset: float,
        index: np.ndarray | None = None,
        channel_names: Sequence[str] | None = None,
        channel_order: np.ndarray | None = None,
        y_true: np.ndarray | None = None,
    ) -> None:
        n_timepoints, n_channels = signal.shape
        numbered = [f"channel {channel}" for channel in range(n_channels)]
        self.signal = signal
        self.scores = scores
        self.offset = offset
        self.index = np.arange(n_timepoints) if index is None else index
        self.channel_names = numbered if channel_names is None else channel_names
        self.channel_order = (
            np.arange(n_channels) if channel_order is None else channel_order
        )
        self.y_true = y_true
        self.segments = to_segments(scores < offset, scores)

    @classmethod
    def from_estimator(
        cls,
        detector: Any,
        X: Any,
        y: Any = None,
        *,
        max_channels: int = 5,
        index: Any = None,
        ax: Any = None,
    ) -> Self:
        """Score a series by a fitted detector, and draw it.

        Parameters
        ----------
        detector : object
            Fitted detector with ``score_samples`` and ``offset_``. If it has
            ``contributions``, the channels that contribute most to the alarms are
            drawn.

        X : array-like of shape (n_timepoints, n_channels)
            One series. The columns of a frame name the channels, and the index of a
            pandas frame the steps, if it holds numbers or dates.

        y : array-like of shape (n_timepoints,), default=None
            Labels if they are known, 1 for anomalies and 0 for normal steps.

        max_channels : int, default=5
            How many channels to draw at most.

        index : array-like of shape (n_timepoints,), default=None
            Numbers or dates of the steps, instead of those of the frame.

        ax : matplotlib Axes or array of Axes, default=None
            Where to draw, as in `plot`.

        Returns
        -------
        display : AnomalyDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If arguments are not valid, as in `from_predictions`.
        """
        import_pyplot("AnomalyDisplay.from_estimator")
        contributions = (
            detector.contributions(X) if hasattr(detector, "contributions") else None
        )
        return cls.from_predictions(
            X,
            detector.score_samples(X),
            detector.offset_,
            y,
            contributions,
            max_channels=max_channels,
            index=index,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        scores: Any,
        offset: float,
        y_true: Any = None,
        contributions: Any = None,
        *,
        max_channels: int = 5,
        index: Any = None,
        ax: Any = None,
    ) -> Self:
        """Draw a series and scores that are at hand.

        Parameters
        ----------
        X : array-like of shape (n_timepoints, n_channels) or (n_timepoints,)
            One series. The columns of a frame name the channels, and the index of a
            pandas frame the steps, if it holds numbers or dates.

        scores : array-like of shape (n_timepoints,)
            Scores, higher for normal steps.

        offset : float
            Steps with a score below are alarms.

        y_true : array-like of shape (n_timepoints,), default=None
            Labels if they are known, 1 for anomalies and 0 for normal steps.

        contributions : array-like of shape (n_timepoints, n_channels), default=None
            What each channel contributes to the anomaly score of each step. Channels
            are ordered by its sum over alarms, or over all steps if there is no alarm;
            without it by their variance.

        max_channels : int, default=5
            How many channels to draw at most.

        index : array-like of shape (n_timepoints,), default=None
            Numbers or dates of the steps, instead of those of the frame.

        ax : matplotlib Axes or array of Axes, default=None
            Where to draw, as in `plot`.

        Returns
        -------
        display : AnomalyDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If values are not numbers, or an index has neither numbers nor dates.

        ValueError
            If shapes do not fit, a score is NaN or infinite, or labels are not 0
            and 1.
        """
        signal = read_rows(X, "X")
        scores = check_scores(scores).astype(np.float64)
        check_shape(scores, signal.shape[:1], "scores")
        display = cls(
            signal=signal,
            scores=scores,
            offset=float(offset),
            index=read_index(X, index, len(signal)),
            channel_names=column_names(X),
            channel_order=_by_importance(signal, contributions, scores < offset),
            y_true=None if y_true is None else check_labels(y_true, len(signal)),
        )
        return display.plot(ax, max_channels=max_channels)

    def plot(self, ax: Any = None, *, max_channels: int = 5) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            A single Axes is divided into panels; an array must hold one Axes for each
            channel and one for the scores. None makes a new figure.

        max_channels : int, default=5
            How many channels to draw at most.

        Returns
        -------
        display : AnomalyDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If `max_channels` is negative, or `ax` does not fit.
        """
        if max_channels < 0:
            raise ValueError(f"max_channels must not be negative, got {max_channels}.")
        channels = self.channel_order[:max_channels]
        self.axes_ = self._panels(ax, len(channels))
        self.figure_ = self.axes_[0].figure
        for panel, channel in zip(self.axes_, channels, strict=False):
            self._draw_channel(panel, channel)
        self._draw_scores(self.axes_[-1])
        self._shade_alarms()
        self._tidy()
        return self

    def _panels(self, ax: Any, n_channels: int) -> np.ndarray:
        axes = given_axes(ax, n_channels + 1)
        if axes is not None:
            return axes
        grid = grid_in(
            ax,
            "AnomalyDisplay.plot",
            (n_channels + 1, 1),
            (10, n_channels + 2.5),
            height_ratios=[1] * n_channels + [1.6],
        )
        return grid.subplots(sharex=True, squeeze=False)[:, 0]

    def _draw_channel(self, panel: Axes, channel: int) -> None:
        values = self.signal[:, channel]
        panel.plot(
            self.index,
            values,
            color=_SIGNAL,
            linewidth=0.8,
            marker=".",
            markersize=3,
            markevery=alone(values),
        )
        panel.set_ylabel(shortened(self.channel_names[channel]))
        panel.locator_params(axis="y", nbins=3)

    def _draw_scores(self, panel: Axes) -> None:
        panel.plot(
            self.index, -self.scores, color=_SCORE, linewidth=0.8, label="anomaly score"
        )
        panel.axhline(-self.offset, color=_ALARM, linestyle="--", label="threshold")
        panel.set_ylabel("anomaly\nscore")
        panel.locator_params(axis="y", nbins=4)
        if self.y_true is not None:
            panel.margins(y=0.15)
            segments = to_segments(self.y_true, self.scores)
            self._bars(panel, segments, (0.93, 0.05), _TRUTH, label="true anomaly")

    def _shade_alarms(self) -> None:
        for panel in self.axes_:
            self._bars(
                panel, self.segments, (0, 1), _ALARM, label="alarm", alpha=0.3, zorder=0
            )

    def _bars(
        self,
        panel: Axes,
        segments: np.ndarray,
        heights: tuple[float, float],
        color: str,
        **style: Any,
    ) -> None:
        """Draw segments, their bottoms and heights as shares of the panel."""
        edges = _step_edges(np.asarray(panel.convert_xunits(self.index), dtype=float))
        starts, ends = edges[segments["start"]], edges[segments["end"]]
        panel.set_xlim(edges[0], edges[-1])
        if not len(segments):
            return
        panel.broken_barh(
            np.column_stack([starts, ends - starts]).tolist(),
            heights,
            transform=panel.get_xaxis_transform(),
            color=color,
            # So that one step of very many can be seen.
            linewidth=1,
            **style,
        )

    def _tidy(self) -> None:
        bottom = self.axes_[-1]
        for panel in self.axes_:
            panel.yaxis.label.set(rotation=0, ha="right", va="center")
            panel.spines[["top", "right"]].set_visible(False)
        self.figure_.align_ylabels(list(self.axes_))
        handles, labels = bottom.get_legend_handles_labels()
        self.axes_[0].legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=len(labels),
            frameon=False,
        )
        if self.index.dtype.kind == "M":
            write_dates_briefly(bottom)
        else:
            bottom.set_xlabel("time point")


# What is drawn ----------------------------------------------------------------


def _by_importance(
    signal: np.ndarray, contributions: Any, is_alarm: np.ndarray
) -> np.ndarray:
    """Return the channels, the most important first."""
    if contributions is None:
        importance = np.ma.masked_invalid(signal).var(axis=0).filled(0)
    else:
        shares = (
            read_frame(contributions, "contributions")
            if is_frame(contributions)
            else read_array(contributions, "contributions")
        )
        check_shape(shares, signal.shape, "contributions")
        importance = shares[is_alarm if is_alarm.any() else slice(None)].sum(axis=0)
    return np.argsort(-importance, kind="stable")


def _step_edges(steps: np.ndarray) -> np.ndarray:
    """Return where each step begins, halfway to its neighbour, and the end."""
    if len(steps) == 1:
        return steps + np.array([-0.5, 0.5])
    middles = (steps[1:] + steps[:-1]) / 2
    first, last = 2 * steps[0] - middles[0], 2 * steps[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])
