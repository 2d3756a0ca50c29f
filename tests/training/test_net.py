"""The net trains any module with named losses on any source of batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sklearn_tsrep.training.callbacks import StopTraining, WeightAveraging
from sklearn_tsrep.training.net import SelfSupervisedNet
from tests.training.toy import (
    Guess,
    Jitter,
    PointBatches,
    Points,
    SwapAndShrink,
    flat_weights,
    toy_net,
)


def column(net: SelfSupervisedNet, name: str) -> list[float]:
    return list(net.history[:, name])


class WeightsOfSteps(Callback):
    """Keeps the weights after each step and epoch."""

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        self.steps_: list[np.ndarray] = []

    def on_batch_end(self, net: Any, training: bool, **parameters: Any) -> None:
        if training:
            self.steps_.append(flat_weights(net.module_))


def test_training_lowers_the_loss() -> None:
    losses = column(toy_net(max_epochs=60).train(PointBatches()), "train_loss")
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(("swap", "shrink"), [(0.7, 0.3), (1.0, 0.0), (2.0, 5.0)])
def test_the_loss_is_the_weighted_sum_of_its_terms(swap: float, shrink: float) -> None:
    weights = {"swap": swap, "shrink": shrink}
    net = toy_net(criterion__task_weights=weights, lr=0.01).train(
        PointBatches((4, 4)), PointBatches((5,), repeatable=True)
    )
    for prefix, total in [("", "train_loss"), ("valid_", "valid_loss")]:
        terms = (np.array(column(net, f"{prefix}{name}_loss")) for name in weights)
        expected = sum(w * t for w, t in zip(weights.values(), terms, strict=True))
        np.testing.assert_allclose(column(net, total), expected, rtol=1e-5)


def test_a_step_follows_the_gradient_of_the_weighted_sum() -> None:
    net = toy_net(max_epochs=1, module__noise=0.0).initialize()
    twin = Jitter(noise=0.0)
    twin.load_state_dict(net.module_.state_dict())
    generator = torch.Generator()
    generator.set_state(net.generator_.get_state())
    (points,) = PointBatches((4,))
    criterion = SwapAndShrink({"swap": 0.7, "shrink": 0.3})
    torch.randn(points.values.shape, generator=generator)
    terms = criterion(twin, twin(points), generator)
    (0.7 * terms["swap"] + 0.3 * terms["shrink"]).backward()
    expected = [weight - 0.1 * weight.grad for weight in twin.parameters()]
    net.train(PointBatches((4,)))
    for weight, wanted in zip(net.module_.parameters(), expected, strict=True):
        torch.testing.assert_close(weight, wanted)


def test_monitors_are_watched_and_not_trained_on() -> None:
    net = toy_net().train(PointBatches(), PointBatches((5,), repeatable=True))
    assert (np.array(column(net, "spread")) > 0).all()
    assert (np.array(column(net, "valid_spread")) > 0).all()


@pytest.mark.parametrize("max_steps", [1, 2, 3, 4, 7, 8])
def test_a_budget_of_steps_may_end_inside_an_epoch(max_steps: int) -> None:
    watch = WeightsOfSteps()
    net = toy_net(callbacks=[watch], max_steps=max_steps, max_epochs=3)
    net.train(PointBatches())
    unbounded = WeightsOfSteps()
    toy_net(callbacks=[unbounded], max_epochs=3).train(PointBatches())
    assert net.n_steps_ == max_steps
    np.testing.assert_array_equal(watch.steps_, unbounded.steps_[:max_steps])


def test_without_a_budget_all_batches_of_all_epochs_are_steps() -> None:
    assert toy_net(max_epochs=4).train(PointBatches((2, 3))).n_steps_ == 8


def test_a_seed_gives_the_same_bits_and_another_seed_others() -> None:
    one, same, other = (
        flat_weights(toy_net(seed).train(PointBatches()).module_) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_training_leaves_the_global_generators() -> None:
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    toy_net().train(PointBatches(), PointBatches((3,)))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_validation_draws_the_same_and_no_training_noise() -> None:
    net = toy_net(lr=0.0, module__noise=10.0)
    net.train(PointBatches(), PointBatches((5, 5), repeatable=True))
    assert len(set(column(net, "valid_loss"))) == 1
    assert len(set(column(net, "train_loss"))) == 3
    assert column(net, "valid_loss")[0] < 0.1 * column(net, "train_loss")[0]


def test_validation_draws_nothing_from_training() -> None:
    with_validation = toy_net().train(PointBatches(), PointBatches((5,), seed=3))
    without = toy_net().train(PointBatches())
    np.testing.assert_array_equal(
        flat_weights(with_validation.module_), flat_weights(without.module_)
    )


def test_validation_is_of_the_averaged_weights() -> None:
    net = toy_net(callbacks=[WeightAveraging("equal")], lr=0.5)
    held_back = PointBatches((6,), seed=5, repeatable=True)
    net.train(PointBatches(), held_back)
    (points,) = held_back
    assert not np.array_equal(
        flat_weights(net.delivered_module_), flat_weights(net.module_)
    )
    for module, is_delivered in [(net.delivered_module_, True), (net.module_, False)]:
        shrink = module.linear.weight.square().sum().item()
        recorded = column(net, "valid_shrink_loss")[-1]
        assert (recorded == pytest.approx(shrink, rel=1e-6)) == is_delivered
    expected = net.validation_step(points)["loss"].item()
    assert column(net, "valid_loss")[-1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("averaging", [[], [WeightAveraging("ema")]], ids=["", "ema"])
def test_divergence_is_an_error_that_names_the_step(averaging: list[Any]) -> None:
    net = toy_net(lr=1e30, max_epochs=10, callbacks=averaging)
    with pytest.raises(ValueError, match=r"diverged: the loss was (inf|nan) at step 2"):
        net.train(PointBatches())


STEEP = {"swap": 100.0, "shrink": 100.0}


def test_divergence_of_the_last_step_is_an_error() -> None:
    net = toy_net(lr=3e38, max_steps=1, criterion__task_weights=STEEP)
    with pytest.raises(ValueError, match=r"largest weight was (inf|nan) at step 1"):
        net.train(PointBatches())


class Raising(Callback):
    """Raises at the end of the second epoch."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        if len(net.history) == 2:
            raise self.error


