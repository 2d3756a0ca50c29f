"""DMAE end to end: what it encodes, and how it is trained."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import (
    Counter,
    assert_same_weights,
    make_waves,
    network_output,
    tiny_dmae,
    weights_of,
    with_gaps,
)

NAN = np.nan


# Encoding


def test_basic_motions_end_to_end(basic_motions):
    X, _ = basic_motions
    transformer = tiny_dmae(pooling=["max", "mean"])
    features = transformer.fit_transform(X)
    assert features.shape == (80, 8)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features.std(axis=0).min() > 1e-3
    assert transformer.encode(X).shape == (80, 4, 100)


def test_japanese_vowels_of_unequal_lengths(japanese_vowels):
    X, _ = japanese_vowels
    transformer = tiny_dmae(patch_length=2)
    assert np.isfinite(transformer.fit_transform(X)).all()
    lengths = [len(cell) for cell in X.iloc[:, 0]]
    assert [series.shape for series in transformer.encode(X)] == [
        (4, n) for n in lengths
    ]


def test_the_encoder_may_change_after_fit(waves):
    transformer = tiny_dmae(max_epochs=5, lr=0.01).fit(waves)
    features = {}
    for name in ("teacher", "student"):
        transformer.set_params(encoder=name)
        encoded = transformer.encode(waves)
        expected = network_output(
            transformer, getattr(transformer.module_, name), waves[3]
        )
        np.testing.assert_allclose(encoded[3], expected, atol=1e-5)
        features[name] = transformer.transform(waves)
        np.testing.assert_allclose(features[name], encoded.max(axis=2), atol=1e-6)
    assert np.abs(features["teacher"] - features["student"]).max() > 1e-3


@pytest.mark.parametrize("encoder", ["pupil", "regressor"])
def test_another_encoder_is_refused_after_fit_too(waves, encoder):
    transformer = tiny_dmae().fit(waves).set_params(encoder=encoder)
    with pytest.raises(ValueError, match=f"'encoder' parameter.*'{encoder}'"):
        transformer.transform(waves)


def test_the_encoder_changes_nothing_in_training(waves):
    teacher, student = (tiny_dmae(encoder=e).fit(waves) for e in ("teacher", "student"))
    assert_same_weights(teacher, student)


def test_the_teacher_is_the_student_before_training(waves):
    transformer = tiny_dmae(max_epochs=0).fit(waves)
    teacher = transformer.transform(waves)
    student = transformer.set_params(encoder="student").transform(waves)
    np.testing.assert_array_equal(teacher, student)


def test_a_missing_value_is_not_the_mean(waves):
    transformer = tiny_dmae().fit(waves)
    with_mean, with_gap = waves.copy(), waves.copy()
    with_mean[:, 0, 8], with_gap[:, 0, 8] = transformer.mean_[0], NAN
    difference = transformer.encode(with_mean) - transformer.encode(with_gap)
    assert np.abs(difference[:, :, 8]).max() > 1e-4


def test_representations_depend_on_the_whole_window(waves):
    transformer = tiny_dmae(max_train_length=12).fit(waves)
    before = transformer.encode(waves)
    waves[:, :, -1] += 5
    change = np.abs(transformer.encode(waves) - before).max(axis=(0, 1))
    # Windows begin at steps 0, 6 and 12.
    assert (change[:15] == 0).all()
    assert (change[15:] > 0).all()


@pytest.mark.parametrize(("patch_length", "n_steps"), [(1, 24), (5, 24), (24, 3)])
def test_steps_of_a_patch_share_their_representation(patch_length, n_steps):
    waves = make_waves(n_steps=n_steps)
    encoded = tiny_dmae(patch_length=patch_length).fit(waves).encode(waves)
    assert encoded.shape == (10, 4, n_steps)
    changes = np.flatnonzero((np.diff(encoded) != 0).any(axis=(0, 1))) + 1
    assert changes.tolist() == list(range(patch_length, n_steps, patch_length))


# Patches and windows follow from the training panel


@pytest.mark.parametrize(
    ("n_steps", "max_train_length"), [(30, 512), (300, 512), (3000, 512), (3000, None)]
)
def test_auto_patches_keep_the_tokens_few(n_steps, max_train_length):
    panel = make_waves(2, 1, n_steps)
    transformer = tiny_dmae(max_epochs=0, max_train_length=max_train_length).fit(panel)
    student = transformer.module_.student
    n_pieces = -(-n_steps // (max_train_length or n_steps))
    longest = -(-n_steps // n_pieces)
    assert longest <= student.window_length < longest + student.patch_length
    assert student.window_length % student.patch_length == 0
    n_tokens = student.window_length // student.patch_length
    assert min(longest, 32) <= n_tokens <= 512


def test_a_panel_of_another_length_is_transformed(waves):
    transformer = tiny_dmae(patch_length=5).fit(waves)
    for n_steps in (1, 4, 26, 100):
        other = make_waves(3, 3, n_steps, seed=1)
        assert np.isfinite(transformer.transform(other)).all()
        assert transformer.encode(other).shape == (3, 4, n_steps)
        assert transformer.impute(with_missing(other)).shape == other.shape


def with_missing(panel: np.ndarray) -> np.ndarray:
    panel = panel.copy()
    panel[:, 1] = NAN
    return panel


def patch_length_of(transformer) -> int:
    return transformer.module_.student.patch_length


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_training_goes_on_with_panels_of_other_lengths(how):
    short, long = make_waves(8, 2, 60), make_waves(8, 2, 600)
    alone = tiny_dmae(max_epochs=0).fit(long)
    transformer = tiny_dmae(max_epochs=2, warm_start=how == "warm_start").fit(short)
    before, patch_length = weights_of(transformer), patch_length_of(transformer)
    assert patch_length != patch_length_of(alone)
    for panel in (long, short):
        getattr(transformer, "fit" if how == "warm_start" else how)(panel)
        assert patch_length_of(transformer) == patch_length
        assert transformer.encode(panel).shape == (8, 4, panel.shape[2])
    assert transformer.n_iter_ == 6
    after = weights_of(transformer)
    assert all(not np.array_equal(after[name], before[name]) for name in after)
    # Without either, patches are those that suit the panel.
    transformer.set_params(warm_start=False).fit(long)
    assert patch_length_of(transformer) == patch_length_of(alone)


def test_another_network_cannot_go_on(waves):
    transformer = tiny_dmae(patch_length=2).partial_fit(waves)
    for parameters in (
        {"patch_length": 3},
        {"n_latents": 8},
        {"n_heads": 2},
        {"n_layers": 2},
        {"n_regressor_layers": 2},
    ):
        (name,) = parameters
        before = {name: transformer.get_params()[name]}
        with pytest.raises(ValueError, match=f"another network: {name} changed"):
            transformer.set_params(**parameters).partial_fit(waves)
        transformer.set_params(**before)
    assert transformer.partial_fit(waves).n_iter_ == 6


def test_what_has_no_weight_may_change_while_training_goes_on(waves):
    losses = []
    for changed in ({}, {"dropout": 0.5}, {"n_target_layers": 2}):
        transformer = tiny_dmae(n_layers=2).partial_fit(waves)
        transformer.set_params(**changed).partial_fit(waves)
        losses.append(transformer.loss_curve_)
    kept, *others = np.array(losses)
    for other in others:
        np.testing.assert_array_equal(other[:3], kept[:3])
        assert not np.array_equal(other[3:], kept[3:])


@pytest.mark.parametrize("weight_averaging", [None, "ema"])
def test_partial_fit_goes_on_as_if_it_had_not_stopped(waves, weight_averaging):
    parameters = {
        "weight_averaging": weight_averaging,
        "dropout": 0.1,
        "batch_size": 4,
        # The teacher has a schedule anew in each call, so that nothing is to be
        # learned from it here.
        "task_weights": {"latent": 0, "alignment": 0},
    }
    whole = tiny_dmae(max_epochs=4, **parameters).partial_fit(waves)
    parts = tiny_dmae(max_epochs=2, **parameters)
    parts.partial_fit(waves).partial_fit(waves)
    assert parts.loss_curve_ == whole.loss_curve_
    theirs = weights_of(whole)
    for name, weight in weights_of(parts).items():
        if not name.startswith("teacher"):
            np.testing.assert_array_equal(weight, theirs[name])


def test_a_training_of_single_steps_moves_the_teacher(waves):
    transformer = tiny_dmae(max_steps=1, lr=0.01).partial_fit(waves)
    untrained = tiny_dmae(max_epochs=0).fit(waves).transform(waves)
    for _ in range(5):
        transformer.partial_fit(waves)
    student = transformer.set_params(encoder="student").transform(waves)
    assert np.abs(student - untrained).max() > 1e-2
    teacher = transformer.set_params(encoder="teacher").transform(waves)
    assert np.abs(teacher - untrained).max() > 1e-2


# Training


def test_history_has_a_row_an_epoch_and_a_column_a_term(waves):
    transformer = tiny_dmae(max_epochs=3).fit(waves)
    terms = ["value", "latent", "alignment"]
    history = transformer.history_
    assert set(history) == {
        "epoch",
        "train_loss",
        *(f"{term}_loss" for term in terms),
        "teacher_spread",
    }
    for column in history.values():
        assert column.shape == (3,)
        assert np.isfinite(column).all()
    total = sum(history[f"{term}_loss"] for term in terms)
    np.testing.assert_allclose(history["train_loss"], total, rtol=1e-5)
    assert (history["teacher_spread"] > 0).all()


def test_a_teacher_that_no_task_asks_is_not_asked(waves):
    alone = tiny_dmae(task_weights=None).fit(waves)
    assert sorted(alone.history_) == ["epoch", "train_loss", "value_loss"]
    # It comes back when training goes on with one of its tasks.
    alone.set_params(warm_start=True, task_weights={"latent": 1.0}).fit(waves)
    assert np.isfinite(alone.history_["teacher_spread"][-1])


def test_tasks_that_are_not_named_keep_their_usual_weights(waves):
    history = tiny_dmae(task_weights={"latent": 3.0}, max_epochs=2).fit(waves).history_
    assert "alignment_loss" not in history
    expected = history["value_loss"] + 3 * history["latent_loss"]
    np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-5)


def test_task_weights_weigh_tasks_and_switch_them_off(waves):
    weights = {"value": 3.0, "latent": 1.0, "alignment": 0}
    history = tiny_dmae(task_weights=weights, max_epochs=2).fit(waves).history_
    assert "alignment_loss" not in history
    expected = 3 * history["value_loss"] + history["latent_loss"]
    # Up to a factor, which tasks have in common.
    shares = history["train_loss"] / expected
    np.testing.assert_allclose(shares, shares[0], rtol=1e-5)


def test_early_stopping_watches_the_terms_of_the_part_held_back(waves):
    parameters = {"early_stopping": True, "validation_fraction": 0.3, "max_epochs": 3}
    history = tiny_dmae(**parameters).fit(waves).history_
    for name in ("loss", "value_loss", "latent_loss", "alignment_loss"):
        assert np.isfinite(history[f"valid_{name}"]).all()
    assert np.isfinite(history["valid_teacher_spread"]).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_layers": 2, "n_target_layers": 2},
        {"n_layers": 3, "n_target_layers": 3},
        {"n_heads": 2},
        {"n_latents": 16, "n_heads": 4},
        {"n_regressor_layers": 2},
        {"patch_length": 50},
        {"attribute_mask_ratio": 0.0},
        {"attribute_mask_ratio": 0.95, "mean_mask_length": 1.0},
        {"token_mask_ratio": 0.0},
        {"token_mask_ratio": 0.95},
        {"decorrelation_weight": 0.0},
        {"teacher_half_life": 1e-12},
        {"teacher_half_life": 100.0},
        {"dropout": 0.5},
        {"batch_size": 1},
        {"scale": False},
        {"weight_averaging": "equal"},
        {"precision": "bfloat16"},
        {"lr_schedule": "cosine"},
        {"task_weights": {"value": 0, "alignment": 1}},
        {"task_weights": {"latent": 0, "alignment": 0}},
        {"task_weights": {"value": 0, "latent": 1}},
    ],
    ids=repr,
)
def test_variants_learn_something_finite(waves, parameters):
    gappy = with_gaps(waves)
    untrained = tiny_dmae(max_epochs=0, **parameters).fit(gappy)
    transformer = tiny_dmae(max_epochs=2, **parameters).fit(gappy)
    assert np.isfinite(transformer.loss_curve_).all()
    assert min(transformer.loss_curve_) > 0
    for method in ("transform", "reconstruct"):
        features = getattr(transformer, method)(gappy)
        assert np.isfinite(features).all()
        assert not np.array_equal(features, getattr(untrained, method)(gappy))


def test_weights_and_features_are_float32_whatever_is_computed_in(waves):
    transformer = tiny_dmae(precision="bfloat16", max_epochs=2)
    features = transformer.fit_transform(waves)
    assert features.dtype == np.float32
    assert {str(w.dtype) for w in weights_of(transformer).values()} == {"float32"}
    exact = tiny_dmae(max_epochs=2).fit_transform(waves)
    assert not np.array_equal(features, exact)
    np.testing.assert_allclose(features, exact, atol=0.1)


def test_masks_and_dropout_are_for_training_only(waves):
    transformer = tiny_dmae(dropout=0.9, token_mask_ratio=0.9).fit(waves)
    assert not transformer.module_.training
    for method in ("transform", "reconstruct"):
        np.testing.assert_array_equal(
            getattr(transformer, method)(waves), getattr(transformer, method)(waves)
        )


def test_long_series_are_cut_into_pieces(waves):
    transformer = tiny_dmae(
        max_train_length=8, max_epochs=1, batch_size=1, callbacks=[Counter()]
    )
    steps = transformer.fit(waves).history_["n_seen"]
    np.testing.assert_array_equal(steps, [30])


@pytest.mark.parametrize("n_steps", [2, 3])
def test_the_shortest_series_can_be_learned_from(n_steps):
    panel = make_waves(4, 1, n_steps)
    panel[0, 0, 0] = NAN
    transformer = tiny_dmae().fit(panel)
    assert np.isfinite(transformer.loss_curve_).all()
    assert np.isfinite(transformer.impute(panel)).all()


@pytest.mark.parametrize(
    "parameters",
    [
        {"attribute_mask_ratio": 0.0},
        {"task_weights": {"value": 0.0, "latent": 1.0, "alignment": 0.0}},
    ],
)
def test_a_series_of_one_patch_must_have_values_to_hide(waves, parameters):
    n_steps = waves.shape[2]
    one_patch = tiny_dmae(patch_length=n_steps, **parameters)
    with pytest.raises(ValueError, match=f"no task to learn.*patch_length={n_steps}"):
        one_patch.fit(waves)
    assert one_patch.set_params(patch_length=n_steps - 1).fit(waves).loss_curve_[0] > 0


# Real data


@pytest.fixture(scope="module")
def motions(basic_motions):
    """Return a DMAE trained on every second series, and the others."""
    X, _ = basic_motions
    transformer = tiny_dmae(
        n_latents=32,
        n_heads=4,
        n_layers=2,
        patch_length=2,
        task_weights={"latent": 1, "alignment": 0.2},
        lr=3e-3,
        max_steps=100,
    )
    return transformer.fit(X[::2]), X[1::2]


def test_the_teacher_does_not_collapse(motions):
    transformer, _ = motions
    spread = transformer.history_["teacher_spread"]
    assert spread.min() > 0.3 * spread[0]
    assert spread[0] > 0.1


def test_training_lowers_each_loss(motions):
    history = motions[0].history_
    assert history["train_loss"][-1] < 0.8 * history["train_loss"][0]
    for task in ("latent", "alignment"):
        losses = history[f"{task}_loss"]
        assert losses[-1] < 0.8 * losses[0]


def imputation_errors(transformer, series, hidden):
    """Return the mean squared errors of the model, and of two kinds of means."""
    gappy = np.where(hidden, NAN, series)
    of_series = np.nanmean(gappy, axis=2, keepdims=True)
    filled = {
        "model": transformer.impute(gappy),
        "mean of the channel": transformer.mean_[:, np.newaxis],
        "mean of the series": np.nan_to_num(of_series),
    }
    scale = transformer.scale_[:, np.newaxis]
    return {
        name: np.mean((((values - series) / scale)[hidden]) ** 2)
        for name, values in filled.items()
    }


def test_imputation_is_better_than_a_mean(motions):
    transformer, series = motions
    hidden = np.random.default_rng(0).random(series.shape) < 0.2
    errors = imputation_errors(transformer, series, hidden)
    assert errors["model"] < 0.85 * errors["mean of the channel"]
    assert errors["model"] < 0.85 * errors["mean of the series"]


def test_classes_can_be_told_apart(motions, basic_motions):
    transformer, series = motions
    labels = basic_motions[1][1::2]
    features = transformer.transform(series)
    centres = {c: features[labels == c].mean(axis=0) for c in np.unique(labels)}
    nearest = [
        min(centres, key=lambda c: np.linalg.norm(row - centres[c])) for row in features
    ]
    assert np.mean(nearest == labels) > 0.6
