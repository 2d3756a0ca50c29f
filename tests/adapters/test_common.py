"""The conformance suite of sktime, and what all adapters have in common."""

import pickle

import pytest
from sklearn.base import clone as sklearn_clone
from sklearn.decomposition import PCA
from sktime.datasets import load_unit_test
from sktime.utils.estimator_checks import check_estimator

import sklearn_tsrep.adapters
from sklearn_tsrep import DMAETransformer, TRepTransformer
from sklearn_tsrep.adapters import (
    SktimeDetector,
    SktimeEncoder,
    SktimeFeatureExtractor,
    SktimeForecaster,
)
from sklearn_tsrep.forecasting import RepresentationForecaster
from tests.conftest import tiny_amad, tiny_trep

ADAPTERS = [
    getattr(sklearn_tsrep.adapters, name) for name in sklearn_tsrep.adapters.__all__
]
MISSING = "capability:missing_values"
RANDOMNESS = "property:randomness"


@pytest.mark.parametrize("adapter", ADAPTERS)
# The checks call `predict_proba`, for which sktime wants a package that is no
# dependency of it. To go when sktime does not ask for skpro (it does in 1.2).
@pytest.mark.filterwarnings("ignore:Forecasters' predict_proba requires skpro")
# sktime 1.2 joins forecasts in a way that pandas 4 will change; to go with sktime 1.3.
@pytest.mark.filterwarnings("ignore:Sorting by default when concatenating all")
# Series of the checks are too short for intervals; stays as long as they are.
@pytest.mark.filterwarnings("ignore:Intervals are infinite")
def test_sktime_checks(adapter):
    results = check_estimator(adapter, verbose=False)
    assert len(results) > 80
    assert {name: found for name, found in results.items() if found != "PASSED"} == {}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_there_is_a_usual_estimator_and_it_is_named_in_no_parameter(adapter):
    made = adapter()
    assert made.get_params()["estimator"] is None
    assert made._chosen().get_params()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_test_parameters_are_repeatable(adapter):
    for parameters in adapter.get_test_params():
        assert adapter(**parameters).get_tag(RANDOMNESS) == "deterministic"


def test_the_public_names_are_there_and_others_are_not():
    assert len(ADAPTERS) >= 5
    assert set(sklearn_tsrep.adapters.__all__) <= set(dir(sklearn_tsrep.adapters))
    with pytest.raises(AttributeError, match="no attribute 'SktimeClassifier'"):
        _ = sklearn_tsrep.adapters.SktimeClassifier


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (SktimeFeatureExtractor(), "stochastic"),
        (SktimeFeatureExtractor(tiny_trep(random_state=1)), "deterministic"),
        (SktimeForecaster(), "deterministic"),
        (
            SktimeForecaster(RepresentationForecaster(TRepTransformer())),
            "stochastic",
        ),
        (SktimeDetector(tiny_amad(random_state=None)), "stochastic"),
    ],
)
def test_randomness_is_that_of_the_estimator(made, expected):
    assert made.get_tag(RANDOMNESS) == expected


def test_tags_follow_the_parameters_of_the_estimator():
    extractor = SktimeFeatureExtractor(tiny_trep())
    removes = "capability:missing_values:removes"
    assert extractor.get_tag(removes)
    extractor.set_params(estimator__on_empty="nan", estimator__random_state=None)
    assert not extractor.get_tag(removes)
    assert extractor.get_tag(RANDOMNESS) == "stochastic"


def test_missing_values_are_allowed_if_the_estimator_takes_them():
    assert SktimeFeatureExtractor(DMAETransformer()).get_tag(MISSING)
    assert not SktimeFeatureExtractor(PCA()).get_tag(MISSING)


def test_the_given_estimator_is_not_fitted():
    given = tiny_trep()
    X, _ = load_unit_test(split="train")
    fitted = SktimeFeatureExtractor(given).fit(X)
    assert not given.__sklearn_is_fitted__()
    assert fitted.estimator_.__sklearn_is_fitted__()


def test_a_seed_of_sktime_makes_two_fits_the_same():
    X, _ = load_unit_test(split="train")
    features = [
        SktimeFeatureExtractor(tiny_trep(random_state=None))
        .set_random_state(seed)
        .fit_transform(X)
        for seed in (3, 3)
    ]
    assert features[0].equals(features[1])


def test_reset_and_fit_leave_what_scikit_learn_keeps_on_an_estimator():
    extractor = SktimeFeatureExtractor(tiny_trep())
    extractor._parent_callback_ctx = context = object()
    X, _ = load_unit_test(split="train")
    assert extractor.fit(X)._parent_callback_ctx is context
    assert not extractor.reset().is_fitted
    assert extractor._parent_callback_ctx is context


def test_adapters_clone_by_scikit_learn_too():
    made = SktimeFeatureExtractor(tiny_trep(n_latents=3))
    twin = sklearn_clone(made)
    assert twin is not made
    assert repr(twin.get_params()) == repr(made.get_params())


def test_loaded_adapters_give_the_same():
    X, _ = load_unit_test(split="train")
    fitted = SktimeEncoder(tiny_trep()).fit(X)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert loaded.transform(X).map(list).equals(fitted.transform(X).map(list))
