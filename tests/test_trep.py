"""T-Rep end to end: data, variants, training and its history."""

import numpy as np
import pytest

from tests.conftest import Counter, LearningRate, make_waves, tiny_trep, weights_of

TIME_EMBEDDINGS = ["time2vec", "mlp", "rbf", None]
WIDTHS = {"max": 1, "mean": 1, "last": 1, "segments": 3, "multiscale": 5}


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
    gap = np.full((10, 3, 40), np.nan)
    late = np.concatenate([waves[:, :, :1], gap, waves], axis=2)
    # The last steps, out of reach of the gap: the same values at a later time.
    for time_embedding, matters in [("time2vec", True), (None, False)]:
        transformer = tiny_trep(time_embedding=time_embedding).fit(waves)
        early, shifted = (transformer.encode(X)[:, :, -8:] for X in (waves, late))
        assert np.allclose(early, shifted, atol=1e-5) != matters


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
    assert features.shape == (1, 2 * 4)
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
        n_latents=16, hidden_channels=16, n_blocks=4, max_steps=60
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


@pytest.mark.parametrize("train_heads", [False, True])
def test_heads_learn_unless_they_are_not_to(waves, train_heads):
    untrained = tiny_trep(max_epochs=0).fit(waves)
    trained = tiny_trep(train_heads=train_heads).fit(waves)
    for name, before in weights_of(untrained).items():
        if "head" in name:
            changed = not np.array_equal(weights_of(trained)[name], before)
            assert changed == train_heads, name


def test_time_pooling_matters_to_training(waves):
    mean, maximum = (
        tiny_trep(time_pooling=pooling).fit(waves) for pooling in ("mean", "max")
    )
    assert mean.loss_curve_ != maximum.loss_curve_
