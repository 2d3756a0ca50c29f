"""What a transformer of time series says of the time points of a history."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.forecasting._design import Recipe
from sklearn_tsrep.forecasting._windows import History


def panel_of(history: History, recipe: Recipe, first: int = 0) -> Panel:
    """Return the panel to represent, from a time point on.

    Channels are instances where each is to have a representation of its own. Steps
    without a value are gaps, at the ends as well: where a history is cut must not
    matter.
    """
    values = (history.normalized if recipe.normalize else history.values)[first:].T
    series = values[:, np.newaxis] if recipe.encodes_apart else values[np.newaxis]
    ends = np.full(len(series), series.shape[2])
    return Panel(series, np.zeros_like(ends), ends)


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
        panel_of(history, recipe, begin),
        context=recipe.context,
        time=time_indices(n_before + begin, n_before + n_steps, recipe),
    )
    encoded = np.zeros((len(latents), n_steps, latents.shape[1]), dtype=np.float32)
    encoded[:, begin:] = latents.swapaxes(1, 2)
    return encoded


def time_indices(start: int, stop: int, recipe: Recipe) -> np.ndarray:
    """Return the indices that time points get, also beyond those learned from."""
    steps = np.arange(start, stop)
    if recipe.time_index == "clamp":
        return np.minimum(steps, recipe.n_train - 1)
    return steps % recipe.n_train if recipe.time_index == "wrap" else steps
