"""Features, latents and filled gaps as sktime sees them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sktime.benchmarking.classification import ClassificationBenchmark
from sktime.classification.dummy import DummyClassifier
from sktime.datasets import load_basic_motions, load_japanese_vowels, load_unit_test
from sktime.datatypes import convert_to

from sklearn_tsrep import DMAEImputer
from sklearn_tsrep.adapters import (
    SktimeEncoder,
    SktimeFeatureExtractor,
    SktimeImputer,
)
from tests.conftest import make_ragged, make_waves, tiny_dmae, tiny_trep, with_gaps


def frame_of(series, names=("a", "b", "c")):
    """Return series (n_channels, length_i) as a frame of instances and times."""
    days = pd.date_range("2026-01-01", periods=50)
    frames = {
        f"series {i}": pd.DataFrame(own.T, days[: own.shape[1]], names)
        for i, own in enumerate(series)
    }
    return pd.concat(frames, names=["instance", "time"])


CONTAINERS = ["pd-multiindex", "nested_univ", "df-list", "numpy3D"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_features_are_those_of_the_estimator(tiny, container):
    waves = make_waves()
    X = convert_to(frame_of(waves), container)
    features = SktimeFeatureExtractor(tiny()).fit_transform(X)
    estimator = tiny().fit(waves)
    np.testing.assert_array_equal(features, estimator.transform(waves))
    assert features.columns.tolist() == estimator.get_feature_names_out().tolist()


def test_features_of_unequal_lengths_and_gaps(tiny):
    ragged = make_ragged()
    ragged[0][:, 2:4] = np.nan
    ragged[1][0] = np.nan
    features = SktimeFeatureExtractor(tiny()).fit_transform(frame_of(ragged))
    np.testing.assert_array_equal(features, tiny().fit_transform(ragged))


def test_one_series_is_one_row():
    X = frame_of(make_waves(1)).droplevel(0)
    assert SktimeFeatureExtractor(tiny_trep()).fit_transform(X).shape == (1, 4)


def test_latents_stand_in_the_rows_of_the_series(tiny):
    ragged = make_ragged()
    X = frame_of(ragged)
    encoder = SktimeEncoder(tiny()).fit(X)
    latents = encoder.transform(X)
    expected = tiny().fit(ragged).encode(ragged)
    np.testing.assert_array_equal(latents, np.concatenate([e.T for e in expected]))
    assert latents.index.equals(X.index)
    assert latents.columns.tolist() == [f"latent{i}" for i in range(4)]


def test_latents_stand_in_the_rows_of_the_series_in_any_order():
    X = frame_of(make_ragged())
    encoder = SktimeEncoder(tiny_trep()).fit(X)
    names = [f"series {i}" for i in (3, 0, 9, 5)]
    shuffled = pd.concat([X.loc[[name]] for name in names])
    latents = encoder.transform(shuffled)
    assert latents.index.equals(shuffled.index)
    pd.testing.assert_frame_equal(latents, encoder.transform(X).loc[latents.index])


def test_latents_of_arrays_are_arrays():
    waves = make_waves()
    latents = SktimeEncoder(tiny_trep()).fit_transform(waves)
    np.testing.assert_array_equal(latents, tiny_trep().fit(waves).encode(waves))


def test_gaps_are_filled_and_values_stay():
    gappy = with_gaps(make_waves())
    X = frame_of(gappy)
    imputer = SktimeImputer(DMAEImputer(tiny_dmae()))
    filled = imputer.fit_transform(X)
    assert filled.index.equals(X.index)
    assert filled.columns.equals(X.columns)
    expected = DMAEImputer(tiny_dmae()).fit_transform(gappy)
    np.testing.assert_allclose(filled, np.concatenate([e.T for e in expected]))
    given = X.notna().to_numpy()
    np.testing.assert_array_equal(filled.to_numpy()[given], X.to_numpy()[given])


def test_a_frozen_estimator_stays_as_it_is():
    waves = make_waves()
    fitted = tiny_trep().fit(make_waves(seed=1))
    extractor = SktimeFeatureExtractor(FrozenEstimator(fitted))
    np.testing.assert_array_equal(
        extractor.fit_transform(waves), fitted.transform(waves)
    )


def test_a_pipeline_of_sktime_learns_basic_motions():
    X, y = load_basic_motions(split="train")
    X_test, y_test = load_basic_motions(split="test")
    classifier = SktimeFeatureExtractor(tiny_trep(n_latents=16, max_steps=10)) * SVC()
    assert classifier.fit(X, y).score(X_test, y_test) > 0.8


def test_a_pipeline_of_sktime_learns_series_of_unequal_length():
    X, y = load_japanese_vowels(split="train")
    X_test, y_test = load_japanese_vowels(split="test")
    classifier = SktimeFeatureExtractor(tiny_trep(n_latents=16, max_steps=10)) * SVC()
    assert classifier.get_tag("capability:unequal_length")
    assert classifier.fit(X, y).score(X_test, y_test) > 0.7


def test_a_pipeline_of_sktime_takes_gaps():
    X, y = load_unit_test(split="train", return_type="pd-multiindex")
    X.iloc[3:9] = np.nan
    classifier = SktimeFeatureExtractor(tiny_trep()) * SVC()
    assert classifier.get_tag("capability:missing_values")
    assert len(classifier.fit(X, y).predict(X)) == 20


def test_filled_gaps_go_on_to_features():
    X, y = load_unit_test(split="train", return_type="pd-multiindex")
    X.iloc[3:9] = np.nan
    imputer = SktimeImputer(DMAEImputer(tiny_dmae()))
    classifier = imputer * SktimeFeatureExtractor(tiny_trep()) * SVC()
    assert len(classifier.fit(X, y).predict(X)) == 20


def test_a_pipeline_of_scikit_learn_takes_an_adapter():
    X, y = load_unit_test(split="train")
    model = make_pipeline(SktimeFeatureExtractor(tiny_trep()), SVC()).fit(X, y)
    assert len(model.predict(X)) == 20


def test_the_benchmark_of_sktime_runs_over_several_sets(tmp_path):
    benchmark = ClassificationBenchmark()
    trep = SktimeFeatureExtractor(tiny_trep()) * SVC()
    benchmark.add_estimator(trep, estimator_id="T-Rep")
    benchmark.add_estimator(DummyClassifier(), estimator_id="dummy")
    halves = KFold(2, shuffle=True, random_state=0)
    for load in (load_unit_test, load_basic_motions):
        benchmark.add_task(load, halves, [accuracy_score])
    table = benchmark.run(tmp_path / "results.csv")
    assert table["model_id"].tolist() == ["T-Rep", "dummy"] * 2
    assert table["accuracy_score_mean"].between(0, 1).all()
