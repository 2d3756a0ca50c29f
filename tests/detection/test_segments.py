"""Segments: what a plain loop finds, within each series, and back again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_tsrep.detection.segments import from_segments, to_segments

STEPS = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=30)


def bounds_by_a_loop(flags, stops, max_gap, min_length):
    """Return [start, end] of each segment."""
    segments, start = [], 0
    for stop in stops:
        own = []
        for step in range(start, stop):
            if flags[step] and own and step - own[-1][1] <= max_gap:
                own[-1][1] = step + 1
            elif flags[step]:
                own.append([step, step + 1])
        segments += [one for one in own if one[1] - one[0] >= min_length]
        start = stop
    return segments


def bounds(segments):
    return np.column_stack([segments["start"], segments["end"]]).tolist()


@given(STEPS, st.integers(0, 3), st.integers(1, 4), st.data())
def test_segments_are_those_of_a_plain_loop(steps, max_gap, min_length, data):
    flags, scores = (np.array(part) for part in zip(*steps, strict=True))
    cuts = data.draw(st.sets(st.integers(1, len(flags)), max_size=4))
    stops = sorted({*cuts, len(flags)})
    segments = to_segments(
        flags,
        scores,
        lengths=np.diff([0, *stops]),
        max_gap=max_gap,
        min_length=min_length,
    )
    assert bounds(segments) == bounds_by_a_loop(flags, stops, max_gap, min_length)
    for segment in segments:
        inside = slice(segment["start"], segment["end"])
        assert segment["peak"] == segment["start"] + scores[inside].argmin()
        assert segment["peak_score"] == scores[inside].min()
        assert segment["mean_score"] == pytest.approx(scores[inside].mean())
        assert segment["series"] == np.searchsorted(stops, segment["peak"], "right")


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_segments_go_back_to_flags(flags):
    segments = to_segments(flags, np.zeros(len(flags)))
    np.testing.assert_array_equal(from_segments(segments, len(flags)), flags)


def test_gaps_are_closed_before_short_segments_are_dropped():
    flags = [1, 0, 1, 0, 0, 0, 1, 1]
    scores = np.arange(8.0)
    assert bounds(to_segments(flags, scores, min_length=3)) == []
    assert bounds(to_segments(flags, scores, max_gap=1, min_length=3)) == [[0, 3]]
    assert bounds(to_segments(flags, scores, max_gap=3)) == [[0, 8]]


def test_a_segment_ends_with_its_series():
    flags, scores = np.ones(6), np.zeros(6)
    assert bounds(to_segments(flags, scores)) == [[0, 6]]
    segments = to_segments(flags, scores, lengths=[2, 1, 3], max_gap=5)
    assert bounds(segments) == [[0, 2], [2, 3], [3, 6]]
    assert segments["series"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("lengths", [None, [2, 3]])
def test_without_alarms_there_are_no_segments(lengths):
    segments = to_segments(np.zeros(5), np.zeros(5), lengths=lengths)
    assert len(segments) == 0
    assert ("series" in segments.dtype.names) == (lengths is not None)
    assert not from_segments(segments, 5).any()


def test_segments_make_a_frame():
    segments = to_segments([0, 1, 1, 0], [0.5, -1, -3, 0.5])
    frame = pd.DataFrame(segments)
    assert frame.columns.tolist() == [
        "start",
        "end",
        "peak",
        "peak_score",
        "mean_score",
    ]
    assert frame.iloc[0].tolist() == [1, 3, 2, -3, -2]
    np.testing.assert_array_equal(from_segments(frame, 4), [False, True, True, False])


def test_inputs_stay_as_they_are():
    flags, scores = np.array([True, False, True]), np.array([1.0, 2.0, 3.0])
    flags.flags.writeable = scores.flags.writeable = False
    assert bounds(to_segments(flags, scores, max_gap=1)) == [[0, 3]]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"is_anomaly": [-1, 1, 1]}, ValueError, "pass is_anomaly == -1"),
        ({"is_anomaly": [0, 1]}, ValueError, r"is_anomaly .* shape \(3,\), got \(2,\)"),
        ({"scores": [1, np.nan, 2]}, ValueError, "scores must be finite"),
        ({"lengths": [1, 1]}, ValueError, r"lengths must sum to .* 3, .* 2"),
        ({"lengths": [4, -1]}, ValueError, "lengths must be"),
        ({"lengths": [1.5, 1.5]}, ValueError, "lengths must be"),
        ({"lengths": 3}, ValueError, "lengths must be"),
        ({"max_gap": -1}, ValueError, "max_gap must be at least 0, got -1"),
        ({"max_gap": 1.0}, TypeError, "max_gap must be a whole number, got 1.0"),
        ({"min_length": 0}, ValueError, "min_length must be at least 1, got 0"),
        ({"min_length": True}, TypeError, "min_length must be a whole number"),
    ],
)
def test_bad_input_is_named(parameters, error, message):
    good = {"is_anomaly": [0, 1, 0], "scores": [0.5, -1.0, 0.5]}
    with pytest.raises(error, match=message):
        to_segments(**{**good, **parameters})


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (2, 5)])
def test_segments_must_lie_in_the_series(start, end):
    with pytest.raises(ValueError, match="0 <= start <= end <= 4"):
        from_segments({"start": [start], "end": [end]}, 4)


def test_segments_may_overlap():
    marked = from_segments({"start": [0, 1], "end": [3, 2]}, 4)
    np.testing.assert_array_equal(marked, [True, True, True, False])
