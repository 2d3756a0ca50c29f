"""Judging of detectors: thresholds from training scores, labels looked at last."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from sklearn_tsrep.detection import (
    best_f1,
    delay_tolerant_f1,
    evaluate_detectors,
    judge_scores,
    pa_k_auc,
    point_adjusted_f1,
    vus_pr,
)


class Norm(BaseEstimator):
    """Scores by the distance from the origin, without a threshold of its own."""

    def __init__(self, power=1.0):
        self.power = power

    def fit(self, X):
        """Learn nothing."""
        assert not hasattr(self, "n_fits_"), "an estimator that was fitted before"
        self.n_fits_ = 1
        return self

    def score_samples(self, X):
        """Return the norms, turned round."""
        return -(np.linalg.norm(X, axis=1) ** self.power)


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 2)), np.zeros(200, dtype=int)
    X_test = X[400:].copy()
    X_test[50:60], y[50:60] = 4.0, 1
    X_test[150:153], y[150:153] = -5.0, 1
    return X[:400], X_test, y


def test_there_is_a_row_for_each_detector_and_series(series):
    detectors = {"norm": Norm(), "forest": IsolationForest(random_state=0)}
    table = evaluate_detectors(detectors, {"one": series, "two": series})
    assert table["detector"].tolist() == ["norm", "forest", "norm", "forest"]
    assert table["series"].tolist() == ["one", "one", "two", "two"]
    assert not hasattr(detectors["norm"], "n_fits_")
    figures = table.drop(columns=["detector", "series"])
    assert np.isfinite(figures.to_numpy(dtype=float)).all()
    timed = figures[["fit_seconds", "score_seconds"]]
    assert (timed >= 0).to_numpy().all()
    first, second = table.iloc[0], table.iloc[2]
    for name in ("vus_pr", "average_precision", "f1", "point_adjusted_f1"):
        assert first[name] == second[name]


def test_figures_are_those_of_their_functions(series):
    X, X_test, y = series
    norm = Norm()
    training, scores = norm.score_samples(X), norm.score_samples(X_test)
    figures = judge_scores(y, scores, training, -3.0, alarm_ratio=0.05, max_buffer=20)
    ratio_alarms = -scores > np.quantile(-np.concatenate([training, scores]), 0.95)
    assert figures == pytest.approx(
        {
            "vus_pr": vus_pr(y, -scores, max_buffer=20),
            "average_precision": average_precision_score(y, -scores),
            "roc_auc": roc_auc_score(y, -scores),
            "f1": f1_score(y, scores < -3.0),
            "delay_tolerant_f1": delay_tolerant_f1(y, scores < -3.0),
            "best_f1": best_f1(y, -scores)[0],
            "pa_k_auc": pa_k_auc(y, ratio_alarms),
            "point_adjusted_f1": point_adjusted_f1(y, ratio_alarms),
        }
    )


def test_a_detector_without_a_threshold_gets_a_quantile_of_training_scores(series):
    X, X_test, y = series
    table = evaluate_detectors({"norm": Norm()}, {"one": series}, alarm_ratio=0.1)
    norm = Norm()
    offset = np.quantile(norm.score_samples(X), 0.1)
    expected = f1_score(y, norm.score_samples(X_test) < offset)
    assert table.loc[0, "f1"] == pytest.approx(expected)


def test_the_threshold_does_not_look_at_what_is_judged(series):
    X, X_test, y = series
    scores, training = Norm().score_samples(X_test), Norm().score_samples(X)
    one = judge_scores(y, scores, training)["f1"]
    # The same order of the test scores, further from those of training.
    assert judge_scores(y, scores - 100, training)["f1"] == pytest.approx(
        2 * y.mean() / (1 + y.mean())
    )
    assert one != judge_scores(y, scores - 100, training)["f1"]


def test_labels_of_one_kind_are_an_error(series):
    X, X_test, _ = series
    with pytest.raises(ValueError, match="y_true"):
        evaluate_detectors({"norm": Norm()}, {"one": (X, X_test, np.zeros(200))})
