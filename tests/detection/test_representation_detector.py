"""RepresentationDetector: its kinds of scores, memory, streams, and what it refuses."""

import pickle
from importlib.util import find_spec

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from sklearn_tsrep.detection import RepresentationDetector
from tests.conftest import tiny_dmae, tiny_representation_detector, tiny_trep
from tests.test_detectors import make_series

NAN = np.nan
RAW = {"transformer": None, "scores": "nearest", "smoothing": 1}
KINDS = {
    "random": {},
    "values": {"transformer": None},
    "trep": {"transformer": tiny_trep()},
    "dmae": {"transformer": tiny_dmae(max_train_length=20)},
    "masked": {"transformer": tiny_trep(), "scores": "masked"},
    "masked dmae": {"transformer": tiny_dmae(), "scores": ["masked"], "n_before": None},
    "all": {
        "transformer": tiny_dmae(max_train_length=20),
        "scores": ("nearest", "reconstruction", "masked"),
        "window_length": (1, 5),
    },
    "coreset": {"selection": "coreset", "memory_size": 20},
    "normalized": {"normalize": True},
    "mean": {"combination": "mean"},
    "minimum": {"combination": "minimum"},
    "rank": {"combination": "rank"},
}
# Those whose scores need no time points that follow.
CAUSAL = [name for name in KINDS if name not in ("dmae", "all")]


def standardized(series, fitted_to):
    return (series - fitted_to.mean(axis=0)) / fitted_to.std(axis=0)


def with_spike(series, at=100, channel=2):
    changed = series.copy()
    changed[at : at + 5, channel] += 8
    return changed


@pytest.fixture
def series():
    return make_series(220)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_finds_what_is_odd_and_names_the_channel(series, kind):
    detector = tiny_representation_detector(**KINDS[kind]).fit(series)
    odd = with_spike(series)
    scores = detector.score_samples(odd)
    assert 90 <= scores.argmin() <= 115
    contributions = detector.contributions(odd)
    assert contributions[100:105].mean(axis=0).argmax() == 2
    np.testing.assert_allclose(contributions.sum(axis=1), -scores, rtol=1e-6)


def test_nearest_is_the_distance_to_remembered_windows(series):
    new = make_series(60, seed=3)
    detector = tiny_representation_detector(
        **RAW, local_scale=False, n_neighbors=2, window_length=1, memory_size=1000
    ).fit(series)
    rows, known = (standardized(one, series) for one in (new, series))
    distances = np.sqrt(((rows[:, None] - known[None]) ** 2).sum(axis=2))
    expected = np.sort(distances, axis=1)[:, :2].mean(axis=1)
    scores = -detector.score_samples(new)
    # Scores are in a unit of their own, to which a hundredth is added.
    ratios = (scores - 0.01) / expected
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)


def test_distances_are_relative_to_those_of_the_neighbours(series):
    new = make_series(60, seed=3)
    detector = tiny_representation_detector(
        **RAW, n_neighbors=1, window_length=1, memory_size=1000
    ).fit(series)
    rows, known = (standardized(one, series) for one in (new, series))
    search = NearestNeighbors(n_neighbors=1).fit(known)
    scales = search.kneighbors()[0][:, 0]
    scales = scales + 4 * np.median(scales)
    distances, nearest = (part[:, 0] for part in search.kneighbors(rows))
    ratios = (-detector.score_samples(new) - 0.01) / (distances / scales[nearest])
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-2)


def test_components_leave_what_principal_components_do(series):
    new = make_series(80, seed=3)
    detector = tiny_representation_detector(
        scores="reconstruction",
        reconstruction_length=10,
        n_components=3,
        smoothing=1,
        memory_size=1000,
    ).fit(series)
    windows, known = (
        np.lib.stride_tricks.sliding_window_view(
            standardized(one, series), 10, axis=0
        ).reshape(-1, 30)
        for one in (new, series)
    )
    pca = PCA(3).fit(known)
    left = windows - pca.inverse_transform(pca.transform(windows))
    of_windows = np.linalg.norm(left, axis=1)
    expected = [of_windows[max(t - 9, 0) : min(t, 70) + 1].mean() for t in range(80)]
    found = -detector.score_samples(new) - 0.01
    assert np.corrcoef(found, expected)[0, 1] > 0.99


@pytest.mark.parametrize("causal", [False, True])
def test_half_of_a_score_is_the_mean_of_those_around(series, causal):
    new = make_series(80, seed=3)
    own, smoothed = (
        tiny_representation_detector(
            scores="reconstruction", causal=causal, smoothing=smoothing
        )
        .fit(series)
        .score_samples(new)
        for smoothing in (1, 5)
    )
    raw = -own - 0.01
    around = [raw[t - 4 : t + 1] if causal else raw[t - 2 : t + 3] for t in (20, 60)]
    expected = [
        (raw[t] + part.mean()) / 2 for t, part in zip((20, 60), around, strict=True)
    ]
    found = -smoothed[[20, 60]] - 0.01
    assert found[0] / found[1] == pytest.approx(expected[0] / expected[1], rel=1e-5)


