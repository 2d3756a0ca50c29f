"""The two tasks of T-Rep that use the time-embedding.

References
----------
Fraikin et al. (2024). T-Rep. ICLR, section 4.2.
"""

import torch
from torch import Tensor
from torch.nn import functional


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


def _finite_log(share: Tensor) -> Tensor:
    """Keep value and gradient finite at 0, where the logarithm is multiplied by 0."""
    return torch.log(share.clamp(min=torch.finfo(share.dtype).tiny))


def divergence_prediction(predicted: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the squared error of predicted divergences of time-embeddings.

    Parameters
    ----------
    predicted : Tensor of shape (n_pairs,)
        Prediction from the difference of two representations.

    first, second : Tensor of shape (n_pairs, n_components)
        Time-embeddings of the two steps.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over the pairs, 0 without any.
    """
    return _squared_error(predicted, jensen_shannon_divergence(first, second))


def conditioned_forecasting(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of representations predicted for another step.

    Parameters
    ----------
    predicted, target : Tensor of shape (n_pairs, n_latents)
        Prediction from a representation and the time-embedding of the other step,
        and the representation of that step.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over pairs and latents, 0 without any pair.
    """
    return _squared_error(predicted, target)


def _squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    total = functional.mse_loss(predicted, target, reduction="sum")
    return total / max(predicted.numel(), 1)
