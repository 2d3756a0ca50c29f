"""A small network of DMAE, and batches with hidden, missing and padded values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.data.masked import MaskedBatch
from sklearn_tsrep.nn.dmae import (
    DMAENetwork,
    Estimates,
    PatchEncoder,
)

N_CHANNELS = 2
N_LATENTS = 8


def network_of(**parameters: Any) -> DMAENetwork:
    """Return a network whose weights are large enough for all of them to matter."""
    torch.manual_seed(0)
    given = {
        "n_channels": N_CHANNELS,
        "n_latents": N_LATENTS,
        "n_layers": 2,
        "n_heads": 2,
        "n_regressor_layers": 1,
        "n_target_layers": 1,
        "patch_length": 2,
        "window_length": 100,
        "dropout_share": 0.0,
        **parameters,
    }
    network = DMAENetwork(**given)
    for part in (network.student, network.regressor, network.decoder):
        shake(part)
    network.teacher.load_state_dict(network.student.state_dict())
    return network.eval()


def shake(module: nn.Module, seed: int = 2) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def series_of(
    n_steps: int = 12, padding: int = 0, observed: Tensor | None = None
) -> SeriesBatch:
    """Return two series, with zeros wherever there is no value."""
    values = random(2, n_steps, N_CHANNELS)
    if observed is not None:
        values = values * observed
        observed = functional.pad(observed, (0, 0, 0, padding))
    values = functional.pad(values, (0, 0, 0, padding))
    valid = None
    if padding:
        valid = torch.ones(values.shape[:2])
        valid[:, n_steps:] = 0
    return SeriesBatch(values, torch.zeros(values.shape[:2]), observed, None, valid)


def some_missing() -> Tensor:
    """Return which values are there: neither of token 2 of the second series."""
    observed = torch.ones(2, 12, N_CHANNELS)
    observed[0, 3, 1] = observed[0, 10, 0] = observed[1, 8, 0] = 0
    observed[1, 4:6] = 0
    return observed


def masked(
    series: SeriesBatch,
    hidden: list[list[int]],
    *,
    n_tokens: int = 6,
    empty: tuple[tuple[int, int], ...] = (),
    hidden_share: float = 0.3,
) -> MaskedBatch:
    """Hide tokens of each series, two steps each, and values of the others."""
    there = torch.ones_like(series.values)
    if series.observed is not None:
        there = series.observed
    elif series.valid is not None:
        there = there * series.valid.unsqueeze(-1)
    draws = torch.rand(there.shape, generator=torch.Generator().manual_seed(5))
    shown = there * (draws >= hidden_share)
    seen = []
    for row, own in enumerate(hidden):
        places = [t for t in range(n_tokens) if t not in own and (row, t) not in empty]
        seen.append(places)
        for token in own:
            shown[row, 2 * token : 2 * token + 2] = 0
    places = [*padded(seen), *padded(hidden)]
    return MaskedBatch(series, shown, *places)


def padded(places: list[list[int]]) -> tuple[Tensor, Tensor]:
    n_most = max(*map(len, places), 1)
    indices = torch.tensor([[*own, *[0] * (n_most - len(own))] for own in places])
    valid = torch.tensor([[i < len(own) for i in range(n_most)] for own in places])
    return indices, valid


HIDDEN = [[1, 4, 5], [0, 3]]


def batch_of() -> MaskedBatch:
    """Return two series with missing values, and hidden ones and tokens."""
    return masked(series_of(observed=some_missing()), HIDDEN, empty=((1, 2),))


# Which tokens of these series have a value.
KEYS = torch.ones(2, 6, dtype=torch.bool)
KEYS[1, 2] = False


def with_values(batch: MaskedBatch, values: Tensor) -> MaskedBatch:
    return replace(batch, series=replace(batch.series, values=values))


def latents_of(encoder: PatchEncoder, series: SeriesBatch) -> Tensor:
    """Return the latents (batch, n_tokens, n_latents) of whole series."""
    tokens, _ = encoder.seeing_all(series)
    return encoder.latents(tokens)


def assert_close_enough(one: Tensor, other: Tensor) -> None:
    """Compare what turns by other angles have rounded otherwise."""
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def assert_same_estimates(one: Estimates, other: Estimates, *names: str) -> None:
    for name in names:
        torch.testing.assert_close(getattr(one, name), getattr(other, name))
