"""Encoding: every series once, in pieces too, the same bits whatever else there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data.batches import SeriesBatch, SeriesReader
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.nn.dmae import PatchEncoder
from sklearn_tsrep.nn.trep import TRepEncoder
from sklearn_tsrep.training import inference
from sklearn_tsrep.training.inference import encode_last_steps, encode_series

NAN = np.nan


def encoder_of(**parameters: Any) -> TRepEncoder:
    torch.manual_seed(0)
    defaults = {
        "n_channels": 2,
        "n_latents": 5,
        "hidden_channels": 7,
        "n_blocks": 3,
        "kernel_size": 3,
        "time_embedding": "time2vec",
        "n_time_latents": 3,
        "time_scale": 100.0,
        "causal": False,
    }
    encoder = TRepEncoder(**{**defaults, **parameters})
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


def encoded(panel: Panel, encoder: Any) -> dict[int, np.ndarray]:
    reader = SeriesReader(panel, ChannelScaler.identity(panel.n_channels))
    results = {}
    for batch in encode_series(encoder, reader, "cpu"):
        latents = torch.cat(list(batch.pieces), dim=1)
        assert latents.shape[:2] == (len(batch.instances), batch.length)
        for instance, series in zip(batch.instances.tolist(), latents, strict=True):
            assert instance not in results
            results[instance] = series.numpy()
    return results


def encoded_at_once(
    panel: Panel, instance: int, encoder: torch.nn.Module
) -> np.ndarray:
    reader = SeriesReader(panel, ChannelScaler.identity(panel.n_channels))
    chosen = np.array([instance])
    alone = reader.read(chosen, panel.starts[chosen], panel.stops[chosen])
    return encoder(alone)[0][0].numpy()


class Recorder(torch.nn.Module):
    """Returns what it reads, and remembers the shapes of it."""

    def __init__(self, reach: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.reach = reach
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, batch: SeriesBatch) -> tuple[torch.Tensor, None]:
        self.shapes.append(tuple(batch.values.shape))
        return batch.values, None


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_MIN_STEPS_A_PIECE", 100)
    monkeypatch.setattr(inference, "_MIN_OVERLAPS_A_PIECE", 1)


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
    encoder = encoder_of(causal=causal)
    results = encoded(panel, encoder)
    for instance in range(len(panel)):
        expected = encoded_at_once(panel, instance, encoder)
        np.testing.assert_allclose(results[instance], expected, rtol=0, atol=1e-5)


VARIANTS = [
    {},
    {"causal": True},
    {"kernel_size": 4},
    {"kernel_size": 5, "n_blocks": 0},
    {"kernel_size": 1},
    {"time_embedding": None},
    {"n_blocks": 6},
]


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
@pytest.mark.usefixtures("small_pieces")
def test_pieces_are_the_parts_of_the_series_at_once(parameters: dict[str, Any]) -> None:
    # One series without, two with gaps, which a piece may have or not.
    panel = panel_of([2100, 2500, 4001])
    panel.series[2][:, 90:3000] = 0.5
    panel.series[2][:, 3000:3200] = NAN
    encoder = encoder_of(**parameters)
    results = encoded(panel, encoder)
    for instance in range(len(panel)):
        expected = encoded_at_once(panel, instance, encoder)
        np.testing.assert_allclose(results[instance], expected, rtol=0, atol=1e-5)


def test_a_default_network_reaches_from_piece_to_piece() -> None:
    length = 2 * inference._MIN_STEPS_A_PIECE + 5
    panel = panel_of([length])
    encoder = encoder_of(
        n_latents=2, hidden_channels=2, n_time_latents=2, n_blocks=10, time_scale=length
    )
    assert encoder.reach == (4094, 4094)
    expected = encoded_at_once(panel, 0, encoder)
    np.testing.assert_allclose(encoded(panel, encoder)[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("reach", [(0, 0), (30, 30), (4094, 4094), (8188, 0)])
@pytest.mark.parametrize("length", [32_768, 32_769, 100_000, 300_001])
def test_pieces_are_bounded_and_little_is_encoded_twice(
    reach: tuple[int, int], length: int
) -> None:
    recorder = Recorder(reach)
    panel = panel_of([length], with_gaps=False)
    result = encoded(panel, recorder)[0]
    np.testing.assert_array_equal(result, panel.series[0].T.astype(np.float32))
    n_steps = np.array([shape[1] for shape in recorder.shapes])
    assert n_steps.max() <= 2**15 + sum(reach)
    assert n_steps.sum() <= 1.25 * length


def test_a_network_that_reaches_far_takes_longer_pieces() -> None:
    recorder = Recorder((50_000, 50_000))
    encoded(panel_of([500_000], with_gaps=False), recorder)
    n_steps = np.array([shape[1] for shape in recorder.shapes])
    assert len(n_steps) == 2
    assert n_steps.sum() <= 1.25 * 500_000


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


@pytest.mark.usefixtures("small_pieces")
def test_a_series_in_pieces_gives_the_same_bits_alone() -> None:
    panel, encoder = panel_of(LENGTHS), encoder_of()
    alone = encoded(chosen_from(panel, [len(LENGTHS) - 1]), encoder)
    whole = encoded(panel, encoder)
    np.testing.assert_array_equal(alone[0], whole[len(LENGTHS) - 1])


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
    for n_series in (1, 5, 90):
        recorder = Recorder((10, 20))
        panel = panel_of([100] * n_series + [37, 1000, 70_000], with_gaps=False)
        results = encoded(panel, recorder)
        for instance, series in enumerate(panel.series):
            np.testing.assert_array_equal(
                results[instance], series.T.astype(np.float32)
            )
        for shape in recorder.shapes:
            shapes.setdefault(shape[1], set()).add(shape)
    assert all(len(of_length) == 1 for of_length in shapes.values())
    assert sorted(shapes)[:3] == [40, 104, 1024]


@settings(deadline=None)
@given(length=st.integers(1, 5000))
def test_a_series_is_padded_by_an_eighth_at_most(length: int) -> None:
    recorder = Recorder()
    encoded(panel_of([length], with_gaps=False), recorder)
    ((n_rows, n_steps, _),) = recorder.shapes
    assert length <= n_steps <= max(length * 9 / 8, length)
    assert n_rows * n_steps <= max(4096, n_steps)
    if length > 2048:
        assert n_steps == length


class Windows(torch.nn.Module):
    """Returns each step as it reads it, beside its place in the window."""

    def __init__(self, window_length: int) -> None:
        super().__init__()
        self.window_length = window_length
        self.shapes: list[tuple[int, ...]] = []
        self.starts: set[int] = set()

    def forward(self, batch: SeriesBatch) -> tuple[torch.Tensor, None]:
        self.shapes.append(tuple(batch.values.shape))
        steps = batch.values[:, :, 0]
        self.starts.update(steps[:, 0].int().tolist())
        places = torch.arange(steps.shape[1]).expand_as(steps)
        return torch.stack([steps, places], dim=-1), None


def counting_panel(lengths: list[int]) -> Panel:
    """Return series whose first channel counts their steps."""
    return Panel.from_series(
        [np.stack([np.arange(length), np.ones(length)]) for length in lengths]
    )


@settings(deadline=None, max_examples=60)
@given(length=st.integers(1, 400), window_length=st.integers(2, 90))
def test_each_step_comes_once_from_the_window_whose_middle_is_nearest(
    length: int, window_length: int
) -> None:
    windows = Windows(window_length)
    steps, places = encoded(counting_panel([length]), windows)[0].T
    assert steps.tolist() == list(range(length))
    starts = np.array(sorted(windows.starts))
    if length > window_length:
        assert (starts[0], starts[-1]) == (0, length - window_length)
        assert np.diff(starts).max() <= (window_length + 1) // 2
    else:
        assert starts.tolist() == [0]
    middles = starts + window_length / 2
    distances = np.abs(steps[:, np.newaxis] + 0.5 - middles)
    own = np.abs(places + 0.5 - window_length / 2)
    # Borders are whole steps, and middles may lie between them.
    assert (own <= distances.min(axis=1) + 1).all()


@pytest.mark.parametrize("n_steps", [1, 7, 16, 29, 30])
def test_series_up_to_the_window_are_encoded_as_without_windows(n_steps: int) -> None:
    windows = Windows(30)
    panel = counting_panel([n_steps, 12])
    (steps, places), _ = (series.T for series in encoded(panel, windows).values())
    np.testing.assert_array_equal(places, steps)
    recorder = Recorder()
    encoded(panel, recorder)
    assert windows.shapes == recorder.shapes


def test_windows_go_through_the_network_in_batches_of_one_shape() -> None:
    for window_length in (40, 512, 5000):
        windows = Windows(window_length)
        encoded(counting_panel([20_000]), windows)
        (shape,) = set(windows.shapes)
        assert shape[1] == window_length
        assert shape[0] * shape[1] <= max(4096, window_length)


def test_a_series_in_windows_has_the_bits_that_it_has_alone() -> None:
    torch.manual_seed(0)
    encoder = PatchEncoder(
        n_channels=2,
        n_latents=6,
        n_layers=1,
        n_heads=1,
        patch_length=3,
        window_length=60,
        dropout_share=0.0,
    )
    encoder.eval().requires_grad_(False)
    panel = panel_of([61, 30, 500, 60, 61, 7, 500])
    panel.series[2][:, 200:330] = NAN  # more than a window
    whole = encoded(panel, encoder)
    for instance, length in enumerate(panel.lengths):
        assert whole[instance].shape == (length, 6)
        alone = encoded(chosen_from(panel, [instance]), encoder)
        np.testing.assert_array_equal(alone[0], whole[instance])


def test_windows_of_a_series_are_series_of_their_own() -> None:
    panel = panel_of([90], with_gaps=False)
    windows = [panel.series[0][:, start : start + 60] for start in (0, 30)]
    encoder = Windows(60)
    found = encoded(panel, encoder)[0]
    parts = encoded(Panel.from_series(windows), Windows(60))
    np.testing.assert_array_equal(found[:45], parts[0][:45])
    np.testing.assert_array_equal(found[45:], parts[1][15:])


def test_what_is_not_finite_is_an_error_in_any_window() -> None:
    panel = panel_of([700], with_gaps=False)
    panel.series[0][0, -1] = 1e39  # infinite in single precision
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="so far from those of the training panel"),
    ):
        encoded(panel, Windows(50))


def test_what_is_not_finite_is_an_error_in_any_piece() -> None:
    panel = panel_of([70_000], with_gaps=False)
    panel.series[0][0, -1] = 1e39  # infinite in single precision
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="so far from those of the training panel"),
    ):
        encoded(panel, Recorder())


@pytest.mark.parametrize("n_new", [1, 20, 90])
@pytest.mark.parametrize("causal", [False, True])
def test_the_last_steps_of_a_series_can_be_encoded_alone(
    n_new: int, causal: bool
) -> None:
    panel, encoder = panel_of([90]), encoder_of(causal=causal)
    reader = SeriesReader(panel, ChannelScaler.identity(2))
    found = encode_last_steps(encoder.causal(12), reader, "cpu", n_new)
    assert found.shape == (n_new, 5)
    assert found.dtype == np.float32
    expected = encoded(panel, encoder.causal(12))[0][-n_new:]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_last_step_that_is_not_finite_is_an_error() -> None:
    panel = panel_of([40], with_gaps=False)
    panel.series[0][0, -1] = 1e39  # infinite in single precision
    reader = SeriesReader(panel, ChannelScaler.identity(2))
    encoder = encoder_of().causal(5)
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="so far from those of the training panel"),
    ):
        encode_last_steps(encoder, reader, "cpu", 2)
