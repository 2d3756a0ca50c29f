"""Divergence of discrete distributions."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def jensen_shannon_divergence(first: Tensor, second: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of discrete distributions.

    Parameters
    ----------
    first, second : Tensor of shape (..., n_components)
        Not negative, with sum 1 along the last axis.

    Returns
    -------
    divergence : Tensor of shape (...)
        In nats, from 0 to ``log(2)``.
    """
    log_mean = _finite_log(0.5 * (first + second))
    divergences = [
        (part * (_finite_log(part) - log_mean)).sum(dim=-1) for part in (first, second)
    ]
    return 0.5 * (divergences[0] + divergences[1])


def divergence_of_logarithms(first: Tensor, second: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of distributions given by logarithms.

    For large maps: what it keeps for the gradient is two tensors, and shares may be 0
    if their logarithms are finite. Unlike that of `jensen_shannon_divergence`, its
    value for equal distributions is 0 only up to rounding.

    Parameters
    ----------
    first, second : Tensor of shape (..., n_components)
        Natural logarithms of shares, as `torch.log_softmax` returns them.

    Returns
    -------
    divergence : Tensor of shape (...)
        In nats, from 0 to ``log(2)``.
    """
    return _DivergenceOfLogarithms.apply(first, second)


class _DivergenceOfLogarithms(torch.autograd.Function):
    # With shares p and q and their mean m, the gradient at log p is
    # p (log p - log m) / 2, whose sum is a part of the divergence itself.

    @staticmethod
    def forward(context: Any, first: Tensor, second: Tensor) -> Tensor:
        one, other = first.exp(), second.exp()
        # Where both shares underflow, 0 times a finite number is 0.
        tiny = torch.finfo(first.dtype).tiny
        log_mean = (one + other).clamp_(min=tiny).log_().sub_(math.log(2))
        one.mul_(first - log_mean).mul_(0.5)
        other.mul_(second - log_mean).mul_(0.5)
        context.save_for_backward(one, other)
        return one.sum(dim=-1).add_(other.sum(dim=-1))

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        parts = zip(context.saved_tensors, context.needs_input_grad, strict=True)
        first, second = (
            part * gradient.unsqueeze(-1) if is_needed else None
            for part, is_needed in parts
        )
        return first, second


def _finite_log(share: Tensor) -> Tensor:
    """Keep value and gradient finite at 0, where the logarithm is multiplied by 0."""
    return torch.log(share.clamp(min=torch.finfo(share.dtype).tiny))
