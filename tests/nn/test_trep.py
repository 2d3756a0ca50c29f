"""The network of T-Rep: what a representation may and may not depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sklearn_tsrep.data.batches import (
    ContextBatches,
    SeriesBatch,
    SeriesReader,
    cut_into_pieces,
)
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.nn.trep import TRepEncoder, TRepNetwork

SMALL: dict[str, Any] = {
    "n_channels": 2,
    "n_latents": 3,
    "hidden_channels": 4,
    "n_blocks": 2,
    "kernel_size": 3,
    "time_embedding": "time2vec",
    "n_time_latents": 3,
    "time_scale": 20.0,
    "causal": False,
    "dropout_share": 0.0,
}
EMBEDDINGS = ["time2vec", "mlp", "rbf", None]


def encoder_of(**changes: Any) -> TRepEncoder:
    torch.manual_seed(0)
    encoder = TRepEncoder(**{**SMALL, **changes})
    # As after training on data with gaps, where the indicators have a weight.
    torch.nn.init.normal_(encoder.missing_projection.weight)
    return encoder


def network_of(**changes: Any) -> TRepNetwork:
    torch.manual_seed(0)
    return TRepNetwork(**{**SMALL, **changes})


def series_batch(*shape: int, **masks: Tensor) -> SeriesBatch:
    n_series, length, _ = shape
    generator = torch.Generator().manual_seed(0)
    parts: dict[str, Any] = {"observed": None, "visible": None, "valid": None, **masks}
    return SeriesBatch(
        values=torch.randn(shape, generator=generator),
        time=torch.arange(float(length)).repeat(n_series, 1),
        **parts,
    )


def padded_batch() -> tuple[SeriesBatch, list[int]]:
    lengths = [9, 5, 1]
    valid = (torch.arange(9) < torch.tensor(lengths).unsqueeze(1)).float()
    return series_batch(3, 9, 2, valid=valid), lengths


# Encoder


@pytest.mark.parametrize("time_embedding", EMBEDDINGS)
def test_shapes(time_embedding: str | None) -> None:
    encoder = encoder_of(time_embedding=time_embedding)
    latents, tau = encoder(series_batch(2, 7, 2))
    assert latents.shape == (2, 7, 3)
    if time_embedding is None:
        assert tau is None
    else:
        assert tau.shape == (2, 7, 3)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_is_as_if_it_were_not_there(causal: bool) -> None:
    encoder = encoder_of(causal=causal)
    batch, lengths = padded_batch()
    latents, _ = encoder(batch)
    for row, length in enumerate(lengths):
        alone = SeriesBatch(
            batch.values[row : row + 1, :length],
            batch.time[row : row + 1, :length],
            None,
            None,
            None,
        )
        expected, _ = encoder(alone)
        torch.testing.assert_close(
            latents[row, :length], expected[0], rtol=0, atol=1e-6
        )
        assert (latents[row, length:] == 0).all()


def gradients_of(encoder: TRepEncoder, batch: SeriesBatch) -> list[Tensor]:
    latents, _ = encoder(batch)
    loss = latents.square().sum()
    parameters = list(encoder.parameters())
    return list(torch.autograd.grad(loss, parameters, materialize_grads=True))


def with_garbage(batch: SeriesBatch, at: Tensor) -> SeriesBatch:
    values = torch.where(at.bool().unsqueeze(-1), 1e3, batch.values)
    return replace(batch, values=values)


def test_what_padding_holds_does_not_matter() -> None:
    encoder = encoder_of()
    batch, _ = padded_batch()
    assert batch.valid is not None
    garbage = with_garbage(batch, 1 - batch.valid)
    garbage = replace(garbage, time=torch.where(batch.valid == 1, batch.time, 12345.0))
    assert torch.equal(encoder(batch)[0], encoder(garbage)[0])
    for one, other in zip(
        gradients_of(encoder, batch), gradients_of(encoder, garbage), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_what_a_masked_step_holds_does_not_matter() -> None:
    encoder = encoder_of()
    visible = torch.ones(2, 8)
    visible[0, 2:5] = 0
    visible[1, 7] = 0
    batch = series_batch(2, 8, 2, visible=visible)
    garbage = with_garbage(batch, 1 - visible)
    assert torch.equal(encoder(batch)[0], encoder(garbage)[0])
    for one, other in zip(
        gradients_of(encoder, batch), gradients_of(encoder, garbage), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_a_masked_step_gets_a_representation_of_its_own() -> None:
    visible = torch.tensor([[1.0, 0, 0, 1, 1]])
    latents, _ = encoder_of()(series_batch(1, 5, 2, visible=visible))
    assert (latents[0, 1] != 0).any()
    assert not torch.equal(latents[0, 1], latents[0, 2])


def test_time_is_seen_where_values_are_masked() -> None:
    batch = series_batch(1, 5, 2, visible=torch.zeros(1, 5))
    later = replace(batch, time=batch.time + 7)
    encoder = encoder_of()
    assert not torch.equal(encoder(batch)[0], encoder(later)[0])
    assert not torch.equal(encoder(batch)[1], encoder(later)[1])


def test_without_time_embedding_the_index_does_not_matter() -> None:
    batch = series_batch(1, 5, 2)
    encoder = encoder_of(time_embedding=None)
    latents, _ = encoder(batch)
    later, _ = encoder(replace(batch, time=batch.time + 7))
    assert torch.equal(latents, later)


def test_a_missing_channel_is_not_a_0() -> None:
    observed = torch.ones(1, 6, 2)
    observed[0, 3, 1] = 0
    batch = series_batch(1, 6, 2)
    batch.values[0, 3, 1] = 0
    gap = replace(batch, observed=observed)
    assert not torch.equal(encoder_of()(batch)[0], encoder_of()(gap)[0])
    untrained = network_of().encoder
    assert torch.equal(untrained(batch)[0], untrained(gap)[0])
    untrained(gap)[0].sum().backward()
    gradient = untrained.missing_projection.weight.grad
    assert (gradient[:, 1] != 0).all()
    assert (gradient[:, 0] == 0).all()


def test_masks_of_ones_change_nothing() -> None:
    bare = series_batch(2, 6, 2)
    ones = torch.ones(2, 6)
    masked = replace(bare, observed=torch.ones(2, 6, 2), visible=ones, valid=ones)
    encoder = encoder_of()
    assert torch.equal(encoder(bare)[0], encoder(masked)[0])


def test_the_order_of_instances_does_not_matter() -> None:
    batch, _ = padded_batch()
    order = torch.tensor([2, 0, 1])
    assert batch.valid is not None
    shuffled = replace(
        batch,
        values=batch.values[order],
        time=batch.time[order],
        valid=batch.valid[order],
    )
    encoder = encoder_of()
    torch.testing.assert_close(
        encoder(shuffled)[0], encoder(batch)[0][order], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("time_embedding", EMBEDDINGS)
def test_a_causal_encoder_sees_no_later_step(time_embedding: str | None) -> None:
    batch = series_batch(2, 16, 2)
    changed = replace(batch, values=batch.values.clone(), time=batch.time.clone())
    changed.values[:, 9:] += 1
    changed.time[:, 9:] += 3
    for causal in (True, False):
        encoder = encoder_of(causal=causal, time_embedding=time_embedding)
        before, after = encoder(batch)[0], encoder(changed)[0]
        assert torch.equal(before[:, :9], after[:, :9]) is causal
        assert not torch.equal(before[:, 9:], after[:, 9:])


def test_a_causal_encoder_gives_a_prefix_the_same() -> None:
    encoder = encoder_of(causal=True)
    batch = series_batch(1, 16, 2)
    prefix = replace(batch, values=batch.values[:, :6], time=batch.time[:, :6])
    torch.testing.assert_close(
        encoder(prefix)[0], encoder(batch)[0][:, :6], rtol=0, atol=1e-6
    )


def test_dropout_needs_a_generator_and_draws_from_it() -> None:
    encoder = encoder_of(dropout_share=0.5)
    batch = series_batch(4, 30, 2)
    state = torch.get_rng_state()
    kept, again = (encoder(batch)[0] for _ in range(2))
    assert torch.equal(kept, again)
    dropped, same = (
        encoder(batch, torch.Generator().manual_seed(1))[0] for _ in range(2)
    )
    assert torch.equal(dropped, same)
    share = (dropped == 0).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.1)
    is_kept = dropped != 0
    torch.testing.assert_close(dropped[is_kept], 2 * kept[is_kept])
    assert torch.equal(state, torch.get_rng_state())


# Both contexts


def context_pair(lengths: list[int], seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    panel = Panel.from_series([rng.normal(size=(2, length)) for length in lengths])
    reader = SeriesReader(panel, ChannelScaler.identity(2))
    pieces = cut_into_pieces(panel, None)
    batches = ContextBatches(reader, pieces, len(lengths), 2, 0.0, seed)
    return next(iter(batches))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lengths", [[20, 20, 20], [20, 7, 1, 13], [1], [30]])
def test_views_are_of_the_same_steps(lengths: list[int], seed: int) -> None:
    # A network that looks at one step only sees the same in both contexts.
    network = network_of(n_blocks=0, kernel_size=1)
    pair = context_pair(lengths, seed)
    views = network(pair)
    assert views.embedding is not None
    assert views.first.shape == views.second.shape == views.embedding.shape
    assert views.first.shape[:2] == (len(lengths), int(views.lengths.max()))
    for row, length in enumerate(views.lengths.tolist()):
        torch.testing.assert_close(
            views.first[row, :length], views.second[row, :length], rtol=0, atol=1e-6
        )
        time = pair.second.time[row, :length].unsqueeze(0)
        tau = network.encoder.time_embedding(time)[0]
        torch.testing.assert_close(
            views.embedding[row, :length], tau, rtol=0, atol=1e-6
        )


def test_contexts_give_different_views() -> None:
    views = network_of()(context_pair([20, 20]))
    assert not torch.allclose(views.first, views.second)


def test_views_without_time_embedding() -> None:
    network = network_of(time_embedding=None)
    views = network(context_pair([20, 9]))
    assert views.embedding is None
    assert not hasattr(network, "divergence_head")


def test_views_are_single_precision_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        views = network_of()(context_pair([20, 9]))
    assert views.first.dtype == views.second.dtype == torch.float32
    assert views.embedding is not None
    assert views.embedding.dtype == torch.float32


def test_heads_may_predict_negative_latents() -> None:
    network = network_of()
    inputs = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    assert network.forecast_head(5 * inputs).min() < 0
    assert network.forecast_head(inputs).shape == (200, 3)
    assert network.divergence_head(inputs[:, :3]).shape == (200, 1)
