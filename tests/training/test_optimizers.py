"""Optimisers by name, with parameters that they know."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sklearn_tsrep.training.optimizers import optimizer_arguments
from tests.training.toy import PointBatches, toy_net


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", torch.optim.RMSprop])
def test_a_name_or_class_gives_the_optimizer(optimizer: str | type) -> None:
    arguments = optimizer_arguments(optimizer, {"weight_decay": 0.25}, "cpu")
    net = toy_net(**arguments).train(PointBatches())
    found = net.optimizer_
    assert optimizer in (type(found), type(found).__name__)
    assert found.param_groups[0]["weight_decay"] == 0.25


def test_a_class_of_the_user_will_do() -> None:
    class Lazy(torch.optim.SGD):
        pass

    assert optimizer_arguments(Lazy, None, "cpu")["optimizer"] is Lazy


@pytest.mark.parametrize(
    ("optimizer", "parameters", "device", "is_fused"),
    [
        ("AdamW", None, "cpu", True),
        ("AdamW", None, "cuda:1", True),
        ("AdamW", None, "mps", False),
        ("AdamW", {"foreach": True}, "cpu", False),
        ("AdamW", {"fused": False}, "cpu", False),
        ("AdamW", {"differentiable": True}, "cpu", False),
        ("Rprop", None, "cpu", False),
    ],
)
def test_the_fused_form_is_taken_where_there_is_one(
    optimizer: str, parameters: dict[str, Any] | None, device: str, is_fused: bool
) -> None:
    arguments = optimizer_arguments(optimizer, parameters, device)
    assert bool(arguments.get("optimizer__fused")) == is_fused


def test_the_parameters_given_stay_as_they_are() -> None:
    parameters = {"weight_decay": 0.1}
    optimizer_arguments("AdamW", parameters, "cpu")
    assert parameters == {"weight_decay": 0.1}


@pytest.mark.parametrize("wrong", ["Adamm", "", "lr_scheduler", "nn", dict, 3, None])
def test_what_is_no_optimizer_is_an_error(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"optimizer must be the name of a class"):
        optimizer_arguments(wrong, None, "cpu")


def test_an_unknown_parameter_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"'momentun', which torch.optim.SGD"):
        optimizer_arguments("SGD", {"momentun": 0.9}, "cpu")
