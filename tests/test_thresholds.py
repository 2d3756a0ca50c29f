"""Offsets: how many scores lie below, on any scores, and errors that say why."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.ensemble import IsolationForest

from sklearn_tsrep.thresholds import (
    AUTO_CONTAMINATION,
    THRESHOLDS,
    best_f1_offset,
    check_labels,
    fit_offset,
    pot_offset,
)

UNLABELLED = [rule for rule in THRESHOLDS if rule != "best_f1"]
SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


def normal_scores(n: int = 5000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def f1_of(y: np.ndarray, alarms: np.ndarray) -> float:
    return 2 * np.sum(y & alarms) / (np.sum(y) + np.sum(alarms))


def share_below(scores: np.ndarray, offset: float) -> float:
    return float(np.mean(scores < offset))


# All rules ---------------------------------------------------------------------


@pytest.mark.parametrize("rule", THRESHOLDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_offset_is_a_float_and_scores_stay_as_they_are(rule, dtype):
    scores = normal_scores().astype(dtype)
    before = scores.copy()
    scores.flags.writeable = False
    offset = fit_offset(scores, rule, y=scores < -2)
    assert type(offset) is float
    assert 0 < share_below(scores, offset) < 0.05
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("rule", UNLABELLED)
def test_auto_stands_for_the_named_share(rule):
    scores = normal_scores()
    share = AUTO_CONTAMINATION[rule]
    assert fit_offset(scores, rule) == fit_offset(scores, rule, share)
    assert share_below(scores, fit_offset(scores, rule)) == pytest.approx(
        share, rel=0.5
    )


@pytest.mark.parametrize("rule", UNLABELLED)
def test_a_larger_share_never_gives_a_lower_offset(rule):
    scores = normal_scores()
    offsets = [fit_offset(scores, rule, share) for share in (0.0005, 0.005, 0.05, 0.5)]
    assert all(lower < higher for lower, higher in pairwise(offsets))


@pytest.mark.parametrize("rule", UNLABELLED)
@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_an_offset_follows_the_unit_and_the_origin_of_scores(rule, unit):
    scores = -np.random.default_rng(0).exponential(size=3000)
    offset = fit_offset(scores, rule)
    scaled = fit_offset(unit * scores, rule)
    assert scaled == pytest.approx(unit * offset, rel=1e-3)
    assert fit_offset(scores + 7, rule) == pytest.approx(offset + 7, rel=1e-3)


# Scores like these have no tail, and "pot" says so; the offset is looked at here.
@pytest.mark.filterwarnings("ignore:No tail can be fitted")
@pytest.mark.parametrize("rule", UNLABELLED)
@pytest.mark.parametrize("value", [0.0, -3.7, 1e-300])
@pytest.mark.parametrize("n", [1, 2, 1000])
def test_none_of_constant_scores_is_below(rule, value, n):
    for dtype in (np.float32, np.float64):
        scores = np.full(n, value, dtype=dtype)
        assert share_below(scores, fit_offset(scores, rule)) == 0


# Scores like these have no tail, and "pot" says so; the offset is looked at here.
@pytest.mark.filterwarnings("ignore:No tail can be fitted")
@pytest.mark.parametrize("rule", UNLABELLED)
@given(scores=SCORES)
def test_an_offset_is_finite_on_scores_with_ties(rule, scores):
    assert np.isfinite(fit_offset(scores, rule, 0.1))


@pytest.mark.parametrize("rule", THRESHOLDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_must_be_finite(rule, bad):
    with pytest.raises(ValueError, match=r"got 2 .* the first at step 3"):
        fit_offset([0, 1, 2, bad, 4, bad], rule, y=[1, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("scores", [[], [[1.0, 2.0]], 3.0])
def test_scores_must_be_a_row(scores):
    with pytest.raises(ValueError, match=r"scores must have the shape \(n_timepoints"):
        fit_offset(scores)


def test_scores_must_be_numbers():
    with pytest.raises(TypeError, match="scores must hold numbers"):
        fit_offset(["low", "high"])


@pytest.mark.parametrize("bad", [0, 0.51, -0.1, np.nan, "none", None, True])
@pytest.mark.parametrize("rule", UNLABELLED)
def test_the_share_has_a_range(rule, bad):
    with pytest.raises(ValueError, match="contamination must be 'auto' or a number"):
        fit_offset([1.0, 2.0], rule, bad)


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match=r"one of .*'best_f1'.*, got 'magic'"):
        fit_offset([1.0], "magic")


# Quantile ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("n", [2, 17, 200, 1001])
def test_the_quantile_leaves_its_share_below(n, share, dtype):
    scores = normal_scores(n).astype(dtype)
    n_below = np.count_nonzero(scores < fit_offset(scores, "quantile", share))
    assert n_below == np.ceil(round(share * (n - 1), 9))


def test_the_quantile_is_that_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(200, 2))
    forest = IsolationForest(contamination=0.07, random_state=0).fit(X)
    offset = fit_offset(forest.score_samples(X), "quantile", 0.07)
    assert offset == pytest.approx(forest.offset_, rel=1e-12)


@given(scores=SCORES, share=st.floats(0.01, 0.5))
def test_with_ties_the_quantile_leaves_fewer_below(scores, share):
    offset = fit_offset(scores, "quantile", share)
    n_below = np.count_nonzero(np.array(scores) < offset)
    assert n_below <= np.ceil(share * (len(scores) - 1))


# Peaks over threshold ------------------------------------------------------------


@pytest.mark.parametrize(
    "distribution",
    [stats.norm(), stats.expon(), stats.t(4), stats.genpareto(-0.3), stats.lognorm(1)],
    ids=["normal", "exponential", "t", "bounded", "log-normal"],
)
def test_peaks_over_threshold_extrapolate_the_tail(distribution):
    losses = distribution.rvs(size=20_000, random_state=0)
    offset = fit_offset(-losses, "pot", 1e-4)
    assert 0.3e-4 < distribution.sf(-offset) < 3e-4


def test_peaks_over_threshold_reach_beyond_all_scores():
    scores = normal_scores(2000)
    assert fit_offset(scores, "pot", 1e-5) < scores.min()


def test_an_outlier_does_not_hide_others():
    scores = normal_scores(20_000)
    scores[:5] = [-1e12, -1e6, -50, -40, -30]
    assert (scores[:5] < fit_offset(scores, "pot", 1e-4)).sum() >= 4


def test_a_risk_inside_what_was_observed_is_a_quantile():
    scores = normal_scores()
    for risk in (0.02, 0.1):
        assert fit_offset(scores, "pot", risk) == fit_offset(scores, "quantile", risk)
    below_start = fit_offset(scores, "pot", 0.0199)
    assert below_start == pytest.approx(fit_offset(scores, "quantile", 0.02), abs=0.01)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (normal_scores(300), "6 lie beyond the initial level, 10 are needed"),
        (np.zeros(1000), "0 lie beyond"),
        (np.r_[np.zeros(985), np.full(15, -1.0)], "are equal"),
        (np.r_[np.zeros(985), -1 - np.arange(15) ** 0.1], "ended at the shape -"),
    ],
    ids=["few", "constant", "equal", "piled up at the end"],
)
def test_without_a_tail_the_quantile_is_taken_and_said(scores, reason):
    with pytest.warns(UserWarning, match=f"No tail can be fitted.*{reason}"):
        offset = fit_offset(scores, "pot", 0.001)
    assert offset == fit_offset(scores, "quantile", 0.001)


def test_a_fit_that_fails_is_said(monkeypatch):
    def failing(*arguments, **parameters):
        raise stats.FitError("no optimum")

    monkeypatch.setattr(stats.genpareto, "fit", failing)
    with pytest.warns(UserWarning, match=r"the fit failed \(no optimum\)"):
        fit_offset(normal_scores(), "pot")


@pytest.mark.parametrize("shape", [0.0, 1e-14, -1e-14, 1e-5])
def test_a_shape_of_about_zero_is_the_exponential_tail(shape, monkeypatch):
    monkeypatch.setattr(
        stats.genpareto, "fit", lambda *arguments, **parameters: (shape, 0, 1.0)
    )
    scores = normal_scores()
    start = np.quantile(scores, 0.02)
    excesses = start - scores[scores < start]
    expected = start + np.median(excesses) * np.log(1e-4 * len(scores) / len(excesses))
    assert fit_offset(scores, "pot", 1e-4) == pytest.approx(expected, rel=1e-3)


def test_the_initial_level_can_be_set():
    scores = normal_scores(300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pot_offset(scores, 1e-3, level=0.9) < fit_offset(scores, "quantile")


# Median and deviations -------------------------------------------------------------


def test_deviations_are_counted_from_the_median():
    scores = [10.0, 11, 12, 13, 14]
    deviation = 1 / stats.norm.ppf(0.75)
    assert fit_offset(scores, "mad") == pytest.approx(12 - 3 * deviation)
    one_deviation = float(stats.norm.sf(1))
    assert fit_offset(scores, "mad", one_deviation) == pytest.approx(12 - deviation)


def test_outliers_do_not_move_the_median_and_its_deviations():
    scores = normal_scores()
    with_outliers = np.r_[scores, np.full(50, -1e9)]
    offset = fit_offset(with_outliers, "mad")
    assert offset == pytest.approx(fit_offset(scores, "mad"), abs=0.1)


def test_where_most_scores_are_equal_the_mean_deviation_counts():
    scores = np.r_[np.zeros(90), np.full(9, -1.0), -50.0]
    offset = fit_offset(scores, "mad")
    assert offset == pytest.approx(-3 * np.sqrt(np.pi / 2) * 0.59)
    assert np.count_nonzero(scores < offset) == 1


# Best F1 -----------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=20))
def test_no_other_offset_has_a_larger_f1(labelled):
    scores, y = (np.array(part) for part in zip(*labelled, strict=True))
    y[0] = True
    offset = fit_offset(scores, "best_f1", y=y)
    largest = max(f1_of(y, scores < one) for one in np.arange(-4.5, 5))
    assert f1_of(y, scores < offset) == pytest.approx(largest)


def test_the_best_offset_lies_halfway_and_gives_the_fewest_alarms():
    assert best_f1_offset(np.array([3.0, 0, 1, 9]), [0, 1, 1, 0]) == 2
    # One hit of one alarm, and two of four: F1 is 2/3 for both.
    assert best_f1_offset(np.array([0.0, 1, 2, 3, 4]), [1, 0, 0, 1, 0]) == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_best_offset_separates_neighbouring_floats(dtype):
    low = dtype(1)
    high = np.nextafter(low, dtype(2))
    offset = fit_offset(np.array([high, low]), "best_f1", y=[0, 1])
    np.testing.assert_array_equal(np.array([high, low]) < offset, [False, True])


def test_all_steps_may_be_anomalies():
    scores = np.array([1.0, 2.0], dtype=np.float32)
    assert (scores < best_f1_offset(scores, [1, 1])).all()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "'best_f1' needs y"),
        ([0, 0, 0], "at least one anomaly"),
        ([0, 1], r"one label a time step, shape \(3,\), got \(2,\)"),
        ([-1, 1, 1], "got -1 and 1: pass y == -1"),
        ([0, 1, 2], r"1 for anomalies and 0 for normal steps, got \[0 1 2\]"),
        ([0, 1, np.nan], "1 for anomalies and 0"),
    ],
)
def test_labels_are_checked(y, message):
    with pytest.raises(ValueError, match=message):
        fit_offset([1.0, 2.0, 3.0], "best_f1", y=y)


def test_labels_may_be_of_any_number_type():
    for labels in ([True, False], [1, 0], [1.0, 0.0], np.array([1, 0], np.uint8)):
        np.testing.assert_array_equal(check_labels(labels, 2), [True, False])
