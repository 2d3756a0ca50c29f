"""The conformance suites of detectors: scikit-learn's checks, and ours for series."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from tests.conftest import tiny_amad, tiny_representation_detector

NAN = np.nan
ROWS_ARE_TIME_POINTS = (
    "rows are time points: the score of one depends on those around it"
)
EXPECTED_FAILURES = {
    "check_methods_sample_order_invariance": ROWS_ARE_TIME_POINTS,
    "check_methods_subset_invariance": ROWS_ARE_TIME_POINTS,
}
DETECTORS = [tiny_amad(), tiny_representation_detector()]


@parametrize_with_checks(
    DETECTORS, expected_failed_checks=lambda estimator: EXPECTED_FAILURES
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_dataframe_column_names_consistency, check_param_validation]
)
@pytest.mark.parametrize("estimator", DETECTORS)
def test_checks_not_run_for_third_parties(estimator, check):
    check(type(estimator).__name__, estimator)


def make_series(n_timepoints=60, n_channels=3, seed=0):
    """Return a noisy wave in each channel."""
    rng = np.random.default_rng(seed)
    steps = np.arange(n_timepoints)[:, np.newaxis]
    waves = np.sin(steps * rng.uniform(0.2, 1.0, n_channels))
    return waves + 0.1 * rng.normal(size=waves.shape)


@pytest.fixture
def series():
    return make_series()


@pytest.fixture(params=DETECTORS, ids=["amad", "representation"])
def detector(request):
    return clone(request.param)


def with_more_training(detector):
    """Return a detector that is trained for a while, if it is trained at all."""
    if "max_steps" in detector.get_params():
        detector.set_params(max_steps=30)
    return detector


def joined(*lengths):
    """Return series one below the other, their lengths, and an id a row."""
    parts = [make_series(length, seed=seed) for seed, length in enumerate(lengths)]
    ids = np.repeat([f"series {i}" for i in range(len(lengths))], lengths)
    return np.concatenate(parts), list(lengths), ids


def test_every_time_point_of_every_series_has_a_finite_score(detector):
    X, lengths, _ = joined(30, 5, 17, 1, 8)
    scores = detector.fit(X, lengths=lengths).score_samples(X, lengths=lengths)
    assert scores.shape == (61,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert (scores < 0).all()


def test_series_are_scored_as_if_alone(detector):
    X, lengths, ids = joined(30, 5, 17)
    detector.fit(X, lengths=lengths)
    alone = [
        detector.score_samples(part) for part in np.split(X, np.cumsum(lengths)[:-1])
    ]
    together = detector.score_samples(X, lengths=lengths)
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-5)
    np.testing.assert_array_equal(detector.score_samples(X, series_id=ids), together)
    assert not np.allclose(detector.score_samples(X), together)


def test_lengths_and_ids_train_the_same(detector):
    X, lengths, ids = joined(30, 5, 17)
    by_length = clone(detector).fit(X, lengths=lengths)
    by_id = clone(detector).fit(X, series_id=ids)
    np.testing.assert_array_equal(by_length.score_samples(X), by_id.score_samples(X))
    assert by_length.offset_ == by_id.offset_
    assert by_length.offset_ != clone(detector).fit(X).offset_


def test_rows_of_series_may_lie_mixed(detector):
    X, _, ids = joined(30, 17)
    order = np.argsort(np.concatenate([np.arange(30) * 1.7, np.arange(17) * 3.1 + 0.5]))
    detector.fit(X, series_id=ids)
    expected = detector.score_samples(X, series_id=ids)[order]
    scores = detector.score_samples(X[order], series_id=ids[order])
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("n_context", [1, 7, 8, 13, 31, 52])
def test_a_later_part_with_its_history_has_the_scores_of_the_whole(detector, n_context):
    series = make_series(60)
    detector.fit(series)
    assert_later_parts_agree(detector, series, n_context)
    short = series[: n_context + 2]
    np.testing.assert_allclose(
        detector.score_samples(short[-2:], context=short[:-2]),
        detector.score_samples(short)[-2:],
        rtol=1e-5,
    )


@pytest.mark.parametrize("n_context", [7, 13, 52])
@pytest.mark.parametrize("stride", [1, 3, 8])
def test_strides_do_not_matter_to_that(stride, n_context):
    series = make_series(60)
    detector = tiny_amad(stride=stride).fit(series)
    assert_later_parts_agree(detector, series, n_context)


def assert_later_parts_agree(detector, series, n_context):
    context, later = series[:n_context], series[n_context:]
    for method in ("score_samples", "decision_function", "predict", "contributions"):
        function = getattr(detector, method)
        np.testing.assert_allclose(
            function(later, context=context), function(series)[n_context:], rtol=1e-5
        )


def test_contributions_sum_to_the_scores(detector, series):
    series[4:9, 1] = NAN
    series[20] = NAN
    detector.fit(series)
    contributions = detector.contributions(series)
    assert contributions.shape == series.shape
    assert (contributions >= 0).all()
    assert (contributions[20] == 0).all()
    np.testing.assert_allclose(
        contributions.sum(axis=1), -detector.score_samples(series), rtol=1e-5
    )


def test_the_channel_that_is_odd_contributes_most(detector):
    series = make_series(200)
    with_more_training(detector).fit(series)
    series[100:105, 2] += 8
    contributions = detector.contributions(series)[100:105].mean(axis=0)
    assert contributions.argmax() == 2


def test_gaps_are_no_anomalies(detector):
    series = make_series(300)
    with_more_training(detector).fit(series)
    full = detector.score_samples(series)
    series[100:104] = NAN
    series[200:204, 1] = NAN
    scores = detector.score_samples(series)
    assert (scores[100:104] == 0).all()
    assert scores[200:204].min() > np.quantile(full, 0.01)
    assert np.isfinite(scores).all()


def test_leading_and_trailing_gaps_are_scored(detector, series):
    series[:12] = NAN
    series[-9:] = NAN
    scores = detector.fit(series).score_samples(series)
    assert (scores[:12] == 0).all()
    assert (scores[-9:] == 0).all()
    assert (scores[12:-9] < 0).all()


def test_constant_channels_and_values_never_seen_are_survived(detector, series):
    series[:, 1] = 5.0
    detector.fit(series)
    series[:, 1] += 1e-3
    series[30:33] = 1e30
    series[40:] += 1e6
    scores = detector.score_samples(series)
    assert np.isfinite(scores).all()
    assert scores[30:33].max() < scores[:20].min()


def test_the_threshold_is_a_quantile_of_the_training_scores(detector):
    series = make_series(400)
    detector.set_params(contamination=0.05).fit(series)
    assert np.mean(detector.predict(series) == -1) == pytest.approx(0.05, abs=1 / 400)
    np.testing.assert_array_equal(
        detector.decision_function(series),
        detector.score_samples(series) - detector.offset_,
    )


@pytest.mark.parametrize("threshold", ["quantile", "mad", "pot"])
def test_set_threshold_is_what_fit_would_have_done(detector, threshold):
    series = make_series(1000)
    given = {"threshold": threshold, "contamination": 0.02}
    fitted = clone(detector).set_params(**given).fit(series)
    later = detector.fit(series).set_params(**given)
    assert later.set_threshold(series) is later
    assert later.offset_ == fitted.offset_


def test_the_threshold_of_the_best_f1_takes_labels(detector):
    series = make_series(300)
    detector.fit(series)
    is_odd = np.zeros(300, dtype=bool)
    is_odd[50:60] = True
    series[50:60] += 20
    detector.set_params(threshold="best_f1").set_threshold(series, is_odd)
    found = detector.predict(series) == -1
    assert found[50:60].all()
    assert found.sum() <= 20


def test_labels_go_with_their_rows(detector):
    X, lengths, ids = joined(40, 40)
    X[10:15] += 20
    y = np.zeros(80)
    y[10:15] = 1
    order = np.argsort(np.concatenate([np.arange(40) * 2, np.arange(40) * 2 + 1]))
    detector.set_params(threshold="best_f1")
    expected = clone(detector).fit(X, y, lengths=lengths).offset_
    assert detector.fit(X[order], y[order], series_id=ids[order]).offset_ == (
        pytest.approx(expected, rel=1e-5)
    )


def test_fit_predict_hands_on_what_tells_series_apart(detector):
    X, lengths, ids = joined(30, 5, 17)
    expected = clone(detector).fit(X, lengths=lengths).predict(X, lengths=lengths)
    np.testing.assert_array_equal(detector.fit_predict(X, lengths=lengths), expected)
    np.testing.assert_array_equal(detector.fit_predict(X, series_id=ids), expected)


def test_ids_are_routed_and_split_with_the_rows(detector):
    X, _, ids = joined(30, 30, 30)
    y = np.arange(90) % 7 == 0
    with config_context(enable_metadata_routing=True):
        scores = cross_val_predict(
            detector.set_fit_request(series_id=True).set_predict_request(
                series_id=True
            ),
            X,
            y,
            cv=GroupKFold(3),
            params={"series_id": ids, "groups": ids},
        )
    assert set(scores) <= {-1, 1}


def test_frames_carry_the_names_of_channels(detector, series):
    frame = pd.DataFrame(series, columns=["a", "b", "c"])
    detector.fit(frame)
    assert detector.feature_names_in_.tolist() == ["a", "b", "c"]
    expected = clone(detector).fit(series).score_samples(series)
    np.testing.assert_array_equal(detector.score_samples(frame), expected)


BAD_ROWS = {
    "lengths that do not sum": (
        {"lengths": [10, 20]},
        "sum to the number of time points, 60, but they sum to 30",
    ),
    "lengths of 0": ({"lengths": [60, 0]}, "positive integers"),
    "broken lengths": ({"lengths": [30.5, 29.5]}, "positive integers"),
    "both": ({"lengths": [60], "series_id": np.zeros(60)}, "give one of them"),
    "ids that do not fit": ({"series_id": np.zeros(7)}, "got 7 ids for 60 rows"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_series_give_clear_errors(detector, series, case):
    given, message = BAD_ROWS[case]
    with pytest.raises(ValueError, match=message):
        clone(detector).fit(series, **given)
    detector.fit(series)
    for method in ("score_samples", "predict", "contributions", "set_threshold"):
        with pytest.raises(ValueError, match=message):
            getattr(detector, method)(series, **given)


def test_windows_that_leave_gaps_are_an_error(series):
    detector = tiny_amad()
    match = "stride=9 and window_length=8"
    with pytest.raises(ValueError, match=match):
        clone(detector).set_params(stride=9).fit(series)
    expected = detector.fit(series).score_samples(series)
    detector.set_params(warm_start=True, stride=9)
    for method in (detector.score_samples, detector.fit):
        with pytest.raises(ValueError, match=match):
            method(series)
    detector.set_params(stride=None)
    np.testing.assert_array_equal(detector.score_samples(series), expected)


def test_bad_context_gives_clear_errors(detector, series):
    detector.fit(series)
    with pytest.raises(ValueError, match="context is for one series"):
        detector.score_samples(series, context=series, lengths=[60])
    with pytest.raises(ValueError, match="X has 2 features"):
        detector.score_samples(series, context=series[:, :2])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y"),
        (np.zeros(60), "y"),
        (np.arange(60), "1 for anomalies and 0 for normal"),
        (np.arange(60) % 2 * 2 - 1, "pass y == -1"),
        (np.arange(50) % 2, r"shape \(60,\), got \(50,\)"),
    ],
)
def test_bad_labels_give_clear_errors(detector, series, y, message):
    detector.fit(series).set_params(threshold="best_f1")
    with pytest.raises(ValueError, match=message):
        detector.set_threshold(series, y)


def test_what_was_learned_is_kept_if_the_threshold_fails(detector, series):
    with pytest.raises(ValueError, match="y"):
        detector.set_params(threshold="best_f1").fit(series)
    scores = detector.score_samples(series)
    detector.set_params(threshold="quantile").set_threshold(series)
    np.testing.assert_array_equal(
        detector.predict(series) == -1, scores < detector.offset_
    )


def test_infinity_and_emptiness_are_errors(detector, series):
    series[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinite value"):
        detector.fit(series)
    with pytest.raises(ValueError, match="no value to learn from"):
        detector.fit(np.full((60, 3), NAN))


def test_a_memory_map_is_scored_as_an_array(detector, series, tmp_path):
    np.save(tmp_path / "series.npy", series)
    mapped = np.load(tmp_path / "series.npy", mmap_mode="r")
    expected = clone(detector).fit(series).score_samples(series)
    np.testing.assert_array_equal(detector.fit(mapped).score_samples(mapped), expected)


def test_rows_are_not_changed(detector, series):
    series[5, 1] = NAN
    before = series.copy()
    detector.fit(series).score_samples(series)
    np.testing.assert_array_equal(series, before)
