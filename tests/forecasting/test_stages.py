"""Regressions one behind the other, and how their strengths are chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.utils.validation import check_is_fitted

from sklearn_tsrep.forecasting import _design, _stages
from sklearn_tsrep.forecasting._design import Design, sum_of
from sklearn_tsrep.forecasting._ridge import NormalEquations
from sklearn_tsrep.forecasting._stages import (
    Origins,
    RegressorMap,
    fit_regressor,
    fit_stages,
    largest_as_good,
    thinned,
)
from sklearn_tsrep.forecasting._windows import History
from tests.forecasting.series import recipe_of, seasons

ORIGINS = Origins(np.arange(5, 60), np.arange(65, 90), np.arange(60, 90))
# So far apart that none is as good as another.
ALPHAS = [1e-3, 1.0, 1000.0]


def design_of(n_latents: int = 30, noise: float = 0.3, **parameters: Any) -> Design:
    """Return a design whose latents say something that its lags do not."""
    rows = seasons(100, noise=noise)
    latents = None
    if n_latents:
        rng = np.random.default_rng(2)
        latents = rng.normal(size=(2, 100, n_latents)).astype(np.float32)
        latents[:, :-1, 0] = rows[1:].T
    recipe = recipe_of(**parameters)
    return Design(recipe, History(rows, recipe.window), latents)


def fitted(design: Design, origins: np.ndarray, alphas: list[float]) -> list[Any]:
    """Fit stages of given strengths, plainly."""
    maps: list[Any] = []
    for alpha in alphas:
        features = design.features(origins)
        read = features[: len(maps)]
        left_over = design.responses(origins) - sum_of(maps, read)
        equations = NormalEquations(0.5, design.recipe.is_relative)
        equations.add(features[len(maps)], left_over)
        maps += equations.solve([alpha])
    return maps


def errors_of(design: Design, maps: list[Any], origins: np.ndarray) -> np.ndarray:
    read = design.features(origins)[: len(maps)]
    return design.responses(origins, without_gaps=False) - sum_of(maps, read)


def assert_same_forecasts(design: Design, maps: list[Any], expected: list[Any]) -> None:
    every = np.arange(5, 95)
    np.testing.assert_allclose(
        design.forecasts(every, maps), design.forecasts(every, expected), atol=1e-9
    )


def best_of(design: Design, before: list[float]) -> float:
    """Return the strength of a further stage that does best behind the training."""
    errors = {}
    for alpha in ALPHAS:
        maps = fitted(design, ORIGINS.training, [*before, alpha])
        left = errors_of(design, maps, ORIGINS.validation)
        errors[alpha] = np.sqrt((left**2).mean()) + np.abs(left).mean()
    return min(errors, key=lambda alpha: errors[alpha])


@pytest.mark.parametrize("difference", ["last", None])
@pytest.mark.parametrize("at_once", [50, 2**23])
def test_each_stage_learns_what_those_before_leave_over(
    monkeypatch, difference, at_once
):
    monkeypatch.setattr(_design, "_VALUES_AT_ONCE", at_once)
    monkeypatch.setattr(
        _stages, "largest_as_good", lambda errors: int(errors.mean(axis=1).argmin())
    )
    design = design_of(difference=difference)
    chosen, validated, maps = fit_stages(design, ORIGINS, ALPHAS, [0.5, 0.5], True)
    assert chosen == [best_of(design, []), best_of(design, chosen[:1])]
    assert_same_forecasts(design, validated, fitted(design, ORIGINS.training, chosen))
    assert_same_forecasts(design, maps, fitted(design, ORIGINS.all, chosen))
    assert 1.0 in chosen


@pytest.mark.parametrize("n_latents", [0, 30])
def test_without_a_refit_the_stages_are_those_of_the_training_part(n_latents):
    design = design_of(n_latents)
    sharing = [0.5, 0.5][: 2 if n_latents else 1]
    _, validated, maps = fit_stages(design, ORIGINS, ALPHAS, sharing, False)
    assert len(maps) == len(sharing)
    assert_same_forecasts(design, maps, validated)


def test_straight_lines_over_gaps_are_no_truth_to_choose_by():
    chosen = []
    for far_behind in (0.0, 1000.0):
        design = design_of(0, n_lags=6)
        # The end of the gap lies behind all forecasts, and bends the line over it.
        design.history.values[80:95] = np.nan
        design.history.values[95:] = far_behind
        chosen += fit_stages(design, ORIGINS, ALPHAS, [0.5], refit=False)[0]
    assert chosen[0] == chosen[1] < 1000.0


def test_the_order_of_strengths_does_not_matter():
    design = design_of()
    expected, *_ = fit_stages(design, ORIGINS, ALPHAS, [0.5, 0.5], False)
    found, *_ = fit_stages(design, ORIGINS, ALPHAS[::-1], [0.5, 0.5], False)
    assert found == expected


def test_of_strengths_that_do_equally_well_the_largest_is_taken():
    design = design_of(0, noise=0.0, n_lags=1, difference="last")
    # The only lag is the last value, which is subtracted: nothing can be learned.
    chosen, *_ = fit_stages(design, ORIGINS, [*ALPHAS, np.inf], [0.5], False)
    assert chosen == [np.inf]


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        # Above the best in all parts alike: as small as that is, it is no chance.
        ([[1.0, 2.0, 3.0], [1.01, 2.01, 3.01]], 0),
        # In the mean as much above, by chance of one part.
        ([[1.0, 2.0, 3.0], [0.9, 2.0, 3.13]], 1),
        ([[1.1, 2.1, 3.1], [1.0, 2.0, 3.0], [1.5, 2.5, 3.5]], 1),
        ([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], 1),
        # A single part tells nothing of chance.
        ([[2.0], [1.0], [1.001]], 1),
        ([[2.0], [1.0], [1.0]], 2),
    ],
)
def test_a_larger_strength_is_taken_where_chance_may_explain_the_difference(
    errors, expected
):
    assert largest_as_good(np.array(errors)) == expected


def test_each_stage_shares_as_much_as_it_is_told():
    design = design_of()
    _, (lags, latents), _ = fit_stages(design, ORIGINS, [0.1], [1.0, 0.0], False)
    np.testing.assert_allclose(*lags.coefficients, atol=1e-12)
    one, other = latents.coefficients
    assert np.abs(one - other).max() > 1e-3


def test_validation_takes_as_many_origins_as_tell_enough():
    few = np.arange(5, 500)
    np.testing.assert_array_equal(thinned(few), few)
    many = np.arange(3, 50_000)
    found = thinned(many)
    assert 500 <= len(found) <= 5000
    assert found[0] == 3
    assert found[-1] == 49_999
    assert np.ptp(np.diff(found)) <= 1


# One regressor of all features


def test_a_single_step_is_no_column_to_a_regressor():
    design = design_of(is_joined=True, horizon=1)
    # It warns of columns.
    forest = RandomForestRegressor(n_estimators=2, random_state=0)
    regressor = fit_regressor(forest, design, ORIGINS.training)
    (features,) = design.features(ORIGINS.validation)
    assert RegressorMap(regressor)(features).shape == (2, 25, 1)


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_regressor_learns_from_the_rows_of_all_channels(horizon):
    design = design_of(is_joined=True, horizon=horizon)
    given = LinearRegression()
    regressor = fit_regressor(given, design, ORIGINS.training)
    assert not hasattr(given, "coef_")
    check_is_fitted(regressor)
    (features,) = design.features(ORIGINS.training)
    responses = design.responses(ORIGINS.training)
    expected = LinearRegression().fit(
        np.concatenate(features), np.concatenate(responses)
    )
    found = RegressorMap(regressor)(features)
    assert found.shape == responses.shape
    for channel in (0, 1):
        np.testing.assert_allclose(
            found[channel], expected.predict(features[channel]), atol=1e-9
        )


def test_channels_of_a_regressor_are_not_mixed_up():
    design = design_of(is_joined=True)
    neighbor = KNeighborsRegressor(n_neighbors=1)
    own = RegressorMap(fit_regressor(neighbor, design, ORIGINS.training))
    (features,) = design.features(ORIGINS.training)
    np.testing.assert_allclose(own(features), design.responses(ORIGINS.training))
