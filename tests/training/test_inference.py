"""Encoding: every series once, and the same bits whatever else is encoded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data.batches import SeriesBatch, SeriesReader
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.nn.trep import TRepEncoder
from sklearn_tsrep.training.inference import encode_series

NAN = np.nan


def encoder_of(causal: bool = False) -> TRepEncoder:
    torch.manual_seed(0)
    encoder = TRepEncoder(
        n_channels=2,
        n_latents=5,
        hidden_channels=7,
        n_blocks=3,
        kernel_size=3,
        time_embedding="time2vec",
        n_time_latents=4,
        time_scale=100.0,
        causal=causal,
        dropout_share=0.1,
    )
    torch.nn.init.normal_(encoder.missing_projection.weight)
    return encoder.eval().requires_grad_(False)


def panel_of(lengths: list[int], with_gaps: bool = True) -> Panel:
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(2, length)) for length in lengths]
    if with_gaps:
        for values in series[::2]:
            values[rng.random(values.shape) < 0.3] = NAN
            values[:, [0, -1]] = 1.0
    return Panel.from_series(series)


def chosen_from(panel: Panel, instances: list[int]) -> Panel:
    return Panel.from_series([panel.series[instance] for instance in instances])


def encoded(panel: Panel, encoder: torch.nn.Module) -> dict[int, np.ndarray]:
    reader = SeriesReader(panel, ChannelScaler.identity(panel.n_channels))
    results = {}
    for batch in encode_series(encoder, reader, "cpu"):
        assert len(batch.instances) == len(batch.representation) == len(batch.lengths)
        for instance, latents, length in zip(
            batch.instances.tolist(), batch.representation, batch.lengths, strict=True
        ):
            assert instance not in results
            results[instance] = latents[:length].numpy()
    return results


@settings(deadline=None, max_examples=30)
@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_every_series_is_encoded_once_in_its_length(lengths: list[int]) -> None:
    panel = panel_of(lengths)
    results = encoded(panel, encoder_of())
    assert sorted(results) == list(range(len(lengths)))
    for instance, length in enumerate(lengths):
        assert results[instance].shape == (length, 5)
        assert np.isfinite(results[instance]).all()


@pytest.mark.parametrize("causal", [False, True])
def test_padding_up_and_batching_change_nothing(causal: bool) -> None:
    panel = panel_of([1, 2, 3, 17, 33, 100, 129, 131])
    encoder = encoder_of(causal)
    reader = SeriesReader(panel, ChannelScaler.identity(2))
    results = encoded(panel, encoder)
    for instance in range(len(panel)):
        chosen = np.array([instance])
        alone = reader.read(chosen, panel.starts[chosen], panel.stops[chosen])
        expected = encoder(alone)[0][0]
        np.testing.assert_allclose(results[instance], expected, rtol=0, atol=1e-5)


# More series of one length than a batch holds, and several lengths that are padded
# to the same, with and without gaps.
LENGTHS = [60, 57, 60, 64, 63, *[33] * 150, 150, 1, 2, 600, 601, 5000]


@pytest.mark.parametrize("seed", range(3))
def test_a_subset_in_any_order_gives_the_same_bits(seed: int) -> None:
    panel, encoder = panel_of(LENGTHS), encoder_of()
    whole = encoded(panel, encoder)
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(panel))[: rng.integers(1, len(panel))].tolist()
    part = encoded(chosen_from(panel, chosen), encoder)
    for place, instance in enumerate(chosen):
        np.testing.assert_array_equal(part[place], whole[instance])


def test_a_series_alone_gives_the_same_bits() -> None:
    panel, encoder = panel_of(LENGTHS), encoder_of()
    whole = encoded(panel, encoder)
    for instance in (0, 1, 3, 5, 77, 154, 155, 156, 157, 158, 159, 160):
        alone = encoded(chosen_from(panel, [instance]), encoder)
        np.testing.assert_array_equal(alone[0], whole[instance])


def test_encoding_twice_gives_the_same_bits_and_draws_nothing() -> None:
    panel, encoder = panel_of(LENGTHS[:20]), encoder_of()
    state = torch.get_rng_state()
    first, second = encoded(panel, encoder), encoded(panel, encoder)
    for instance, latents in first.items():
        np.testing.assert_array_equal(latents, second[instance])
    assert torch.equal(state, torch.get_rng_state())


def test_series_without_a_value_are_left_out() -> None:
    panel = Panel.from_series([np.full((2, 5), NAN), np.ones((2, 5))])
    assert list(encoded(panel, encoder_of())) == [1]
    assert encoded(chosen_from(panel, [0]), encoder_of()) == {}


def test_padding_at_either_end_changes_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(2, 12))
    late = np.concatenate([np.full((2, 6), NAN), values], axis=1)
    padded = np.concatenate([values, np.full((2, 9), NAN)], axis=1)
    results = encoded(Panel.from_series([values, late, padded]), encoder_of())
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[0], results[1])


def test_shapes_depend_on_a_series_length_alone() -> None:
    shapes: dict[int, set[tuple[int, ...]]] = {}

    class Recorder(torch.nn.Module):
        def forward(self, batch: SeriesBatch) -> tuple[torch.Tensor, None]:
            n_steps = batch.values.shape[1]
            shapes.setdefault(n_steps, set()).add(tuple(batch.values.shape))
            return batch.values, None

    for n_series in (1, 5, 90):
        lengths = [100] * n_series + [37, 1000]
        panel = panel_of(lengths, with_gaps=False)
        results = encoded(panel, Recorder())
        for instance, series in enumerate(panel.series):
            np.testing.assert_array_equal(
                results[instance], series.T.astype(np.float32)
            )
    assert all(len(of_length) == 1 for of_length in shapes.values())
    assert all(n_steps <= 1.13 * 1000 for n_steps in shapes)


@settings(deadline=None)
@given(length=st.integers(1, 5000))
def test_a_series_is_padded_by_an_eighth_at_most(length: int) -> None:
    seen = []

    class Recorder(torch.nn.Module):
        def forward(self, batch: SeriesBatch) -> tuple[torch.Tensor, None]:
            seen.append(batch.values.shape)
            return batch.values, None

    encoded(panel_of([length], with_gaps=False), Recorder())
    ((n_rows, n_steps, _),) = seen
    assert length <= n_steps <= max(length * 9 / 8, length)
    assert n_rows * n_steps <= max(4096, n_steps)
