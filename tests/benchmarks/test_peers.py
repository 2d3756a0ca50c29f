"""Tests of the features of the methods beside ours."""

import sys
import types

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peers import Catch22Features, FlatSeries, PyPOTSTS2Vec


@pytest.fixture
def unequal():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(2, length)) for length in (12, 20, 7, 15, 9)]


def test_flat_series_are_scaled_padded_and_cut_by_the_training_part():
    train = [np.array([[0.0, 2.0, np.nan]]), np.array([[1.0]])]
    model = FlatSeries().fit(train)
    scale = np.std([0.0, 2.0, 1.0])
    np.testing.assert_allclose(
        model.transform(train), [[-1 / scale, 1 / scale, 0.0], [0.0, 0.0, 0.0]]
    )
    longer = [np.array([[1.0, 1.0, 1.0, 9.0]])]
    np.testing.assert_allclose(model.transform(longer), np.zeros((1, 3)))


def test_flat_series_leave_the_input_alone():
    X = np.array([[[1.0, np.nan, 3.0]]])
    before = X.copy()
    FlatSeries().fit(X).transform(X)
    np.testing.assert_array_equal(X, before)


class TestCatch22Features:
    @pytest.fixture(autouse=True)
    def _package(self):
        pytest.importorskip("pycatch22")

    def test_each_channel_has_24_features_with_mean_and_deviation_last(self, unequal):
        features = Catch22Features().fit(unequal).transform(unequal)
        assert features.shape == (5, 48)
        np.testing.assert_allclose(features[:, 22], [one[0].mean() for one in unequal])
        np.testing.assert_allclose(
            features[:, 47], [one[1].std(ddof=1) for one in unequal]
        )

    def test_missing_steps_are_left_out(self, unequal):
        model = Catch22Features().fit(unequal)
        gappy = np.insert(unequal[0], 5, np.nan, axis=1)
        padded = np.hstack([unequal[0], np.full((2, 3), np.nan)])
        expected = model.transform(unequal[:1])
        for one in (gappy, padded):
            np.testing.assert_array_equal(model.transform([one]), expected)

    def test_what_cannot_be_computed_is_the_training_mean(self, unequal):
        model = Catch22Features().fit(unequal)
        means = model.transform(unequal).mean(axis=0)
        empty = np.full((2, 4), np.nan)
        np.testing.assert_allclose(model.transform([empty])[0], means)

    @pytest.mark.parametrize("length", [1, 2, 3])
    def test_very_short_and_constant_series_have_finite_features(self, length):
        X = np.ones((3, 2, length))
        assert np.isfinite(Catch22Features().fit(X).transform(X)).all()


def _fake_pypots(monkeypatch):
    """Put a module in the place of PyPOTS that records what it is given."""
    calls = []

    class TS2Vec:
        def __init__(self, **parameters):
            calls.append(parameters)

        def fit(self, panel):
            calls.append(panel["X"])

        def represent(self, panel, encoding_window):
            calls.append(encoding_window)
            return panel["X"][:, 0]

    creator = types.SimpleNamespace(set_level=lambda level: None)
    contents = {
        "pypots": {},
        "pypots.utils": {},
        "pypots.utils.logging": {"logger_creator": creator},
        "pypots.utils.random": {"set_random_seed": calls.append},
        "pypots.optim": {"Adam": lambda lr: lr},
        "pypots.representation": {"TS2Vec": TS2Vec},
    }
    for name, content in contents.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return calls


class TestPyPOTSTS2Vec:
    def test_is_seeded_and_gives_whole_epochs_of_the_steps(self, unequal, monkeypatch):
        calls = _fake_pypots(monkeypatch)
        model = PyPOTSTS2Vec(batch_size=2, n_optimiser_steps=10, random_state=7)
        model.fit(unequal)
        seed, parameters, _ = calls
        assert seed == 7
        assert parameters["epochs"] == 4  # 5 series are 3 batches
        assert parameters["n_steps"] == 20
        assert parameters["n_features"] == 2
        assert parameters["optimizer"] == 0.001

    def test_series_are_scaled_by_training_and_filled_with_nan(
        self, unequal, monkeypatch
    ):
        calls = _fake_pypots(monkeypatch)
        model = PyPOTSTS2Vec().fit(unequal)
        panel = calls[-1]
        assert panel.shape == (5, 20, 2)
        assert panel.dtype == np.float32
        np.testing.assert_array_equal(
            np.isfinite(panel[..., 0]).sum(axis=1), [12, 20, 7, 15, 9]
        )
        observed = np.concatenate([one.T for one in unequal])
        np.testing.assert_allclose(
            model.transform([np.ones((2, 30))])[0],
            (1 - observed.mean(axis=0)) / observed.std(axis=0),
            rtol=1e-6,
        )
        assert calls[-1] == "full_series"

    # PyPOTS and what it loads warn of their own use of other libraries.
    @pytest.mark.filterwarnings("ignore")
    def test_the_same_seed_gives_the_same_features(
        self, unequal, monkeypatch, tmp_path
    ):
        monkeypatch.setenv("HOME", str(tmp_path))  # where PyPOTS writes its settings
        pytest.importorskip("pypots", exc_type=ImportError)
        tiny = {"n_outputs": 4, "hidden": 4, "n_blocks": 2, "n_optimiser_steps": 2}
        first, again, other = (
            PyPOTSTS2Vec(**tiny, random_state=seed).fit(unequal).transform(unequal)
            for seed in (0, 0, 1)
        )
        assert first.shape == (5, 4)
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other)


def test_longest_series_decides_the_length_and_fillings_may_differ_by_channel():
    one = np.arange(4.0).reshape(2, 2)
    filled = peers._resize(one, 3, np.array([[7.0], [8.0]]))
    np.testing.assert_array_equal(filled, [[0, 1, 7], [2, 3, 8]])
    np.testing.assert_array_equal(peers._resize(one, 1, 0.0), [[0], [2]])
