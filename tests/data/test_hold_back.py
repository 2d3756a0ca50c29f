"""Holding back: whole series where there are several, pieces of a single one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data.batches import Pieces, cut_into_pieces, hold_back
from tests.data.test_batches import coded_panel


def held_back_from(
    lengths: list[int], share: float, max_length: int | None = None, seed: int = 0
) -> tuple[Pieces, Pieces]:
    pieces = cut_into_pieces(coded_panel(lengths), max_length)
    return hold_back(pieces, share, np.random.SeedSequence(seed))


def ranges_of(pieces: Pieces) -> list[tuple[int, int, int]]:
    return list(zip(*(part.tolist() for part in pieces), strict=True))


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=9),
    max_length=st.one_of(st.none(), st.integers(2, 15)),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 1000),
)
def test_each_series_is_held_back_or_trained_on_as_a_whole(
    lengths: list[int], max_length: int | None, share: float, seed: int
) -> None:
    kept, held_back = held_back_from(lengths, share, max_length, seed)
    whole = cut_into_pieces(coded_panel(lengths), max_length)
    assert sorted(ranges_of(kept) + ranges_of(held_back)) == ranges_of(whole)
    n_kept, n_held_back = (len(set(side.instances)) for side in (kept, held_back))
    assert n_kept + n_held_back == len(lengths)
    assert min(n_kept, n_held_back) >= (2 if len(lengths) >= 4 else 1)
    if 2 <= round(share * len(lengths)) <= len(lengths) - 2:
        assert n_held_back == round(share * len(lengths))


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_single_series_is_held_back_by_pieces(share: float) -> None:
    kept, held_back = held_back_from([40], share, max_length=4)
    assert len(held_back.starts) == {0.01: 2, 0.5: 5, 0.99: 8}[share]
    assert sorted(ranges_of(kept) + ranges_of(held_back)) == [
        (0, start, start + 4) for start in range(0, 40, 4)
    ]


def test_one_piece_cannot_be_split() -> None:
    with pytest.raises(ValueError, match=r"at least 2 series.*got 1 piece"):
        held_back_from([40], 0.5)


def test_what_is_held_back_depends_on_the_seed_alone() -> None:
    first, second = (held_back_from([5] * 30, 0.3, seed=1)[1] for _ in range(2))
    assert ranges_of(first) == ranges_of(second)
    assert ranges_of(first) != ranges_of(held_back_from([5] * 30, 0.3, seed=2)[1])
