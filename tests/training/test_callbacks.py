"""Averages, loss terms and best weights against plain formulations."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from skorch.callbacks import Callback
from torch import nn

from sklearn_tsrep.training.callbacks import (
    BestWeights,
    LossTerms,
    TeacherUpdate,
    WeightAveraging,
    engine_callbacks,
    stopping_callback,
)
from tests.training.toy import Jitter, PointBatches, flat_weights, toy_net


class Watch(Callback):
    """Keeps the weights of each step, and those to deliver after each epoch."""

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        self.steps: list[np.ndarray] = []
        self.delivered: list[np.ndarray] = []
        self.rates: list[float] = []
        self.norms: list[float] = []

    def on_batch_end(self, net: Any, training: bool, **parameters: Any) -> None:
        if training:
            self.steps.append(flat_weights(net.module_))

    def on_grad_computed(self, net: Any, **parameters: Any) -> None:
        gradients = [
            weight.grad.numpy().ravel()
            for weight in net.module_.parameters()
            if weight.requires_grad
        ]
        self.norms.append(float(np.linalg.norm(np.concatenate(gradients))))
        self.rates.append(net.optimizer_.param_groups[0]["lr"])

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        self.delivered.append(flat_weights(net.delivered_module_))


def watched(*callbacks: Callback, **parameters: Any) -> tuple[Any, Watch]:
    watch = Watch()
    net = toy_net(callbacks=[*callbacks, watch], **parameters)
    net.train(PointBatches(), PointBatches((6,), seed=5, repeatable=True))
    return net, watch


def test_without_averaging_the_last_weights_are_delivered() -> None:
    net, watch = watched()
    np.testing.assert_array_equal(flat_weights(net.delivered_module_), watch.steps[-1])


def test_the_equal_average_is_the_mean_of_all_steps() -> None:
    net, watch = watched(WeightAveraging("equal"))
    assert len(watch.steps) == 9
    np.testing.assert_allclose(
        flat_weights(net.delivered_module_), np.mean(watch.steps, axis=0), atol=1e-6
    )
    np.testing.assert_allclose(
        watch.delivered[0], np.mean(watch.steps[:3], axis=0), atol=1e-6
    )


class FreezeBias(Callback):
    """Lets a part of the module keep its weights."""

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        net.module_.linear.bias.requires_grad_(False)


def test_the_equal_average_is_exact_of_weights_that_do_not_learn() -> None:
    net, watch = watched(FreezeBias(), WeightAveraging("equal"), max_epochs=30)
    assert len(watch.steps) == 90
    np.testing.assert_allclose(
        flat_weights(net.delivered_module_), np.mean(watch.steps, axis=0), atol=1e-6
    )
    averaged = net.delivered_module_.linear
    assert (averaged.bias == net.module_.linear.bias).all()
    assert (averaged.weight != net.module_.linear.weight).any()


def test_a_second_training_goes_on_with_the_average() -> None:
    net, watch = watched(WeightAveraging("equal"))
    first_steps = watch.steps
    net.train(PointBatches(seed=1))
    expected = np.mean([*first_steps, *watch.steps], axis=0)
    np.testing.assert_allclose(flat_weights(net.delivered_module_), expected, atol=1e-6)


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_the_moving_average_forgets_by_its_decay(decay: float) -> None:
    net, watch = watched(WeightAveraging("ema", decay=decay))
    expected = watch.steps[0]
    for weights in watch.steps[1:]:
        expected = decay * expected + (1 - decay) * weights
    np.testing.assert_allclose(flat_weights(net.delivered_module_), expected, atol=1e-6)


def test_averaging_does_not_change_the_training() -> None:
    plain, averaged = (watched(*c)[1].steps for c in ([], [WeightAveraging()]))
    np.testing.assert_array_equal(plain, averaged)


class Taught(Jitter):
    """Has a teacher, which starts elsewhere than the student, to be seen to move."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__(noise)
        self.teacher = copy.deepcopy(self.linear).requires_grad_(False)
        nn.init.constant_(self.teacher.weight, 3.0)

    @property
    def student(self) -> nn.Module:
        """What the loss is of."""
        return self.linear


class WatchTeacher(Callback):
    """Keeps the weights of student and teacher of each step."""

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        self.students: list[np.ndarray] = []
        self.teachers = [flat_weights(net.module_.teacher)]

    def on_batch_end(self, net: Any, training: bool, **parameters: Any) -> None:
        if training:
            self.students.append(flat_weights(net.module_.student))
            self.teachers.append(flat_weights(net.module_.teacher))


def taught(update: TeacherUpdate, **parameters: Any) -> WatchTeacher:
    watch = WatchTeacher()
    net = toy_net(callbacks=[update, watch], **parameters).set_params(module=Taught)
    net.train(PointBatches(), PointBatches((6,), seed=5, repeatable=True))
    return watch


@pytest.mark.parametrize("half_life", [0.5, 2.0, 1e9])
def test_the_teacher_is_a_moving_average_of_students(half_life: float) -> None:
    update = TeacherUpdate(half_life, n_steps=20)
    watch = taught(update)
    assert len(watch.students) == 9
    expected = watch.teachers[0]
    for step, student in enumerate(watch.students, start=1):
        decay = update.decay(step)
        expected = decay * expected + (1 - decay) * student
        np.testing.assert_allclose(watch.teachers[step], expected, atol=1e-5)
    moved = np.abs(watch.teachers[-1] - watch.teachers[0]).max()
    assert (moved > 0.1) == (half_life < 1e9)


