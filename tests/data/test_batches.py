"""Batches: every piece once, absolute time, masks as told, never a NaN."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data.batches import (
    ContextBatches,
    ContextPair,
    SeriesBatch,
    SeriesReader,
    cut_into_pieces,
)
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler

NAN = np.nan


def coded_panel(lengths: list[int]) -> Panel:
    """Make a panel in which each value tells its instance and step."""
    return Panel.from_series(
        [
            1000.0 * instance + np.arange(length, dtype=np.float64)[np.newaxis]
            for instance, length in enumerate(lengths)
        ]
    )


def plain_reader(panel: Panel, missing: str = "all") -> SeriesReader:
    return SeriesReader(panel, ChannelScaler.identity(panel.n_channels), missing)


def whole_batch(panel: Panel, missing: str = "all") -> SeriesBatch:
    reader = plain_reader(panel, missing)
    return reader.read(np.arange(len(panel)), panel.starts, panel.stops)


def batches_of(
    panel: Panel,
    batch_size: int = 4,
    min_overlap: int = 2,
    mask_ratio: float = 0.0,
    max_length: int | None = None,
    seed: int = 0,
    repeatable: bool = False,
) -> ContextBatches:
    return ContextBatches(
        plain_reader(panel),
        cut_into_pieces(panel, max_length),
        batch_size,
        min_overlap,
        mask_ratio,
        seed,
        repeatable,
    )


def parts_of(batch: SeriesBatch) -> list[torch.Tensor | None]:
    return [getattr(batch, field.name) for field in fields(batch)]


def tensors_of(pair: ContextPair) -> list[torch.Tensor]:
    tensors = [part for part in parts_of(pair.series) if part is not None]
    return [*tensors, pair.overlap_starts, pair.lengths]


def contexts_of(pair: ContextPair) -> list[SeriesBatch]:
    """Return the first contexts of all series, and the second."""
    halves = slice(len(pair)), slice(len(pair), None)
    return [
        SeriesBatch(
            *(None if part is None else part[half] for part in parts_of(pair.series))
        )
        for half in halves
    ]


def masks_of(batch: SeriesBatch) -> np.ndarray:
    if batch.valid is None:
        return np.ones(tuple(batch.time.shape), dtype=bool)
    return batch.valid.numpy() == 1


# Reading


def test_a_batch_is_padded_at_the_end() -> None:
    panel = coded_panel([3, 5])
    batch = plain_reader(panel).read(
        np.array([1, 0]), np.array([2, 0]), np.array([5, 2])
    )
    assert batch.values[:, :, 0].tolist() == [[1002, 1003, 1004], [0, 1, 0]]
    assert batch.time[:, :2].tolist() == [[2, 3], [0, 1]]
    assert batch.time[0].tolist() == [2, 3, 4]
    assert batch.valid is not None
    assert batch.valid.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.observed is None
    assert batch.visible is None


def test_masks_that_mask_nothing_are_left_out() -> None:
    batch = whole_batch(coded_panel([4, 4]))
    assert batch.valid is batch.observed is batch.visible is None


def test_a_length_to_pad_to_can_be_given() -> None:
    panel = coded_panel([3])
    batch = plain_reader(panel).read(np.array([0]), panel.starts, panel.stops, length=5)
    assert batch.values.shape == (1, 5, 1)
    assert batch.valid is not None
    assert batch.valid.tolist() == [[1, 1, 1, 0, 0]]


def test_time_is_counted_from_the_first_observed_step() -> None:
    panel = Panel.from_series([np.array([[NAN, NAN, 1.0, NAN, 2.0, NAN]])])
    batch = whole_batch(panel)
    assert batch.time.tolist() == [[0, 1, 2]]
    assert batch.visible is not None
    assert batch.visible.tolist() == [[1, 0, 1]]
    assert batch.valid is None


def test_time_can_be_given_for_all_steps_padding_included() -> None:
    panel = Panel.from_series(
        [
            np.array([[NAN, NAN, 1.0, NAN, 2.0, NAN], [NAN, NAN, 1.0, 1.0, 1.0, 1.0]]),
            np.array([[3.0, 4.0], [5.0, 6.0]]),
        ]
    )
    reader = plain_reader(panel, "any")
    at = reader.at(np.array([10.0, 11.5, 14.0, 20.0, 21.0, 30.0]))
    chosen = np.array([0, 1, 0]), np.array([2, 0, 3]), np.array([5, 2, 4])
    batch = at.read(*chosen, length=4)
    valid = masks_of(batch)
    steps = [row[own].tolist() for row, own in zip(batch.time, valid, strict=True)]
    assert steps == [[14.0, 20.0, 21.0], [10.0, 11.5], [20.0]]
    assert batch.time.dtype == torch.float32
    counted = reader.read(*chosen, length=4)
    assert counted.time[0, :3].tolist() == [0, 1, 2]
    assert_same_batch(replace(batch, time=counted.time), counted)
    assert_same_batch(at.at(None).read(*chosen, length=4), counted)


def test_padding_in_front_changes_no_batch() -> None:
    lengths = [9, 30, 17]
    bare = coded_panel(lengths)
    padded = Panel.from_series(
        [
            np.concatenate([np.full((1, 40 - length), NAN), series], axis=1)
            for length, series in zip(lengths, bare.series, strict=True)
        ]
    )
    one, other = (
        batches_of(panel, 2, mask_ratio=0.5, max_length=8) for panel in (bare, padded)
    )
    assert are_equal(epoch(one), epoch(other))


@pytest.mark.parametrize(
    ("missing", "visible"), [("all", [1, 1, 0, 1]), ("any", [1, 0, 0, 1])]
)
def test_a_step_is_masked_by_the_rule(missing: str, visible: list[int]) -> None:
    values = np.array([[[1.0, NAN, NAN, 4.0], [5.0, 6.0, NAN, 8.0]]])
    batch = whole_batch(Panel.from_series(values), missing)
    assert batch.visible is not None
    assert batch.observed is not None
    assert batch.visible.tolist() == [visible]
    np.testing.assert_array_equal(batch.observed[0].T, ~np.isnan(values[0]))
    np.testing.assert_array_equal(batch.values[0].T, np.nan_to_num(values[0]))


def test_partly_missing_steps_need_no_mask() -> None:
    values = np.array([[[1.0, NAN], [5.0, 6.0]]])
    batch = whole_batch(Panel.from_series(values))
    assert batch.visible is None
    assert batch.observed is not None


def test_what_is_missing_is_0_after_scaling() -> None:
    panel = Panel.from_series(np.array([[[10.0, NAN, 14.0]]]))
    reader = SeriesReader(panel, ChannelScaler.fit(panel))
    batch = reader.read(np.array([0]), panel.starts, panel.stops)
    np.testing.assert_allclose(batch.values[0, :, 0], [-1, 0, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, bool])
def test_batches_are_single_precision_from_any_dtype(dtype: type) -> None:
    values = np.random.default_rng(0).integers(0, 2, size=(2, 3, 5)).astype(dtype)
    values.setflags(write=False)
    batch = whole_batch(Panel.from_series(values))
    assert batch.values.dtype == batch.time.dtype == torch.float32
    np.testing.assert_array_equal(batch.values, values.transpose(0, 2, 1))


def assert_same_batch(one: SeriesBatch, other: SeriesBatch) -> None:
    for part, same in zip(parts_of(one), parts_of(other), strict=True):
        assert (part is None) is (same is None)
        if part is not None and same is not None:
            assert part.dtype == same.dtype
            assert torch.equal(part, same)


@settings(deadline=None, max_examples=50)
@given(
    n_steps=st.integers(1, 12),
    missing=st.sampled_from(["all", "any"]),
    gaps=st.sampled_from([0.0, 0.2, 0.8]),
    length=st.sampled_from([None, 12, 15]),
    seed=st.integers(0, 1000),
)
def test_an_array_and_a_list_of_its_series_give_the_same(
    n_steps: int, missing: str, gaps: float, length: int | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 2, size=(3, 2, n_steps))
    values[rng.random(values.shape) < gaps] = NAN
    instances = rng.integers(3, size=5)
    starts = rng.integers(n_steps, size=5)
    stops = starts + 1 + rng.integers(n_steps - starts)
    scaler = ChannelScaler(np.array([3.0, 2.5]), np.array([2.0, 1.5]))
    one, other = (
        SeriesReader(Panel.from_series(series), scaler, missing).read(
            instances, starts, stops, length
        )
        for series in (values, list(values))
    )
    assert_same_batch(one, other)
    for row, (instance, start, stop) in enumerate(
        zip(instances, starts, stops, strict=True)
    ):
        expected = np.nan_to_num(scaler(values[instance, :, start:stop].T))
        np.testing.assert_array_equal(one.values[row, : stop - start], expected)
        assert (one.values[row, stop - start :] == 0).all()


@pytest.mark.parametrize("dtype", ["f8", ">f4", "i2"])
def test_a_memory_map_gives_the_same(dtype: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 99, size=(5, 2, 8)).astype(dtype)
    values.tofile(tmp_path / "panel")
    mapped = np.memmap(tmp_path / "panel", dtype, mode="r", shape=values.shape)
    ranges = np.array([4, 0, 4]), np.array([3, 0, 7]), np.array([8, 2, 8])
    expected = plain_reader(Panel.from_series(values)).read(*ranges)
    assert_same_batch(plain_reader(Panel.from_series(mapped)).read(*ranges), expected)
    np.testing.assert_array_equal(expected.values[0, :5], values[4, :, 3:].T)


def test_a_batch_is_a_copy_of_the_data() -> None:
    values = np.ones((2, 1, 4), dtype=np.float32)
    batch = whole_batch(Panel.from_series(values))
    batch.values.fill_(7)
    assert (values == 1).all()


def test_a_batch_moves_as_a_whole() -> None:
    panel = Panel.from_series([np.array([[1.0, NAN, 3.0]]), np.array([[1.0, 2.0]])])
    moved = whole_batch(panel).to("meta")
    assert all(getattr(moved, field.name).is_meta for field in fields(moved))
    pair = next(iter(batches_of(panel))).to("meta")
    assert all(tensor.is_meta for tensor in tensors_of(pair))
    assert isinstance(pair.max_length, int)
    assert isinstance(pair.is_padded, bool)


# Pieces


@settings(deadline=None)
@given(
    spans=st.lists(
        st.tuples(st.integers(0, 10), st.integers(1, 100)), min_size=1, max_size=5
    ),
    max_length=st.integers(2, 120),
)
def test_pieces_cover_each_series_evenly(
    spans: list[tuple[int, int]], max_length: int
) -> None:
    series = [
        np.concatenate([np.full(pad, NAN), np.zeros(length), np.full(pad, NAN)])
        for pad, length in spans
    ]
    panel = Panel.from_series([values[np.newaxis] for values in series])
    pieces = cut_into_pieces(panel, max_length)
    for instance, (pad, length) in enumerate(spans):
        own = pieces.instances == instance
        starts, stops = pieces.starts[own], pieces.stops[own]
        assert starts[0] == pad
        assert stops[-1] == pad + length
        assert (starts[1:] == stops[:-1]).all()
        assert len(starts) == -(-length // max_length)
        assert np.ptp(stops - starts) <= 1
        assert (stops - starts).max() <= max_length


def test_without_a_maximum_a_piece_is_a_series() -> None:
    pieces = cut_into_pieces(coded_panel([7, 3]), None)
    assert pieces.starts.tolist() == [0, 0]
    assert pieces.stops.tolist() == [7, 3]


def test_instances_without_a_value_give_no_piece() -> None:
    panel = Panel.from_series([np.full((1, 4), NAN), np.ones((1, 4))])
    assert cut_into_pieces(panel, None).instances.tolist() == [1]
    empty = cut_into_pieces(Panel.from_series([np.full((1, 4), NAN)]), 3)
    assert [len(part) for part in empty] == [0, 0, 0]


def test_a_piece_that_lies_in_a_gap_is_left_out() -> None:
    values = np.ones((2, 12))
    values[:, 4:8] = NAN
    pieces = cut_into_pieces(Panel.from_series([values]), 4)
    assert pieces.starts.tolist() == [0, 8]
    assert pieces.stops.tolist() == [4, 12]


# Epochs


@settings(deadline=None)
@given(n_series=st.integers(1, 20), batch_size=st.integers(1, 25))
def test_an_epoch_holds_every_piece_once(n_series: int, batch_size: int) -> None:
    batches = batches_of(coded_panel([6] * n_series), batch_size)
    for _ in range(2):
        pairs = list(batches)
        sizes = [len(pair) for pair in pairs]
        assert len(pairs) == len(batches)
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1
        seen = [int(v) // 1000 for p in pairs for v in p.series.values[:, 0, 0]]
        assert sorted(seen) == sorted(2 * list(range(n_series)))


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    max_length=st.one_of(st.none(), st.integers(2, 15)),
    min_overlap=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_time_stays_absolute_through_cutting_and_cropping(
    lengths: list[int], max_length: int | None, min_overlap: int, seed: int
) -> None:
    batches = batches_of(
        coded_panel(lengths), 3, min_overlap, max_length=max_length, seed=seed
    )
    for pair in batches:
        steps = pair.series.values[:, :, 0].numpy() % 1000
        valid = masks_of(pair.series)
        np.testing.assert_array_equal(pair.series.time.numpy()[valid], steps[valid])
        assert (pair.series.values.numpy()[~valid] == 0).all()


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
)
def test_both_contexts_hold_the_overlap(lengths: list[int], seed: int) -> None:
    for pair in batches_of(coded_panel(lengths), 3, seed=seed):
        first, second = contexts_of(pair)
        assert len(first.time) == len(second.time) == len(pair)
        assert pair.max_length == int(pair.lengths.max())
        assert pair.is_padded is bool((pair.lengths < pair.max_length).any())
        starts, second_starts = pair.overlap_starts.tensor_split(2)
        assert (second_starts == 0).all()
        for row, (start, length) in enumerate(
            zip(starts.tolist(), pair.lengths.tolist(), strict=True)
        ):
            shared = first.values[row, start : start + length]
            assert torch.equal(shared, second.values[row, :length])
            assert masks_of(first)[row, start : start + length].all()
            assert masks_of(second)[row, :length].all()
            # The overlap is all that the contexts share: the first ends with it.
            assert masks_of(first)[row].sum() == start + length


def test_steps_are_masked_at_the_ratio_anew_in_each_context() -> None:
    batches = batches_of(coded_panel([2000] * 4), 4, 2000, mask_ratio=0.3)
    (pair,) = batches
    assert pair.series.visible is not None
    first, second = pair.series.visible.view(2, 4, 2000).numpy()
    assert set(np.unique(first)) == {0, 1}
    assert first.mean() == pytest.approx(0.7, abs=0.02)
    assert second.mean() == pytest.approx(0.7, abs=0.02)
    assert (first * second).mean() == pytest.approx(0.49, abs=0.02)


def test_gaps_are_masked_whatever_the_ratio() -> None:
    values = np.ones((3, 1, 400))
    values[:, :, 100:300] = NAN
    panel = Panel.from_series(values)
    for mask_ratio in (0.0, 0.5):
        (pair,) = batches_of(panel, 3, 400, mask_ratio=mask_ratio)
        assert pair.series.visible is not None
        assert (pair.series.visible[:, 100:300] == 0).all()
        kept = pair.series.visible[:, :100].mean().item()
        assert kept == pytest.approx(1 - mask_ratio, abs=0.1)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0, 0.95))
def test_no_tensor_has_a_nan(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    series = [rng.normal(size=(2, length)) for length in (5, 17, 30)]
    for values in series:
        values[rng.random(values.shape) < share] = NAN
        values[0, 0] = 1.0
    panel = Panel.from_series(series)
    for pair in batches_of(panel, 2, mask_ratio=0.5, max_length=9, seed=seed):
        assert all(torch.isfinite(tensor).all() for tensor in tensors_of(pair))


def test_the_users_data_stay_as_they_are() -> None:
    values = np.random.default_rng(0).normal(size=(3, 2, 10))
    values[0, 0, 4] = NAN
    before = values.copy()
    values.setflags(write=False)
    list(batches_of(Panel.from_series(values), mask_ratio=0.5))
    np.testing.assert_array_equal(values, before)


def epoch(batches: ContextBatches) -> list[torch.Tensor]:
    return [tensor for pair in batches for tensor in tensors_of(pair)]


def are_equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(one, other) for one, other in zip(first, second, strict=True)
    )


def test_a_seed_gives_the_same_epochs() -> None:
    panel = coded_panel([20, 30, 25, 8, 14])
    one, same, other = (
        batches_of(panel, 2, mask_ratio=0.5, seed=seed) for seed in (1, 1, 2)
    )
    first, second = epoch(one), epoch(one)
    assert are_equal(first, epoch(same))
    assert are_equal(second, epoch(same))
    assert not are_equal(first, second)
    assert not are_equal(first, epoch(other))


def test_repeatable_batches_draw_the_same_each_epoch() -> None:
    panel = coded_panel([20, 30, 25, 8, 14])
    batches = batches_of(panel, 2, mask_ratio=0.5, repeatable=True)
    assert are_equal(epoch(batches), epoch(batches))


def test_global_generators_stay_as_they_are() -> None:
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    epoch(batches_of(coded_panel([20, 30]), mask_ratio=0.5))
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(
        numpy_state,
        np.random.get_state()[1],  # noqa: NPY002
    )
