"""The panel: where series begin and end, and their lengths."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_tsrep.data import panel as panel_module
from sklearn_tsrep.data.panel import Panel

NAN = np.nan
GAPPY_PANELS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.sampled_from([NAN, NAN, 0.0, 1.5]),
)


def spans_by_hand(values: np.ndarray) -> list[tuple[int, int]]:
    spans = []
    for instance in values:
        steps = [
            t for t in range(instance.shape[1]) if (~np.isnan(instance[:, t])).any()
        ]
        spans.append((steps[0], steps[-1] + 1) if steps else (0, 0))
    return spans


def spans(panel: Panel) -> list[tuple[int, int]]:
    return list(zip(panel.starts.tolist(), panel.stops.tolist(), strict=True))


@given(values=GAPPY_PANELS, values_per_tile=st.integers(1, 40))
def test_spans_are_found_whatever_the_size_of_tiles(
    values: np.ndarray, values_per_tile: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel_module, "_VALUES_PER_TILE", values_per_tile)
        whole = Panel.from_series(values)
        one_by_one = Panel.from_series(list(values))
    assert spans(whole) == spans(one_by_one) == spans_by_hand(values)
    assert whole.starts.dtype == whole.stops.dtype == np.int64
    assert one_by_one.starts.dtype == one_by_one.stops.dtype == np.int64


def test_inner_gaps_are_not_padding() -> None:
    panel = Panel.from_series([np.array([[NAN, 1.0, NAN, 2.0, NAN]])])
    assert spans(panel) == [(1, 4)]
    assert panel.observed_lengths.tolist() == [3]


def test_ends_without_values_can_be_gaps() -> None:
    series = np.full((3, 1, 6), np.nan)
    series[0, 0, 2:4] = series[1] = 1.0
    whole = Panel.from_series(series).with_ends()
    assert whole.starts.tolist() == [0, 0, 0]
    assert whole.stops.tolist() == [6, 6, 0]


def test_padding_at_the_end_alone_can_be_a_gap() -> None:
    series = [np.full((1, length), NAN) for length in (6, 4, 5, 3)]
    series[0][0, 2:4] = series[1][:] = series[3][0, 1:] = 1.0
    panel = Panel.from_series(series)
    assert spans(panel.with_trailing_gaps()) == [(2, 6), (0, 4), (0, 0), (1, 3)]
    assert spans(panel) == [(2, 4), (0, 4), (0, 0), (1, 3)]
    assert panel.with_trailing_gaps().series is panel.series


def test_a_step_is_observed_if_any_channel_is() -> None:
    panel = Panel.from_series([np.array([[NAN, NAN, 1.0, NAN], [NAN, 5.0, NAN, NAN]])])
    assert spans(panel) == [(1, 3)]


def test_an_instance_without_values_has_an_empty_span() -> None:
    panel = Panel.from_series(np.array([[[NAN, NAN]], [[1.0, NAN]]]))
    assert spans(panel) == [(0, 0), (0, 1)]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, ">i4"])
def test_integers_are_observed_throughout(dtype: str) -> None:
    assert spans(Panel.from_series(np.zeros((2, 1, 7), dtype=dtype))) == [(0, 7)] * 2


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("values_per_tile", [1, 7, 1000])
def test_an_infinite_value_is_an_error_that_says_where(
    monkeypatch: pytest.MonkeyPatch, values_per_tile: int, as_list: bool, sign: int
) -> None:
    monkeypatch.setattr(panel_module, "_VALUES_PER_TILE", values_per_tile)
    values = np.zeros((4, 2, 5))
    values[3, 1, 2] = sign * np.inf
    values[0, 0, 0] = NAN
    expected = r"X_train has an infinite value .* instance 3, channel 1, step 2"
    with pytest.raises(ValueError, match=expected):
        Panel.from_series(list(values) if as_list else values, name="X_train")


def test_a_large_memory_map_is_read_piece_by_piece(tmp_path: Path) -> None:
    shape = (4, 2, 2_000_000)  # 128 MB, of which one instance is 32 MB
    large = np.memmap(tmp_path / "large.bin", np.float64, mode="w+", shape=shape)
    large[1, :, :3] = NAN
    tracemalloc.start()
    try:
        panel = Panel.from_series(large)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert panel.series is large
    assert panel.starts.tolist() == [0, 3, 0, 0]
    assert peak < 8e6


def test_sizes_of_a_panel_of_equal_lengths() -> None:
    panel = Panel.from_series(np.zeros((4, 3, 20)))
    assert (len(panel), panel.n_channels, panel.is_equal_length) == (4, 3, True)
    assert panel.lengths.tolist() == [20] * 4
    assert panel.lengths.dtype == np.int64
    assert repr(panel) == "Panel(n_instances=4, n_channels=3, lengths=20)"


def test_sizes_of_a_panel_of_unequal_lengths() -> None:
    panel = Panel.from_series([np.zeros((3, 20)), np.full((3, 50), NAN)])
    assert (len(panel), panel.n_channels, panel.is_equal_length) == (2, 3, False)
    assert panel.lengths.tolist() == [20, 50]
    assert repr(panel) == "Panel(n_instances=2, n_channels=3, lengths=20 to 50)"


def test_a_panel_cannot_be_changed() -> None:
    panel = Panel.from_series(np.zeros((1, 1, 3)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        panel.starts = np.zeros(1)  # type: ignore[misc]
