"""T-Rep end to end: data, variants, training and its history."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from tests.conftest import make_waves, tiny_trep

TIME_EMBEDDINGS = ["time2vec", "mlp", "rbf", None]
WIDTHS = {"max": 1, "mean": 1, "last": 1, "segments": 3, "multiscale": 5}


def weights_of(transformer):
    return {
        name: weight.numpy().copy()
        for name, weight in transformer.module_.state_dict().items()
    }


def assert_same_weights(one, other):
    one, other = weights_of(one), weights_of(other)
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


class Interruption(Callback):
    """Raises what ctrl-C raises, at the end of a step."""

    def __init__(self, at_step):
        self.at_step = at_step

    def on_train_begin(self, net, **parameters):
        self.n_steps_ = 0

    def on_batch_end(self, net, **parameters):
        self.n_steps_ += 1
        if self.n_steps_ == self.at_step:
            raise KeyboardInterrupt


class Counter(Callback):
    """Counts in the history, which is all that a test can see of a clone."""

    def __init__(self, name="n_seen"):
        self.name = name

    def on_train_begin(self, net, **parameters):
        self.n_steps_ = 0

    def on_batch_end(self, net, **parameters):
        self.n_steps_ += 1

    def on_epoch_end(self, net, **parameters):
        net.history.record(self.name, self.n_steps_)


class LearningRate(Callback):
    """Writes the learning rate after each epoch into the history."""

    def on_epoch_end(self, net, **parameters):
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])


# Data


@pytest.mark.parametrize("time_embedding", TIME_EMBEDDINGS)
def test_basic_motions_end_to_end(basic_motions, time_embedding):
    X, _ = basic_motions
    transformer = tiny_trep(time_embedding=time_embedding)
    features = transformer.fit_transform(X)
    assert features.shape == (80, 4)
    assert np.isfinite(features).all()
    assert features.std(axis=0).min() > 1e-3
    assert transformer.encode(X).shape == (80, 4, 100)


@pytest.mark.parametrize("time_embedding", TIME_EMBEDDINGS)
def test_japanese_vowels_of_unequal_lengths(japanese_vowels, time_embedding):
    X, _ = japanese_vowels
    transformer = tiny_trep(time_embedding=time_embedding)
    assert np.isfinite(transformer.fit_transform(X)).all()
    encoded = transformer.encode(X)
    lengths = [len(cell) for cell in X.iloc[:, 0]]
    assert min(lengths) < max(lengths)
    assert [series.shape for series in encoded] == [(4, n) for n in lengths]
    assert all(series.dtype == np.float32 for series in encoded)


@pytest.mark.parametrize("time_embedding", TIME_EMBEDDINGS)
@pytest.mark.parametrize("missing", ["all", "any"])
def test_series_with_gaps(basic_motions, time_embedding, missing):
    X = basic_motions[0][::4].copy()
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    X[:, :, 40:60] = np.nan
    transformer = tiny_trep(time_embedding=time_embedding, missing=missing)
    assert np.isfinite(transformer.fit_transform(X)).all()
    assert np.isfinite(transformer.encode(X)).all()


def test_a_missing_value_is_not_the_mean(waves):
    transformer = tiny_trep(max_steps=20, lr=0.01)
    waves[::2, 0, ::3] = np.nan
    transformer.fit(waves)
    with_mean, with_gap = waves.copy(), waves.copy()
    with_mean[:, 0, 8], with_gap[:, 0, 8] = transformer.mean_[0], np.nan
    difference = transformer.encode(with_mean) - transformer.encode(with_gap)
    assert np.abs(difference[:, :, 8]).max() > 1e-4


def test_time_index_matters_only_with_a_time_embedding(waves):
    late = np.concatenate([np.full((10, 3, 12), np.nan), waves], axis=2)
    for time_embedding, matters in [("time2vec", True), (None, False)]:
        transformer = tiny_trep(time_embedding=time_embedding).fit(waves)
        early, shifted = transformer.transform(waves), transformer.transform(late)
        assert np.allclose(early, shifted, atol=1e-6) != matters


@pytest.mark.parametrize("time_embedding", TIME_EMBEDDINGS)
def test_causal_representations_depend_on_no_later_step(waves, time_embedding):
    transformer = tiny_trep(causal=True, time_embedding=time_embedding, n_blocks=4)
    before = transformer.fit(waves).encode(waves)
    changed = waves.copy()
    changed[:, :, 15:] = np.nan_to_num(3 - 10 * waves[:, :, 15:])
    after = transformer.encode(changed)
    np.testing.assert_array_equal(after[:, :, :15], before[:, :, :15])
    assert np.abs(after[:, :, 15] - before[:, :, 15]).max() > 1e-3
    shorter = transformer.encode(waves[:, :, :15])
    np.testing.assert_allclose(shorter, before[:, :, :15], atol=1e-5)


def test_representations_depend_on_later_steps_otherwise(waves):
    transformer = tiny_trep().fit(waves)
    before = transformer.encode(waves)
    waves[:, :, 15:] += 5
    assert np.abs(transformer.encode(waves)[:, :, 14] - before[:, :, 14]).max() > 1e-3


def test_scaling_makes_units_irrelevant_and_can_be_switched_off(waves):
    in_other_units = waves * 1000 + 5e4
    expected = tiny_trep().fit_transform(waves)
    features = tiny_trep().fit_transform(in_other_units)
    np.testing.assert_allclose(features, expected, atol=1e-3)
    unscaled = tiny_trep(scale=False).fit(waves)
    np.testing.assert_array_equal(unscaled.mean_, 0)
    np.testing.assert_array_equal(unscaled.scale_, 1)
    scaled = tiny_trep().fit(in_other_units)
    np.testing.assert_allclose(scaled.mean_, in_other_units.mean(axis=(0, 2)))
    np.testing.assert_allclose(scaled.scale_, in_other_units.std(axis=(0, 2)))


def test_long_series_are_cut_into_pieces(waves):
    transformer = tiny_trep(max_train_length=8, max_epochs=1, batch_size=1)
    steps = transformer.set_params(callbacks=[Counter()]).fit(waves).history_["n_seen"]
    np.testing.assert_array_equal(steps, [30])
    assert transformer.encode(waves).shape == (10, 4, 24)


def test_one_long_series_can_be_learned_from():
    series = make_waves(1, 2, 400)
    features = tiny_trep(max_train_length=50, pooling="segments").fit_transform(series)
    assert features.shape == (1, 40)
    assert np.isfinite(features).all()


# Pooling


@pytest.mark.parametrize("pooling", [[name] for name in WIDTHS] + [list(WIDTHS)])
def test_poolings_their_names_and_shapes(waves, ragged, pooling):
    transformer = tiny_trep(pooling=pooling, n_segments=3).fit(waves)
    names = transformer.get_feature_names_out()
    features = transformer.transform(waves)
    assert features.shape == (10, 4 * sum(WIDTHS[name] for name in pooling))
    assert transformer.transform(ragged).shape == features.shape
    parts = {
        "segments": [f"segment{index}" for index in range(3)],
        "multiscale": [f"scale{index}" for index in range(5)],
    }
    expected = [
        f"{part}_latent{latent}"
        for name in pooling
        for part in parts.get(name, [name])
        for latent in range(4)
    ]
    assert list(names) == expected


def test_poolings_agree_with_the_representation(ragged):
    transformer = tiny_trep(pooling=["max", "mean", "last"]).fit(ragged)
    features = transformer.transform(ragged).reshape(10, 3, 4)
    for (maximum, mean, last), series in zip(
        features, transformer.encode(ragged), strict=True
    ):
        np.testing.assert_array_equal(maximum, series.max(axis=1))
        np.testing.assert_allclose(mean, series.mean(axis=1), atol=1e-6)
        np.testing.assert_array_equal(last, series[:, -1])


def test_several_poolings_are_each_side_by_side(waves):
    transformer = tiny_trep(pooling=list(WIDTHS), n_segments=3).fit(waves)
    together = transformer.transform(waves)
    each = [transformer.set_params(pooling=name).transform(waves) for name in WIDTHS]
    np.testing.assert_array_equal(np.hstack(each), together)


def test_pooling_may_change_after_fit_and_is_checked(waves):
    transformer = tiny_trep().fit(waves).set_params(pooling="mean")
    np.testing.assert_allclose(
        transformer.transform(waves), transformer.encode(waves).mean(axis=2), atol=1e-6
    )
    with pytest.raises(ValueError, match="pooling must be"):
        transformer.set_params(pooling="sum").transform(waves)


def test_multiscale_pooling_has_as_many_scales_as_the_training_series_need(ragged):
    transformer = tiny_trep(pooling="multiscale").fit(ragged)
    longer = make_waves(3, 3, 90)
    assert (
        transformer.transform(longer).shape[1] == transformer.transform(ragged).shape[1]
    )


# Training


def test_training_lowers_the_loss_and_does_not_collapse(basic_motions):
    transformer = tiny_trep(
        n_latents=16, hidden_channels=16, n_blocks=4, max_steps=30, lr=3e-3
    ).fit(basic_motions[0])
    history = transformer.history_
    assert history["train_loss"][-1] < 0.9 * history["train_loss"][0]
    assert (history["latent_spread"] > 0.05).all()
    assert (history["time_embedding_spread"] > 0.005).all()


def test_history_has_a_row_an_epoch_and_a_column_a_term(waves):
    transformer = tiny_trep(max_epochs=3).fit(waves)
    terms = ["instance", "temporal", "divergence", "forecast"]
    assert set(transformer.history_) == {
        "epoch",
        "train_loss",
        *(f"{term}_loss" for term in terms),
        "latent_spread",
        "time_embedding_spread",
    }
    for column in transformer.history_.values():
        assert isinstance(column, np.ndarray)
        assert column.shape == (3,)
        assert np.isfinite(column).all()
    np.testing.assert_array_equal(transformer.history_["epoch"], [1, 2, 3])
    assert transformer.loss_curve_ == transformer.history_["train_loss"].tolist()
    assert transformer.n_iter_ == 3
    mean_term = sum(transformer.history_[f"{term}_loss"] for term in terms) / 4
    np.testing.assert_allclose(transformer.loss_curve_, mean_term, rtol=1e-5)


def test_without_time_embedding_only_the_contrasts_are_learned(waves):
    history = tiny_trep(time_embedding=None, max_epochs=2).fit(waves).history_
    assert {name for name in history if name.endswith("_loss")} == {
        "train_loss",
        "instance_loss",
        "temporal_loss",
    }
    assert "time_embedding_spread" not in history


def test_task_weights_switch_tasks_off_and_are_scaled_to_sum_one(waves):
    weights = {"instance": 3, "temporal": 1, "divergence": 0, "forecast": 0}
    history = tiny_trep(task_weights=weights, max_epochs=2).fit(waves).history_
    assert "divergence_loss" not in history
    expected = 0.75 * history["instance_loss"] + 0.25 * history["temporal_loss"]
    np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [
        {"optimizer": "SGD", "optimizer_params": {"momentum": 0.9}},
        {"optimizer": "RMSprop"},
        {"detach_targets": True},
        {"temporal_unit": 2},
        {"mask_ratio": 0.0},
        {"dropout": 0.0},
        {"kernel_size": 5},
        {"n_blocks": 0},
        {"batch_size": 1},
        {"max_forecast_distance": 1},
        {"n_time_latents": 1},
        {"precision": "bfloat16"},
    ],
    ids=repr,
)
def test_variants_learn_something_finite(waves, parameters):
    untrained = tiny_trep(max_epochs=0, **parameters).fit_transform(waves)
    transformer = tiny_trep(max_epochs=2, **parameters)
    features = transformer.fit_transform(waves)
    assert np.isfinite(features).all()
    assert np.isfinite(transformer.loss_curve_).all()
    assert not np.array_equal(features, untrained)


def test_bfloat16_leaves_weights_and_features_in_float32(waves):
    transformer = tiny_trep(precision="bfloat16", max_epochs=2)
    features = transformer.fit_transform(waves)
    assert features.dtype == np.float32
    assert {str(w.dtype) for w in weights_of(transformer).values()} == {"float32"}
    exact = tiny_trep(max_epochs=2).fit_transform(waves)
    assert not np.array_equal(features, exact)
    np.testing.assert_allclose(features, exact, atol=0.1)


def test_max_epochs_0_is_the_untrained_control(waves):
    transformer = tiny_trep(max_epochs=0).fit(waves)
    assert transformer.n_iter_ == 0
    assert transformer.loss_curve_ == []
    assert all(len(column) == 0 for column in transformer.history_.values())
    np.testing.assert_array_equal(
        transformer.transform(waves),
        tiny_trep(max_epochs=0).fit_transform(waves),
    )
    other = tiny_trep(max_epochs=0, random_state=1).fit_transform(waves)
    assert not np.array_equal(transformer.transform(waves), other)


def test_training_starts_from_the_untrained_control(waves):
    frozen = tiny_trep(max_epochs=1, optimizer="SGD", lr=1e-30).fit_transform(waves)
    untrained = tiny_trep(max_epochs=0).fit_transform(waves)
    np.testing.assert_array_equal(frozen, untrained)


@pytest.mark.parametrize(("batch_size", "max_steps"), [(4, 7), (16, 3), (1, 4)])
def test_max_steps_is_the_exact_number_of_steps(waves, batch_size, max_steps):
    history = (
        tiny_trep(max_steps=max_steps, batch_size=batch_size, callbacks=[Counter()])
        .fit(waves)
        .history_
    )
    assert history["n_seen"][-1] == max_steps
    assert len(history["epoch"]) == -(-max_steps // -(-10 // batch_size))


def test_each_epoch_holds_every_series(waves):
    transformer = tiny_trep(max_epochs=2, batch_size=4, callbacks=[Counter()])
    np.testing.assert_array_equal(transformer.fit(waves).history_["n_seen"], [3, 6])


@pytest.mark.parametrize("lr_schedule", ["cosine", "exponential"])
def test_lr_schedules_end_low(waves, lr_schedule):
    transformer = tiny_trep(
        lr_schedule=lr_schedule,
        lr=0.1,
        max_epochs=4,
        batch_size=5,
        callbacks=[LearningRate()],
    ).fit(waves)
    rates = transformer.history_["lr"]
    assert (np.diff(rates) < 0).all()
    assert 0.01 < rates[0] < 0.1
    assert rates[-1] == pytest.approx({"cosine": 0, "exponential": 1e-3}[lr_schedule])


def test_gradient_clipping_bounds_a_step(waves):
    parameters = {"optimizer": "SGD", "lr": 1.0, "weight_averaging": None}
    start = weights_of(tiny_trep(max_epochs=0).fit(waves))
    lengths = []
    for clip in (1e-3, None):
        transformer = tiny_trep(
            max_steps=1, gradient_clip_value=clip, **parameters
        ).fit(waves)
        steps = [
            weight - start[name] for name, weight in weights_of(transformer).items()
        ]
        lengths.append(np.sqrt(sum((step.astype(float) ** 2).sum() for step in steps)))
    assert lengths[0] == pytest.approx(1e-3, rel=1e-2)
    assert lengths[1] > 1e-2


def test_weight_averaging(waves):
    one_step, last = (
        tiny_trep(
            weight_averaging=None, max_steps=n_steps, optimizer="SGD", lr=0.1
        ).fit(waves)
        for n_steps in (1, 2)
    )
    parameters = {"max_steps": 2, "optimizer": "SGD", "lr": 0.1}
    equal = tiny_trep(weight_averaging="equal", **parameters).fit(waves)
    ema = tiny_trep(weight_averaging="ema", **parameters).fit(waves)
    first, second = weights_of(one_step), weights_of(last)
    for name, weight in weights_of(equal).items():
        mean = (first[name] + second[name]) / 2
        np.testing.assert_allclose(weight, mean, atol=1e-6)
    for name, weight in weights_of(ema).items():
        moving = 0.99 * first[name] + 0.01 * second[name]
        np.testing.assert_allclose(weight, moving, atol=1e-6)


def test_dropout_and_masks_are_for_training_only(waves):
    transformer = tiny_trep(dropout=0.9, mask_ratio=0.9).fit(waves)
    np.testing.assert_array_equal(
        transformer.transform(waves), transformer.transform(waves)
    )
    assert not transformer.module_.training


# Early stopping


def test_early_stopping_stops_and_keeps_the_best_weights(waves):
    parameters = {
        "early_stopping": True,
        "n_iter_no_change": 3,
        "tol": 100.0,
        "max_epochs": 50,
        "validation_fraction": 0.3,
        "lr": 0.1,
        "weight_averaging": None,
    }
    transformer = tiny_trep(**parameters).fit(waves)
    losses = transformer.history_["valid_loss"]
    assert transformer.n_iter_ == len(losses) == 4
    best_epoch = int(losses.argmin()) + 1
    until_best = tiny_trep(**{**parameters, "max_epochs": best_epoch}).fit(waves)
    assert_same_weights(transformer, until_best)


def test_early_stopping_waits_while_the_loss_falls(waves):
    transformer = tiny_trep(
        early_stopping=True, n_iter_no_change=2, tol=0.0, max_epochs=200, lr=0.01
    ).fit(waves)
    losses = transformer.history_["valid_loss"]
    assert 3 <= len(losses) < 200
    assert losses.argmin() == len(losses) - 3


def test_early_stopping_records_the_losses_of_the_part_held_back(waves):
    history = (
        tiny_trep(early_stopping=True, validation_fraction=0.3, max_epochs=2)
        .fit(waves)
        .history_
    )
    assert {"valid_loss", "valid_instance_loss", "valid_forecast_loss"} <= set(history)
    assert all(column.shape == (2,) for column in history.values())


def test_validation_draws_the_same_in_each_epoch(waves):
    history = (
        tiny_trep(
            early_stopping=True,
            max_epochs=3,
            optimizer="SGD",
            lr=1e-30,
            validation_fraction=0.3,
        )
        .fit(waves)
        .history_
    )
    assert len(set(history["valid_loss"])) == 1
    assert len(set(history["train_loss"])) == 3


def test_early_stopping_needs_two_series(waves):
    with pytest.raises(ValueError, match="early_stopping=True needs at least 2 series"):
        tiny_trep(early_stopping=True).fit(waves[:1])
    for share in (0.01, 0.99):
        tiny_trep(early_stopping=True, validation_fraction=share).fit(waves[:2])
    tiny_trep(early_stopping=True, max_train_length=12).fit(waves[:1])


# Going on


@pytest.mark.parametrize("weight_averaging", ["equal", "ema", None])
@pytest.mark.parametrize("optimizer", ["AdamW", "SGD"])
def test_partial_fit_goes_on_as_if_it_had_not_stopped(
    waves, weight_averaging, optimizer
):
    parameters = {
        "weight_averaging": weight_averaging,
        "optimizer": optimizer,
        "batch_size": 4,
    }
    whole = tiny_trep(max_epochs=3, **parameters).fit(waves)
    parts = tiny_trep(max_epochs=1, **parameters)
    for _ in range(3):
        parts.partial_fit(waves)
    assert parts.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(parts.history_["epoch"], [1, 2, 3])
    assert_same_weights(parts, whole)


def test_partial_fit_sees_other_crops_each_time(waves):
    transformer = tiny_trep(max_epochs=1, optimizer="SGD", lr=1e-30)
    for _ in range(3):
        transformer.partial_fit(waves)
    assert len(set(transformer.loss_curve_)) == 3


def test_partial_fit_takes_a_panel_of_other_length(waves, ragged):
    transformer = tiny_trep(max_epochs=2).partial_fit(waves)
    before = weights_of(transformer)
    mean, names = transformer.mean_.copy(), transformer.get_feature_names_out()
    transformer.partial_fit(make_waves(4, 3, 50, seed=1)).partial_fit(ragged)
    assert transformer.n_iter_ == 6
    assert any((before[name] != w).any() for name, w in weights_of(transformer).items())
    np.testing.assert_array_equal(transformer.mean_, mean)
    np.testing.assert_array_equal(transformer.get_feature_names_out(), names)
    assert np.isfinite(transformer.transform(waves)).all()


def test_partial_fit_needs_the_channels_and_the_network_of_before(waves):
    transformer = tiny_trep().partial_fit(waves)
    expected = transformer.transform(waves)
    with pytest.raises(ValueError, match="2 channels"):
        transformer.partial_fit(waves[:, :2])
    with pytest.raises(ValueError, match="another network: hidden_channels"):
        transformer.set_params(hidden_channels=8).partial_fit(waves)
    np.testing.assert_array_equal(transformer.transform(waves), expected)


def test_partial_fit_after_fit_keeps_the_weights(waves):
    transformer = tiny_trep(max_epochs=2, optimizer="SGD", lr=0.1).fit(waves)
    expected = transformer.transform(waves)
    transformer.set_params(lr=1e-30).partial_fit(waves)
    np.testing.assert_allclose(transformer.transform(waves), expected, atol=1e-6)
    assert transformer.n_iter_ == 4


def test_partial_fit_goes_on_from_the_untrained_control(waves):
    transformer = tiny_trep(max_epochs=0).partial_fit(waves)
    expected = tiny_trep(max_epochs=0).fit_transform(waves)
    np.testing.assert_array_equal(transformer.transform(waves), expected)
    transformer.set_params(max_epochs=2).partial_fit(waves)
    assert transformer.n_iter_ == len(transformer.history_["epoch"]) == 2
    assert_same_weights(transformer, tiny_trep(max_epochs=2).fit(waves))


def test_warm_start_goes_on_and_its_absence_starts_anew(waves):
    transformer = tiny_trep(max_epochs=2, warm_start=True).fit(waves)
    first = transformer.transform(waves)
    transformer.fit(waves)
    assert transformer.n_iter_ == 4
    assert not np.array_equal(transformer.transform(waves), first)
    transformer.set_params(warm_start=False).fit(waves)
    assert transformer.n_iter_ == 2
    np.testing.assert_array_equal(transformer.transform(waves), first)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_new_learning_rate_takes_effect_when_going_on(waves, method):
    transformer = tiny_trep(
        max_epochs=2, warm_start=True, weight_averaging=None, optimizer="SGD", lr=0.1
    ).fit(waves)
    before = weights_of(transformer)
    getattr(transformer.set_params(lr=1e-30), method)(waves)
    for name, weight in weights_of(transformer).items():
        np.testing.assert_array_equal(weight, before[name])


@pytest.mark.parametrize("lr_schedule", ["cosine", "exponential"])
def test_warm_start_runs_the_schedule_again(waves, lr_schedule):
    transformer = tiny_trep(
        max_epochs=3,
        warm_start=True,
        lr_schedule=lr_schedule,
        batch_size=5,
        callbacks=[LearningRate()],
    )
    rates = transformer.fit(waves).fit(waves).history_["lr"]
    np.testing.assert_allclose(rates[3:], rates[:3], atol=1e-12)


def test_columns_of_only_one_training_are_filled_with_nan(waves):
    transformer = tiny_trep(max_epochs=2).partial_fit(waves)
    transformer.set_params(callbacks=[Counter()]).partial_fit(waves)
    np.testing.assert_array_equal(
        transformer.history_["n_seen"], [np.nan, np.nan, 1, 2]
    )


# Ends before the end


@pytest.mark.parametrize("weight_averaging", ["equal", None])
def test_divergence_is_an_error(waves, weight_averaging):
    transformer = tiny_trep(
        lr=1e30, max_steps=10, batch_size=5, weight_averaging=weight_averaging
    )
    with pytest.raises(ValueError, match="Training diverged.*lower lr"):
        transformer.fit(waves)


@pytest.mark.parametrize("weight_averaging", ["equal", None])
def test_divergence_at_the_last_step_is_an_error_too(waves, weight_averaging):
    transformer = tiny_trep(
        lr=1e39, optimizer="SGD", max_steps=1, weight_averaging=weight_averaging
    )
    with pytest.raises(ValueError, match="Training diverged"):
        transformer.fit(waves)


def test_divergence_leaves_what_was_learned_before(waves):
    transformer = tiny_trep(warm_start=True).fit(waves)
    expected, n_epochs = transformer.transform(waves), transformer.n_iter_
    with pytest.raises(ValueError, match="Training diverged"):
        transformer.set_params(lr=1e30, max_steps=10).fit(waves)
    np.testing.assert_array_equal(transformer.transform(waves), expected)
    assert transformer.n_iter_ == n_epochs
    transformer.set_params(lr=1e-3).fit(waves)
    assert np.isfinite(transformer.transform(waves)).all()


@pytest.mark.parametrize(
    ("at_step", "n_whole_epochs"), [(2, 0), (4, 1), (6, 2), (7, 2)]
)
def test_an_interruption_keeps_what_was_learned(waves, at_step, n_whole_epochs):
    parameters = {"batch_size": 4, "weight_averaging": None}
    transformer = tiny_trep(
        max_epochs=10, callbacks=[Interruption(at_step)], **parameters
    )
    with pytest.warns(UserWarning, match="interrupted by user"):
        transformer.fit(waves)
    assert n_whole_epochs - 1 <= transformer.n_iter_ <= n_whole_epochs
    assert len(transformer.history_.get("train_loss", [])) == transformer.n_iter_
    assert len(transformer.history_.get("epoch", [])) == transformer.n_iter_
    assert_same_weights(
        transformer, tiny_trep(max_steps=at_step, **parameters).fit(waves)
    )


def test_training_goes_on_after_an_interruption(waves):
    transformer = tiny_trep(
        max_epochs=5, callbacks=[Interruption(4)], batch_size=4, warm_start=True
    )
    with pytest.warns(UserWarning, match="interrupted by user"):
        transformer.fit(waves)
    transformer.set_params(callbacks=None, max_epochs=2).fit(waves)
    assert len(set(map(len, transformer.history_.values()))) == 1
    np.testing.assert_array_equal(
        transformer.history_["epoch"], np.arange(1, transformer.n_iter_ + 1)
    )


# Callbacks of skorch


def test_callbacks_are_cloned(waves):
    counter = Counter()
    transformer = tiny_trep(max_epochs=2, callbacks=[counter]).fit(waves)
    np.testing.assert_array_equal(transformer.history_["n_seen"], [1, 2])
    assert vars(counter) == {"name": "n_seen"}
    assert transformer.callbacks[0] is counter


def test_callbacks_may_have_names(waves):
    callbacks = [
        ("one", Counter("first")),
        ("two", Counter("second")),
        Counter("third"),
    ]
    history = tiny_trep(max_epochs=2, callbacks=callbacks).fit(waves).history_
    assert {"first", "second", "third"} <= set(history)


def test_callbacks_survive_clone_and_repr(waves):
    transformer = tiny_trep(callbacks=[Counter()])
    twin = clone(transformer)
    assert twin.callbacks[0] is not transformer.callbacks[0]
    assert "Counter" in repr(transformer)


# Callbacks of scikit-learn


class Recorder:
    """Notes the tasks of a fit, and asks to stop after some epochs."""

    def __init__(self, n_epochs=None):
        self.n_epochs = n_epochs
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context):
        self.events.append(f"end {context.task_name} {context.task_id}")
        return context.task_name == "epoch" and context.task_id + 1 == self.n_epochs


def test_scikit_learn_callbacks_see_each_epoch(waves):
    recorder = Recorder()
    tiny_trep(max_epochs=2).set_callbacks(recorder).fit(waves)
    assert recorder.events == [
        "setup",
        "begin fit 0",
        "begin epoch 0",
        "end epoch 0",
        "begin epoch 1",
        "end epoch 1",
        "end fit 0",
        "teardown",
    ]


def test_a_scikit_learn_callback_can_stop_the_training(waves):
    recorder = Recorder(n_epochs=3)
    transformer = tiny_trep(max_epochs=10).set_callbacks(recorder).fit(waves)
    assert transformer.n_iter_ == 3
    assert recorder.events[-2:] == ["end fit 0", "teardown"]
    assert_same_weights(transformer, tiny_trep(max_epochs=3).fit(waves))


def test_scikit_learn_callbacks_are_torn_down_after_an_error(waves):
    recorder = Recorder()
    transformer = tiny_trep(lr=1e30, max_steps=10).set_callbacks(recorder)
    with pytest.raises(ValueError, match="diverged"):
        transformer.fit(waves)
    assert recorder.events[-1] == "teardown"


def test_scikit_learn_callbacks_see_no_epoch_of_the_untrained_control(waves):
    recorder = Recorder()
    tiny_trep(max_epochs=0).set_callbacks(recorder).fit(waves)
    assert recorder.events == ["setup", "begin fit 0", "end fit 0", "teardown"]


def test_scikit_learn_callbacks_see_partial_fit(waves):
    recorder = Recorder()
    transformer = tiny_trep(max_epochs=1).set_callbacks(recorder)
    transformer.partial_fit(waves).partial_fit(waves)
    assert recorder.events.count("begin epoch 0") == 2
    assert recorder.events.count("teardown") == 2


# Only estimators that know callbacks take part; the scaler is one that does not (1.9).
@pytest.mark.filterwarnings("ignore:The estimator .* does not support callbacks")
def test_scikit_learn_progress_bar_in_a_pipeline(waves, capsys):
    pipeline = make_pipeline(tiny_trep(max_epochs=2), StandardScaler(with_std=False))
    features = pipeline.set_callbacks(ProgressBar()).fit_transform(waves)
    assert "TRepTransformer" in capsys.readouterr().out
    alone = tiny_trep(max_epochs=2).fit_transform(waves)
    np.testing.assert_allclose(features, alone - alone.mean(axis=0), atol=1e-6)


@pytest.mark.filterwarnings("ignore:The estimator .* does not support callbacks")
def test_scikit_learn_progress_bar_of_a_search(waves, labels, capsys):
    pipeline = make_pipeline(tiny_trep(max_epochs=2), StandardScaler())
    search = GridSearchCV(
        pipeline,
        {"treptransformer__lr": [1e-3, 1e-2]},
        scoring=lambda *arguments: 0.0,
        cv=2,
        n_jobs=2,
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(waves, labels)
    assert "GridSearchCV" in capsys.readouterr().out
    assert search.best_estimator_.transform(waves).shape == (10, 4)


# What the user sees


def test_verbose_shows_a_bar_with_the_loss(waves, capfd):
    transformer = tiny_trep(max_epochs=2, verbose=1).fit(waves)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Training: 100%" in err
    assert re.search(r"2/2.*train_loss=" + f"{transformer.loss_curve_[-1]:.4g}", err)


def test_verbose_shows_the_validation_loss_too(waves, capfd):
    tiny_trep(max_epochs=2, verbose=True, early_stopping=True).fit(waves)
    assert "valid_loss=" in capfd.readouterr().err
