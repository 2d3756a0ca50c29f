"""Fitted estimators on disk: plain values only, and the same features after."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
import torch

import sklearn_tsrep
from tests.conftest import make_ragged, tiny_dmae, tiny_trep

ROOT = Path(sklearn_tsrep.__file__).parents[1]
PLAIN = (str, int, float, bool, type(None))
FITTED = {
    "fit": lambda X: tiny_trep().fit(X),
    "without time-embedding": lambda X: tiny_trep(time_embedding=None).fit(X),
    "mlp": lambda X: tiny_trep(time_embedding="mlp").fit(X),
    "rbf": lambda X: tiny_trep(time_embedding="rbf").fit(X),
    "untrained": lambda X: tiny_trep(max_epochs=0).fit(X),
    "several poolings": lambda X: tiny_trep(pooling=["max", "segments"]).fit(X),
    "warm start": lambda X: tiny_trep(warm_start=True, weight_averaging="ema").fit(X),
    "partial fit": lambda X: tiny_trep(
        optimizer_params={"betas": (0.8, 0.9)}, weight_averaging=None
    ).partial_fit(X),
    "early stopping": lambda X: tiny_trep(early_stopping=True).partial_fit(X),
    "dmae": lambda X: tiny_dmae().fit(X),
    "dmae, student": lambda X: tiny_dmae(encoder="student", patch_length=3).fit(X),
    "dmae, warm start": lambda X: tiny_dmae(
        warm_start=True, weight_averaging="ema", dropout=0.1
    ).fit(X),
    "dmae, partial fit": lambda X: tiny_dmae(early_stopping=True).partial_fit(X),
}


@pytest.fixture(params=FITTED)
def fitted(request, ragged):
    return FITTED[request.param](ragged)


def through_joblib(estimator, folder):
    joblib.dump(estimator, folder / "estimator.joblib", compress=3)
    return joblib.load(folder / "estimator.joblib")


def through_skops(estimator, folder):
    skops.io.dump(estimator, folder / "estimator.skops")
    trusted = skops.io.get_untrusted_types(file=folder / "estimator.skops")
    return skops.io.load(folder / "estimator.skops", trusted=trusted)


WAYS = {
    "pickle": lambda estimator, _: pickle.loads(pickle.dumps(estimator)),
    "oldest pickle": lambda estimator, _: pickle.loads(pickle.dumps(estimator, 0)),
    "joblib": through_joblib,
    "copy": lambda estimator, _: copy.copy(estimator),
    "deepcopy": lambda estimator, _: copy.deepcopy(estimator),
    "skops": through_skops,
}


@pytest.mark.parametrize("way", WAYS)
def test_loaded_estimators_give_the_same_bits(fitted, ragged, tmp_path, way):
    loaded = WAYS[way](fitted, tmp_path)
    expected = fitted.transform(ragged)
    np.testing.assert_array_equal(loaded.transform(ragged), expected)
    assert repr(loaded) == repr(fitted)
    assert list(loaded.get_feature_names_out()) == list(fitted.get_feature_names_out())
    assert loaded.loss_curve_ == fitted.loss_curve_
    assert loaded.history_.keys() == fitted.history_.keys()


@pytest.mark.parametrize("way", WAYS)
def test_loaded_estimators_go_on_learning(fitted, ragged, tmp_path, way):
    loaded = WAYS[way](fitted, tmp_path)
    fitted = copy.deepcopy(fitted)
    for estimator in (fitted, loaded):
        estimator.set_params(max_epochs=2).partial_fit(ragged)
    assert loaded.loss_curve_ == fitted.loss_curve_
    np.testing.assert_array_equal(loaded.transform(ragged), fitted.transform(ragged))


def test_skops_distrusts_our_class_alone(fitted):
    untrusted = skops.io.get_untrusted_types(data=skops.io.dumps(fitted))
    assert untrusted == [f"{type(fitted).__module__}.{type(fitted).__name__}"]


def test_an_estimator_that_is_not_fitted_can_be_saved(ragged, tmp_path, tiny):
    expected = tiny().fit_transform(ragged)
    for way in WAYS.values():
        loaded = way(tiny(), tmp_path)
        np.testing.assert_array_equal(loaded.fit_transform(ragged), expected)


def assert_plain(value, path="state"):
    if isinstance(value, np.ndarray):
        assert value.dtype.kind in "biufU", path
    elif isinstance(value, dict):
        for key, part in value.items():
            assert type(key) in PLAIN, f"key {key!r} of {path}"
            assert_plain(part, f"{path}[{key!r}]")
    elif type(value) in (list, tuple):
        for index, part in enumerate(value):
            assert_plain(part, f"{path}[{index}]")
    else:
        assert type(value) in PLAIN, f"{path} is a {type(value)}"


def test_the_state_holds_arrays_and_plain_values_only(fitted, ragged):
    fitted.transform(ragged)
    assert_plain(fitted.__getstate__())


class _Listing(pickle.Unpickler):
    """Loads, and lists the modules of all that is named in a pickle."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.modules = set()

    def find_class(self, module, name):
        self.modules.add(module.split(".")[0])
        return super().find_class(module, name)


def test_a_pickle_names_only_us_and_numpy(fitted, tmp_path):
    (tmp_path / "estimator.pickle").write_bytes(pickle.dumps(fitted))
    with open(tmp_path / "estimator.pickle", "rb") as file:
        listing = _Listing(file)
        listing.load()
    assert listing.modules <= {"sklearn_tsrep", "numpy"}


@pytest.mark.parametrize(
    ("make", "large"),
    [(tiny_trep, {"hidden_channels": 32}), (tiny_dmae, {"n_latents": 32})],
    ids=["trep", "dmae"],
)
def test_a_fitted_estimator_does_not_keep_what_only_training_needs(ragged, make, large):
    plain = pickle.dumps(make(**large).fit(ragged))
    resumable = pickle.dumps(make(**large).partial_fit(ragged))
    assert len(resumable) > 2 * len(plain)


def test_the_training_data_are_not_saved(tiny):
    ragged = make_ragged(200)
    size = len(pickle.dumps(tiny().fit(ragged)))
    assert abs(size - len(pickle.dumps(tiny().fit(ragged[:5])))) < 500


def test_transform_does_not_change_the_state(fitted, ragged):
    before = pickle.dumps(pickle.loads(pickle.dumps(fitted)))
    fitted.transform(ragged)
    fitted.encode(ragged)
    assert pickle.dumps(pickle.loads(pickle.dumps(fitted))) == before


def test_loaded_estimators_work_in_a_fresh_process(ragged, tmp_path):
    fitted = [make(ragged) for make in FITTED.values()]
    joblib.dump((fitted, ragged), tmp_path / "before.joblib")
    code = (
        "import sys, joblib\n"
        "folder = sys.argv[1]\n"
        "fitted, ragged = joblib.load(folder + '/before.joblib')\n"
        "assert 'torch' not in sys.modules\n"
        "features = [each.transform(ragged) for each in fitted]\n"
        "for each in fitted: each.set_params(max_epochs=1).partial_fit(ragged)\n"
        "joblib.dump((features, fitted), folder + '/after.joblib')\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    features, further = joblib.load(tmp_path / "after.joblib")
    for ours, their_features, theirs in zip(fitted, features, further, strict=True):
        np.testing.assert_array_equal(their_features, ours.transform(ragged))
        ours.set_params(max_epochs=1).partial_fit(ragged)
        np.testing.assert_array_equal(theirs.transform(ragged), ours.transform(ragged))
