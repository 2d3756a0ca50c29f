"""Tests of plain forecasters, and of how configurations of ours are built."""

import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from benchmarks import forecasters
from benchmarks.forecasters import (
    METHODS,
    Forecaster,
    Naive,
    RidgeOnLags,
    SharedEncoder,
    Spent,
)

ENCODED = [name for name, method in METHODS.items() if method.build.encoder]


@pytest.fixture(name="series")
def waves_with_noise():
    rng = np.random.default_rng(0)
    steps = np.arange(200)[:, np.newaxis]
    waves = np.sin(2 * np.pi * steps / 8 + [0.0, 1.0, 2.0])
    return (waves + 0.1 * rng.normal(size=waves.shape)) * [1, 10, 100] + [5, 0, -5]


def test_the_last_value_is_repeated(series):
    forecasts = Naive(horizon=3).fit(series[:100]).predict_rolling(series[100:110])
    assert forecasts.shape == (8, 3, 3)
    for origin, forecast in enumerate(forecasts):
        np.testing.assert_array_equal(forecast, series[[99 + origin] * 3])


@pytest.mark.parametrize("horizon", [3, 20])
def test_the_last_season_is_repeated(series, horizon):
    model = Naive(horizon=horizon, season=8).fit(series[:100])
    forecasts = model.predict_rolling(series[100:130])
    assert len(forecasts) == 31 - horizon
    for origin, forecast in enumerate(forecasts):
        seen = series[100 + origin - 8 : 100 + origin]
        np.testing.assert_array_equal(forecast, np.tile(seen, (3, 1))[:horizon])


@pytest.mark.parametrize(
    "model", [Naive(horizon=4, season=8), RidgeOnLags(horizon=4, n_lags=(5, 16))]
)
def test_rows_taken_in_are_as_good_as_rows_given(series, model):
    whole = model.fit(series[:150]).predict_rolling(series[150:])
    model.update(series[150:153]).update(series[153:170])
    np.testing.assert_allclose(
        model.predict_rolling(series[170:]), whole[20:], rtol=1e-12
    )


def test_too_few_rows_are_an_error(series):
    with pytest.raises(ValueError, match="8 rows are needed to learn from, got 7"):
        Naive(season=8).fit(series[:7])
    with pytest.raises(ValueError, match="20 rows are needed to learn from, got 15"):
        RidgeOnLags(horizon=4, n_lags=(16,)).fit(series[:20])


def _by_hand(series, n_train, n_lags, horizon, alpha):
    """Return the forecasts from every step behind the training rows."""
    mean, scale = series[:n_train].mean(axis=0), series[:n_train].std(axis=0)
    scaled = (series - mean) / scale
    origins = range(n_lags, n_train - horizon + 1)
    lags = [scaled[one - n_lags : one].ravel() for one in origins]
    targets = [scaled[one : one + horizon].ravel() for one in origins]
    ridge = Ridge(alpha).fit(lags, targets)
    later = range(n_train, len(series) - horizon + 1)
    forecasts = ridge.predict([scaled[one - n_lags : one].ravel() for one in later])
    return forecasts.reshape(-1, horizon, series.shape[1]) * scale + mean


@pytest.mark.parametrize("most_values", [100, 4_000_000])
def test_ridge_is_that_of_scikit_learn(series, monkeypatch, most_values):
    monkeypatch.setattr(forecasters, "MOST_VALUES", most_values)
    model = RidgeOnLags(horizon=4, n_lags=(6,), alphas=(2.0,)).fit(series[:160])
    expected = _by_hand(series, 120, 6, 4, 2.0)[40:]
    np.testing.assert_allclose(model.predict_rolling(series[160:]), expected, rtol=1e-8)


@pytest.mark.parametrize("most_values", [100, 4_000_000])
def test_ridge_has_the_lags_and_the_strength_that_suit_validation(
    series, monkeypatch, most_values
):
    monkeypatch.setattr(forecasters, "MOST_VALUES", most_values)
    n_lags, alphas = (2, 8, 16), (0.01, 1.0, 100.0)
    model = RidgeOnLags(horizon=4, n_lags=n_lags, alphas=alphas).fit(series[:160])
    scale = series[:120].std(axis=0)
    losses = {}
    for one in n_lags:
        for alpha in alphas:
            forecasts = _by_hand(series[:160], 120, one, 4, alpha)
            true = [series[origin : origin + 4] for origin in range(120, 157)]
            off = (forecasts - true) / scale
            losses[one, alpha] = np.square(off).mean()
    assert (model.n_lags_, model.alpha_) == min(losses, key=losses.get)


def test_errors_do_not_depend_on_blocks():
    values = np.random.default_rng(0).normal(size=(10, 3))
    expected = np.square(values).mean(), np.abs(values).mean()
    parts = np.split(values, [2, 3])
    np.testing.assert_allclose(forecasters.mean_errors(parts), expected)