def test_a_callback_may_end_the_training() -> None:
    net = toy_net(max_epochs=9, callbacks=[Raising(StopTraining)])
    assert len(net.train(PointBatches()).history) == 2


def test_an_interruption_ends_the_training_with_a_warning() -> None:
    net = toy_net(max_epochs=9, callbacks=[Raising(KeyboardInterrupt)])
    with pytest.warns(UserWarning, match="interrupted by user"):
        net.train(PointBatches())
    assert len(net.history) == 2


def test_other_errors_of_a_callback_are_not_swallowed() -> None:
    net = toy_net(max_epochs=9, callbacks=[Raising(ZeroDivisionError)])
    with pytest.raises(ZeroDivisionError):
        net.train(PointBatches())


class Single(Jitter):
    """Notes what it computes in, and gives single precision on."""

    def forward(self, batch: Points, generator: torch.Generator | None = None) -> Guess:
        guess = super().forward(batch, generator)
        self.computed_in = guess.output.dtype
        return Guess(guess.points, guess.output.float())


class Witness(SwapAndShrink):
    """Notes what a product inside of the losses is computed in."""

    def forward(
        self, module: nn.Module, guess: Guess, generator: torch.Generator
    ) -> dict[str, Tensor]:
        self.computed_in = (guess.output @ guess.output.T).dtype
        self.terms = super().forward(module, guess, generator)
        return self.terms


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_losses_are_single_precision_whatever_the_module_computes_in(
    precision: str,
) -> None:
    net = SelfSupervisedNet(
        Single,
        Witness,
        seed=np.random.SeedSequence(0),
        precision=precision,
        max_epochs=2,
        verbose=0,
        criterion__task_weights={"swap": 1.0, "shrink": 0.1},
    ).train(PointBatches(), PointBatches((3,)))
    assert net.module_.computed_in == getattr(torch, precision)
    assert net.criterion_.computed_in == torch.float32
    assert {term.dtype for term in net.criterion_.terms.values()} == {torch.float32}
    assert {weight.dtype for weight in net.module_.parameters()} == {torch.float32}
