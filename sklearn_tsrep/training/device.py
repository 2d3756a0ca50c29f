"""The device to compute on."""

import torch


def resolve_device(device: str) -> str:
    """Return the torch device that a name stands for.

    ``"auto"`` takes CUDA or MPS where there is one, and the CPU otherwise.

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has none.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here. Give 'auto', 'cpu', or a device "
            f"that torch finds on this machine."
        ) from error
    return device
