"""Contrast of the representations of two overlapping contexts.

Both losses compare each representation with its counterpart under the other context,
by raw dot products, without normalisation or temperature.

References
----------
Yue et al. (2022). TS2Vec: Towards Universal Representation of Time Series. AAAI.
Fraikin et al. (2024). T-Rep. ICLR, equations 1 and 2.
"""

import torch
from torch import Tensor


def instance_contrast(first: Tensor, second: Tensor, valid: Tensor | None) -> Tensor:
    """Contrast each step with the same step of the other instances.

    For instance ``i`` and step ``t``, with the other context marked by a prime,
    ``-log(exp(z_it . z'_it) / sum_j (exp(z_it . z'_jt) + [j != i] exp(z_it . z_jt)))``,
    the mean over both roles, all instances and all steps.

    Parameters
    ----------
    first, second : Tensor of shape (batch, time, n_latents)
        The overlap under each context.

    valid : bool Tensor of shape (batch, time) or None
        False at padding, which is neither anchor nor negative; None where all count.

    Returns
    -------
    loss : Tensor of shape ()
        In nats. 0 where no step has two instances.
    """
    return _contrast(
        first.transpose(0, 1),
        second.transpose(0, 1),
        None if valid is None else valid.transpose(0, 1),
    )


def temporal_contrast(first: Tensor, second: Tensor, valid: Tensor | None) -> Tensor:
    """Contrast each step with the other steps of its instance.

    For instance ``i`` and step ``t``, with the other context marked by a prime,
    ``-log(exp(z_it . z'_it) / sum_s (exp(z_it . z'_is) + [s != t] exp(z_it . z_is)))``,
    the mean over both roles, all instances and all steps.

    Parameters
    ----------
    first, second : Tensor of shape (batch, time, n_latents)
        The overlap under each context.

    valid : bool Tensor of shape (batch, time) or None
        False at padding, which is neither anchor nor negative; None where all count.

    Returns
    -------
    loss : Tensor of shape ()
        In nats. 0 where no instance has two steps.
    """
    return _contrast(first, second, valid)


def _contrast(first: Tensor, second: Tensor, valid: Tensor | None) -> Tensor:
    """Contrast within groups; all tensors are (groups, members, ...)."""
    n_members = first.shape[1]
    if n_members < 2:
        return first.sum() * 0
    both = torch.cat([first, second], dim=1)
    logits = both @ both.transpose(1, 2)
    positives = (first * second).sum(dim=-1).repeat(1, 2)
    hidden = torch.eye(2 * n_members, dtype=torch.bool, device=first.device)
    if valid is None:
        logits = logits.masked_fill(hidden, -torch.inf)
        return (torch.logsumexp(logits, dim=-1) - positives).mean()
    # An anchor alone in its group has no negative: its loss is 0 whatever the
    # network does, and would only dilute the mean.
    anchors = (valid & (valid.sum(dim=1, keepdim=True) > 1)).repeat(1, 2)
    hidden = hidden | ~valid.repeat(1, 2).unsqueeze(1)
    logits = logits.masked_fill(hidden, -torch.inf)
    logits = torch.where(anchors.unsqueeze(-1), logits, 0.0)
    losses = torch.logsumexp(logits, dim=-1) - positives
    return torch.where(anchors, losses, 0.0).sum() / anchors.sum().clamp(min=1)