@pytest.mark.parametrize(
    ("n_channels", "scores", "like"),
    [
        (1, ("nearest", "reconstruction"), None),
        (1, "masked", "random"),
        (2, "nearest", "random"),
    ],
)
def test_auto_takes_values_of_one_channel_where_they_do(n_channels, scores, like):
    series = make_series(120)[:, :n_channels]
    auto, named = (
        tiny_representation_detector(transformer=transformer, scores=scores).fit(series)
        for transformer in ("auto", like)
    )
    assert (auto.transformer_ is None) == (like is None)
    np.testing.assert_array_equal(
        auto.score_samples(series), named.score_samples(series)
    )


def test_masked_is_the_change_over_the_mean_of_those_before(series):
    trep = tiny_trep().fit(series.T[None])
    detector = tiny_representation_detector(
        transformer=FrozenEstimator(trep),
        scores="masked",
        n_before=5,
        smoothing=1,
        context=12,
    ).fit(series)
    seen, hidden = (
        trep.encode_causal(series.T[None], context=12, hide=hide)[0]
        for hide in (None, "all")
    )
    changes = np.abs(seen - hidden).sum(axis=0)
    expected = changes[50] / changes[45:50].mean(), changes[9] / changes[4:9].mean()
    found = -detector.score_samples(series)[[50, 9]] - 0.01
    assert found[0] / found[1] == pytest.approx(expected[0] / expected[1], rel=1e-4)


