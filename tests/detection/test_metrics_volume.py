"""Volumes under the surface: as loops that follow the definition, and as aeon's."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_tsrep.detection.metrics import vus_pr, vus_roc


def plain_runs(labels):
    """Return (first, last) of each run of values above 0."""
    runs = []
    for i, value in enumerate(labels):
        if value > 0 and (i == 0 or labels[i - 1] <= 0):
            runs.append([i, i])
        if value > 0:
            runs[-1][1] = i
    return runs


def plain_degrees(labels, buffer):
    degrees = [float(label) for label in labels]
    for first, last in plain_runs(labels):
        for i in range(len(labels)):
            before, behind = first - i, i - last
            if 0 < before <= buffer // 2:
                degrees[i] += (1 - before / buffer) ** 0.5
            if 0 < behind <= buffer // 2 - 1:
                degrees[i] += (1 - behind / buffer) ** 0.5
    return np.minimum(degrees, 1.0)


def plain_points(y_true, y_score, lengths, buffer):
    """Return a (recall, precision, false alarm rate) a threshold."""
    ends = np.cumsum(lengths)
    parts = [
        plain_degrees(y_true[end - length : end], buffer)
        for end, length in zip(ends, lengths, strict=True)
    ]
    degrees = np.concatenate(parts)
    ranges = [
        (end - length + first, end - length + last)
        for end, length, part in zip(ends, lengths, parts, strict=True)
        for first, last in plain_runs(part)
    ]
    positives = (y_true.sum() + degrees.sum()) / 2
    negatives = len(y_true) - positives
    ordered = np.sort(y_score)[::-1]
    # Places are rounded down as floats are: some that are whole go one further.
    for place in np.linspace(0, len(y_score) - 1, 250).astype(int):
        alarms = y_score >= ordered[place]
        hits = degrees[alarms].sum()
        n_found = sum(alarms[first : last + 1].any() for first, last in ranges)
        yield (
            min(1, hits / positives) * n_found / len(ranges),
            hits / alarms.sum(),
            min(1, (alarms.sum() - hits) / negatives) if negatives > 0 else 0,
        )


def area_under_lines(points):
    area = 0.0
    for (x_0, y_0), (x_1, y_1) in pairwise(points):
        area += (x_1 - x_0) * (y_0 + y_1) / 2
    return area


def plain_volumes(y_true, y_score, max_buffer, lengths):
    pr_areas, roc_areas = [], []
    for buffer in range(max_buffer + 1):
        points = list(plain_points(y_true, y_score, lengths, buffer))
        pr = [(0, 1)] + [(recall, precision) for recall, precision, _ in points]
        roc = [(0, 0)] + [(rate, recall) for recall, _, rate in points] + [(1, 1)]
        pr_areas.append(area_under_lines(pr))
        roc_areas.append(area_under_lines(roc))
    return np.mean(pr_areas), np.mean(roc_areas)


@st.composite
def tasks(draw):
    """Labels in runs, tied scores, series of any lengths, a largest buffer."""
    lengths = draw(st.lists(st.integers(1, 14), min_size=1, max_size=3))
    n = sum(lengths)
    runs = draw(
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(1, 5)), min_size=1, max_size=4
        )
    )
    y_true = np.zeros(n, dtype=np.int64)
    for start, length in runs:
        y_true[start : start + length] = 1
    y_score = draw(hnp.arrays(np.float64, n, elements=st.integers(-4, 4)))
    return y_true, y_score, draw(st.integers(0, 9)), lengths


def task_of(labels, scores, max_buffer, lengths=None):
    y_true, y_score = np.array(labels), np.array(scores, dtype=np.float64)
    return y_true, y_score, max_buffer, lengths or [len(y_true)]


@settings(max_examples=60, deadline=None)
@given(tasks())
@example(task_of([1, 0, 0, 0, 0, 1], [3, 1, 2, 0, 1, 3], 9))  # at both ends
@example(task_of([0, 1, 0, 1, 0, 0, 1, 0], [0, 1, 3, 1, 2, 2, 0, 0], 7))  # close by
@example(task_of([0, 0, 0, 1, 0, 0, 0], [0, 0, 3, 2, 1, 1, 1], 4))  # one point
@example(task_of([1, 1, 1, 1], [0, 1, 1, 3], 3))  # anomalies only
@example(task_of([0, 0, 1, 0, 0, 0], [0, 2, 1, 3, 0, 0], 8, [3, 3]))  # at a border
@example(task_of([0, 1, 1, 0], [0, 2, 1, 3], 9, [2, 2]))  # on both sides of one
def test_volumes_are_those_of_the_definition(task):
    y_true, y_score, max_buffer, lengths = task
    if len(np.unique(y_score)) == 1:
        return
    by_precision, by_rate = plain_volumes(*task)
    parameters = {"max_buffer": max_buffer, "lengths": lengths}
    assert vus_pr(y_true, y_score, **parameters) == pytest.approx(by_precision)
    if not y_true.all():
        assert vus_roc(y_true, y_score, **parameters) == pytest.approx(by_rate)


@pytest.mark.parametrize("n", [249, 250, 251, 700])
def test_volumes_of_longer_series_are_those_of_the_definition(n):
    rng = np.random.default_rng(n)
    y_true = np.zeros(n, dtype=np.int64)
    y_true[20:40] = y_true[45:48] = y_true[-60:-30] = 1
    y_score = rng.normal(size=n) + y_true
    expected = plain_volumes(y_true, y_score, 13, [n])
    assert vus_pr(y_true, y_score, max_buffer=13) == pytest.approx(expected[0])
    assert vus_roc(y_true, y_score, max_buffer=13) == pytest.approx(expected[1])


# Length, anomalies, decimals of the scores, largest buffer.
TASKS_OF_AEON = [
    (400, [(50, 70), (74, 76), (200, 260)], 6, 30),
    (400, [(0, 5), (390, 400)], 1, 41),
    (600, [(300, 301)], 6, 500),
    (120, [(10, 20), (23, 30), (33, 60)], 0, 7),
    (300, [(100, 180)], 6, 0),
]
# By range_pr_vus_score and range_roc_vus_score of aeon 1.6.0.
VOLUMES_OF_AEON = [
    (0.6737509402430572, 0.8075023183246542),
    (0.43450523409070335, 0.7780418560653489),
    (0.3575998435875865, 0.8060671795120367),
    (0.7495428958421736, 0.7732984959118323),
    (0.6127757907590142, 0.7351988636363636),
]


@pytest.mark.parametrize(
    ("task", "volumes"), list(zip(TASKS_OF_AEON, VOLUMES_OF_AEON, strict=True))
)
def test_volumes_are_those_of_aeon(task, volumes):
    n, anomalies, decimals, max_buffer = task
    y_true = np.zeros(n)
    for start, stop in anomalies:
        y_true[start:stop] = 1
    waves = np.sin(0.37 * np.arange(n) ** 2)
    y_score = np.round(waves + 0.9 * np.roll(y_true, 2), decimals)
    ours = [
        volume(y_true, y_score, max_buffer=max_buffer) for volume in (vus_pr, vus_roc)
    ]
    assert ours == pytest.approx(volumes, abs=1e-12)


def test_only_the_order_of_scores_counts():
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 0], 30)
    y_score = rng.normal(size=90)
    for volume in (vus_pr, vus_roc):
        assert volume(y_true, np.exp(y_score)) == volume(y_true, y_score)


def test_near_misses_count_only_with_buffers():
    y_true, missed = np.zeros(200), np.zeros(200)
    y_true[100:110] = 1
    missed[95:100] = 1
    without = vus_pr(y_true, missed, max_buffer=0)
    assert vus_pr(y_true, missed, max_buffer=40) > without + 0.2


def test_a_score_that_is_the_same_everywhere_gets_0():
    y_true = [0, 1, 1, 0]
    assert vus_pr(y_true, [0.3] * 4) == 0
    assert vus_roc(y_true, [0.3] * 4) == 0


def test_large_finite_scores_are_as_good_as_others():
    y_true = np.array([0, 1, 0, 0])
    huge = np.array([-1.7e308, 1.7e308, 0, 1])
    assert vus_pr(y_true, huge) == vus_pr(y_true, [0, 3, 1, 2])


def test_volumes_between_precision_and_recall_take_anomalies_only():
    assert vus_pr([1, 1, 1], [0.1, 0.3, 0.2]) == pytest.approx(1)
    with pytest.raises(ValueError, match="y_true has anomalies only"):
        vus_roc([1, 1, 1], [0.1, 0.3, 0.2])


@pytest.mark.parametrize("volume", [vus_pr, vus_roc])
def test_the_largest_buffer_must_be_a_whole_number(volume):
    with pytest.raises(ValueError, match="max_buffer == -1"):
        volume([0, 1, 0], [0.1, 0.3, 0.2], max_buffer=-1)
    with pytest.raises(TypeError, match="max_buffer must be an instance of"):
        volume([0, 1, 0], [0.1, 0.3, 0.2], max_buffer=2.5)
