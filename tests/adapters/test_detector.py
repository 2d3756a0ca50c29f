"""Alarms as sktime sees them."""

import numpy as np
import pandas as pd
import pytest
from sktime.transformations.difference import Differencer

from sklearn_tsrep.adapters import SktimeDetector
from sklearn_tsrep.detection import to_segments
from tests.conftest import tiny_amad


@pytest.fixture
def amad():
    return tiny_amad(contamination=0.1)


@pytest.fixture
def X():
    steps = np.arange(120)
    frame = pd.DataFrame(
        {"load": np.sin(steps / 4), "oil": np.cos(steps / 6)},
        index=pd.date_range("2026-01-01", periods=120, freq="h"),
    )
    frame.iloc[40:44, 0] = 4.0
    frame.iloc[80, 1] = -5.0
    frame.iloc[10:12] = np.nan
    return frame


def test_points_are_the_positions_of_alarms(amad, X):
    alarms = SktimeDetector(amad).fit(X).predict(X)
    assert alarms.columns.tolist() == ["ilocs"]
    expected = np.flatnonzero(amad.fit(X).predict(X) == -1)
    assert len(expected) > 3
    np.testing.assert_array_equal(alarms["ilocs"], expected)


def test_labels_are_one_for_each_time_point(amad, X):
    labels = SktimeDetector(amad).fit(X).transform(X)["labels"]
    np.testing.assert_array_equal(labels == 1, amad.fit(X).predict(X) == -1)


def test_scores_are_higher_where_a_series_is_more_anomalous(amad, X):
    detector = SktimeDetector(amad).fit(X)
    scores = detector.transform_scores(X)
    assert scores.index.equals(X.index)
    expected = -amad.fit(X).score_samples(X)
    np.testing.assert_array_equal(scores["scores"], expected)
    alarms = detector.predict(X)["ilocs"]
    of_alarms = detector.predict_scores(X)["scores"]
    np.testing.assert_array_equal(of_alarms, expected[alarms])


def test_segments_are_stretches_of_alarms(amad, X):
    detector = SktimeDetector(amad, task="segmentation").fit(X)
    found = pd.Index(detector.predict(X)["ilocs"])
    scores = amad.fit(X).score_samples(X)
    expected = to_segments(amad.predict(X) == -1, scores)
    np.testing.assert_array_equal(found.left, expected["start"])
    np.testing.assert_array_equal(found.right, expected["end"])
    assert found.closed == "left"
    highest = detector.predict_scores(X)["scores"]
    np.testing.assert_array_equal(highest, -expected["peak_score"])
    points = detector.predict_points(X)["ilocs"]
    np.testing.assert_array_equal(points, expected["start"])
    assert detector.predict_segments(X).equals(detector.predict(X))


@pytest.mark.parametrize("task", ["anomaly_detection", "segmentation"])
def test_without_an_alarm_tables_are_empty(amad, X, task):
    detector = SktimeDetector(amad, task=task).fit(X)
    quiet = X[:5] * np.nan
    assert len(detector.predict(quiet)) == 0
    assert len(detector.predict_scores(quiet)) == 0
    assert len(detector.predict_points(quiet)) == 0
    assert len(detector.predict_segments(quiet)) == 0


@pytest.mark.parametrize(
    ("task", "events"),
    [
        ("anomaly_detection", [40, 41, 42, 43, 80]),
        ("segmentation", pd.IntervalIndex.from_tuples([(40, 44), (80, 81)], "left")),
    ],
)
def test_events_are_labels_for_the_threshold(X, task, events):
    amad = tiny_amad(threshold="best_f1")
    y = pd.DataFrame({"ilocs": events})
    detector = SktimeDetector(amad, task=task).fit(X, y)
    labels = np.zeros(len(X), dtype=int)
    labels[[40, 41, 42, 43, 80]] = 1
    assert detector.estimator_.offset_ == amad.fit(X, labels).offset_


def test_the_tag_says_the_task():
    assert SktimeDetector().get_tag("task") == "anomaly_detection"
    detector = SktimeDetector().set_params(task="segmentation")
    assert detector.get_tag("task") == "segmentation"


def test_an_unknown_task_is_refused(amad, X):
    with pytest.raises(ValueError, match="task must be one of .*, got 'alarms'"):
        SktimeDetector(amad, task="alarms").fit(X)


def test_a_pipeline_of_sktime_ends_in_a_detector(amad, X):
    pipeline = Differencer() * SktimeDetector(amad)
    alarms = pipeline.fit(X.ffill().bfill()).predict(X.ffill().bfill())
    assert alarms["ilocs"].is_monotonic_increasing
