"""Optimisers by name."""

import inspect
from typing import Any

import torch


def optimizer_arguments(
    optimizer: str | type, parameters: dict[str, Any] | None, device: str
) -> dict[str, Any]:
    """Return the arguments that give a skorch net its optimiser.

    Where torch has a fused form of the optimiser, it is taken.

    Parameters
    ----------
    optimizer : str or type
        Name of a class in `torch.optim`, or such a class.

    parameters : dict or None
        Keyword arguments of the class.

    device : str
        Where the weights are.

    Raises
    ------
    ValueError
        If there is no such optimiser, or it has no such parameter.
    """
    found = _find(optimizer)
    known = inspect.signature(found).parameters
    arguments = dict(parameters or {})
    for name in arguments:
        if name not in known:
            raise ValueError(
                f"optimizer_params has {name!r}, which torch.optim.{found.__name__} "
                f"does not know."
            )
    may_be_fused = "fused" in known and device.split(":")[0] in ("cpu", "cuda")
    if may_be_fused and not {"fused", "foreach", "differentiable"} & set(arguments):
        arguments["fused"] = True
    return {
        "optimizer": found,
        **{f"optimizer__{name}": value for name, value in arguments.items()},
    }


def _find(optimizer: str | type) -> type[torch.optim.Optimizer]:
    found = (
        getattr(torch.optim, optimizer, None)
        if isinstance(optimizer, str)
        else optimizer
    )
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)):
        raise ValueError(
            "optimizer must be the name of a class in torch.optim, such as 'AdamW', "
            f"or such a class, got {optimizer!r}."
        )
    return found
