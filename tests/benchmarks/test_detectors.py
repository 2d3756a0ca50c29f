"""Tests of the plain detectors."""

import numpy as np
import pytest
from sklearn.base import clone

from benchmarks import detectors
from benchmarks.detectors import (
    DETECTORS,
    NearestCentre,
    Norm,
    PyODAnomalyTransformer,
    Residual,
    WindowDetector,
)

SCALING = [name for name in DETECTORS if name != "random"]
TINY = {"window": 20, "stride": 8, "d_model": 8, "n_heads": 2, "n_layers": 1}


@pytest.fixture(name="X")
def series():
    """Return two sines with noise; the second channel follows the first."""
    rng = np.random.default_rng(0)
    sine = np.sin(np.arange(300) / 5)
    return np.column_stack([sine, sine]) + 0.05 * rng.normal(size=(300, 2))


def _scores(name, X_train, X_test, seed=0, **parameters):
    detector = DETECTORS[name](seed).set_params(**parameters)
    return detector.fit(X_train).score_samples(X_test)


@pytest.mark.parametrize("name", SCALING)
def test_a_burst_is_the_least_normal(X, name):
    test = X.copy()
    test[150:155] += [4, -4]
    scores = _scores(name, X, test)
    assert scores.shape == (300,)
    least = np.argsort(scores)[:5]
    assert np.abs(least - 152).max() <= 20


@pytest.mark.parametrize("name", DETECTORS)
def test_the_same_seed_gives_the_same_scores(X, name):
    first, again = (_scores(name, X, X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", ["random", "k-means-windows", "isolation-forest"])
def test_another_seed_gives_other_scores(X, name):
    first, other = (_scores(name, X, X, seed=seed) for seed in (0, 1))
    assert not np.allclose(first, other)


@pytest.mark.parametrize("name", DETECTORS)
def test_input_is_left_alone_and_parameters_can_be_cloned(X, name):
    before = X.copy()
    detector = DETECTORS[name](3)
    clone(detector).fit(X).score_samples(X)
    np.testing.assert_array_equal(X, before)
    assert not hasattr(detector, "scaler_")


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (30, 1), (5, 3)])
def test_short_narrow_and_constant_series_have_finite_scores(name, shape):
    X = np.full(shape, 2.5, dtype=np.float32)
    for test in (X, np.zeros((1, shape[1])), np.arange(90.0).reshape(-1, shape[1])):
        scores = _scores(name, X, test)
        assert scores.shape == (len(test),)
        assert np.isfinite(scores).all()


class TestScales:
    def test_channels_are_scaled_by_the_training_part(self):
        train = np.array([[0.0, 5], [2, 5]])
        scores = _scores("z-score", train, np.array([[4.0, 5], [1, 9]]))
        np.testing.assert_allclose(scores, [-3, -4])

    def test_nearly_constant_channels_are_not_blown_up(self):
        train = np.array([[0.0, 5], [2, 5.0001]])
        scores = _scores("z-score", train, np.array([[1.0, 6]]))
        np.testing.assert_allclose(scores, [-1], atol=1e-4)

    def test_large_deviations_are_clipped(self):
        train = np.array([[-1.0], [1]])
        test = np.array([[1e6], [-3]])
        np.testing.assert_allclose(_scores("z-score", train, test), [-20, -3])
        scores = _scores("z-score", train, test, clip=np.inf)
        np.testing.assert_allclose(scores, [-1e6, -3])

    @pytest.mark.parametrize("name", DETECTORS)
    def test_missing_values_count_as_the_mean(self, X, name):
        gappy, filled = X.copy(), X.copy()
        gappy[100:110, 1] = np.nan
        filled[100:110, 1] = X[:, 1].mean()
        np.testing.assert_allclose(
            _scores(name, X, gappy), _scores(name, X, filled), rtol=1e-6
        )
        assert np.isfinite(_scores(name, gappy, gappy)).all()


