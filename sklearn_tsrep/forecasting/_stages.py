"""Ridge regressions one behind the other, their strengths chosen on later origins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm as normal
from scipy.stats import t as student
from sklearn.base import clone

from sklearn_tsrep.forecasting._design import Design, sum_of
from sklearn_tsrep.forecasting._ridge import LinearMaps, NormalEquations

_MOST_PARTS = 200
_MOST_ORIGINS_TO_CHOOSE_BY = 2000


class Origins(NamedTuple):
    """Time points after which forecasts begin; int arrays.

    Attributes
    ----------
    training, validation
        To fit to, and to choose strengths by.

    later
        Further ones to fit to, when strengths are chosen.
    """

    training: np.ndarray
    validation: np.ndarray
    later: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """Return all to fit to."""
        return np.concatenate([self.training, self.later])


def fit_stages(
    design: Design,
    origins: Origins,
    alphas: Sequence[float],
    sharing: Sequence[float],
    refit: bool,
) -> tuple[list[float], list[LinearMaps], list[LinearMaps]]:
    """Fit a stage for each part of the features, to what those before leave over.

    Parameters
    ----------
    design : Design
        Features and responses.

    origins : Origins
        Where to fit, and to choose strengths.

    alphas : sequence of float
        Strengths to choose from.

    sharing : sequence of float
        Of each part of the features, as in `NormalEquations`.

    refit : bool
        Whether to fit to all origins in the end.

    Returns
    -------
    chosen : list of float
        The strength of each stage: the largest that is about as good as the best, by
        `largest_as_good`.

    validated : list of LinearMaps
        The stages, fitted to the training part.

    maps : list of LinearMaps
        The stages, fitted to all where that is wanted.
    """
    candidates = sorted(alphas)
    chosen: list[float] = []
    validated: list[LinearMaps] = []
    sums = []
    for share in sharing:
        sums.append(NormalEquations(share, shrink_means=design.recipe.is_relative))
        _add(sums[-1], design, origins.training, validated)
        path = sums[-1].solve(candidates)
        best = largest_as_good(_errors(design, origins.validation, validated, path))
        chosen.append(candidates[best])
        validated.append(path[best])
    if not refit:
        return chosen, validated, validated
    maps: list[LinearMaps] = []
    for alpha, share in zip(chosen, sharing, strict=True):
        equations, added = sums[0], origins.later
        if maps:
            # What is left over by stages that have changed is to be summed up anew.
            equations = NormalEquations(share, shrink_means=design.recipe.is_relative)
            added = origins.all
        _add(equations, design, added, maps)
        maps += equations.solve([alpha])
    return chosen, validated, maps


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


def _add(
    equations: NormalEquations,
    design: Design,
    origins: np.ndarray,
    before: Sequence[LinearMaps],
) -> None:
    """Add the part of the features that no map reads yet, and what is left over."""
    for block in design.blocks(origins):
        features = design.features(block)
        left_over = design.responses(block) - sum_of(before, features[: len(before)])
        equations.add(features[len(before)], left_over)


def _errors(
    design: Design,
    origins: np.ndarray,
    before: Sequence[LinearMaps],
    path: Sequence[LinearMaps],
) -> np.ndarray:
    """Return the errors of each map of a path behind those before.

    They have the shape (n_maps, n_parts): the root mean square plus the mean absolute
    error in parts of the origins that are about as long as the horizon, since
    forecasts that overlap tell the same.
    """
    n_parts = max((len(origins) - 1) // design.recipe.horizon + 1, 1)
    parts = np.array_split(thinned(origins), min(n_parts, _MOST_PARTS))
    return np.stack(
        [_errors_in_part(design, part, before, path) for part in parts], axis=1
    )


def _errors_in_part(
    design: Design,
    origins: np.ndarray,
    before: Sequence[LinearMaps],
    path: Sequence[LinearMaps],
) -> np.ndarray:
    sums = np.zeros((len(path), 2))
    n_values = 0
    for block in design.blocks(origins):
        features = design.features(block)
        responses = design.responses(block, without_gaps=False)
        left_over = responses - sum_of(before, features[: len(before)])
        n_values += int((~np.isnan(left_over)).sum())
        for own, candidate in zip(sums, path, strict=True):
            error = np.abs(left_over - candidate(features[len(before)]))
            own += np.nansum(error**2), np.nansum(error)
    squared, absolute = sums.T / max(n_values, 1)
    return np.sqrt(squared) + absolute


def largest_as_good(errors: np.ndarray) -> int:
    """Return the last of several maps that is about as good as the best.

    Its errors are not above those of the best by more than one standard error of their
    mean difference; with few parts by as much more as Student's distribution asks for.
    A single part does not tell that error, and the best is taken.

    Parameters
    ----------
    errors : ndarray of shape (n_maps, n_parts)
        In parts of the origins.

    References
    ----------
    Breiman, Friedman, Olshen, Stone (1984). Classification and Regression Trees: the
    rule of one standard error, here of paired differences.
    """
    n_parts = errors.shape[1]
    differences = errors - errors[errors.mean(axis=1).argmin()]
    tolerated: np.ndarray | float = 0.0
    if n_parts > 1:
        factor = student.ppf(normal.cdf(1), n_parts - 1)
        tolerated = factor * differences.std(axis=1, ddof=1) / np.sqrt(n_parts)
    return int(np.flatnonzero(differences.mean(axis=1) <= tolerated)[-1])
