"""What a transformer of time series says of the time points of a history."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.forecasting._design import Recipe
from sklearn_tsrep.forecasting._windows import History


def panel_of(history: History, recipe: Recipe) -> np.ndarray:
    """Return the panel (n_instances, n_channels, n_timepoints) to represent.

    Channels are instances where each is to have a representation of its own.
    """
    values = history.normalized if recipe.normalize else history.values
    return values.T[:, np.newaxis] if recipe.encodes_apart else values.T[np.newaxis]


def encoded(
    transformer: Any, history: History, recipe: Recipe, first: int, n_before: int
) -> np.ndarray:
    """Return the representation of time points, each from those up to it alone.

    Parameters
    ----------
    transformer : transformer
        With ``encode_causal``.

    history : History
        The series.

    recipe : Recipe
        How it is encoded.

    first : int
        Time point of the history from which on latents are needed. What is before
        gets 0, as far as it is not encoded.

    n_before : int
        Time points before the history.

    Returns
    -------
    latents : ndarray of shape (n_instances, n_timepoints, n_latents), float32
    """
    n_steps = len(history.values)
    begin = max(first - recipe.context, 0)
    latents = transformer.encode_causal(
        _without_padding(panel_of(history, recipe)[:, :, begin:]),
        context=recipe.context,
        time=time_indices(n_before + begin, n_before + n_steps, recipe),
    )
    encoded = np.zeros((len(latents), n_steps, latents.shape[1]), dtype=np.float32)
    encoded[:, begin:] = latents.swapaxes(1, 2)
    return encoded


def _without_padding(values: np.ndarray) -> Panel:
    """Return a panel in which steps without a value are gaps, at the ends as well.

    Where the history is cut must not matter.
    """
    ends = np.full(len(values), values.shape[2])
    return Panel(values, np.zeros_like(ends), ends)


def time_indices(start: int, stop: int, recipe: Recipe) -> np.ndarray:
    """Return the indices that time points get, also beyond those learned from."""
    steps = np.arange(start, stop)
    if recipe.time_index == "clamp":
        return np.minimum(steps, recipe.n_train - 1)
    return steps % recipe.n_train if recipe.time_index == "wrap" else steps
