"""Adjusted predictions: as loops that follow the protocols."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from sklearn_tsrep.detection.metrics import (
    delay_adjust,
    delay_tolerant_f1,
    pa_k_auc,
    pa_k_f1,
    point_adjust,
    point_adjusted_f1,
)


@st.composite
def tasks(draw):
    lengths = draw(st.lists(st.integers(1, 15), min_size=1, max_size=3))
    labels = st.lists(st.integers(0, 1), min_size=sum(lengths), max_size=sum(lengths))
    y_true, y_pred = draw(labels), draw(labels)
    y_true[draw(st.integers(0, len(y_true) - 1))] = 1
    return y_true, y_pred, lengths


def plain_segments(y_true, lengths):
    borders = {0, *np.cumsum(lengths).tolist()}
    segments = []
    for i, label in enumerate(y_true):
        if label and (i in borders or not y_true[i - 1]):
            segments.append([])
        if label:
            segments[-1].append(i)
    return segments


def plain_pa_k(y_true, y_pred, k, lengths):
    adjusted = list(y_pred)
    for segment in plain_segments(y_true, lengths):
        if sum(y_pred[i] for i in segment) * 100 > k * len(segment):
            for i in segment:
                adjusted[i] = 1
    return adjusted


@given(tasks())
def test_one_hit_marks_the_whole_segment(task):
    y_true, y_pred, lengths = task
    adjusted = point_adjust(y_true, y_pred, lengths)
    np.testing.assert_array_equal(adjusted, plain_pa_k(y_true, y_pred, 0, lengths))
    assert point_adjusted_f1(y_true, y_pred, lengths) == f1_score(y_true, adjusted)


@given(tasks(), st.integers(0, 100) | st.floats(0, 100))
def test_segments_are_adjusted_above_k(task, k):
    y_true, y_pred, lengths = task
    expected = f1_score(y_true, plain_pa_k(y_true, y_pred, k, lengths))
    assert pa_k_f1(y_true, y_pred, k, lengths) == expected


@given(tasks())
def test_k_leads_from_point_adjustment_to_none(task):
    y_true, y_pred, lengths = task
    adjusted = point_adjusted_f1(y_true, y_pred, lengths)
    assert pa_k_f1(y_true, y_pred, 0, lengths) == adjusted
    assert pa_k_f1(y_true, y_pred, 100, lengths) == f1_score(y_true, y_pred)


@given(tasks())
def test_the_area_is_that_under_f1_over_k(task):
    y_true, y_pred, lengths = task
    shares = [
        np.mean([y_pred[i] for i in segment])
        for segment in plain_segments(y_true, lengths)
    ]
    edges = 100 * np.unique([0, *shares, 1])
    middles = (edges[:-1] + edges[1:]) / 2
    f1 = [pa_k_f1(y_true, y_pred, k, lengths) for k in middles]
    assert pa_k_auc(y_true, y_pred, lengths) == pytest.approx(
        np.sum(np.diff(edges) / 100 * f1)
    )


@given(tasks(), st.integers(0, 6))
def test_only_alarms_in_time_find_a_segment(task, max_delay):
    y_true, y_pred, lengths = task
    expected = list(y_pred)
    for segment in plain_segments(y_true, lengths):
        is_in_time = any(y_pred[i] for i in segment[: max_delay + 1])
        for i in segment:
            expected[i] = int(is_in_time)
    parameters = {"max_delay": max_delay, "lengths": lengths}
    adjusted = delay_adjust(y_true, y_pred, **parameters)
    np.testing.assert_array_equal(adjusted, expected)
    f1 = delay_tolerant_f1(y_true, y_pred, **parameters)
    assert f1 == f1_score(y_true, expected)


def test_eight_points_are_in_time_by_default():
    y_true = np.ones(20)
    assert delay_tolerant_f1(y_true, np.arange(20) == 7) == 1
    assert delay_tolerant_f1(y_true, np.arange(20) == 8) == 0


def test_precision_and_recall_come_from_adjusted_labels():
    y_true, y_pred = [0, 0, 1, 1, 0, 1], [1, 0, 1, 0, 0, 0]
    adjusted = delay_adjust(y_true, y_pred)
    assert precision_score(y_true, adjusted) == pytest.approx(2 / 3)
    assert recall_score(y_true, adjusted) == pytest.approx(2 / 3)


@given(tasks())
def test_without_a_limit_of_delay_it_is_point_adjustment(task):
    y_true, y_pred, lengths = task
    np.testing.assert_array_equal(
        delay_adjust(y_true, y_pred, max_delay=50, lengths=lengths),
        point_adjust(y_true, y_pred, lengths),
    )


@pytest.mark.parametrize("metric", [point_adjust, point_adjusted_f1, pa_k_f1, pa_k_auc])
def test_diagnostics_say_that_they_are_not_for_comparing(metric):
    assert "a diagnostic" in metric.__doc__.splitlines()[0]
    assert "**Not for comparing detectors**" in metric.__doc__


def test_random_alarms_win_by_point_adjustment():
    y_true = np.zeros(5000)
    y_true[1000:1500] = y_true[3000:3600] = 1
    y_pred = np.random.default_rng(0).random(5000) < 0.01
    assert f1_score(y_true, y_pred) < 0.05
    assert point_adjusted_f1(y_true, y_pred) > 0.95


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="k == 101"):
        pa_k_f1([0, 1], [0, 1], 101)
    with pytest.raises(TypeError, match="k must be an instance of"):
        pa_k_f1([0, 1], [0, 1], "20")
    for metric in (delay_adjust, delay_tolerant_f1):
        with pytest.raises(ValueError, match="max_delay == -1"):
            metric([0, 1], [0, 1], max_delay=-1)
