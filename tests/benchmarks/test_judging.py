"""Tests of judging inside the training part."""

import numpy as np
import pytest

from benchmarks import judging


class Means:
    """Stands in for a fitted encoder."""

    def set_params(self, pooling):
        """Take any pooling."""

    def transform(self, X):
        """Return the mean of each channel."""
        return np.stack([one.mean(axis=1) for one in X])


def _panel(n_series):
    y = np.arange(n_series) % 2
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_series, 3, 8)) + 4.0 * y[:, None, None], y


@pytest.mark.parametrize("kind", [np.asarray, list])
def test_each_series_is_held_out_once_from_those_that_it_is_judged_by(kind):
    X, y = _panel(12)
    X[:, 0, 0] = np.arange(12)
    held_out = []
    for fold in judging.folds(kind(X), y, seed=0):
        there, left = ([int(one[0, 0]) for one in part] for part in fold[::2])
        assert sorted(there + left) == list(range(12))
        np.testing.assert_array_equal(fold.y, y[there])
        np.testing.assert_array_equal(fold.y_held_out, y[left])
        held_out += left
    assert sorted(held_out) == list(range(12))


def test_the_seed_draws_the_folds():
    X, y = _panel(12)
    firsts = [next(judging.folds(X, y, seed)).X_held_out for seed in (0, 0, 1)]
    np.testing.assert_array_equal(firsts[0], firsts[1])
    assert not np.array_equal(firsts[0], firsts[2])


def test_judged_is_what_was_held_out():
    X, y = _panel(24)
    fold = next(judging.folds(X, y, seed=0))
    assert judging.judge(Means(), fold, "mean", seed=0)["accuracy"] == 1
    wrong = fold._replace(y_held_out=1 - fold.y_held_out)
    assert judging.judge(Means(), wrong, "mean", seed=0)["accuracy"] == 0


def test_summary_has_means_over_folds():
    folds = [
        {
            "accuracy": accuracy,
            "n_features": 7,
            "n_epochs": 3,
            "fit_seconds": 10 * accuracy,
            "transform_seconds": 1.0,
            "evaluate_seconds": 2.0,
        }
        for accuracy in (0.5, 1.0)
    ]
    row = judging.summary(folds)
    assert set(row) == set(judging.MEASURED)
    assert row["cv_accuracy"] == 0.75
    assert row["cv_sd"] == pytest.approx(0.5**1.5)
    assert row["fit_seconds"] == 7.5
    assert row["n_features"] == 7


def test_expected_seconds_are_those_of_rows_of_its_like(result_row):
    rows = [
        result_row(fit_seconds=10, transform_seconds=1, evaluate_seconds=2),
        result_row(fit_seconds=30, transform_seconds=2, evaluate_seconds=5),
    ]
    start, n_folds = judging.STARTING_SECONDS, judging.N_FOLDS
    expected = judging.expected_seconds(rows, 4, 99.0)
    assert expected == pytest.approx(start + n_folds * (30 + 4 * 5))
    unknown = judging.expected_seconds([], 4, 99.0)
    assert unknown == start + n_folds * (99 + 4 * judging.EXPECTED_JUDGING_SECONDS)
