"""Small views and networks, which the tests of the losses share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_tsrep.nn.trep import ContextViews, TRepNetwork

N_LATENTS, N_TIME_LATENTS = 3, 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def views_of(
    lengths: list[int], seed: int = 0, dtype: torch.dtype = torch.float32
) -> ContextViews:
    draws = generator(seed)
    n_steps, n_series = max(lengths), len(lengths)
    contexts, scores = (
        torch.randn(shape, generator=draws, dtype=dtype)
        for shape in (
            (n_steps, 2 * n_series, N_LATENTS),
            (n_steps, n_series, N_TIME_LATENTS),
        )
    )
    return ContextViews(
        contexts, scores.softmax(-1), torch.tensor(lengths), len(set(lengths)) > 1
    )


def padding_of(views: ContextViews) -> Tensor:
    """Return a mask (time, batch, 1)."""
    steps = torch.arange(len(views.contexts)).unsqueeze(1)
    return (steps >= views.lengths).unsqueeze(2)


def with_garbage(views: ContextViews, garbage: float = 1e3) -> ContextViews:
    padding = padding_of(views)
    assert views.embedding is not None
    return views._replace(
        contexts=views.contexts.masked_fill(padding.repeat(1, 2, 1), garbage),
        embedding=views.embedding.masked_fill(padding, garbage),
    )


def network_of(time_embedding: str | None = "time2vec", **changes: Any) -> TRepNetwork:
    torch.manual_seed(0)
    small: dict[str, Any] = {
        "n_channels": 2,
        "n_latents": N_LATENTS,
        "hidden_channels": 6,
        "n_blocks": 2,
        "kernel_size": 3,
        "time_embedding": time_embedding,
        "n_time_latents": N_TIME_LATENTS,
        "time_scale": 30.0,
        "causal": False,
        "dropout_share": 0.1,
    }
    return TRepNetwork(**{**small, **changes})


def heads_of(network: TRepNetwork) -> list[nn.Parameter]:
    return [
        *network.divergence_head.parameters(),
        *network.forecast_head.parameters(),
    ]
