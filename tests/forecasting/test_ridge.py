"""Ridge regression in groups, against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from sklearn_tsrep.forecasting._ridge import LinearMaps, NormalEquations

ALPHAS = [1e-3, 0.5, 10.0]


def data(
    n_groups: int = 3,
    n_rows: int = 25,
    n_features: int = 4,
    n_targets: int = 2,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return features and targets, of another kind in each group."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.5, 5, size=(n_groups, 1, n_features))
    features = rng.normal(size=(n_groups, n_rows, n_features)) * sizes + sizes
    truth = rng.normal(size=(n_groups, n_features, n_targets))
    noise = rng.normal(size=(n_groups, n_rows, n_targets))
    return features, features @ truth + noise + np.arange(n_targets)


def solved(
    features: np.ndarray,
    targets: np.ndarray,
    alphas: Any = ALPHAS,
    sharing: float = 0.0,
    shrink_means: bool = False,
) -> list[LinearMaps]:
    equations = NormalEquations(sharing, shrink_means)
    equations.add(features, targets)
    return equations.solve(alphas)


def ridge_of_group(
    features: np.ndarray, targets: np.ndarray, group: int, alpha: float, sharing: float
) -> np.ndarray:
    """Return what scikit-learn's regression on all groups, its own the most, says."""
    n_groups, n_rows, n_features = features.shape
    centred = features - features.mean(axis=1, keepdims=True)
    mean = targets.mean(axis=1, keepdims=True)
    weights = np.full(n_groups, sharing / n_groups)
    weights[group] += 1 - sharing
    weights = weights / (centred**2).mean(axis=(1, 2))
    ridge = Ridge(alpha=alpha * n_rows, fit_intercept=False).fit(
        centred.reshape(-1, n_features),
        (targets - mean).reshape(n_groups * n_rows, -1),
        np.repeat(weights, n_rows),
    )
    return mean[group] + ridge.predict(centred[group]).reshape(n_rows, -1)


