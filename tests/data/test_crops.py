"""Crops: inside the range, in order, overlapping by enough, everything possible."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data.crops import CropPairs, draw_crop_pairs

RANGES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 60)), min_size=1, max_size=6
)


def crops_of(
    ranges: list[tuple[int, int]], min_overlap: int, seed: int
) -> tuple[np.ndarray, np.ndarray, CropPairs]:
    starts, lengths = np.array(ranges, dtype=np.int64).T
    rng = np.random.default_rng(seed)
    crops = draw_crop_pairs(starts, starts + lengths, min_overlap, rng)
    return starts, starts + lengths, crops


def drawn_often(length: int, min_overlap: int, n_draws: int = 4000) -> CropPairs:
    rng = np.random.default_rng(0)
    one = np.zeros(1, dtype=np.int64)
    draws = [
        draw_crop_pairs(one, one + length, min_overlap, rng) for _ in range(n_draws)
    ]
    return CropPairs(*np.array(draws)[:, :, 0].T)


@settings(deadline=None)
@given(ranges=RANGES, min_overlap=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_crops_lie_in_their_range_and_overlap(
    ranges: list[tuple[int, int]], min_overlap: int, seed: int
) -> None:
    starts, stops, crops = crops_of(ranges, min_overlap, seed)
    assert all(part.dtype == np.int64 for part in crops)
    assert all(part.shape == starts.shape for part in crops)
    assert (starts <= crops.first_starts).all()
    assert (crops.first_starts <= crops.second_starts).all()
    assert (crops.second_starts < crops.first_stops).all()
    assert (crops.first_stops <= crops.second_stops).all()
    assert (crops.second_stops <= stops).all()
    shortest = np.minimum(min_overlap, stops - starts)
    assert (crops.first_stops - crops.second_starts >= shortest).all()


@settings(deadline=None)
@given(
    starts=st.lists(st.integers(0, 50), min_size=2, max_size=6),
    length=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_series_of_equal_length_get_crops_of_equal_length(
    starts: list[int], length: int, seed: int
) -> None:
    _, _, crops = crops_of([(start, length) for start in starts], 2, seed)
    for size in (
        crops.first_stops - crops.first_starts,
        crops.second_stops - crops.second_starts,
        crops.first_stops - crops.second_starts,
    ):
        assert len(set(size.tolist())) == 1


def test_a_series_shorter_than_the_shortest_overlap_is_the_overlap() -> None:
    _, _, crops = crops_of([(3, 5), (0, 1)], 8, seed=0)
    assert crops.first_starts.tolist() == crops.second_starts.tolist() == [3, 0]
    assert crops.first_stops.tolist() == crops.second_stops.tolist() == [8, 1]


def test_all_lengths_of_overlap_are_equally_likely() -> None:
    crops = drawn_often(length=9, min_overlap=2)
    lengths, counts = np.unique(
        crops.first_stops - crops.second_starts, return_counts=True
    )
    assert lengths.tolist() == list(range(2, 10))
    np.testing.assert_allclose(counts / counts.sum(), 1 / 8, atol=0.03)


def test_all_crops_are_possible() -> None:
    length, min_overlap = 4, 2
    drawn = set(zip(*drawn_often(length, min_overlap), strict=True))
    possible = {
        (a1, b1, a2, b2)
        for a1 in range(length)
        for a2 in range(a1, length)
        for b1 in range(a2 + min_overlap, length + 1)
        for b2 in range(b1, length + 1)
    }
    assert drawn == possible


def test_instances_have_places_of_their_own() -> None:
    ranges = [(0, 400)] * 20
    _, _, crops = crops_of(ranges, 2, seed=3)
    assert len(set(crops.first_starts.tolist())) > 1


def test_the_generator_decides() -> None:
    ranges = [(0, 30), (5, 80)]
    _, _, crops = crops_of(ranges, 4, seed=1)
    _, _, again = crops_of(ranges, 4, seed=1)
    _, _, other = crops_of(ranges, 4, seed=2)
    np.testing.assert_array_equal(np.stack(crops), np.stack(again))
    assert not np.array_equal(np.stack(crops), np.stack(other))
