"""The transformer as a step of scikit-learn's own tools."""

import numpy as np
import pytest
import sklearn
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from tests.conftest import make_waves, tiny_dmae, tiny_trep


@pytest.fixture
def motions(basic_motions):
    """Every fourth series, so that all classes are there."""
    X, y = basic_motions
    return X[::4], y[::4]


def test_pipeline_with_a_support_vector_machine(motions, tiny):
    X, y = motions
    pipeline = make_pipeline(tiny(max_steps=10), StandardScaler(), SVC(C=100))
    pipeline.fit(X[::2], y[::2])
    assert pipeline.predict(X[1::2]).shape == y[1::2].shape
    assert pipeline.score(X[::2], y[::2]) > 0.5


def test_pipeline_names_its_features(motions, tiny):
    X, _ = motions
    pipeline = make_pipeline(tiny(), StandardScaler()).fit(X)
    names = pipeline.get_feature_names_out()
    assert list(names) == [f"max_latent{latent}" for latent in range(4)]


def test_pipeline_takes_lists_and_frames(japanese_vowels, ragged, labels, tiny):
    X, y = japanese_vowels
    pipeline = make_pipeline(tiny(), SVC())
    assert pipeline.fit(X, y).predict(X).shape == y.shape
    assert pipeline.fit(ragged, labels).predict(ragged).shape == labels.shape


def test_grid_search_in_two_processes(motions, tiny):
    X, y = motions
    pipeline = make_pipeline(tiny(), SVC())
    grid = {
        f"{pipeline.steps[0][0]}__pooling": ["max", ["mean", "last"]],
        "svc__C": [1.0, 100.0],
    }
    together = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise")
    alone = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    together.fit(X, y), alone.fit(X, y)
    assert np.isfinite(together.cv_results_["mean_test_score"]).all()
    np.testing.assert_allclose(
        together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert together.predict(X).shape == y.shape


@pytest.mark.parametrize(
    ("make", "grid"),
    [
        (tiny_trep, {"treptransformer__time_embedding": ["time2vec", None]}),
        (tiny_dmae, {"dmaetransformer__token_mask_ratio": [0.2, 0.5]}),
    ],
    ids=["trep", "dmae"],
)
def test_grid_search_over_the_transformer_for_lists(ragged, labels, make, grid):
    pipeline = make_pipeline(make(), SVC())
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    assert search.fit(ragged, labels).predict(ragged).shape == labels.shape


def test_feature_union(motions, tiny):
    X, _ = motions
    means = FunctionTransformer(
        lambda X: X.mean(axis=2), feature_names_out=lambda _, names: names
    )
    union = FeatureUnion([("learned", tiny()), ("means", means)])
    features = union.fit_transform(X)
    assert features.shape == (20, 4 + 6)
    np.testing.assert_array_equal(features[:, :4], tiny().fit_transform(X))


def test_feature_union_names_its_features(motions):
    X, _ = motions
    union = make_union(
        tiny_trep(),
        tiny_trep(time_embedding=None, pooling="mean"),
        tiny_dmae(),
        n_jobs=2,
    )
    names = union.fit(X).get_feature_names_out()
    assert names[0] == "treptransformer-1__max_latent0"
    assert names[4] == "treptransformer-2__mean_latent0"
    assert names[-1] == "dmaetransformer__max_latent3"
    frame = union.set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == list(names)


def test_cross_validation(motions, tiny):
    X, y = motions
    pipeline = make_pipeline(tiny(max_steps=10), StandardScaler(), SVC(C=100))
    scores = cross_val_score(pipeline, X, y, cv=2, n_jobs=2, error_score="raise")
    assert scores.shape == (2,)
    np.testing.assert_array_equal(
        scores, cross_val_score(pipeline, X, y, cv=2, error_score="raise")
    )
    predicted = cross_val_predict(pipeline, X, y, cv=2)
    assert set(predicted) <= set(y)


def test_halving_search_over_steps(motions, tiny):
    X, y = motions
    pipeline = make_pipeline(tiny(), SVC())
    name = pipeline.steps[0][0]
    search = HalvingGridSearchCV(
        pipeline,
        {f"{name}__lr": [1e-4, 1e-3, 1e-2]},
        resource=f"{name}__max_steps",
        min_resources=1,
        max_resources=3,
        factor=3,
        cv=2,
        error_score="raise",
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [1, 3]
    assert search.best_estimator_[0].max_steps == 3


def test_halving_search_over_instances(motions):
    X, y = motions
    search = HalvingGridSearchCV(
        make_pipeline(tiny_trep(), SVC()),
        {"svc__C": [1.0, 10.0]},
        min_resources=10,
        factor=2,
        cv=2,
        error_score="raise",
        random_state=0,
    ).fit(X, y)
    assert search.predict(X).shape == y.shape


def test_memory_cache(motions, tmp_path, tiny):
    X, y = motions
    pipeline = make_pipeline(tiny(), SVC(), memory=str(tmp_path))
    plain = make_pipeline(tiny(), SVC()).fit(X, y)
    for _ in range(2):
        pipeline.fit(X, y)
        np.testing.assert_array_equal(
            pipeline[:-1].transform(X), plain[:-1].transform(X)
        )
    assert any(tmp_path.rglob("output.pkl"))


def test_metadata_routing(motions, tiny):
    X, y = motions
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = LogisticRegression()
        classifier.set_fit_request(sample_weight=True)
        classifier.set_score_request(sample_weight=True)
        pipeline = make_pipeline(tiny(), classifier)
        weights = np.ones(len(y))
        pipeline.fit(X, y, sample_weight=weights)
        scores = cross_val_score(
            pipeline,
            X,
            y,
            cv=GroupKFold(2),
            params={"sample_weight": weights, "groups": np.arange(len(y))},
            error_score="raise",
        )
    assert np.isfinite(scores).all()


def test_metadata_routing_asks_nothing_of_the_transformer(tiny):
    with sklearn.config_context(enable_metadata_routing=True):
        requests = tiny().get_metadata_routing()
    for method in ("fit", "partial_fit", "transform"):
        assert getattr(requests, method).requests == {}


def test_steps_before_and_behind(motions, tiny):
    X, y = motions
    pipeline = make_pipeline(
        FunctionTransformer(lambda X: X[:, :, ::2]),
        tiny(pooling=["max", "mean"]),
        PCA(2, random_state=0),
        VotingClassifier([("svc", SVC()), ("logistic", LogisticRegression())]),
    )
    assert pipeline.fit(X, y).predict(X).shape == y.shape


def test_transform_output_of_a_context(tiny):
    waves = make_waves()
    with sklearn.config_context(transform_output="pandas"):
        frame = make_pipeline(tiny(), StandardScaler()).fit_transform(waves)
    assert list(frame.columns) == [f"max_latent{latent}" for latent in range(4)]
