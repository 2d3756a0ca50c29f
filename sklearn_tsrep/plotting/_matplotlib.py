"""What displays share: matplotlib itself, where to draw, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXTRA = "plot"
_LONGEST_NAME = 20


def import_pyplot(caller: str) -> Any:
    """Import matplotlib's pyplot, or say how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib. Install it with "
            f"`pip install matplotlib` or `pip install 'sklearn-tsrep[{EXTRA}]'`."
        ) from error
    return plt


def given_axes(ax: Any, n_needed: int) -> np.ndarray | None:
    """Return the axes of an array or list in a row, None if `ax` is neither."""
    if not isinstance(ax, np.ndarray | list | tuple):
        return None
    axes = np.ravel(np.asarray(ax, dtype=object))
    if len(axes) != n_needed:
        raise ValueError(f"ax must hold {n_needed} axes, got {len(axes)}.")
    return axes


def grid_in(
    ax: Any, caller: str, shape: tuple[int, int], size: tuple[float, float], **grid: Any
) -> Any:
    """Return a grid in a new figure, or in the place of a single Axes."""
    plt = import_pyplot(caller)
    if ax is None:
        figure = plt.figure(figsize=size, layout="constrained")
        return figure.add_gridspec(*shape, **grid)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            "ax must be of a grid, as plt.subplots makes it, to be divided. Pass an "
            "array of axes, or None for a new figure."
        )
    ax.set_axis_off()
    return place.subgridspec(*shape, **grid)


def alone(values: np.ndarray) -> np.ndarray:
    """Mark values between missing ones, which a line does not show."""
    is_there = np.isfinite(np.pad(values, 1, constant_values=np.nan))
    return is_there[1:-1] & ~is_there[:-2] & ~is_there[2:]


def shortened(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    half = _LONGEST_NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"


def write_dates_briefly(panel: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(ConciseDateFormatter(locator))
