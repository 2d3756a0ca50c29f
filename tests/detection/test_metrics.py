"""What all metrics share: input, series, the level of chance; and the best F1."""

import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from sklearn_tsrep import detection
from sklearn_tsrep.detection import metrics

OF_SCORES = {
    "best_f1": metrics.best_f1,
    "vus_pr": partial(metrics.vus_pr, max_buffer=4),
    "vus_roc": partial(metrics.vus_roc, max_buffer=4),
}
ADJUSTMENTS = {
    "point_adjust": metrics.point_adjust,
    "delay_adjust": metrics.delay_adjust,
}
F1_OF_ALARMS = {
    "affiliation_f1": metrics.affiliation_f1,
    "affiliation_precision": metrics.affiliation_precision,
    "affiliation_recall": metrics.affiliation_recall,
    "delay_tolerant_f1": metrics.delay_tolerant_f1,
    "pa_k_auc": metrics.pa_k_auc,
    "pa_k_f1": partial(metrics.pa_k_f1, k=20),
    "point_adjusted_f1": metrics.point_adjusted_f1,
    "range_f1": metrics.range_f1,
    "range_precision": metrics.range_precision,
    "range_recall": metrics.range_recall,
}
OF_ALARMS = {**F1_OF_ALARMS, **ADJUSTMENTS}
ALL = {**OF_SCORES, **OF_ALARMS}
WITH_LENGTHS = {name: metric for name, metric in ALL.items() if name != "best_f1"}

Y_TRUE = np.array([0, 1, 1, 0, 0, 0, 1, 1, 1, 0])
Y_PRED = np.array([0, 0, 1, 1, 0, 0, 1, 0, 0, 0])
# Of these, the parameter by which the second argument goes.
SECOND = dict.fromkeys(OF_SCORES, "y_score") | dict.fromkeys(OF_ALARMS, "y_pred")


def each(metrics_by_name):
    return pytest.mark.parametrize(
        ("name", "metric"), metrics_by_name.items(), ids=list(metrics_by_name)
    )


def test_the_tables_name_every_metric():
    assert sorted(ALL) == sorted(metrics.__all__)


def test_all_are_to_be_had_from_the_package():
    for name in metrics.__all__:
        assert getattr(detection, name) is getattr(metrics, name)
        assert name in detection.__all__
        assert name in dir(detection)
    with pytest.raises(AttributeError, match="no attribute 'vus_rp'"):
        _ = detection.vus_rp


def test_metrics_load_no_torch():
    code = (
        "import sys; from sklearn_tsrep.detection import vus_pr\n"
        "vus_pr([0, 1, 0], [0.0, 1.0, 0.5])\n"
        "assert not {'torch', 'skorch', 'sktime'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@each(ALL)
def test_input_may_be_of_many_kinds_and_stays_as_it_is(name, metric):
    y_true, y_pred = Y_TRUE.copy(), Y_PRED.copy()
    y_true.setflags(write=False)
    y_pred.setflags(write=False)
    expected = metric(y_true, y_pred)
    for convert in (
        list,
        pd.Series,
        lambda y: y.astype(bool),
        lambda y: y.astype(np.float32),
    ):
        if name in OF_SCORES:
            np.testing.assert_equal(metric(convert(y_true), y_pred), expected)
        else:
            np.testing.assert_equal(metric(convert(y_true), convert(y_pred)), expected)


@each(ALL)
def test_results_are_plain_numbers_or_labels(name, metric):
    result = metric(Y_TRUE, Y_PRED)
    if name in ADJUSTMENTS:
        assert result.dtype == np.int64
        assert result.shape == Y_TRUE.shape
    elif name != "best_f1":
        assert type(result) is float
        assert 0 <= result <= 1


@each({**OF_SCORES, **F1_OF_ALARMS})
def test_a_perfect_detector_gets_1(name, metric):
    result = metric(Y_TRUE, Y_TRUE)
    if name == "best_f1":
        assert result == (1.0, 1.0)
    elif name.startswith("vus"):
        # With buffers, points beside an anomaly would have to be alarms too.
        assert getattr(metrics, name)(Y_TRUE, Y_TRUE, max_buffer=0) == pytest.approx(1)
    else:
        assert result == pytest.approx(1)


@each(F1_OF_ALARMS)
def test_no_alarm_gets_0(name, metric):
    assert metric(Y_TRUE, np.zeros(10)) == 0


@each(WITH_LENGTHS)
def test_one_series_is_the_default(name, metric):
    np.testing.assert_equal(
        metric(Y_TRUE, Y_PRED, lengths=[10]), metric(Y_TRUE, Y_PRED)
    )


@each(WITH_LENGTHS)
def test_segments_end_with_their_series(name, metric):
    y_true = np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 0])
    y_pred = np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0])
    result = metric(y_true, y_pred, lengths=[3, 2, 5])
    assert not np.array_equal(result, metric(y_true, y_pred))


