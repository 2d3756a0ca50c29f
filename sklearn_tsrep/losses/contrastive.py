"""Contrast of the representations of two overlapping contexts.

Each representation is compared with its counterpart under the other context, by raw
dot products, without normalisation or temperature. What it is told apart from makes
the difference: the instance-wise contrast of T-Rep and TS2Vec takes the same step of
all instances as one group, the temporal contrast all steps of one instance.

References
----------
Yue et al. (2022). TS2Vec: Towards Universal Representation of Time Series. AAAI.
Fraikin et al. (2024). T-Rep. ICLR, equations 1 and 2.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def contrast(contexts: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Tell the members of each group apart.

    For member ``i``, with the other context marked by a prime,
    ``-log(exp(z_i . z'_i) / sum_j (exp(z_i . z'_j) + [j != i] exp(z_i . z_j)))``,
    summed over all members and both roles.

    Parameters
    ----------
    contexts : Tensor of shape (groups, 2 * members, n_latents)
        All members under the first context, then under the second. Finite.

    valid : bool Tensor of shape (groups, members) or None, default=None
        False at padding, which is neither told apart nor told apart from; None where
        nothing is padded.

    Returns
    -------
    losses : Tensor of shape (groups,)
        In nats.

    n_anchors : int64 Tensor of shape (groups,)
        Terms of each sum. One alone in its group has a loss of 0 whatever the
        network does, and is not counted.
    """
    if valid is None:
        is_anchor = contexts.new_ones(1, contexts.shape[1] // 2, dtype=torch.bool)
        is_anchor = is_anchor.expand(len(contexts), -1)
    else:
        is_anchor = valid
    is_anchor = is_anchor & (is_anchor.sum(dim=1, keepdim=True) > 1)
    is_anchor = is_anchor.repeat(1, 2)
    return _Contrast.apply(contexts, is_anchor, valid), is_anchor.sum(dim=1)


class _Contrast(torch.autograd.Function):
    """The sums of `contrast`, without what autograd would keep of each step of it."""

    @staticmethod
    def forward(
        ctx: Any, contexts: Tensor, is_anchor: Tensor, valid: Tensor | None
    ) -> Tensor:
        similarities = contexts @ contexts.transpose(1, 2)
        similarities.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
        if valid is not None:
            padding = ~valid.repeat(1, 2).unsqueeze(1)
            # Not infinite: a group may have no valid member at all.
            lowest = torch.finfo(similarities.dtype).min
            similarities.masked_fill_(padding, lowest)
        log_shares = functional.log_softmax(similarities, dim=2)
        ctx.save_for_backward(contexts, is_anchor, log_shares)
        return -torch.where(is_anchor, _of_counterparts(log_shares), 0).sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        contexts, is_anchor, log_shares = ctx.saved_tensors
        of_anchors = is_anchor * gradients[0].unsqueeze(1)
        of_similarities = log_shares.exp().mul_(of_anchors.unsqueeze(2))
        n_members = contexts.shape[1] // 2
        for half, offset in enumerate((n_members, -n_members)):
            members = slice(half * n_members, (half + 1) * n_members)
            diagonal = of_similarities.diagonal(offset, dim1=1, dim2=2)
            diagonal.sub_(of_anchors[:, members])
        symmetric = of_similarities + of_similarities.transpose(1, 2)
        return symmetric @ contexts, None, None


def _of_counterparts(matrices: Tensor) -> Tensor:
    """Return, of (groups, 2 * n, 2 * n), the entries of row i in column i -+ n."""
    n_members = matrices.shape[1] // 2
    halves = [
        matrices.diagonal(offset, dim1=1, dim2=2) for offset in (n_members, -n_members)
    ]
    return torch.cat(halves, dim=1)
