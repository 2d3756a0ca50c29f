"""Windows over series, and the tail that is held back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_tsrep.data.windows import cut_into_windows, hold_back_tail


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    window_length=st.integers(1, 25),
    stride=st.integers(1, 25),
)
def test_windows_cover_every_step_and_stay_in_their_series(
    lengths: list[int], window_length: int, stride: int
) -> None:
    stride = min(stride, window_length)
    windows = cut_into_windows(np.array(lengths), window_length, stride)
    for instance, length in enumerate(lengths):
        own = [
            (start, stop)
            for owner, start, stop in zip(*windows, strict=True)
            if owner == instance
        ]
        covered = np.zeros(length, dtype=bool)
        for start, stop in own:
            assert stop - start == min(window_length, length)
            covered[start:stop] = True
        assert covered.all()
        assert own[0][0] == 0
        assert own[-1][1] == length
        assert len(set(own)) == len(own)
        starts = [start for start, _ in own]
        assert starts[:-1] == list(range(0, stride * (len(own) - 1), stride))


def test_the_tail_of_each_series_is_held_back() -> None:
    windows = cut_into_windows(np.array([100, 40]), 10, 5)
    kept, held_back = hold_back_tail(windows, 0.25)
    for instance, border in ((0, 75), (1, 30)):
        assert kept.stops[kept.instances == instance].max() <= border
        assert held_back.starts[held_back.instances == instance].min() >= border
    assert len(kept.starts) + len(held_back.starts) < len(windows.starts)


def test_a_series_that_is_too_short_for_a_tail_is_an_error() -> None:
    windows = cut_into_windows(np.array([12]), 10, 5)
    with pytest.raises(ValueError, match=r"last 10% of the longest series \(12 time"):
        hold_back_tail(windows, 0.1)
