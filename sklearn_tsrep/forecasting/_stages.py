"""Ridge regressions one behind the other, their strengths chosen on later origins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_tsrep.forecasting._design import Design, sum_of
from sklearn_tsrep.forecasting._ridge import LinearMaps, NormalEquations

# Of two strengths whose errors differ by less than this share the larger is taken.
_TOLERANCE = 0.001
_MOST_ORIGINS_TO_CHOOSE_BY = 2000


def choose_strengths(
    design: Design,
    training: np.ndarray,
    validation: np.ndarray,
    alphas: Sequence[float],
    sharing: Sequence[float],
) -> tuple[list[float], list[LinearMaps]]:
    """Fit a stage for each part of the features, to what those before leave over.

    Parameters
    ----------
    design : Design
        Features and responses.

    training, validation : int array
        Origins to fit to, and to choose strengths by.

    alphas : sequence of float
        Strengths to choose from, for a row.

    sharing : sequence of float
        Of each part of the features, as in `NormalEquations`.

    Returns
    -------
    chosen : list of float
        The strength of each stage: the largest whose error (root mean square plus
        mean absolute, on the standardised series) is hardly above the lowest.

    maps : list of LinearMaps
        The stages.
    """
    candidates = sorted(alphas)
    chosen: list[float] = []
    maps: list[LinearMaps] = []
    for share in sharing:
        path = _stage(design, training, maps, share).solve(candidates)
        errors = _errors(design, thinned(validation), maps, path)
        best = np.flatnonzero(errors <= errors.min() * (1 + _TOLERANCE))[-1]
        chosen.append(candidates[best])
        maps.append(path[best])
    return chosen, maps


def fit_stages(
    design: Design,
    origins: np.ndarray,
    alphas: Sequence[float],
    sharing: Sequence[float],
) -> list[LinearMaps]:
    """Fit stages of given strengths, parameters as in `choose_strengths`."""
    maps: list[LinearMaps] = []
    for alpha, share in zip(alphas, sharing, strict=True):
        maps += _stage(design, origins, maps, share).solve([alpha])
    return maps


class RegressorMap:
    """A regressor of scikit-learn as the map of all channels.

    Parameters
    ----------
    regressor : regressor
        Predicts several outputs.
    """

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Map (n_channels, n_rows, n_features) to (n_channels, n_rows, horizon)."""
        predicted = np.asarray(self.regressor.predict(_rows(features)))
        return predicted.reshape(*features.shape[:2], -1)


def fit_regressor(regressor: Any, design: Design, origins: np.ndarray) -> Any:
    """Return a clone fitted to the joined features, all in memory at once."""
    (features,) = design.features(origins)
    responses = _rows(design.responses(origins))
    # Most regressors warn of a single column.
    targets = responses[:, 0] if responses.shape[1] == 1 else responses
    return clone(regressor).fit(_rows(features), targets)


def _rows(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[2])


def thinned(origins: np.ndarray) -> np.ndarray:
    """Return at most so many origins as tell enough, evenly spread."""
    if len(origins) <= _MOST_ORIGINS_TO_CHOOSE_BY:
        return origins
    places = np.linspace(0, len(origins) - 1, _MOST_ORIGINS_TO_CHOOSE_BY)
    return origins[places.round().astype(np.int64)]


def _stage(
    design: Design, origins: np.ndarray, before: Sequence[LinearMaps], sharing: float
) -> NormalEquations:
    """Return the sums of the part of the features that no map reads yet."""
    fit_intercept = design.recipe.difference is None
    equations = NormalEquations(sharing, fit_intercept)
    for block in design.blocks(origins):
        features = design.features(block)
        left_over = design.responses(block) - sum_of(before, features)
        equations.add(features[len(before)], left_over)
    return equations


def _errors(
    design: Design,
    origins: np.ndarray,
    before: Sequence[LinearMaps],
    path: Sequence[LinearMaps],
) -> np.ndarray:
    """Return the error of each map of a path behind those before."""
    sums = np.zeros((len(path), 2))
    n_values = 0
    for block in design.blocks(origins):
        features = design.features(block)
        left_over = design.responses(block) - sum_of(before, features)
        scale = design.scale(block)
        n_values += left_over.size
        for own, candidate in zip(sums, path, strict=True):
            error = np.abs(left_over - candidate(features[len(before)])) * scale
            own += (error**2).sum(), error.sum()
    squared, absolute = sums.T / n_values
    return np.sqrt(squared) + absolute
