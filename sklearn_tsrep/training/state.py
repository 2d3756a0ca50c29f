"""The state of a training as numpy arrays and plain values, to save or go on from."""

from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_tsrep.training.callbacks import WeightAveraging
from sklearn_tsrep.training.net import SelfSupervisedNet


def shared_weights(module: nn.Module) -> dict[str, np.ndarray]:
    """Return the weights of a module by name; on the CPU they share its memory."""
    return {
        name: tensor.detach().cpu().numpy()
        for name, tensor in module.state_dict().items()
    }


def load_weights(module: nn.Module, weights: dict[str, np.ndarray]) -> None:
    """Put weights from `shared_weights` into a module."""
    module.load_state_dict(_as_tensors(weights))


def training_state(net: SelfSupervisedNet, batches: Any) -> dict[str, Any]:
    """Return all that a further training needs to go on as if it had not stopped.

    Parameters
    ----------
    net : SelfSupervisedNet
        After training.

    batches : iterable of batches
        What it was trained on; its ``rng`` draws them.
    """
    state = {
        "weights": net.module_.state_dict(),
        "optimizer": net.optimizer_.state_dict()["state"],
        "optimizer_class": type(net.optimizer_).__name__,
        "device_type": net.generator_.device.type,
        "generator": net.generator_.get_state(),
        "rng": batches.rng.bit_generator.state,
    }
    for _, callback in net.callbacks_:
        if isinstance(callback, WeightAveraging) and callback.has_started:
            state["average"] = callback.average_.state_dict()
    return _as_arrays(state)


def resume_training(
    net: SelfSupervisedNet, batches: Any, state: dict[str, Any]
) -> None:
    """Bring an initialised net and its batches into a state from `training_state`.

    Another optimiser than before starts afresh, and so do draws on another device.
    """
    state = _as_tensors(state)
    net.module_.load_state_dict(state["weights"])
    if state["optimizer_class"] == type(net.optimizer_).__name__:
        # The groups hold the learning rate and its like, which may be set anew.
        groups = net.optimizer_.state_dict()["param_groups"]
        net.optimizer_.load_state_dict(
            {"state": state["optimizer"], "param_groups": groups}
        )
    if state["device_type"] == net.generator_.device.type:
        net.generator_.set_state(state["generator"])
    batches.rng.bit_generator.state = state["rng"]
    for _, callback in net.callbacks_:
        if isinstance(callback, WeightAveraging) and "average" in state:
            callback.start(net)
            callback.average_.load_state_dict(state["average"])


def _as_arrays(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    return _mapped(_as_arrays, value)


def _as_tensors(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    return _mapped(_as_tensors, value)


def _mapped(function: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: function(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(function(part) for part in value)
    return value
