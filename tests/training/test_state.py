"""A training that goes on from its state is as one that never stopped."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

from sklearn_tsrep.training.callbacks import WeightAveraging
from sklearn_tsrep.training.net import SelfSupervisedNet
from sklearn_tsrep.training.state import (
    load_weights,
    resume_training,
    shared_weights,
    training_state,
)
from tests.training.toy import Jitter, PointBatches, flat_weights, toy_net

OPTIMIZERS = {
    "SGD": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
    "AdamW": {"optimizer": torch.optim.AdamW},
    "fused AdamW": {"optimizer": torch.optim.AdamW, "optimizer__fused": True},
    "Rprop": {"optimizer": torch.optim.Rprop},
}


def net_of(kind: str | None, n_epochs: int, **parameters: Any) -> SelfSupervisedNet:
    averaging = [] if kind is None else [WeightAveraging(kind)]
    return toy_net(callbacks=averaging, max_epochs=n_epochs, **parameters)


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(is_plain, [*value, *value.values()]))
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, np.ndarray | str | int | float)


@pytest.mark.parametrize("kind", ["equal", "ema", None])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_goes_on_to_the_same_bits(kind: str | None, optimizer: str) -> None:
    parameters = OPTIMIZERS[optimizer]
    whole = net_of(kind, 5, **parameters).train(PointBatches())

    batches = PointBatches()
    first = net_of(kind, 2, **parameters).train(batches)
    state = pickle.loads(pickle.dumps(training_state(first, batches)))
    assert is_plain(state)

    other_batches = PointBatches(seed=99)
    second = net_of(kind, 3, seed=99, **parameters).initialize()
    resume_training(second, other_batches, state)
    second.train(other_batches)
    np.testing.assert_array_equal(
        flat_weights(second.module_), flat_weights(whole.module_)
    )
    np.testing.assert_array_equal(
        flat_weights(second.delivered_module_), flat_weights(whole.delivered_module_)
    )
    assert list(second.history[:, "train_loss"]) == list(
        whole.history[2:, "train_loss"]
    )


def test_a_state_stays_as_it_is_when_training_goes_on() -> None:
    batches = PointBatches()
    net = net_of("ema", 1, optimizer=torch.optim.AdamW).train(batches)
    state = training_state(net, batches)
    before = pickle.dumps(state)
    net.train(batches)
    other = net_of("ema", 2, optimizer=torch.optim.AdamW).initialize()
    resume_training(other, batches, state)
    other.train(batches)
    assert pickle.dumps(state) == before


@pytest.mark.parametrize("then", ["AdamW", "Rprop"])
def test_another_optimizer_starts_afresh(then: str) -> None:
    batches = PointBatches()
    state = training_state(net_of(None, 2, **OPTIMIZERS["SGD"]).train(batches), batches)
    net = net_of(None, 1, **OPTIMIZERS[then]).initialize()
    resume_training(net, batches, state)
    assert net.optimizer_.state_dict()["state"] == {}
    net.train(batches)
    assert np.isfinite(flat_weights(net.module_)).all()


def test_draws_start_afresh_on_another_device() -> None:
    batches = PointBatches()
    state = training_state(net_of(None, 1).train(batches), batches)
    state["device_type"] = "cuda"
    state["generator"] = np.zeros(16, dtype=np.uint8)
    net = net_of(None, 1, seed=4).initialize()
    expected = net.generator_.get_state()
    resume_training(net, batches, state)
    assert torch.equal(net.generator_.get_state(), expected)
    np.testing.assert_array_equal(
        net.module_.state_dict()["linear.weight"], state["weights"]["linear.weight"]
    )


def test_a_new_learning_rate_stays_the_new_one() -> None:
    batches = PointBatches()
    net = net_of(None, 1, **OPTIMIZERS["AdamW"], lr=0.1).train(batches)
    other = net_of(None, 1, **OPTIMIZERS["AdamW"], lr=0.7).initialize()
    resume_training(other, batches, training_state(net, batches))
    assert other.optimizer_.param_groups[0]["lr"] == 0.7


def test_an_average_starts_only_where_there_was_one() -> None:
    batches = PointBatches()
    state = training_state(net_of(None, 1).train(batches), batches)
    assert "average" not in state
    net = net_of("equal", 1).initialize()
    resume_training(net, batches, state)
    np.testing.assert_array_equal(
        flat_weights(net.delivered_module_), flat_weights(net.module_)
    )


def test_weights_are_shared_and_loaded_by_name() -> None:
    module, twin = Jitter(), Jitter()
    weights = shared_weights(module)
    assert set(weights) == {"linear.weight", "linear.bias"}
    weights["linear.bias"][0] = 42
    assert module.linear.bias[0].item() == 42
    load_weights(twin, weights)
    np.testing.assert_array_equal(flat_weights(twin), flat_weights(module))
    weights["linear.bias"][0] = 43
    assert twin.linear.bias[0].item() == 42
