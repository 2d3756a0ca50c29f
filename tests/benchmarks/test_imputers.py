"""Tests of the plain ways of filling gaps."""

import numpy as np
import pytest

from benchmarks.imputers import (
    Interpolated,
    IterativeSteps,
    WithinSeries,
    carried,
    interpolated,
    untouched,
)

GAP = np.nan
TRAIN = np.array([[[2.0, 4.0], [10.0, 30.0]]])


def _filled(fill, channel):
    """Fill a series of this channel and one without a value."""
    one = np.array([channel, np.full(len(channel), GAP)])
    (filled,) = WithinSeries(fill).fit(TRAIN).impute([one])
    return filled.tolist()


def test_straight_lines_go_on_at_their_ends():
    filled = _filled(interpolated, [GAP, 1.0, GAP, GAP, 4.0, GAP])
    assert filled == [[1, 1, 2, 3, 4, 4], [20] * 6]


def test_last_values_are_carried_and_the_first_carried_back():
    filled = _filled(carried, [GAP, 1.0, GAP, GAP, 4.0, GAP])
    assert filled == [[1, 1, 1, 1, 4, 4], [20] * 6]


def test_channel_means_are_those_of_the_training_part():
    assert _filled(untouched, [GAP, 1.0]) == [[3, 1], [20, 20]]


@pytest.fixture
def panel():
    """Return random walks in one channel, and a line of them in the other."""
    rng = np.random.default_rng(0)
    walks = rng.normal(size=(30, 1, 25)).cumsum(axis=2)
    noise = 0.01 * rng.normal(size=(30, 2, 25))
    return np.concatenate([walks, 2 * walks + 5], axis=1) + noise


def test_iterative_steps_use_other_channels(panel):
    gappy = panel.copy()
    gappy[:, 1, 3:9] = GAP
    filled = IterativeSteps(0).fit(panel).impute(gappy)
    hidden = np.isnan(gappy)
    assert np.abs(filled - panel)[hidden].mean() < 0.1 * panel[hidden].std()


def test_iterative_steps_use_the_steps_beside(panel):
    alone = panel[:, :1]
    gappy = alone.copy()
    gappy[:, :, 7] = GAP
    filled = IterativeSteps(0).fit(alone).impute(gappy)
    between = (alone[:, :, 6] + alone[:, :, 8]) / 2
    np.testing.assert_allclose(filled[:, :, 7], between, atol=0.3)


@pytest.mark.parametrize(
    "make", [lambda: WithinSeries(interpolated), lambda: IterativeSteps(0)]
)
def test_given_values_and_kinds_of_series_are_kept(make, panel):
    panel = panel.astype("float32")
    panel[np.random.default_rng(1).random(panel.shape) < 0.3] = GAP
    before = panel.copy()
    for X in (panel, [one[:, : 10 + i] for i, one in enumerate(panel[:9])]):
        filled = make().fit(X).impute(X)
        assert isinstance(filled, type(X))
        for one, other in zip(X, filled, strict=True):
            assert other.dtype == one.dtype
            np.testing.assert_array_equal(other[~np.isnan(one)], one[~np.isnan(one)])
            assert not np.isnan(other).any()
    np.testing.assert_array_equal(panel, before)


def test_features_see_series_filled_by_straight_lines():
    class Last:
        def warm_up(self, X):
            self.warm = True

        def fit(self, X):
            assert not np.isnan(X).any()

        def transform(self, X):
            return X[:, :, 1]

    features = Interpolated(Last())
    features.warm_up(TRAIN)
    X = np.array([[[1.0, GAP, 3.0]]])
    assert features.fit(X).transform(X).tolist() == [[2.0]]
    assert features.features.warm
