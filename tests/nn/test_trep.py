"""The network of T-Rep: what a representation may and may not depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from sklearn_tsrep.data.batches import (
    ContextBatches,
    ContextPair,
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
}
EMBEDDINGS = ["time2vec", "mlp", "rbf", None]


def encoder_of(**changes: Any) -> TRepEncoder:
    torch.manual_seed(0)
    encoder = TRepEncoder(**{**SMALL, **changes})
    # As after training on data with gaps, where the indicators have a weight.
    nn.init.normal_(encoder.missing_projection.weight)
    return encoder


def network_of(**changes: Any) -> TRepNetwork:
    torch.manual_seed(0)
    return TRepNetwork(**{**SMALL, **changes})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def series_batch(*shape: int, **masks: Tensor) -> SeriesBatch:
    n_series, length, _ = shape
    parts: dict[str, Any] = {"observed": None, "visible": None, "valid": None, **masks}
    return SeriesBatch(
        values=torch.randn(shape, generator=generator()),
        time=torch.arange(float(length)).repeat(n_series, 1),
        **parts,
    )


def mapped(change: Callable[[Tensor], Tensor], batch: SeriesBatch) -> SeriesBatch:
    parts = (getattr(batch, field.name) for field in fields(batch))
    return SeriesBatch(*(None if part is None else change(part) for part in parts))


def select(batch: SeriesBatch, rows: Any, steps: Any = slice(None)) -> SeriesBatch:
    """Return some rows and steps of a batch."""
    return mapped(lambda part: part[rows, steps], batch)


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
        alone = select(batch, [row], slice(length))
        expected, _ = encoder(replace(alone, valid=None))
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
    encoder = encoder_of()
    torch.testing.assert_close(
        encoder(select(batch, order))[0], encoder(batch)[0][order], rtol=0, atol=1e-6
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
    prefix = select(batch, slice(None), slice(6))
    torch.testing.assert_close(
        encoder(prefix)[0], encoder(batch)[0][:, :6], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("causal", [False, True])
def test_reach_is_what_a_perturbation_shows(causal: bool) -> None:
    encoder = encoder_of(causal=causal).double()
    batch = mapped(Tensor.double, series_batch(1, 61, 2))
    changed = replace(batch, values=batch.values.clone())
    changed.values[:, 30] += 1
    differs = (encoder(batch)[0] - encoder(changed)[0]).abs().amax(dim=(0, 2)) > 0
    before, after = encoder.reach
    assert differs.nonzero().flatten().tolist() == list(range(30 - after, 31 + before))


@pytest.mark.parametrize("time_embedding", EMBEDDINGS)
def test_an_encoder_has_the_right_gradients(time_embedding: str | None) -> None:
    encoder = encoder_of(time_embedding=time_embedding, n_blocks=1).double()
    batch, _ = padded_batch()
    observed, visible = torch.ones(3, 9, 2), torch.ones(3, 9)
    observed[0, 3, 1] = 0
    visible[1, 2] = 0
    batch = mapped(Tensor.double, replace(batch, observed=observed, visible=visible))
    names, weights = zip(*encoder.named_parameters(), strict=True)

    def outputs(values: Tensor, *weights: Tensor) -> list[Tensor]:
        given = dict(zip(names, weights, strict=True))
        parts = functional_call(encoder, given, (replace(batch, values=values),))
        return [part for part in parts if part is not None]

    leaves = (batch.values.requires_grad_(), *weights)
    assert torch.autograd.gradcheck(outputs, leaves, fast_mode=True)


def test_encoding_under_autocast_is_near_that_without() -> None:
    encoder = encoder_of()
    batch, _ = padded_batch()
    exact, embedding = encoder(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, rough_embedding = encoder(batch)
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).norm() < 0.02 * exact.norm()
    torch.testing.assert_close(rough_embedding, embedding, rtol=0, atol=1e-6)
    assert batch.valid is not None
    assert (rough[batch.valid == 0] == 0).all()


def test_inference_mode_gives_the_same() -> None:
    encoder = encoder_of()
    batch, _ = padded_batch()
    expected, embedding = encoder(batch)
    with torch.inference_mode():
        same, same_embedding = encoder(batch)
    assert torch.equal(same, expected)
    assert torch.equal(same_embedding, embedding)


# Both contexts


def context_pair(lengths: list[int], seed: int = 0) -> ContextPair:
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
    n_series, n_steps = len(lengths), int(pair.lengths.max())
    assert views.contexts.shape == (n_steps, 2 * n_series, 3)
    assert views.embedding is not None
    assert views.embedding.shape == (n_steps, n_series, 3)
    assert torch.equal(views.lengths, pair.lengths)
    assert views.is_padded is bool((pair.lengths < n_steps).any())
    first, second = views.contexts.split(n_series, dim=1)
    for row, length in enumerate(views.lengths.tolist()):
        torch.testing.assert_close(
            first[:length, row], second[:length, row], rtol=0, atol=1e-6
        )
        time = pair.series.time[[n_series + row], :length]
        tau = network.encoder.time_embedding(time)[0]
        torch.testing.assert_close(
            views.embedding[:length, row], tau, rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("time_embedding", ["time2vec", None])
def test_views_are_what_the_encoder_says_of_each_crop(
    time_embedding: str | None, seed: int
) -> None:
    network = network_of(time_embedding=time_embedding)
    pair = context_pair([20, 7, 1, 13], seed)
    views = network(pair)
    for column, start in enumerate(pair.overlap_starts.tolist()):
        length = int(pair.lengths[column % 4])
        latents, _ = network.encoder(select(pair.series, [column]))
        torch.testing.assert_close(
            views.contexts[:length, column],
            latents[0, start : start + length],
            rtol=0,
            atol=1e-6,
        )


def test_contexts_give_different_views() -> None:
    contexts = network_of()(context_pair([20, 20])).contexts
    assert not torch.allclose(contexts[:, :2], contexts[:, 2:])


def test_views_without_time_embedding() -> None:
    network = network_of(time_embedding=None, train_heads=False)
    views = network(context_pair([20, 9]))
    assert views.embedding is None
    assert not hasattr(network, "divergence_head")


def test_dropout_needs_a_generator_and_draws_from_it() -> None:
    network = network_of(dropout_share=0.5)
    pair = context_pair([60, 60, 60, 60])
    state = torch.get_rng_state()
    kept, again = (network(pair).contexts for _ in range(2))
    assert torch.equal(kept, again)
    dropped, same, other = (network(pair, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(dropped.contexts, same.contexts)
    assert not torch.equal(dropped.contexts, other.contexts)
    assert torch.equal(dropped.embedding, network(pair).embedding)
    is_kept = dropped.contexts != 0
    assert is_kept.float().mean().item() == pytest.approx(0.5, abs=0.1)
    torch.testing.assert_close(dropped.contexts[is_kept], 2 * kept[is_kept])
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("time_embedding", EMBEDDINGS)
def test_views_are_single_precision_under_autocast(time_embedding: str | None) -> None:
    network = network_of(time_embedding=time_embedding)
    pair = context_pair([20, 9])
    exact = network(pair)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        views = network(pair, generator())
    assert views.contexts.dtype == torch.float32
    assert (views.contexts - exact.contexts).norm() < 0.02 * exact.contexts.norm()
    if time_embedding is not None:
        # Half precision cannot tell the steps of a long series apart.
        torch.testing.assert_close(views.embedding, exact.embedding, rtol=0, atol=1e-6)


# Heads


def test_heads_may_predict_negative_latents() -> None:
    network = network_of()
    inputs = torch.randn(200, 6, generator=generator())
    assert network.forecast_head(5 * inputs).min() < 0
    assert network.forecast_head(inputs).shape == (200, 3)
    assert network.divergence_head(inputs[:, :3]).shape == (200, 1)


def test_heads_may_be_frozen() -> None:
    free, frozen = (network_of(train_heads=learns) for learns in (True, False))
    for (name, weight), other in zip(
        free.named_parameters(), frozen.parameters(), strict=True
    ):
        assert torch.equal(weight, other)
        assert weight.requires_grad
        assert other.requires_grad is name.startswith("encoder."), name
