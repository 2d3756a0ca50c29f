"""Precision and recall of ranges: as loops that follow the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_tsrep.detection.metrics import range_f1, range_precision, range_recall

BIASES = ("flat", "front", "middle", "back")
CARDINALITIES = ("one", "reciprocal")


def plain_ranges(labels, lengths):
    """Return the sets of the time points of each range, series by series."""
    borders = {0, *np.cumsum(lengths).tolist()}
    ranges = []
    for i, label in enumerate(labels):
        if label and (i in borders or not labels[i - 1]):
            ranges.append([])
        if label:
            ranges[-1].append(i)
    return ranges


def plain_weight(position, length, bias):
    if bias == "flat":
        return 1
    if bias == "front":
        return length - position + 1
    if bias == "back":
        return position
    return position if position <= length / 2 else length - position + 1


def plain_reward(points, others, alpha, bias, cardinality):
    touched = [other for other in others if set(other) & set(points)]
    covered = {point for other in touched for point in other}
    weights = {
        point: plain_weight(position, len(points), bias)
        for position, point in enumerate(points, start=1)
    }
    overlap = sum(weights[point] for point in points if point in covered)
    overlap /= sum(weights.values())
    if cardinality == "reciprocal" and len(touched) > 1:
        overlap /= len(touched)
    return alpha * bool(touched) + (1 - alpha) * overlap


def plain_mean_reward(labels, other_labels, lengths, *settings):
    others = plain_ranges(other_labels, lengths)
    rewards = [
        plain_reward(points, others, *settings)
        for points in plain_ranges(labels, lengths)
    ]
    return np.mean(rewards) if rewards else 0


@st.composite
def tasks(draw):
    lengths = draw(st.lists(st.integers(1, 15), min_size=1, max_size=3))
    labels = st.lists(st.integers(0, 1), min_size=sum(lengths), max_size=sum(lengths))
    y_true, y_pred = draw(labels), draw(labels)
    y_true[draw(st.integers(0, len(y_true) - 1))] = 1
    return y_true, y_pred, lengths


@given(
    tasks(),
    st.floats(0, 1),
    st.sampled_from(BIASES),
    st.sampled_from(CARDINALITIES),
)
def test_ranges_are_rewarded_by_the_definition(task, alpha, bias, cardinality):
    y_true, y_pred, lengths = task
    settings = {"bias": bias, "cardinality": cardinality, "lengths": lengths}
    recall = range_recall(y_true, y_pred, alpha=alpha, **settings)
    precision = range_precision(y_true, y_pred, **settings)
    assert recall == pytest.approx(
        plain_mean_reward(y_true, y_pred, lengths, alpha, bias, cardinality)
    )
    assert precision == pytest.approx(
        plain_mean_reward(y_pred, y_true, lengths, 0, bias, cardinality)
    )


def test_one_missed_range_of_two_is_half_the_recall():
    y_true = [1, 1, 0, 1, 0, 0]
    assert range_recall(y_true, [1, 1, 0, 0, 0, 0]) == 0.5
    assert range_precision(y_true, [1, 1, 0, 0, 0, 0]) == 1


def test_bias_says_which_part_of_a_range_counts():
    y_true = [0, 1, 1, 1, 1, 1, 1, 0]
    front, middle, back = (np.zeros(8) for _ in range(3))
    front[1:3] = middle[3:5] = back[5:7] = 1
    for bias, best in (("front", front), ("middle", middle), ("back", back)):
        recalls = [range_recall(y_true, y, bias=bias) for y in (front, middle, back)]
        assert range_recall(y_true, best, bias=bias) == max(recalls)
        assert sorted(recalls)[-1] > sorted(recalls)[-2]
    assert {range_recall(y_true, y) for y in (front, middle, back)} == {1 / 3}


def test_pieces_count_less_if_reciprocal():
    y_true, y_pred = [1, 1, 1, 1, 1, 0], [1, 0, 1, 0, 1, 0]
    assert range_recall(y_true, y_pred, cardinality="one") == pytest.approx(3 / 5)
    assert range_recall(y_true, y_pred) == pytest.approx(1 / 5)


def test_a_hit_alone_earns_alpha():
    y_true, y_pred = [1] * 9 + [0], [0] * 8 + [1, 0]
    assert range_recall(y_true, y_pred, alpha=1) == 1
    assert range_recall(y_true, y_pred, alpha=0) == pytest.approx(1 / 9)


def test_f1_is_that_of_precision_and_recall():
    y_true = [0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    y_pred = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    recall = range_recall(y_true, y_pred, alpha=0.5, bias="front", cardinality="one")
    precision = range_precision(y_true, y_pred, cardinality="one")
    f1 = range_f1(y_true, y_pred, alpha=0.5, bias="front", cardinality="one")
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize("metric", [range_precision, range_recall, range_f1])
def test_settings_are_checked(metric):
    with pytest.raises(ValueError, match=r"bias must be one of .*'flat'.* got 'left'"):
        metric([0, 1], [0, 1], bias="left")
    with pytest.raises(ValueError, match=r"cardinality must be one of .* got 'two'"):
        metric([0, 1], [0, 1], cardinality="two")
    if metric is not range_precision:
        with pytest.raises(ValueError, match=r"alpha == 1\.5"):
            metric([0, 1], [0, 1], alpha=1.5)
