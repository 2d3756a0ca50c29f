"""Scores of several kinds made one, in units of what is usual."""

from __future__ import annotations

import numpy as np

COMBINATIONS = ("minimum", "geometric", "mean", "rank")

# A score of this quantile in training is one unit. The minimum is about scores so large
# that a training time point seldom has them, and compares kinds there.
_UNIT, _UNIT_OF_MINIMUM = 0.9, 0.99
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

    combination : {"minimum", "geometric", "mean", "rank"}
        The least of the scores in units of their quantile at 0.99, their geometric mean
        or their mean in units of that at 0.9, or the mean of their ranks among the
        training scores.

    Returns
    -------
    scores : ndarray of shape (n_timepoints,), float64
        Above 0.
    """
    pairs = list(zip(scores, quantiles, strict=True))
    if combination == "rank":
        ranks = [np.interp(own, _ascending(known), _QUANTILES) for own, known in pairs]
        return np.mean(ranks, axis=0) + _SMALLEST_SCORE
    share = _UNIT_OF_MINIMUM if combination == "minimum" else _UNIT
    scaled = [own / _unit(known, share) for own, known in pairs]
    units = np.array(scaled) + _SMALLEST_SCORE
    if combination == "minimum":
        return units.min(axis=0)
    if combination == "mean":
        return units.mean(axis=0)
    return np.exp(np.log(units).mean(axis=0))


def _unit(quantiles: np.ndarray, share: float) -> float:
    """Return the score that is one unit; one where all are 0."""
    unit = float(np.interp(share, _QUANTILES, quantiles))
    return unit or float(quantiles[-1]) or 1.0


def _ascending(quantiles: np.ndarray) -> np.ndarray:
    """Return quantiles of which no two are equal, so that each score has one rank."""
    steps = np.arange(len(quantiles)) * np.spacing(max(quantiles[-1], 1e-300))
    return quantiles + steps
