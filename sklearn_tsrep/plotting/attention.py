"""The two attention maps of a window, and how far apart they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklearn_tsrep.data._values import read_array
from sklearn_tsrep.plotting._matplotlib import given_axes, grid_in, import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AttentionDisplay:
    """Where each step of a window looks to, by both attention maps of AMAD.

    Make it by `from_estimator` or `from_predictions`. All parameters are attributes.

    Parameters
    ----------
    global_attention, automask_attention : ndarray of shape (n_timepoints, n_timepoints)
        Row ``i`` is the attention that step ``i`` pays to each step.

    divergence : ndarray of shape (n_timepoints,)
        How far the two rows of each step are apart.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure that was drawn in.

    axes_ : ndarray of matplotlib Axes
        Three: the global map, the AutoMask map, the divergence.

    See Also
    --------
    AnomalyDisplay : A whole series with its scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tsrep.plotting import AttentionDisplay
    >>> n_layers, n_heads, n_timepoints = 3, 2, 10
    >>> shape = (n_layers, n_heads, n_timepoints, n_timepoints)
    >>> rng = np.random.default_rng(0)
    >>> display = AttentionDisplay.from_predictions(
    ...     rng.dirichlet(np.ones(10), size=shape[:-1]),
    ...     rng.dirichlet(np.ones(10), size=shape[:-1]),
    ...     rng.uniform(size=(n_layers, n_timepoints)),
    ...     layer=0,
    ... )
    >>> [ax.get_title() for ax in display.axes_[:2]]
    ['global attention', 'AutoMask attention']
    """

    def __init__(
        self,
        *,
        global_attention: np.ndarray,
        automask_attention: np.ndarray,
        divergence: np.ndarray,
    ) -> None:
        self.global_attention = global_attention
        self.automask_attention = automask_attention
        self.divergence = divergence

    @classmethod
    def from_estimator(
        cls,
        detector: Any,
        X: Any,
        *,
        layer: int | None = None,
        head: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the attention that a fitted detector pays inside a window.

        Parameters
        ----------
        detector : object
            Fitted detector whose ``attention(X)`` has the attributes
            ``global_attention``, ``automask_attention`` and ``divergence``, of the
            shapes in `from_predictions`.

        X : array-like of shape (n_timepoints, n_channels)
            One window. Of a longer series, drawn is the window that ``attention``
            returns: for `AMADDetector` the last.

        layer, head : int, default=None
            Which layer and head to draw; None for the mean over them.

        ax : matplotlib Axes or array of Axes, default=None
            Where to draw, as in `plot`.

        Returns
        -------
        display : AttentionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is no such layer or head.
        """
        import_pyplot("AttentionDisplay.from_estimator")
        attention = detector.attention(X)
        return cls.from_predictions(
            attention.global_attention,
            attention.automask_attention,
            attention.divergence,
            layer=layer,
            head=head,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        global_attention: Any,
        automask_attention: Any,
        divergence: Any,
        *,
        layer: int | None = None,
        head: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw attention that is at hand.

        Parameters
        ----------
        global_attention, automask_attention : array-like of shape \
                (n_layers, n_heads, n_timepoints, n_timepoints)
            The maps.

        divergence : array-like of shape (n_layers, n_timepoints)
            How far they are apart at each step, the mean over heads.

        layer, head : int, default=None
            Which layer and head to draw; None for the mean over them. The divergence
            is that of the layer, whatever the head.

        ax : matplotlib Axes or array of Axes, default=None
            Where to draw, as in `plot`.

        Returns
        -------
        display : AttentionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If shapes do not fit, or there is no such layer or head.
        """
        global_attention = read_array(global_attention, "global_attention")
        automask_attention = read_array(automask_attention, "automask_attention")
        divergence = read_array(divergence, "divergence")
        _check_shapes(global_attention, automask_attention, divergence)
        one_global, one_automask = (
            _chosen(_chosen(attention, layer, "layer"), head, "head")
            for attention in (global_attention, automask_attention)
        )
        display = cls(
            global_attention=one_global,
            automask_attention=one_automask,
            divergence=_chosen(divergence, layer, "layer"),
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the maps side by side, and the divergence beneath.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            A single Axes is divided; an array must hold three. None makes a new
            figure.

        Returns
        -------
        display : AttentionDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If `ax` does not fit.
        """
        self.axes_ = self._panels(ax)
        self.figure_ = self.axes_[0].figure
        self._draw_maps(*self.axes_[:2])
        self._draw_divergence(self.axes_[2])
        return self

    def _panels(self, ax: Any) -> np.ndarray:
        axes = given_axes(ax, 3)
        if axes is not None:
            return axes
        grid = grid_in(
            ax, "AttentionDisplay.plot", (2, 2), (9, 6), height_ratios=[3, 1]
        )
        left = grid.figure.add_subplot(grid[0, 0])
        right = grid.figure.add_subplot(grid[0, 1], sharex=left, sharey=left)
        return np.array(
            [left, right, grid.figure.add_subplot(grid[1, :])], dtype=object
        )

    def _draw_maps(self, left: Axes, right: Axes) -> None:
        from matplotlib.colors import PowerNorm

        largest = max(self.global_attention.max(), self.automask_attention.max())
        # Most weights are small beside the few large ones.
        norm = PowerNorm(0.5, vmin=0, vmax=largest)
        for panel, attention, title in (
            (left, self.global_attention, "global attention"),
            (right, self.automask_attention, "AutoMask attention"),
        ):
            image = panel.imshow(attention, norm=norm, interpolation="nearest")
            panel.set(title=title, xlabel="step looked at")
        left.set_ylabel("step looking")
        right.tick_params(labelleft=False)
        self.figure_.colorbar(image, ax=[left, right], label="weight")

    def _draw_divergence(self, panel: Axes) -> None:
        panel.plot(self.divergence, color="0.2")
        panel.set(xlabel="step looking", ylabel="divergence")
        panel.set_xlim(-0.5, len(self.divergence) - 0.5)
        panel.spines[["top", "right"]].set_visible(False)


def _check_shapes(
    global_attention: np.ndarray, automask_attention: np.ndarray, divergence: np.ndarray
) -> None:
    shape = global_attention.shape
    if len(shape) != 4 or shape[2] != shape[3]:
        raise ValueError(
            "global_attention must have the shape (n_layers, n_heads, n_timepoints, "
            f"n_timepoints), got {shape}."
        )
    for values, name, wanted in (
        (automask_attention, "automask_attention", shape),
        (divergence, "divergence", (shape[0], shape[2])),
    ):
        if values.shape != wanted:
            raise ValueError(
                f"{name} must have the shape {wanted}, got {values.shape}."
            )


def _chosen(values: np.ndarray, index: int | None, name: str) -> np.ndarray:
    """Return one layer or head, or the mean over all of them."""
    if index is None:
        return values.mean(axis=0)
    if not 0 <= index < len(values):
        raise ValueError(
            f"{name} must be from 0 to {len(values) - 1} or None, got {index}."
        )
    return values[index]
