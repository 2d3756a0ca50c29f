"""Precision and recall by distance: as sums over a fine grid of times."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.detection.metrics import (
    affiliation_f1,
    affiliation_precision,
    affiliation_recall,
)

PER_POINT = 40


def plain_runs(labels):
    """Return the intervals (start, stop) of each run."""
    padded = [0, *labels, 0]
    starts = [i for i in range(len(labels)) if padded[i + 1] and not padded[i]]
    stops = [i + 1 for i in range(len(labels)) if padded[i + 1] and not padded[i + 2]]
    return list(zip(starts, stops, strict=True))


def plain_zones(anomalies, n):
    edges = [0]
    for (_, stop), (start, _) in pairwise(anomalies):
        edges.append((stop + start) / 2)
    edges.append(n)
    return list(pairwise(edges))


def distance_to(times, intervals):
    if not intervals:
        return np.full(len(times), np.inf)
    return np.min(
        [np.maximum(0, np.maximum(a - times, times - b)) for a, b in intervals], axis=0
    )


def plain_affiliation(y_true, y_pred):
    """Sum over times amid cells of 1 / PER_POINT, with random times from the same."""
    n = len(y_true)
    times = (np.arange(n * PER_POINT) + 0.5) / PER_POINT
    is_alarm = np.repeat(np.array(y_pred) == 1, PER_POINT)
    precisions, recalls = [], []
    anomalies = plain_runs(y_true)
    for anomaly, (low, high) in zip(anomalies, plain_zones(anomalies, n), strict=True):
        in_zone = (times > low) & (times < high)
        zone = times[in_zone]
        alarms = times[in_zone & is_alarm]
        if len(alarms):
            random_distances = distance_to(zone, [anomaly])
            precisions.append(
                np.mean(
                    [
                        np.mean(random_distances >= distance)
                        for distance in distance_to(alarms, [anomaly])
                    ]
                )
            )
        pieces = [(max(a, low), min(b, high)) for a, b in plain_runs(y_pred)]
        pieces = [(a, b) for a, b in pieces if a < b]
        inside = zone[(zone > anomaly[0]) & (zone < anomaly[1])]
        recalls.append(
            np.mean(
                [
                    np.mean(np.abs(zone - time) >= distance)
                    for time, distance in zip(
                        inside, distance_to(inside, pieces), strict=True
                    )
                ]
            )
        )
    return np.mean(precisions) if precisions else 0, np.mean(recalls)


@st.composite
def tasks(draw, max_points=16):
    n = draw(st.integers(1, max_points))
    labels = st.lists(st.integers(0, 1), min_size=n, max_size=n)
    y_true, y_pred = draw(labels), draw(labels)
    y_true[draw(st.integers(0, n - 1))] = 1
    return y_true, y_pred


@settings(max_examples=50, deadline=None)
@given(tasks())
def test_integrals_are_those_on_a_fine_grid(task):
    precision, recall = plain_affiliation(*task)
    assert affiliation_precision(*task) == pytest.approx(precision, abs=1 / PER_POINT)
    assert affiliation_recall(*task) == pytest.approx(recall, abs=1 / PER_POINT)


def test_integrals_are_exact():
    # Of a zone from 0 to 10 with the anomaly from 4 to 6. Precision: of the alarm from
    # 1 to 2, at distances 2 to 3, from which on 4 to 2 of 10 remain. Recall: to the
    # left of a time y, what is farther off than 2 is y - 4 + 2 ...
    y_true, y_pred = np.zeros(10), np.zeros(10)
    y_true[4:6] = y_pred[1] = 1
    assert affiliation_precision(y_true, y_pred) == pytest.approx(0.3)
    times = np.linspace(4, 6, 200_001)
    farther = 2 + np.maximum(0, 10 - times - (times - 2))
    expected = np.trapezoid(farther / 10, times) / 2
    assert affiliation_recall(y_true, y_pred) == pytest.approx(expected)


@given(tasks(max_points=40))
def test_values_lie_between_0_and_1(task):
    for metric in (affiliation_precision, affiliation_recall, affiliation_f1):
        assert 0 <= metric(*task) <= 1


@given(tasks(max_points=40))
def test_alarms_at_the_anomalies_get_1(task):
    y_true, _ = task
    for metric in (affiliation_precision, affiliation_recall, affiliation_f1):
        assert metric(y_true, y_true) == pytest.approx(1)


def test_one_random_alarm_an_anomaly_gets_half():
    y_true = np.zeros(1500)
    y_true[[200, 800, 1400]] = 1
    rng = np.random.default_rng(0)
    precisions, recalls = [], []
    for _ in range(400):
        y_pred = np.zeros(1500)
        y_pred[np.arange(0, 1500, 500) + rng.integers(0, 500, 3)] = 1
        precisions.append(affiliation_precision(y_true, y_pred))
        recalls.append(affiliation_recall(y_true, y_pred))
    # In the zone of an anomaly of one point, chances are spread evenly.
    assert np.mean(precisions) == pytest.approx(0.5, abs=0.02)
    assert np.mean(recalls) == pytest.approx(0.5, abs=0.02)


def test_alarms_everywhere_get_two_thirds():
    y_true = np.zeros(2000)
    y_true[[300, 1500]] = 1
    assert affiliation_f1(y_true, np.ones(2000)) == pytest.approx(2 / 3, abs=0.01)


def test_the_nearer_the_better():
    y_true = np.zeros(50)
    y_true[20:24] = 1
    for metric in (affiliation_precision, affiliation_recall):
        values = [metric(y_true, np.arange(50) == place) for place in range(24, 50)]
        assert all(np.diff(values) < 0)


def test_an_anomaly_without_alarms_costs_recall_and_no_precision():
    y_true, y_pred = np.zeros(40), np.zeros(40)
    y_true[[10, 30]] = y_pred[10] = 1
    assert affiliation_precision(y_true, y_pred) == 1
    assert affiliation_recall(y_true, y_pred) == 0.5


@given(tasks(), tasks())
def test_series_are_judged_one_by_one(one, other):
    both = np.concatenate([one, other], axis=1)
    lengths = [len(one[0]), len(other[0])]
    n_anomalies = [len(plain_runs(task[0])) for task in (one, other)]
    recalls = [affiliation_recall(*task) for task in (one, other)]
    assert affiliation_recall(*both, lengths=lengths) == pytest.approx(
        np.average(recalls, weights=n_anomalies)
    )


def test_each_series_must_have_an_anomaly():
    with pytest.raises(ValueError, match="y_true has no anomaly in series 1 of"):
        affiliation_f1([0, 1, 0, 0, 1], [0, 1, 0, 0, 0], lengths=[2, 2, 1])
