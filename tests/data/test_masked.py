"""Masked batches: what is hidden is hidden, and what is missing is neither."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.data.batches import SeriesReader, cut_into_pieces
from sklearn_tsrep.data.masked import MaskedBatch, MaskedBatches
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler

NAN = np.nan


def panel_of(lengths: list[int], share_missing: float = 0.3, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    series = [rng.normal(size=(2, length)) for length in lengths]
    for values in series:
        values[rng.random(values.shape) < share_missing] = NAN
        values[0, [0, -1]] = 1.0
    return Panel.from_series(series)


def batches_of(panel: Panel, **parameters: Any) -> MaskedBatches:
    given: dict[str, Any] = {
        "batch_size": 4,
        "seed": 0,
        "patch_length": 1,
        "attribute_mask_ratio": 0.3,
        "mean_mask_length": 3.0,
        "token_mask_ratio": 0.5,
        **parameters,
    }
    reader = SeriesReader(panel, ChannelScaler.identity(panel.n_channels))
    return MaskedBatches(reader, cut_into_pieces(panel, None), **given)


def are_there(batch: MaskedBatch) -> np.ndarray:
    """Return which values are neither missing nor padded (batch, time, n_channels)."""
    there = np.ones(tuple(batch.series.values.shape), dtype=bool)
    if batch.series.observed is not None:
        there &= batch.series.observed.numpy() == 1
    if batch.series.valid is not None:
        there &= batch.series.valid.numpy()[:, :, np.newaxis] == 1
    return there


def tokens_of(places: Tensor, valid: Tensor) -> list[list[int]]:
    return [
        own[is_own].tolist() for own, is_own in zip(places, valid.bool(), strict=True)
    ]


def split_of(batch: MaskedBatch) -> list[tuple[list[int], list[int]]]:
    """Return the seen and the hidden tokens of each row."""
    seen = tokens_of(batch.seen_tokens, batch.seen_valid)
    hidden = tokens_of(batch.hidden_tokens, batch.hidden_valid)
    return list(zip(seen, hidden, strict=True))


def by_patch(values: np.ndarray, patch_length: int) -> np.ndarray:
    """Return (batch, n_tokens, patch_length * n_channels)."""
    return values.reshape(len(values), -1, patch_length * values.shape[2])


@settings(deadline=None, max_examples=40)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    patch_length=st.integers(1, 7),
    attribute_mask_ratio=st.sampled_from([0.0, 0.3, 0.9]),
    token_mask_ratio=st.sampled_from([0.0, 0.5, 0.9]),
    share_missing=st.sampled_from([0.0, 0.3, 0.8]),
    seed=st.integers(0, 99),
)
def test_what_is_hidden_and_what_is_not_there(
    lengths: list[int], share_missing: float, seed: int, **parameters: Any
) -> None:
    patch_length = parameters["patch_length"]
    panel = panel_of(lengths, share_missing, seed)
    for batch in batches_of(panel, seed=seed, **parameters):
        there, shown = are_there(batch), batch.shown.numpy()
        assert set(np.unique(shown)) <= {0.0, 1.0}
        # What is not there is never shown, and so neither seen nor a target.
        assert (shown <= there).all()
        patches_there = by_patch(there, patch_length)
        patches_shown = by_patch(shown, patch_length)
        for row, (seen, hidden) in enumerate(split_of(batch)):
            has_value = patches_there[row].any(axis=1)
            assert sorted([*seen, *hidden]) == np.flatnonzero(has_value).tolist()
            n_tokens = len(seen) + len(hidden)
            n_wanted = round(parameters["token_mask_ratio"] * n_tokens)
            assert len(hidden) == min(n_wanted, n_tokens - 1)
            assert not patches_shown[row, hidden].any()
            if parameters["attribute_mask_ratio"] == 0:
                np.testing.assert_array_equal(
                    patches_shown[row, seen], patches_there[row, seen]
                )


@pytest.mark.parametrize("patch_length", [1, 3, 7, 50])
def test_series_are_padded_to_whole_patches_and_no_further(patch_length: int) -> None:
    (batch,) = batches_of(panel_of([5, 21, 13]), patch_length=patch_length)
    n_tokens = -(-21 // patch_length)
    assert batch.series.values.shape == (3, n_tokens * patch_length, 2)
    assert batch.shown.shape == batch.series.values.shape
    assert batch.shown.dtype == batch.series.values.dtype == torch.float32


def test_the_series_are_those_of_the_panel() -> None:
    panel = panel_of([5, 21, 13])
    (batch,) = batches_of(panel, patch_length=4)
    found = np.where(are_there(batch), batch.series.values.numpy(), NAN)
    assert batch.series.valid is not None
    lengths = batch.series.valid.numpy().sum(axis=1).astype(int)
    assert sorted(lengths) == [5, 13, 21]
    for values, length in zip(found, lengths, strict=True):
        (expected,) = (s for s in panel.series if s.shape[1] == length)
        np.testing.assert_array_equal(values[:length].T, expected.astype(np.float32))


def test_the_share_of_values_hidden_from_seen_tokens_is_the_one_asked_for() -> None:
    panel = panel_of([400] * 20)
    batches = batches_of(panel, attribute_mask_ratio=0.2, token_mask_ratio=0.25)
    n_there = n_shown = 0
    for batch in batches:
        there, shown = are_there(batch), batch.shown.numpy()
        for row, (seen, _) in enumerate(split_of(batch)):
            n_there += there[row, seen].sum()
            n_shown += shown[row, seen].sum()
    assert 1 - n_shown / n_there == pytest.approx(0.2, abs=0.03)


def test_without_hidden_tokens_there_is_one_place_that_is_not_valid() -> None:
    (batch,) = batches_of(panel_of([9, 9]), token_mask_ratio=0.0)
    assert batch.hidden_tokens.shape == batch.hidden_valid.shape == (2, 1)
    assert not batch.hidden_valid.any()


def masks_of(batches: MaskedBatches) -> list[np.ndarray]:
    return [batch.shown.numpy() for batch in batches]


def test_epochs_draw_anew_unless_they_are_repeatable() -> None:
    panel = panel_of([12] * 6)
    batches = batches_of(panel)
    first, second = masks_of(batches), masks_of(batches)
    assert [len(mask) for mask in first] == [3, 3]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, masks_of(batches_of(panel)))
    repeatable = batches_of(panel, repeatable=True)
    np.testing.assert_array_equal(masks_of(repeatable), masks_of(repeatable))
    assert not np.array_equal(first, masks_of(batches_of(panel, seed=1)))


def test_a_batch_moves_to_a_device_as_a_whole() -> None:
    (batch,) = batches_of(panel_of([9, 7]))
    moved = batch.to("meta")
    assert len(moved) == len(batch) == 2
    names = {field.name for field in fields(MaskedBatch)} - {"series"}
    for part, own in [(batch, moved), (batch.series, moved.series)]:
        for name, tensor in vars(part).items():
            if isinstance(tensor, Tensor):
                assert getattr(own, name).device == torch.device("meta"), name
                assert getattr(own, name).shape == tensor.shape
                names.discard(name)
    assert not names
    assert batch.shown.device.type == "cpu"
