"""Training that goes on under changed conditions, and what callbacks see of it."""

from functools import partial

import numpy as np
import pytest
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from tests.conftest import Counter, assert_same_weights, make_waves, weights_of


class EverySecondEpoch(Callback):
    """Records the epoch when it is even, as evaluations now and then do."""

    def on_epoch_end(self, net, **parameters):
        epoch = len(net.history)
        if epoch % 2 == 0:
            net.history.record("even", float(epoch))


class MissesOnly(Callback):
    """Has an attribute of skorch's early stopping, and raises what ctrl-C raises."""

    misses_ = 5

    def on_epoch_end(self, net, **parameters):
        raise KeyboardInterrupt


class Recorder:
    """Notes which epochs begin and end for scikit-learn."""

    def __init__(self):
        self.begun, self.ended = [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.ended.append((context.task_name, context.task_id))


@pytest.fixture
def stopping_early(tiny):
    """Return what makes a transformer that stops after 3 of its epochs."""
    return partial(
        tiny,
        early_stopping=True,
        n_iter_no_change=2,
        tol=1000.0,
        max_epochs=20,
        validation_fraction=0.3,
    )


# The history is complete


def test_what_is_recorded_now_and_then_is_nan_in_between(waves, tiny):
    history = tiny(max_epochs=5, callbacks=[EverySecondEpoch()]).fit(waves).history_
    np.testing.assert_array_equal(history["even"], [np.nan, 2, np.nan, 4, np.nan])
    assert np.isfinite(history["train_loss"]).all()
    assert {len(column) for column in history.values()} == {5}


def test_what_is_never_recorded_in_the_second_training_is_nan_there(waves, tiny):
    transformer = tiny(max_epochs=2, callbacks=[EverySecondEpoch()])
    transformer.partial_fit(waves).set_params(max_epochs=1).partial_fit(waves)
    np.testing.assert_array_equal(transformer.history_["even"], [np.nan, 2, np.nan])


def test_early_stopping_and_a_scheduler_of_the_user_leave_a_complete_history(
    waves, stopping_early
):
    scheduler = LRScheduler(
        "ExponentialLR", gamma=0.5, step_every="epoch", event_name="event_lr"
    )
    transformer = stopping_early(lr=0.01, callbacks=[scheduler]).fit(waves)
    history = transformer.history_
    assert transformer.n_iter_ == 3
    assert {len(column) for column in history.values()} == {3}
    np.testing.assert_array_equal(history["epoch"], [1, 2, 3])
    np.testing.assert_allclose(history["event_lr"], [0.01, 0.005, 0.0025])
    for name, column in history.items():
        assert np.isfinite(column).all(), name


# Early stopping and callbacks


def test_early_stopping_ends_each_task_and_epoch_that_began(waves, stopping_early):
    recorder = Recorder()
    transformer = stopping_early(callbacks=[Counter()]).set_callbacks(recorder)
    transformer.fit(waves)
    assert transformer.n_iter_ == 3
    assert recorder.begun[1:] == [("epoch", epoch) for epoch in range(3)]
    assert sorted(recorder.begun) == sorted(recorder.ended)
    n_batches = transformer.history_["n_seen"]
    np.testing.assert_array_equal(n_batches, n_batches[0] * np.array([1, 2, 3]))


def test_early_stopping_of_the_user_is_no_interruption(waves, tiny):
    stopping = EarlyStopping(
        "train_loss", patience=2, threshold=1e3, threshold_mode="abs"
    )
    recorder = Recorder()
    transformer = tiny(max_epochs=20, callbacks=[stopping])
    transformer.set_callbacks(recorder).fit(waves)
    assert transformer.n_iter_ == 3
    assert len(recorder.begun) == 4  # three epochs, and the fit
    assert sorted(recorder.begun) == sorted(recorder.ended)


def test_no_other_callback_hides_an_interruption(waves, tiny):
    with pytest.warns(UserWarning, match="interrupted by user"):
        tiny(max_epochs=3, callbacks=[MissesOnly()]).fit(waves)


def test_an_interruption_ends_each_task_that_began(waves, tiny):
    recorder = Recorder()
    transformer = tiny(max_epochs=3, callbacks=[MissesOnly()])
    with pytest.warns(UserWarning, match="interrupted by user"):
        transformer.set_callbacks(recorder).fit(waves)
    assert (
        sorted(recorder.begun) == sorted(recorder.ended) == [("epoch", 0), ("fit", 0)]
    )


# Going on otherwise


@pytest.mark.parametrize("lr_schedule", ["cosine", "exponential"])
def test_the_untrained_control_takes_a_schedule(waves, tiny, lr_schedule):
    control = tiny(max_epochs=0, lr_schedule=lr_schedule).fit(waves)
    assert control.n_iter_ == 0
    assert_same_weights(control, tiny(max_epochs=0).fit(waves))


def learned_weights(transformer):
    """Return all weights but those of a teacher, which follow without a gradient."""
    weights = weights_of(transformer).items()
    own = [weight.ravel() for name, weight in weights if "teacher" not in name]
    return np.concatenate(own)


@pytest.mark.parametrize("weight_averaging", ["equal", "ema", None])
@pytest.mark.parametrize(
    ("first", "then"), [("AdamW", "SGD"), ("SGD", "AdamW"), ("AdamW", "Adagrad")]
)
def test_training_goes_on_with_another_optimizer(
    waves, tiny, first, then, weight_averaging
):
    transformer = tiny(
        max_epochs=2, optimizer=first, weight_averaging=weight_averaging
    ).partial_fit(waves)
    before, learned = transformer.transform(waves), learned_weights(transformer)
    transformer.set_params(optimizer=then, lr=1e-30).partial_fit(waves)
    assert transformer.n_iter_ == 4
    if weight_averaging is None:
        np.testing.assert_allclose(learned_weights(transformer), learned, atol=1e-6)
    transformer.set_params(lr=0.1).partial_fit(waves)
    assert not np.allclose(transformer.transform(waves), before, atol=1e-4)


def test_training_from_another_kind_of_device_goes_on(waves, tiny):
    transformer = tiny(max_epochs=2).partial_fit(waves)
    before = learned_weights(transformer)
    state = transformer._training_state
    state["device_type"] = "cuda"
    state["generator"] = np.zeros(16, dtype=np.uint8)  # as long as that of CUDA
    transformer.set_params(max_epochs=1).partial_fit(waves)
    assert transformer.n_iter_ == 3
    assert np.isfinite(transformer.transform(waves)).all()
    assert not np.array_equal(learned_weights(transformer), before)
    assert transformer._training_state["device_type"] == "cpu"


def held_back_by(transformer, panel, monkeypatch):
    """Fit, and return the series that were held back."""
    sides = []
    original = type(transformer)._batches

    def noting(self, reader, pieces, seed, repeatable):
        if repeatable:
            sides.append(pieces.instances.tolist())
        return original(self, reader, pieces, seed, repeatable)

    with monkeypatch.context() as patch:
        patch.setattr(type(transformer), "_batches", noting)
        transformer.fit(panel)
    (held_back,) = sides
    return held_back


@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)])
def test_going_on_holds_back_the_same_series(tiny, random_state, monkeypatch):
    panel = make_waves(40)
    transformer = tiny(
        early_stopping=True,
        validation_fraction=0.3,
        max_epochs=1,
        warm_start=True,
        random_state=random_state,
    )
    first = held_back_by(transformer, panel, monkeypatch)
    assert len(first) == 12
    for _ in range(3):
        assert held_back_by(transformer, panel, monkeypatch) == first


def test_a_new_fit_without_seed_holds_back_others(tiny, monkeypatch):
    panel = make_waves(40)
    transformer = tiny(
        early_stopping=True, validation_fraction=0.3, max_epochs=1, random_state=None
    )
    first, second = (held_back_by(transformer, panel, monkeypatch) for _ in range(2))
    assert first != second  # the chance of equal ones is 1 in 5 thousand million