class TestWindows:
    def test_a_time_point_has_the_mean_of_its_windows(self):
        X = np.array([[-1.0], [1], [-1], [1], [5]])
        detector = WindowDetector(Norm(), window=3, clip=np.inf).fit(X[:4])
        norms = [np.sqrt(3), np.sqrt(3), np.sqrt(27)]
        expected = [
            norms[0],
            np.mean(norms[:2]),
            np.mean(norms),
            np.mean(norms[1:]),
            norms[2],
        ]
        np.testing.assert_allclose(detector.score_samples(X), np.negative(expected))

    @pytest.mark.parametrize("name", SCALING)
    def test_windows_do_not_cross_from_one_series_to_the_next(self, X, name):
        detector = DETECTORS[name](0).fit(X, lengths=[120, 7, 173])
        apart = [detector.score_samples(one) for one in np.split(X, [120, 127])]
        np.testing.assert_allclose(
            detector.score_samples(X, lengths=[120, 7, 173]),
            np.concatenate(apart),
            rtol=1e-6,
        )

    def test_learns_from_windows_within_series_only(self):
        X = np.repeat([0.0, 1.0], 30)[:, np.newaxis]
        apart, joined = (
            WindowDetector(NearestCentre(2), window=20).fit(X, lengths=lengths)
            for lengths in ([30, 30], None)
        )
        assert np.allclose(apart.score_samples(X, lengths=[30, 30]), 0, atol=1e-6)
        assert joined.score_samples(X).min() < -0.1

    def test_a_short_series_is_continued_by_its_last_values(self, X):
        detector = DETECTORS["pca-windows"](0).fit(X)
        short = X[:4]
        longer = np.concatenate([short, np.repeat(short[-1:], 16, axis=0)])
        np.testing.assert_allclose(
            detector.score_samples(short), detector.score_samples(longer)[:4]
        )

    def test_chunks_do_not_change_scores(self, X, monkeypatch):
        whole = _scores("k-means-windows", X, X)
        monkeypatch.setattr(detectors, "VALUES_PER_CHUNK", 150)
        np.testing.assert_allclose(_scores("k-means-windows", X, X), whole, atol=1e-9)

    def test_windows_to_learn_from_are_bounded(self, X):
        class Recorder(Norm):
            def fit(self, X):
                self.shape_ = X.shape
                return self

        for most, n_windows in ((281, 281), (280, 141), (100, 94)):
            detector = WindowDetector(Recorder(), window=20, max_windows=most).fit(X)
            assert detector.scorer_.shape_ == (n_windows, 40)

    @pytest.mark.parametrize("lengths", [[299], [301], [300, 0], [310, -10]])
    def test_lengths_have_to_be_those_of_the_rows(self, X, lengths):
        with pytest.raises(ValueError, match="sum to the 300 rows"):
            WindowDetector(Norm()).fit(X, lengths=lengths)


class TestResidual:
    def test_is_the_distance_from_the_components(self):
        X = np.array([[-1.0, -1], [1, 1], [0, 0]])
        model = Residual(0.9).fit(X)
        scores = model.score_samples(np.array([[5.0, 5], [1, -1]]))
        np.testing.assert_allclose(scores, [0, -np.sqrt(2)], atol=1e-12)

    def test_at_most_half_of_the_directions_are_components(self):
        X = np.random.default_rng(0).normal(size=(50, 6))
        assert len(Residual(20).fit(X).components_) == 3
        assert len(Residual(2).fit(X).components_) == 2
        assert len(Residual(0.99).fit(X[:, :1]).components_) == 0

    def test_rows_that_are_alike_have_no_components(self):
        model = Residual(0.9).fit(np.ones((5, 4)))
        np.testing.assert_allclose(model.score_samples(np.zeros((1, 4))), [-2])


class TestPyODAnomalyTransformer:
    @pytest.fixture(autouse=True)
    def _package(self):
        pytest.importorskip("pyod")

    def _fitted(self, X, **parameters):
        tiny = {**TINY, "batch_size": 16, "n_batches": 4, **parameters}
        return PyODAnomalyTransformer(**tiny).fit(X)

    def test_trains_for_whole_epochs(self, X):
        model = self._fitted(X).model_  # 36 windows are 3 batches
        assert (model.epochs, model.step, model.window_size) == (2, 8, 20)

    def test_every_time_point_has_a_score_of_its_own(self, X):
        scores = self._fitted(X).score_samples(X[:107])  # windows up to point 99
        assert scores.shape == (107,)
        assert len(np.unique(scores)) == 107
        assert (scores < 0).all()

    def test_what_has_no_window_is_scored_in_one_at_the_end(self, X):
        detector = self._fitted(X)
        np.testing.assert_allclose(
            detector.score_samples(X[:107])[-7:], detector.score_samples(X[87:107])[-7:]
        )

    def test_series_are_scored_apart(self, X):
        detector = self._fitted(X)
        apart = [detector.score_samples(one) for one in np.split(X, [50, 60])]
        np.testing.assert_array_equal(
            detector.score_samples(X, lengths=[50, 10, 240]), np.concatenate(apart)
        )

    def test_seeds_decide_and_the_global_generator_is_left_alone(self, X):
        import torch

        torch.manual_seed(5)
        before = torch.get_rng_state()
        first, again, other = (
            self._fitted(X, random_state=seed).score_samples(X) for seed in (0, 0, 1)
        )
        assert torch.equal(torch.get_rng_state(), before)
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other)

    def test_several_series_to_learn_from_are_an_error(self, X):
        with pytest.raises(ValueError, match="learns from one series, got 2"):
            PyODAnomalyTransformer(**TINY).fit(X, lengths=[100, 200])