@each(ALL)
def test_labels_must_be_0_and_1(name, metric):
    with pytest.raises(ValueError, match=r"y_true must be 1 .* 0 .*2"):
        metric(Y_TRUE * 2, Y_PRED)
    with pytest.raises(ValueError, match="pass y_true == -1"):
        metric(np.where(Y_TRUE, -1, 1), Y_PRED)
    with pytest.raises(ValueError, match="y_true"):
        metric(np.where(Y_TRUE, np.nan, 0), Y_PRED)
    if name in OF_ALARMS:
        with pytest.raises(ValueError, match="pass y_pred == -1"):
            metric(Y_TRUE, np.where(Y_PRED, -1, 1))


@each(OF_SCORES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_must_be_finite(name, metric, bad):
    scores = np.where(Y_PRED, bad, 0.5)
    with pytest.raises(ValueError, match=r"y_score must be finite.* step 2"):
        metric(Y_TRUE, scores)


@each(ALL)
def test_shapes_must_fit(name, metric):
    with pytest.raises(ValueError, match=r"y_(true|score|pred).*\(9,\)"):
        metric(Y_TRUE, Y_PRED[:9])
    with pytest.raises(ValueError, match=rf"{SECOND[name]}.*\(10, 1\)"):
        metric(Y_TRUE, Y_PRED[:, np.newaxis])
    with pytest.raises(ValueError, match=r"y_true|y_score"):
        metric(1, 1)
    with pytest.raises(ValueError, match=r"y_true|y_score"):
        metric([], [])


@each({**OF_SCORES, **F1_OF_ALARMS})
def test_without_an_anomaly_there_is_nothing_to_measure(name, metric):
    with pytest.raises(ValueError, match="y_true has no anomaly"):
        metric(np.zeros(10), Y_PRED)


@each(ADJUSTMENTS)
def test_without_an_anomaly_there_is_nothing_to_adjust(name, metric):
    np.testing.assert_array_equal(metric(np.zeros(10), Y_PRED), Y_PRED)


@each(WITH_LENGTHS)
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([4, 5], "sum to the number of time points, 10, but they sum to 9"),
        ([0, 10], "positive integers"),
        ([5.0, 5.0], "positive integers"),
        (10, "positive integers"),
    ],
    ids=str,
)
def test_lengths_must_fit(name, metric, lengths, message):
    with pytest.raises(ValueError, match=f"lengths must.*{message}"):
        metric(Y_TRUE, Y_PRED, lengths=lengths)


# The table in the docstring of the module: of random scores, and of random alarms.
LEVELS_OF_CHANCE = {
    average_precision_score: 0.10,
    partial(metrics.vus_pr, max_buffer=100): 0.14,
    lambda y_true, y_score: metrics.best_f1(y_true, y_score)[0]: 0.18,
    roc_auc_score: 0.50,
    partial(metrics.vus_roc, max_buffer=100): 0.57,
}
LEVELS_OF_RANDOM_ALARMS = {
    (metrics.range_f1, 0.02): 0.02,
    (metrics.affiliation_f1, 0.02): 0.66,
    (metrics.delay_tolerant_f1, 0.02): 0.19,
    (metrics.delay_tolerant_f1, 0.1): 0.45,
    (partial(metrics.pa_k_f1, k=5), 0.02): 0.04,
    (partial(metrics.pa_k_f1, k=5), 0.1): 0.66,
    (metrics.point_adjusted_f1, 0.02): 0.84,
    (f1_score, 0.02): 0.03,
}


def test_chance_gets_what_the_module_says():
    y_true = np.tile(np.repeat([0, 1, 0], [300, 100, 600]), 10)
    draws = [np.random.default_rng(seed).random(10_000) for seed in range(30)]
    for metric, level in LEVELS_OF_CHANCE.items():
        mean = np.mean([metric(y_true, scores) for scores in draws])
        assert mean == pytest.approx(level, abs=0.01)
        assert f"{level:.2f}\n" in metrics.__doc__
    for (metric, share), level in LEVELS_OF_RANDOM_ALARMS.items():
        mean = np.mean([metric(y_true, scores > 1 - share) for scores in draws])
        assert mean == pytest.approx(level, abs=0.02)


def test_best_f1_says_that_it_looks_at_the_labels():
    assert "chosen by the labels" in metrics.best_f1.__doc__


@given(st.data(), st.integers(1, 30))
def test_best_f1_is_that_of_the_best_threshold(data, n):
    y_true = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    y_true[data.draw(st.integers(0, n - 1))] = 1
    y_score = data.draw(hnp.arrays(np.float64, n, elements=st.integers(-3, 3)))
    f1, threshold = metrics.best_f1(y_true, y_score)
    by_threshold = {
        level: f1_score(y_true, y_score >= level) for level in np.unique(y_score)
    }
    assert f1 == pytest.approx(max(by_threshold.values()))
    assert by_threshold[threshold] == pytest.approx(f1)
    assert all(by_threshold[level] < f1 for level in by_threshold if level > threshold)
