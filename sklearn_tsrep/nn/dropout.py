"""Dropout that leaves torch's global generator as it is."""

import torch
from torch import Tensor


def dropout(inputs: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share of the entries at random and scale up the others.

    Unlike `torch.nn.Dropout` it draws from a generator of its own, so that training
    leaves torch's global one as it is. Without a generator nothing is dropped.
    """
    if generator is None or share == 0:
        return inputs
    scales = torch.empty_like(inputs).bernoulli_(1 - share, generator=generator)
    return inputs * scales.div_(1 - share)
