"""The two tasks of T-Rep that use the time-embedding.

References
----------
Fraikin et al. (2024). T-Rep. ICLR, section 4.2.
"""

import torch
from torch import Tensor


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
    """Return the squared errors of predicted divergences of time-embeddings.

    Parameters
    ----------
    predicted : Tensor of shape (n_pairs,)
        Prediction from the difference of two representations.

    first, second : Tensor of shape (n_pairs, n_components)
        Time-embeddings of the two steps.

    Returns
    -------
    errors : Tensor of shape (n_pairs,)
    """
    return (predicted - jensen_shannon_divergence(first, second)).square()


def conditioned_forecasting(predicted: Tensor, target: Tensor) -> Tensor:
    """Return the squared errors of representations predicted for another step.

    Parameters
    ----------
    predicted, target : Tensor of shape (n_pairs, n_latents)
        Prediction from a representation and the time-embedding of the other step,
        and the representation of that step.

    Returns
    -------
    errors : Tensor of shape (n_pairs,)
        Mean over latents.
    """
    return (predicted - target).square().mean(dim=-1)
