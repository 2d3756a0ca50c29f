"""Scores of several kinds made one, in units of what is usual."""

from __future__ import annotations

import numpy as np

COMBINATIONS = ("geometric", "mean", "rank")

# A score of this quantile in training is one unit.
_UNIT = 0.9
_QUANTILES = np.linspace(0, 1, 1001)
# Of a unit: where one kind finds nothing strange, the others still count.
_SMALLEST_SCORE = 0.01


def training_quantiles(scores: np.ndarray) -> np.ndarray:
    """Return a thousand quantiles of the scores of normal time points."""
    return np.quantile(scores, _QUANTILES)


def combined(
    scores: list[np.ndarray], quantiles: list[np.ndarray], combination: str
) -> np.ndarray:
    """Return one score of time points from those of several kinds.

    Parameters
    ----------
    scores : list of ndarray of shape (n_timepoints,)
        At least 0.

    quantiles : list of ndarray
        The `training_quantiles` of each kind.

    combination : {"geometric", "mean", "rank"}
        The geometric mean of scores in units of their quantile at 0.9, their mean, or
        the mean of their ranks among the training scores.

    Returns
    -------
    scores : ndarray of shape (n_timepoints,), float64
        Above 0.
    """
    pairs = list(zip(scores, quantiles, strict=True))
    if combination == "rank":
        ranks = [np.interp(own, _ascending(known), _QUANTILES) for own, known in pairs]
        return np.mean(ranks, axis=0) + _SMALLEST_SCORE
    units = np.array([own / _unit(known) for own, known in pairs]) + _SMALLEST_SCORE
    if combination == "mean":
        return units.mean(axis=0)
    return np.exp(np.log(units).mean(axis=0))


def _unit(quantiles: np.ndarray) -> float:
    """Return the score that is one unit; one where all are 0."""
    unit = float(np.interp(_UNIT, _QUANTILES, quantiles))
    return unit or float(quantiles[-1]) or 1.0


def _ascending(quantiles: np.ndarray) -> np.ndarray:
    """Return quantiles of which no two are equal, so that each score has one rank."""
    steps = np.arange(len(quantiles)) * np.spacing(max(quantiles[-1], 1e-300))
    return quantiles + steps
