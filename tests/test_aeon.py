"""The estimators on panels of aeon's loaders and beside aeon's transformers."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from sklearn_tsrep import DMAEImputer
from sklearn_tsrep.detection import vus_pr, vus_roc
from tests.conftest import tiny_dmae, tiny_trep

pytest.importorskip("aeon", reason="no extra brings aeon")

from aeon import pipeline as aeon_pipeline
from aeon.benchmarking.metrics.anomaly_detection import (
    range_pr_vus_score,
    range_roc_vus_score,
)
from aeon.classification.feature_based import SummaryClassifier
from aeon.datasets import load_basic_motions, load_japanese_vowels, load_unit_test
from aeon.transformations.collection import Normalizer
from aeon.transformations.collection.feature_based import SevenNumberSummary
from aeon.transformations.collection.unequal_length import Padder


@pytest.fixture(scope="module")
def motions():
    """Every second series: six channels of equal length."""
    X, y = load_basic_motions(split="train")
    return X[::2], y[::2]


@pytest.fixture(scope="module")
def vowels():
    """Every third series: twelve channels of unequal length."""
    X, y = load_japanese_vowels(split="train")
    return X[::3], y[::3]


@pytest.mark.parametrize("panel", ["motions", "vowels"])
def test_panels_of_the_loaders(panel, tiny, request):
    X, y = request.getfixturevalue(panel)
    model = make_pipeline(tiny(), RidgeClassifierCV()).fit(X, y)
    assert model[0].n_features_in_ == X[0].shape[0]
    assert model.predict(X).shape == y.shape
    assert [latents.shape for latents in model[0].encode(X)] == [
        (4, series.shape[1]) for series in X
    ]


@pytest.mark.parametrize("panel", ["motions", "vowels"])
def test_behind_a_transformer_of_aeon(panel, tiny, request):
    X, y = request.getfixturevalue(panel)
    model = make_pipeline(Normalizer(), tiny(), RidgeClassifierCV()).fit(X, y)
    direct = tiny().fit_transform(Normalizer().fit_transform(X))
    np.testing.assert_allclose(model[:-1].transform(X), direct, atol=1e-6)


def test_padding_with_nan_leaves_the_features(vowels, tiny):
    X, _ = vowels
    encoder = tiny().fit(X)
    padded = Padder(padded_length=30, fill_value=np.nan).fit_transform(X)
    np.testing.assert_allclose(
        encoder.transform(padded), encoder.transform(X), atol=1e-4
    )


def test_beside_a_transformer_of_aeon(motions, tiny):
    X, y = motions
    both = make_union(tiny(), SevenNumberSummary())
    model = make_pipeline(both, StandardScaler(), RidgeClassifierCV()).fit(X, y)
    assert model[:-1].transform(X).shape == (20, 4 + 6 * 7)


def test_grid_search_behind_a_transformer_of_aeon(motions):
    X, y = motions
    search = GridSearchCV(
        make_pipeline(Normalizer(), tiny_trep(), RidgeClassifierCV()),
        {"treptransformer__pooling": ["max", "mean"]},
        cv=2,
        error_score="raise",
    )
    assert search.fit(X, y).predict(X).shape == y.shape


def test_filled_gaps_for_a_classifier_of_aeon(motions):
    X, y = motions
    X = X.copy()
    X[:, :, 30:40] = np.nan
    forest = SummaryClassifier(random_state=0)
    model = make_pipeline(DMAEImputer(tiny_dmae()), forest)
    assert model.fit(X, y).predict(X).shape == y.shape


def test_a_pipeline_of_aeon_takes_series_of_one_channel(tiny):
    X, y = load_unit_test(split="train")
    theirs = aeon_pipeline.make_pipeline(tiny(), RidgeClassifierCV()).fit(X, y)
    ours = make_pipeline(tiny(), RidgeClassifierCV()).fit(X, y)
    np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))


@pytest.mark.parametrize("panel", ["motions", "vowels"])
def test_a_pipeline_of_aeon_refuses_what_steps_of_scikit_learn_may_take(panel, request):
    X, y = request.getfixturevalue(panel)
    pipeline = aeon_pipeline.make_pipeline(tiny_trep(), RidgeClassifierCV())
    with pytest.raises(ValueError, match="multivariate"):
        pipeline.fit(X, y)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(vus_pr, range_pr_vus_score), (vus_roc, range_roc_vus_score)],
)
def test_volumes_under_the_surface_are_those_of_aeon(ours, theirs):
    rng = np.random.default_rng(0)
    y_true = np.repeat([0, 1, 0, 1, 0], [100, 20, 80, 5, 95])
    y_score = np.roll(y_true, 5) + rng.random(300)
    assert ours(y_true, y_score, max_buffer=40) == pytest.approx(
        theirs(y_true, y_score, max_buffer_size=40)
    )
