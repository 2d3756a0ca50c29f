"""Alarms as sktime sees them."""

import numpy as np
import pandas as pd
import pytest
from sktime.transformations.difference import Differencer

from sklearn_tsrep.adapters import SktimeDetector
from sklearn_tsrep.detection import to_segments
from tests.conftest import tiny_amad, tiny_representation_detector


@pytest.fixture(params=[tiny_amad, tiny_representation_detector])
def own(request):
    """Return each of our detectors in turn."""
    return request.param(contamination=0.1)


@pytest.fixture
def amad():
    return tiny_amad(contamination=0.1)


@pytest.fixture
def plant():
    steps = np.arange(120)
    frame = pd.DataFrame(
        {"load": np.sin(steps / 4), "oil": np.cos(steps / 6)},
        index=pd.date_range("2026-01-01", periods=120, freq="h"),
    )
    frame.iloc[40:44, 0] = 4.0
    frame.iloc[80, 1] = -5.0
    frame.iloc[10:12] = np.nan
    return frame


def test_points_are_the_positions_of_alarms(own, plant):
    alarms = SktimeDetector(own).fit(plant).predict(plant)
    assert alarms.columns.tolist() == ["ilocs"]
    expected = np.flatnonzero(own.fit(plant).predict(plant) == -1)
    assert len(expected) > 3
    np.testing.assert_array_equal(alarms["ilocs"], expected)


def test_labels_are_one_for_each_time_point(own, plant):
    labels = SktimeDetector(own).fit(plant).transform(plant)["labels"]
    np.testing.assert_array_equal(labels == 1, own.fit(plant).predict(plant) == -1)


def test_scores_are_higher_where_a_series_is_more_anomalous(own, plant):
    detector = SktimeDetector(own).fit(plant)
    scores = detector.transform_scores(plant)
    assert scores.index.equals(plant.index)
    expected = -own.fit(plant).score_samples(plant)
    np.testing.assert_array_equal(scores["scores"], expected)
    alarms = detector.predict(plant)["ilocs"]
    of_alarms = detector.predict_scores(plant)["scores"]
    np.testing.assert_array_equal(of_alarms, expected[alarms])


def test_segments_are_stretches_of_alarms(own, plant):
    detector = SktimeDetector(own, task="segmentation").fit(plant)
    found = pd.Index(detector.predict(plant)["ilocs"])
    scores = own.fit(plant).score_samples(plant)
    expected = to_segments(own.predict(plant) == -1, scores)
    np.testing.assert_array_equal(found.left, expected["start"])
    np.testing.assert_array_equal(found.right, expected["end"])
    assert found.closed == "left"
    highest = detector.predict_scores(plant)["scores"]
    np.testing.assert_array_equal(highest, -expected["peak_score"])
    points = detector.predict_points(plant)["ilocs"]
    np.testing.assert_array_equal(points, expected["start"])
    assert detector.predict_segments(plant).equals(detector.predict(plant))


@pytest.mark.parametrize("task", ["anomaly_detection", "segmentation"])
def test_without_an_alarm_tables_are_empty(amad, plant, task):
    detector = SktimeDetector(amad, task=task).fit(plant)
    quiet = plant[:5] * np.nan
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
def test_events_are_labels_for_the_threshold(plant, task, events):
    amad = tiny_amad(threshold="best_f1")
    y = pd.DataFrame({"ilocs": events})
    detector = SktimeDetector(amad, task=task).fit(plant, y)
    labels = np.zeros(len(plant), dtype=int)
    labels[[40, 41, 42, 43, 80]] = 1
    assert detector.estimator_.offset_ == amad.fit(plant, labels).offset_


def test_the_tag_says_the_task():
    assert SktimeDetector().get_tag("task") == "anomaly_detection"
    detector = SktimeDetector().set_params(task="segmentation")
    assert detector.get_tag("task") == "segmentation"


def test_an_unknown_task_is_refused(amad, plant):
    with pytest.raises(ValueError, match=r"task must be one of .*, got 'alarms'"):
        SktimeDetector(amad, task="alarms").fit(plant)


def test_a_pipeline_of_sktime_ends_in_a_detector(amad, plant):
    pipeline = Differencer() * SktimeDetector(amad)
    alarms = pipeline.fit(plant.ffill().bfill()).predict(plant.ffill().bfill())
    assert alarms["ilocs"].is_monotonic_increasing