def test_a_frozen_transformer_gets_series_as_they_are(series):
    trep = tiny_trep().fit(series.T[None])
    weights = trep.module_.state_dict()
    frozen = tiny_representation_detector(transformer=FrozenEstimator(trep))
    fitted = frozen.fit(series)
    assert fitted.transformer_.estimator.module_.state_dict().keys() == weights.keys()
    own = tiny_representation_detector(transformer=trep).fit(series)
    np.testing.assert_allclose(
        own.score_samples(series), fitted.score_samples(series), rtol=1e-2
    )
    assert trep.mean_ == pytest.approx(series.mean(axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_batch_size_changes_nothing(series, kind):
    series[30:36] = NAN
    series[80:90, 1] = NAN
    detector = tiny_representation_detector(**KINDS[kind]).fit(series)
    expected = detector.score_samples(series), detector.contributions(series)
    detector.set_params(batch_size=17)
    np.testing.assert_allclose(detector.score_samples(series), expected[0], rtol=1e-4)
    np.testing.assert_allclose(
        detector.contributions(series), expected[1], rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("kind", CAUSAL)
def test_causal_scores_never_change_and_streams_give_them(series, kind):
    series[30:36] = NAN
    series[80:90, 1] = NAN
    detector = tiny_representation_detector(causal=True, **KINDS[kind]).fit(series)
    whole = detector.score_samples(series)
    np.testing.assert_allclose(
        detector.score_samples(series[:150]), whole[:150], rtol=1e-4
    )
    stream = detector.stream()
    parts = np.split(series, [1, 2, 40, 41, 42, 160])
    scores = np.concatenate([stream.push(part) for part in parts])
    np.testing.assert_allclose(scores, whole, rtol=1e-4)
    assert stream.n_seen_ == len(series)


def test_a_stream_keeps_no_more_than_scores_depend_on(series):
    detector = tiny_representation_detector(causal=True).fit(series)
    stream = detector.stream()
    sizes = []
    for _ in range(5):
        stream.push(series)
        sizes.append(len(pickle.dumps(stream)))
    assert sizes[-1] - sizes[0] < 1000
    assert len(stream._before) < 100


def test_a_stream_ends_when_the_detector_learns(series):
    detector = tiny_representation_detector(causal=True).fit(series)
    stream = detector.stream()
    stream.push(series)
    with pytest.raises(ValueError, match="X has 2 features"):
        stream.push(series[:, :2])
    detector.partial_fit(series)
    with pytest.raises(ValueError, match="make another"):
        stream.push(series)
    with pytest.raises(ValueError, match="A stream needs causal=True"):
        tiny_representation_detector().fit(series).stream()


@pytest.mark.parametrize("selection", ["even", "coreset"])
def test_what_is_remembered_later_is_normal_then(series, selection):
    other = 4 + 2 * make_series(200, seed=5)
    detector = tiny_representation_detector(
        **RAW, selection=selection, memory_size=150
    ).fit(series)
    before = detector.score_samples(other)
    known = detector.score_samples(series)
    detector.partial_fit(other)
    assert np.median(detector.score_samples(other)) > np.median(before) / 3
    assert np.median(detector.score_samples(series)) > 3 * np.median(known)
    (state,) = (state for _, state in detector._learned)
    assert len(state["memory"]) <= 150
    assert state["n_seen"] == 220 - 3 + 200 - 3


def test_the_first_partial_fit_is_a_fit(series):
    one = tiny_representation_detector().partial_fit(series)
    other = tiny_representation_detector().fit(series)
    assert one.offset_ == other.offset_


def test_a_coreset_covers_what_is_rare(series):
    rare = np.zeros((400, 1))
    rare[60:65] = 9.0
    few = {**RAW, "window_length": 1, "memory_size": 4, "local_scale": False}
    even, coreset = (
        tiny_representation_detector(**few, n_neighbors=1, selection=selection)
        .fit(rare)
        .score_samples(rare)[62]
        for selection in ("even", "coreset")
    )
    assert coreset > even


def test_thresholds_of_what_was_not_remembered_give_fewer_alarms(series):
    later = make_series(220, seed=0) + 0.05
    seen, unseen = (
        tiny_representation_detector(cross_fit=cross_fit, contamination=0.05).fit(
            series
        )
        for cross_fit in (False, True)
    )
    assert unseen.offset_ < seen.offset_
    np.testing.assert_array_equal(
        unseen.score_samples(later), seen.score_samples(later)
    )


@pytest.mark.skipif(find_spec("faiss") is None, reason="needs faiss")
def test_an_index_finds_nearly_the_same(series):
    exact, approximate = (
        tiny_representation_detector(**RAW, search=search).fit(series)
        for search in ("exact", "approximate")
    )
    scores = exact.score_samples(with_spike(series))
    found = approximate.score_samples(with_spike(series))
    assert np.corrcoef(scores, found)[0, 1] > 0.99
    loaded = pickle.loads(pickle.dumps(approximate))
    np.testing.assert_array_equal(loaded.score_samples(with_spike(series)), found)


def test_an_index_that_is_not_installed_is_named(series, monkeypatch):
    def missing():
        raise ImportError("search='approximate' needs the package faiss")

    monkeypatch.setattr("sklearn_tsrep.detection._kinds.require_faiss", missing)
    with pytest.raises(ImportError, match="faiss"):
        tiny_representation_detector(search="approximate").fit(series)


def through_joblib(detector, folder):
    joblib.dump(detector, folder / "detector.joblib")
    return joblib.load(folder / "detector.joblib")


def through_skops(detector, folder):
    skops.io.dump(detector, folder / "detector.skops")
    trusted = skops.io.get_untrusted_types(file=folder / "detector.skops")
    assert all(name.startswith("sklearn_tsrep.") for name in trusted)
    return skops.io.load(folder / "detector.skops", trusted=trusted)


@pytest.mark.parametrize("kind", ["random", "values", "masked", "all"])
@pytest.mark.parametrize(
    "way", [lambda d, _: pickle.loads(pickle.dumps(d)), through_joblib, through_skops]
)
def test_loaded_detectors_give_the_same_bits(series, tmp_path, kind, way):
    detector = tiny_representation_detector(**KINDS[kind]).fit(series)
    expected = detector.decision_function(series)
    loaded = way(detector, tmp_path)
    np.testing.assert_array_equal(loaded.decision_function(series), expected)
    assert loaded.partial_fit(series).offset_ == detector.partial_fit(series).offset_


@pytest.mark.parametrize("kind", ["random", "coreset", "trep"])
def test_fits_give_the_same_bits(series, kind):
    one, other = (
        tiny_representation_detector(**KINDS[kind]).fit(series).score_samples(series)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


def test_seeds_matter(series):
    one, other = (
        tiny_representation_detector(random_state=seed).fit(series) for seed in (0, 1)
    )
    assert not np.array_equal(one.score_samples(series), other.score_samples(series))


BAD_PARAMETERS = {
    "unknown score": ({"scores": "distance"}, "scores"),
    "score twice": ({"scores": ["nearest", "nearest"]}, "each at most once"),
    "no score": ({"scores": []}, "one or several of"),
    "length of 0": ({"window_length": [3, 0]}, "window_length must be"),
    "masked values": (
        {"transformer": None, "scores": "masked"},
        "needs a transformer to hide time points from",
    ),
    "causal reconstruction": (
        {"transformer": tiny_dmae(), "causal": True},
        "the reconstruction of DMAETransformer does",
    ),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters_leave_the_fit_before(series, case):
    given, message = BAD_PARAMETERS[case]
    detector = tiny_representation_detector().fit(series)
    expected = detector.score_samples(series)
    usual = {name: detector.get_params()[name] for name in given}
    with pytest.raises(ValueError, match=message):
        detector.set_params(**given).fit(series)
    detector.set_params(**usual)
    np.testing.assert_array_equal(detector.score_samples(series), expected)


def test_series_shorter_than_windows_are_scored():
    detector = RepresentationDetector(random_state=0).fit(make_series(12))
    scores = detector.score_samples(make_series(7))
    assert scores.shape == (7,)
    assert (scores < 0).all()
    assert detector.score_samples(make_series(1)).shape == (1,)


def test_a_wide_transformer_is_cloned_and_its_errors_are_its_own(series):
    given = tiny_trep(max_steps=2)
    detector = tiny_representation_detector(transformer=given)
    assert clone(detector).get_params()["transformer__max_steps"] == 2
    detector.fit(series)
    assert not hasattr(given, "module_") or given.__sklearn_is_fitted__() is False
    with pytest.raises(ValueError, match="lr"):
        detector.set_params(transformer__lr=-1.0).fit(series)
