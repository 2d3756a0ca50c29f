"""What the forecaster learns, what it does not, and by which rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from tests.conftest import assert_same_weights, make_waves, tiny_trep, weights_of
from tests.forecasting.series import (
    SEASON,
    TRANSFORMERS,
    parts_ahead,
    seasons,
    tiny_forecaster,
    with_gaps,
)

NAN = np.nan


@pytest.fixture(params=TRANSFORMERS)
def forecaster(request: pytest.FixtureRequest) -> Any:
    return tiny_forecaster(clone(TRANSFORMERS[request.param], safe=False))


@pytest.fixture
def rows() -> np.ndarray:
    return with_gaps(seasons())


# What is learned from


def test_the_validation_part_does_not_reach_the_transformer(forecaster):
    rows = with_gaps(seasons(120))
    other = rows.copy()
    other[90:] = -7 * other[90:] + 3
    forecaster.set_params(season="auto", refit=False)
    one, another = (clone(forecaster).fit(values) for values in (rows, other))
    np.testing.assert_array_equal(one.mean_, another.mean_)
    np.testing.assert_array_equal(one.scale_, another.scale_)
    assert one.season_ == another.season_
    if forecaster.transformer is not None:
        assert_same_weights(one.transformer_, another.transformer_)
    # Nor, without a refit, the regressions.
    following = seasons(60)
    np.testing.assert_allclose(
        one.update(following).predict(), another.update(following).predict()
    )


def test_the_training_part_does(forecaster):
    rows = with_gaps(seasons(120))
    fitted = clone(forecaster).fit(rows)
    n_train = 90
    np.testing.assert_allclose(fitted.mean_, np.nanmean(rows[:n_train], axis=0))
    np.testing.assert_allclose(fitted.scale_, np.nanstd(rows[:n_train], axis=0))
    if forecaster.transformer is not None:
        rows[n_train - 1] *= -2
        other = clone(forecaster).fit(rows)
        one, another = (weights_of(own.transformer_) for own in (fitted, other))
        assert any((one[name] != another[name]).any() for name in one)


@pytest.mark.parametrize("regressor", [None, LinearRegression()])
def test_all_rows_reach_the_regressions_where_that_is_wanted(rows, regressor):
    found = []
    for refit in (True, False):
        forecaster = tiny_forecaster(refit=refit, regressor=regressor)
        other = rows.copy()
        other[120:] = -other[120:]
        one, another = (clone(forecaster).fit(values) for values in (rows, other))
        following = seasons(60)
        forecasts = [own.update(following).predict() for own in (one, another)]
        found.append(np.abs(forecasts[0] - forecasts[1]).max())
    assert found[0] > 1e-3
    assert found[1] < 1e-9


def test_after_a_refit_it_does_not_matter_what_was_held_back():
    forecaster = tiny_forecaster(difference="last")
    one, other = (
        clone(forecaster).set_params(validation_fraction=share).fit(seasons(150, 1))
        for share in (0.2, 0.5)
    )
    np.testing.assert_allclose(one.predict(), other.predict(), rtol=1e-9)
    assert np.abs(one.mean_ - other.mean_) > 1e-3


def test_a_frozen_transformer_is_not_trained(rows):
    trained = tiny_trep().fit(make_waves(5, 2, 40))
    before = weights_of(trained)
    forecaster = tiny_forecaster(FrozenEstimator(trained), encode_channels="together")
    fitted = forecaster.fit(rows)
    after = weights_of(trained)
    assert all((before[name] == after[name]).all() for name in before)
    assert_same_weights(fitted.transformer_.estimator, trained)
    assert np.isfinite(fitted.predict()).all()


def test_transformer_and_regressor_stay_as_they_were(rows):
    transformer, regressor = tiny_trep(), KNeighborsRegressor()
    fitted = tiny_forecaster(transformer, regressor=regressor).fit(rows)
    assert not hasattr(transformer, "module_")
    assert not hasattr(regressor, "n_features_in_")
    assert hasattr(fitted.transformer_, "module_")
    assert fitted.regressor_.n_features_in_ == 6 + 4


def test_channels_have_one_representation_or_one_each(rows):
    apart = tiny_forecaster(tiny_trep()).fit(rows)
    together = tiny_forecaster(tiny_trep(), encode_channels="together").fit(rows)
    assert apart.transformer_.n_features_in_ == 1
    assert together.transformer_.n_features_in_ == 2


# Forecasts


@settings(deadline=None, max_examples=15)
@given(
    name=st.sampled_from(list(TRANSFORMERS)),
    difference=st.sampled_from(["last", "season", "both", None]),
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(1e-2, 1e3),
)
def test_shift_and_scale_of_a_channel_are_those_of_its_forecasts(
    name, difference, shift, scale
):
    rows = with_gaps(seasons())
    forecaster = tiny_forecaster(TRANSFORMERS[name], difference=difference)
    before = clone(forecaster).fit(rows)
    rows[:, 1] = shift + scale * rows[:, 1]
    after = clone(forecaster).fit(rows)
    ends = before.predict_interval(), after.predict_interval()
    for one, other in [(before.predict(), after.predict()), *zip(*ends, strict=True)]:
        expected = np.column_stack([one[:, 0], shift + scale * one[:, 1]])
        size = before.scale_ * [1, scale]
        np.testing.assert_allclose(other / size, expected / size, atol=1e-3, rtol=1e-6)


@pytest.mark.parametrize("difference", ["last", "season", "both"])
def test_a_series_that_has_moved_is_forecast_from_where_it_is(forecaster, difference):
    fitted = forecaster.set_params(difference=difference).fit(seasons())
    following, moved = seasons(60, seed=1), np.array([500, -20])
    expected = fitted.predict(following) + moved
    np.testing.assert_allclose(fitted.predict(following + moved), expected, 1e-4)


def relative_to(rows: np.ndarray, difference: str | None, **parameters: Any) -> Any:
    """Return forecasts to which nothing learned is added."""
    given = {"difference": difference, "alphas": [np.inf], **parameters}
    return tiny_forecaster(horizon=15, **given).fit(rows).predict()


def test_forecasts_are_relative_to_what_needs_no_learning():
    rows = seasons()
    last = np.tile(rows[-1], (15, 1))
    season = np.concatenate([rows[-SEASON:], rows[-SEASON:]])[:15]
    np.testing.assert_allclose(relative_to(rows, "last"), last)
    np.testing.assert_allclose(relative_to(rows, "season"), season)
    np.testing.assert_allclose(relative_to(rows, "both"), (last + season) / 2)
    np.testing.assert_allclose(relative_to(rows, "both", season=None), last)
    level = relative_to(rows, None)
    assert (np.abs(level - rows.mean(axis=0)) < 0.3).all()


def test_a_season_is_the_mean_of_those_in_the_lags():
    rows = seasons()
    two_seasons = rows[-2 * SEASON :].reshape(2, SEASON, 2).mean(axis=0)
    found = relative_to(rows, "season", n_lags=2 * SEASON + 5)[:SEASON]
    np.testing.assert_allclose(found, two_seasons)


def test_the_last_value_is_looked_for_as_far_as_lags_go():
    rows = seasons()
    rows[-5:, 0] = NAN
    rows[-6:, 1] = NAN
    # Behind that it is the mean of the training part.
    found = relative_to(rows, "last", refit=False)
    np.testing.assert_allclose(found[0, 0], rows[-6, 0])
    np.testing.assert_allclose(found[0, 1], np.nanmean(rows[:112, 1]))


def test_a_random_walk_is_forecast_no_worse_than_by_its_last_value():
    n_fit, ratios, chosen = 1000, [], []
    for seed in range(6):
        walk = np.random.default_rng(seed).normal(size=(n_fit + 300, 2)).cumsum(axis=0)
        fitted = tiny_forecaster(season="auto", alphas=None).fit(walk[:n_fit])
        truth = parts_ahead(walk[n_fit:], 3)
        errors = truth - fitted.predict_rolling(walk[n_fit:])
        naive = truth - walk[n_fit - 1 : -3, np.newaxis]
        ratios.append((errors**2).mean() / (naive**2).mean())
        chosen.append(fitted.alphas_["lags"])
    assert max(ratios) < 1.03
    assert np.mean(np.isinf(chosen)) > 0.5


def test_a_noisy_season_is_forecast_better_than_by_the_season_before():
    rows = seasons(700, noise=0.5)
    fitted = tiny_forecaster(
        season="auto", n_lags="auto", alphas=None, horizon=SEASON
    ).fit(rows[:500])
    truth = parts_ahead(rows[500:], SEASON)
    naive = truth - parts_ahead(rows[500 - SEASON : -SEASON], SEASON)
    errors = truth - fitted.predict_rolling(rows[500:])
    assert (errors**2).mean() < 0.7 * (naive**2).mean()


def test_a_representation_that_says_nothing_is_not_computed(monkeypatch):
    noise = np.random.default_rng(0).normal(size=(360, 2)).cumsum(axis=0)
    given = {"difference": "last", "alphas": [1.0, np.inf]}
    plain, found = (
        tiny_forecaster(transformer, **given).fit(noise[:300])
        for transformer in (None, tiny_trep())
    )
    assert set(found.alphas_) == {"lags", "latents"}
    assert np.isinf(found.alphas_["latents"])
    monkeypatch.setattr(type(found.transformer_), "encode_causal", None)
    np.testing.assert_allclose(
        found.predict_rolling(noise[300:]), plain.predict_rolling(noise[300:])
    )


def test_how_much_channels_share():
    rows, other = seasons(), seasons()
    other[:, 1] = np.random.default_rng(3).normal(size=len(other))
    differ = []
    for sharing in (0.0, 0.5, 1.0):
        forecaster = tiny_forecaster(sharing=sharing)
        one, another = (clone(forecaster).fit(own).predict() for own in (rows, other))
        differ.append(np.abs(one - another)[:, 0].max())
    assert differ[0] < 1e-12
    assert 1e-3 < differ[1] < differ[2]


def test_channels_do_not_share_what_one_representation_says_of_them(rows):
    forecaster = tiny_forecaster(
        tiny_trep(), n_lags=0, normalize=False, encode_channels="together"
    )
    one, other = (
        clone(forecaster).set_params(sharing=sharing).fit(rows).predict()
        for sharing in (0.0, 1.0)
    )
    np.testing.assert_array_equal(one, other)


def test_with_all_shared_channels_that_look_alike_are_forecast_alike():
    fitted = tiny_forecaster(tiny_trep(), sharing=1.0).fit(seasons())
    differ = []
    for seed in (0, 1):
        alike = fitted.mean_ + fitted.scale_ * seasons(60, 1, seed=seed)
        found = (fitted.predict(alike) - fitted.mean_) / fitted.scale_
        differ.append(found[:, 0] - found[:, 1])
    # Each has the level that its features had.
    np.testing.assert_allclose(*differ, atol=1e-6)


# Rules


@pytest.mark.parametrize("difference", ["season", "both"])
def test_the_season_is_found_or_given(difference):
    rows = seasons(300, noise=0.1)
    forecaster = tiny_forecaster(difference=difference, season="auto")
    assert forecaster.fit(rows).season_ == SEASON
    assert forecaster.set_params(season=7).fit(rows).season_ == 7
    assert type(forecaster.set_params(season=np.int64(7)).fit(rows).season_) is int


@pytest.mark.parametrize("difference", ["last", None])
def test_without_need_of_a_season_there_is_none(difference):
    rows = seasons(300, noise=0.1)
    assert tiny_forecaster(difference=difference, season=7).fit(rows).season_ is None


@pytest.mark.parametrize(
    ("n_timepoints", "season", "n_lags"),
    [
        (4000, 24, 336),
        (4000, 100, 300),
        (4000, 200, 400),
        (4000, 1, 336),
        (4000, None, 96),
        (400, 24, 48),
        (400, 100, 60),
        (400, None, 60),
        (60, 2, 8),
    ],
)
def test_lags_are_whole_seasons_as_far_as_there_are_rows(n_timepoints, season, n_lags):
    rows = seasons(n_timepoints, 1)
    forecaster = tiny_forecaster(season=season, n_lags="auto").fit(rows)
    assert forecaster.n_lags_ == n_lags
    assert forecaster.set_params(n_lags=5).fit(rows).n_lags_ == 5


def test_strengths_are_chosen_on_the_validation_part():
    rng = np.random.default_rng(0)
    noise, season = rng.normal(size=(200, 1)), seasons(200, 1, noise=0)
    forecaster = tiny_forecaster(n_lags=12, difference=None, alphas=[1e-6, 1e6])
    assert forecaster.fit(season).alphas_ == {"lags": 1e-6}
    assert forecaster.fit(noise).alphas_ == {"lags": 1e6}
    assert forecaster.set_params(alphas=np.array([0.5])).fit(noise).alphas_ == {
        "lags": 0.5
    }


@pytest.mark.parametrize("name", ["trep", "dmae"])
def test_the_representation_may_be_all_there_is(rows, name):
    forecaster = tiny_forecaster(TRANSFORMERS[name], n_lags=0, normalize=False)
    fitted = forecaster.fit(rows)
    assert set(fitted.alphas_) == {"latents"}
    assert np.isfinite(fitted.predict(rows)).all()


def test_latents_from_before_the_first_rows_are_not_made_up():
    rows, other = seasons(80), seasons(80)
    other[60:] += 50
    forecaster = tiny_forecaster(tiny_trep(), latent_lags=(0, 40), refit=False)
    following = seasons(60, seed=1)
    one, another = (
        clone(forecaster).fit(own).update(following).predict() for own in (rows, other)
    )
    np.testing.assert_allclose(one, another, atol=1e-6)


# A regressor in place of the ridge regressions


def test_linear_regression_is_ridge_without_strength(rows):
    rows, given = rows[:, :1], {"difference": None}
    ridge = tiny_forecaster(alphas=[1e-12], **given).fit(rows)
    linear = tiny_forecaster(regressor=LinearRegression(), **given).fit(rows)
    np.testing.assert_allclose(linear.predict(), ridge.predict(), atol=1e-6)
    for one, other in zip(
        linear.predict_interval(), ridge.predict_interval(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("n_lags", "context", "first"), [(6, 8, 5), (6, 500, 5), (0, 8, 8), (0, 500, 54)]
)
def test_latents_alone_are_learned_from_where_they_have_their_context(
    rows, n_lags, context, first
):
    regressor = (
        tiny_forecaster(
            tiny_trep(),
            regressor=KNeighborsRegressor(3),
            season=None,
            normalize=False,
            n_lags=n_lags,
            context=context,
        )
        .fit(rows)
        .regressor_
    )
    # Of 150 rows 147 have 3 rows ahead; half of those for training, if need be.
    assert regressor.n_samples_fit_ == 2 * (147 - first)


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_regressor_may_learn_from_all_features(rows, name, horizon):
    forecaster = tiny_forecaster(
        TRANSFORMERS[name], regressor=KNeighborsRegressor(3), horizon=horizon
    ).fit(rows)
    assert forecaster.alphas_ == {}
    assert forecaster.predict().shape == (horizon, 2)
    lower, upper = forecaster.predict_interval()
    assert (lower < upper).all()
    assert forecaster.score(seasons(200)[150:]) > -0.5
