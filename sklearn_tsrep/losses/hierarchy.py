"""Representations and time-embeddings of two contexts at every scale."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sklearn_tsrep.nn.trep import ContextViews

Merge = Callable[[Tensor, Tensor], Tensor]


class Hierarchy(NamedTuple):
    """All scales of a batch, one after the other along time.

    At each scale neighbouring steps of the scale before are merged, until one step is
    left: their representations by a maximum, their time-embeddings by a mean, or by
    maxima divided by their sum, over all steps that have come together. A last step
    without neighbour is kept as it is.

    Attributes
    ----------
    contexts : Tensor of shape (steps, 2 * batch, n_latents)
        Representations of all instances under the first context, then under the
        second; 0 at padding.

    embedding : Tensor of shape (steps, batch, n_time_latents) or None
        Time-embeddings; positive with sum 1, meaningless at padding.

    sizes : list of int
        Steps of each scale.

    starts : int64 Tensor of shape (n_scales,)
        Where each scale starts.

    scales : int64 Tensor of shape (steps,)
        Scale of each step.

    lengths : int64 Tensor of shape (n_scales, batch)
        Steps of each instance at each scale.

    valid : bool Tensor of shape (steps, batch) or None
        False at padding; None where nothing is padded.
    """

    contexts: Tensor
    embedding: Tensor | None
    sizes: list[int]
    starts: Tensor
    scales: Tensor
    lengths: Tensor
    valid: Tensor | None

    def representations_at(
        self, scales: Tensor, steps: Tensor, instances: Tensor
    ) -> Tensor:
        """Return (n, n_latents), instances counted on under the second context."""
        rows = (self.starts[scales] + steps) * self.contexts.shape[1] + instances
        return _lookup(self.contexts, rows)

    def embeddings_at(self, scales: Tensor, steps: Tensor, instances: Tensor) -> Tensor:
        """Return (n, n_time_latents)."""
        assert self.embedding is not None
        rows = (self.starts[scales] + steps) * self.embedding.shape[1] + instances
        return _lookup(self.embedding, rows)


def build_hierarchy(views: ContextViews, time_pooling: str = "mean") -> Hierarchy:
    """Merge neighbouring steps scale after scale.

    Parameters
    ----------
    views : ContextViews
        The finest scale.

    time_pooling : {"mean", "max"}, default="mean"
        How time-embeddings are merged. The mean of distributions is a distribution;
        maxima are divided by their sum.
    """
    sizes = [len(views.contexts)]
    lengths = [views.lengths]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2)
        lengths.append((lengths[-1] + 1) // 2)
    starts, scales, steps = _numbered(sizes, views.lengths.device)
    stacked = torch.stack(lengths)
    valid = steps.unsqueeze(1) < stacked[scales] if views.is_padded else None
    embedding = views.embedding
    if embedding is not None:
        embedding = _merged_embeddings(embedding, sizes, valid, time_pooling)
    return Hierarchy(
        _merged_contexts(views.contexts, sizes, valid),
        embedding,
        sizes,
        starts,
        scales,
        stacked,
        valid,
    )


def _numbered(sizes: list[int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the start of each scale, and scale and number of each step."""
    stops = np.cumsum(sizes)
    starts = stops - sizes
    scales = np.repeat(np.arange(len(sizes)), sizes)
    steps = np.arange(stops[-1]) - starts[scales]
    return (
        torch.from_numpy(starts).to(device),
        torch.from_numpy(scales).to(device),
        torch.from_numpy(steps).to(device),
    )


def _merged_contexts(finest: Tensor, sizes: list[int], valid: Tensor | None) -> Tensor:
    if valid is None:
        return _merged(finest, sizes, _larger)
    padding = ~valid.repeat(1, 2).unsqueeze(2)
    lowered = finest.masked_fill(padding[: len(finest)], -torch.inf)
    return _merged(lowered, sizes, _larger).masked_fill(padding, 0)


def _merged_embeddings(
    finest: Tensor, sizes: list[int], valid: Tensor | None, pooling: str
) -> Tensor:
    if valid is not None:
        finest = finest.masked_fill(~valid[: len(finest)].unsqueeze(2), 0)
    merge: Merge = _larger if pooling == "max" else torch.add
    merged = _merged(finest, sizes, merge)
    # Each embedding has the sum 1, so that this makes means of sums.
    totals = merged.sum(dim=2, keepdim=True)
    return merged / totals.clamp(min=torch.finfo(merged.dtype).tiny)


def _merged(finest: Tensor, sizes: list[int], merge: Merge) -> Tensor:
    scales = [finest]
    for _ in sizes[1:]:
        series = scales[-1]
        merged = merge(series[:-1:2], series[1::2])
        single = series[len(series) // 2 * 2 :]
        scales.append(torch.cat([merged, single]) if len(single) else merged)
    return torch.cat(scales)


def _larger(one: Tensor, other: Tensor) -> Tensor:
    # The gradient of `torch.maximum` takes several times as long.
    return torch.where(other > one, other, one)


def _lookup(table: Tensor, rows: Tensor) -> Tensor:
    """Return rows of (steps, batch, width), with the same gradient in every run.

    The gradient of indexing is summed by several threads at once, in no fixed order.
    """
    return functional.embedding(rows, table.flatten(0, 1))