def test_blocks_cover_all_origins_and_stay_small(monkeypatch):
    monkeypatch.setattr(forecasters, "MOST_VALUES", 24)
    found = list(forecasters.blocks(7, 4, 2))
    assert found == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert len(list(forecasters.blocks(7, 100))) == 7


def test_what_a_row_records_leaves_out_what_its_set_decides():
    build = Forecaster(RidgeOnLags, fixed={"alphas": [1.0]})
    assert json.loads(build.resolve({"n_lags": [2]})) == {
        "alphas": [1.0],
        "n_lags": [2],
        "refit": False,
    }
    assert build.free_parameters == ["n_lags", "refit", "validation_fraction"]
    given = build.resolve({"validation_fraction": 0.5})
    assert json.loads(given)["validation_fraction"] == 0.5


def test_methods_that_draw_nothing_or_take_long_have_one_seed():
    once = {name for name in METHODS if METHODS[name].most_seeds == 1}
    plain = {"last-value", "seasonal-naive", "raw-ridge", "raw-ridge-refitted", "none"}
    assert once == {*plain, "paper"}


def test_ridge_on_lags_is_refitted_where_that_is_wanted():
    rows = np.random.default_rng(0).normal(size=(200, 2)).cumsum(axis=0)
    once, again = (
        RidgeOnLags(horizon=2, n_lags=[3], alphas=[1.0], refit=refit).fit(rows)
        for refit in (False, True)
    )
    assert not np.allclose(once.model_.coefficients, again.model_.coefficients)
    scaled = again.scaler_.transform(rows)
    (whole,) = forecasters._ridges(scaled, 3, 2, [1.0])
    np.testing.assert_allclose(again.model_.coefficients, whole.coefficients)


class Recorder:
    """An encoder that keeps what it is given."""

    def __init__(self):
        self.fits, self.encoded = [], []

    def fit(self, X):
        """Keep it."""
        self.fits.append(X)

    def encode_causal(self, X, **given):
        """Keep it and return its sums."""
        self.encoded.append(given)
        return X.sum(axis=1)


class TestSharedEncoder:
    @pytest.fixture
    def shared(self):
        return SharedEncoder(Recorder(), Spent())

    def test_it_is_trained_once_and_never_cloned(self, shared):
        X = np.array([[[1.0, np.nan]]])
        assert clone(shared).fit(X) is clone(shared).fit(X.copy(), None)
        assert len(shared.estimator.fits) == 1
        assert 0 < shared.spent.training == shared.spent.total
        with pytest.raises(ValueError, match="on different series"):
            shared.fit(X + 1)

    def test_what_was_encoded_first_is_encoded_once(self, shared):
        X = np.array([[[1.0, np.nan]], [[2.0, 3.0]]])
        first = shared.encode_causal(X, context=5, time=np.arange(2))
        again = shared.encode_causal(X.copy(), context=5, time=np.arange(2))
        np.testing.assert_array_equal(first, again)
        assert len(shared.estimator.encoded) == 1
        assert 0 < shared.spent.history == shared.spent.total

    @pytest.mark.parametrize(
        "other", [{"context": 6}, {"time": np.arange(1, 3)}, {"time": None}]
    )
    def test_anything_else_is_encoded_anew(self, shared, other):
        X = np.ones((2, 1, 2))
        given = {"context": 5, "time": np.arange(2)}
        shared.encode_causal(X, **given)
        shared.encode_causal(X, **{**given, **other})
        shared.encode_causal(X[:1], **given)
        assert len(shared.estimator.encoded) == 3
        assert shared.spent.history < shared.spent.total


class TestRepresentations:
    @pytest.mark.parametrize("name", ENCODED)
    def test_each_has_its_seed_and_its_parameters(self, name, monkeypatch):
        method = METHODS[name]
        own = method.prepare("")
        model = method.build(7, own)
        assert model.transformer.random_state == 7
        is_untrained = name.endswith("untrained")
        assert (model.transformer.max_epochs == 0) is is_untrained
        assert ("transformer__max_epochs" in method.free_parameters) is not is_untrained
        recorded = json.loads(method.resolve(own))
        assert recorded["transformer"] == type(model.transformer).__name__
        assert "horizon" not in recorded

    def test_a_control_differs_in_its_weights_alone(self):
        for name in ENCODED:
            if name.endswith("-untrained"):
                trained = METHODS[name.removesuffix("-untrained")]
                one, other = (
                    json.loads(method.resolve(method.prepare("")))
                    for method in (trained, METHODS[name])
                )
                one["transformer__max_epochs"] = 0
                assert one == other

    def test_ts2vec_has_no_embedding_of_time(self):
        method = METHODS["ts2vec"]
        transformer = method.build(0, method.prepare("")).transformer
        assert transformer.time_embedding is None
        assert transformer.n_latents == 320

    def test_without_a_representation_there_is_no_transformer(self):
        assert METHODS["none"].build(0, {}).transformer is None