def test_the_teacher_changes_nothing_that_the_student_learns() -> None:
    slow, fast = (taught(TeacherUpdate(half_life, 9)) for half_life in (0.1, 1e9))
    np.testing.assert_array_equal(slow.students, fast.students)


@pytest.mark.parametrize("half_life", [3.0, 50.0, 1000.0])
def test_a_student_weighs_half_after_the_half_life_at_first(half_life: float) -> None:
    update = TeacherUpdate(half_life, n_steps=10**9)
    assert update.decay(1) ** half_life == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("n_steps", [2, 50])
def test_the_decay_rises_to_1_on_a_cosine(n_steps: int) -> None:
    update = TeacherUpdate(5.0, n_steps)
    decays = np.array([update.decay(step) for step in range(1, n_steps + 1)])
    assert 0.5**0.2 - 1e-12 <= decays[0] < 1
    assert (np.diff(decays) > 0).all()
    # Steps count from the first or from the one before it.
    shares = (1 - decays) / (1 - 0.5**0.2)
    progress = np.arccos(2 * shares.clip(0, 1) - 1) / np.pi
    np.testing.assert_allclose(np.diff(progress), 1 / n_steps, atol=1e-6)
    for later in (n_steps + 1, 10 * n_steps):
        assert update.decay(later) == 1


@pytest.mark.parametrize("half_life", [1e-9, 1e-3, 1e12])
def test_any_half_life_gives_a_decay_from_0_to_1(half_life: float) -> None:
    for n_steps in (0, 1, 2, 30):
        update = TeacherUpdate(half_life, n_steps)
        assert all(0 <= update.decay(step) <= 1 for step in range(1, 40))


def test_the_teacher_moves_in_a_training_of_one_step() -> None:
    watch = taught(TeacherUpdate(0.05, n_steps=1), max_steps=1, max_epochs=1)
    assert len(watch.students) == 1
    assert (np.abs(watch.teachers[1] - watch.teachers[0]) > 1e-3).any()


def test_loss_terms_are_means_weighted_by_the_sizes_of_batches() -> None:
    seen: list[tuple[float, int]] = []

    class Note(Callback):
        def on_batch_end(
            self, net: Any, batch: Any, training: bool, **parameters: Any
        ) -> None:
            seen.append((parameters["terms"]["swap"].item(), len(batch)))

    net = toy_net(callbacks=[Note()], max_epochs=1).train(PointBatches((1, 4, 7)))
    values, sizes = zip(*seen, strict=True)
    assert sizes == (1, 4, 7)
    expected = np.average(values, weights=sizes)
    assert net.history[-1, "swap_loss"] == pytest.approx(expected)


def test_the_best_weights_are_delivered() -> None:
    # So large a rate that the loss swings.
    net, watch = watched(BestWeights(), lr=0.55, max_epochs=12)
    best = int(np.argmin(net.history[:, "valid_loss"]))
    assert best < 11
    np.testing.assert_array_equal(
        flat_weights(net.delivered_module_), watch.delivered[best]
    )


def test_the_best_averaged_weights_are_delivered() -> None:
    net, watch = watched(WeightAveraging(), BestWeights(), lr=0.55, max_epochs=12)
    best = int(np.argmin(net.history[:, "valid_loss"]))
    np.testing.assert_array_equal(
        flat_weights(net.delivered_module_), watch.delivered[best]
    )


def engine(**parameters: Any) -> list[Callback]:
    defaults = {
        "n_steps": 9,
        "weight_averaging": None,
        "gradient_clip_value": None,
        "lr_schedule": None,
        "early_stopping": False,
        "show_progress": False,
    }
    return engine_callbacks(**{**defaults, **parameters})


def test_a_plain_training_has_only_the_loss_terms() -> None:
    assert [type(callback) for callback in engine()] == [LossTerms]


def test_the_schedules_span_all_steps() -> None:
    steps = np.arange(9)
    for name, expected in [
        ("cosine", 0.05 * (1 + np.cos(np.pi * steps / 9))),
        ("exponential", 0.1 * 0.01 ** (steps / 9)),
    ]:
        _, watch = watched(*engine(lr_schedule=name)[1:])
        np.testing.assert_allclose(watch.rates, expected, rtol=1e-6)


def test_gradients_are_clipped_to_the_norm() -> None:
    free, clipped = (
        watched(*engine(gradient_clip_value=value)[1:])[1] for value in (None, 0.2)
    )
    assert max(free.norms) > 0.2
    assert max(clipped.norms) == pytest.approx(0.2, rel=1e-4)


def test_stopping_waits_for_as_many_epochs_as_told() -> None:
    net, _ = watched(stopping_callback(2, tol=1e3), max_epochs=30)
    assert len(net.history) == 3
    net, _ = watched(stopping_callback(2, tol=0.0), max_epochs=30, lr=1e-4)
    assert len(net.history) == 30


def test_the_bar_counts_epochs(capfd: pytest.CaptureFixture[str]) -> None:
    watched(*engine(show_progress=True)[1:])
    assert "3/3" in capfd.readouterr().err