@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
@settings(deadline=None, max_examples=25)
@given(
    n_groups=st.integers(1, 4),
    n_rows=st.integers(2, 30),
    n_features=st.integers(1, 6),
    n_targets=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_it_is_ridge_regression_on_weighted_groups(
    sharing, n_groups, n_rows, n_features, n_targets, seed
):
    features, targets = data(n_groups, n_rows, n_features, n_targets, seed)
    path = solved(features, targets, sharing=sharing)
    for alpha, maps in zip(ALPHAS, path, strict=True):
        found = maps(features)
        assert found.shape == targets.shape
        for group in range(n_groups):
            expected = ridge_of_group(features, targets, group, alpha, sharing)
            np.testing.assert_allclose(found[group], expected, rtol=1e-6, atol=1e-6)


def test_the_strength_may_hold_for_means_as_for_a_feature_of_variance_1():
    features, targets = data()
    mean = targets.mean(axis=1, keepdims=True)
    for alpha, own, plain in zip(
        ALPHAS,
        solved(features, targets, shrink_means=True),
        solved(features, targets),
        strict=True,
    ):
        expected = plain(features) - mean + mean / (1 + alpha)
        np.testing.assert_allclose(own(features), expected, atol=1e-9)


@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
def test_an_infinite_strength_learns_the_mean_alone(sharing):
    features, targets = data()
    (maps,) = solved(features, targets, [np.inf], sharing)
    expected = np.broadcast_to(targets.mean(axis=1, keepdims=True), targets.shape)
    np.testing.assert_allclose(maps(features), expected)
    (nothing,) = solved(features, targets, [np.inf], sharing, shrink_means=True)
    assert not nothing(features).any()


@settings(deadline=None, max_examples=20)
@given(bounds=st.lists(st.integers(1, 24), max_size=4, unique=True))
@pytest.mark.parametrize("sharing", [0.0, 0.7])
def test_rows_may_come_in_blocks(sharing, bounds):
    features, targets = data()
    equations = NormalEquations(sharing, shrink_means=False)
    for block in np.split(np.arange(25), sorted(bounds)):
        equations.add(features[:, block], targets[:, block])
    for own, expected in zip(
        equations.solve(ALPHAS), solved(features, targets, sharing=sharing), strict=True
    ):
        np.testing.assert_allclose(own(features), expected(features), atol=1e-9)


def test_rows_may_come_after_it_was_solved():
    features, targets = data()
    equations = NormalEquations(0.5, shrink_means=False)
    equations.add(features[:, :10], targets[:, :10])
    before = equations.solve([0.1])[0](features)
    equations.add(features[:, 10:], targets[:, 10:])
    (after,) = equations.solve([0.1])
    (expected,) = solved(features, targets, [0.1], 0.5)
    np.testing.assert_allclose(after(features), expected(features), atol=1e-9)
    assert np.abs(after(features) - before).max() > 1e-3


@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
def test_features_may_be_the_same_of_all_groups(sharing):
    features, targets = data()
    shared = features[:1]
    repeated = np.repeat(shared, 3, axis=0)
    for own, expected in zip(
        solved(shared, targets, sharing=sharing),
        solved(repeated, targets, sharing=sharing),
        strict=True,
    ):
        np.testing.assert_allclose(own(shared), expected(repeated), atol=1e-9)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_a_strength_means_the_same_of_other_units_and_more_rows(factor):
    features, targets = data()
    twice = np.tile(features, (1, 2, 1)), np.tile(targets, (1, 2, 1))
    for own, scaled, longer in zip(
        solved(features, targets),
        solved(factor * features, targets),
        solved(*twice),
        strict=True,
    ):
        expected = own(features)
        np.testing.assert_allclose(scaled(factor * features), expected, rtol=1e-6)
        np.testing.assert_allclose(longer(features), expected, rtol=1e-6)


@pytest.mark.parametrize("alpha", [1e-300, 1e-12, 1e-6, 1.0])
def test_features_may_depend_on_each_other(alpha):
    features, targets = data()
    dependent = features[..., :1], features.sum(axis=2, keepdims=True)
    repeated = np.concatenate([features, *dependent], axis=2)
    (maps,) = solved(repeated, targets, [alpha])
    found = maps(repeated)
    if alpha <= 1e-12:
        (plain,) = solved(features, targets, [alpha])
        np.testing.assert_allclose(found, plain(features), atol=1e-3)
    else:
        expected = ridge_of_group(repeated, targets, 0, alpha, 0.0)
        np.testing.assert_allclose(found[0], expected, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 3.0])
@pytest.mark.parametrize("alpha", [1e-6, 1.0, np.inf])
def test_features_that_never_vary_say_nothing(value, alpha):
    _, targets = data()
    features = np.full((3, 25, 4), value)
    (maps,) = solved(features, targets, [alpha])
    expected = np.broadcast_to(targets.mean(axis=1, keepdims=True), targets.shape)
    np.testing.assert_allclose(maps(features), expected, atol=1e-6)


@pytest.mark.parametrize("sharing", [0.0, 0.5, 1.0])
def test_all_groups_count_alike_however_much_they_vary(sharing):
    features, targets = data()
    sizes = np.array([1e3, 1.0, 1e-3])[:, np.newaxis, np.newaxis]
    (own,) = solved(features, targets, [0.1], sharing)
    (other,) = solved(sizes * features, sizes * targets, [0.1], sharing)
    found = other(sizes * features) / sizes
    np.testing.assert_allclose(found, own(features), rtol=1e-6)


def test_a_group_that_never_varies_does_not_keep_others_from_learning():
    features, targets = data()
    (expected,) = solved(features[1:], targets[1:], [0.1])
    features[0], targets[0] = 3.0, 5.0
    (maps,) = solved(features, targets, [0.1])
    np.testing.assert_allclose(maps(features)[1:], expected(features[1:]))
    np.testing.assert_allclose(maps(features)[0], 5.0)
