"""T-Rep's training: how it ends, goes on and is watched."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from tests.conftest import (
    Counter,
    LearningRate,
    assert_same_weights,
    make_waves,
    tiny_trep,
    weights_of,
)


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
    with pytest.raises(ValueError, match=r"Training diverged.*lower lr"):
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
