"""AMAD: what its parameters do, and that the shared engine serves it."""

import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
import skops.io
import torch
from sklearn.metrics import average_precision_score

from sklearn_tsrep.losses.amad import cross_attention_divergence
from tests.conftest import assert_same_weights, tiny_amad

NAN = np.nan
MIB = 2**20


def make_series(n_timepoints=80, n_channels=3, seed=0):
    rng = np.random.default_rng(seed)
    steps = np.arange(n_timepoints)[:, np.newaxis]
    waves = np.sin(steps * rng.uniform(0.2, 1.0, n_channels))
    return waves + 0.1 * rng.normal(size=waves.shape)


@pytest.fixture
def series():
    return make_series()


def test_it_finds_a_channel_that_leaves_the_others():
    rng = np.random.default_rng(0)
    wave = np.sin(0.3 * np.arange(900)) + 0.3 * rng.normal(size=900)
    X = wave[:, np.newaxis] * [1, -1, 1, -1, 1, -1] + 0.1 * rng.normal(size=(900, 6))
    later, is_odd = X[600:].copy(), np.zeros(300, dtype=bool)
    for start in (60, 200):
        later[start : start + 10, 0] *= -1
        is_odd[start : start + 10] = True
    trained, untrained = (
        tiny_amad(d_model=4, batch_size=16, lr=1e-2, **budget).fit(X[:600])
        for budget in ({"max_steps": 150}, {"max_epochs": 0})
    )
    found, by_chance = (
        average_precision_score(is_odd, -detector.score_samples(later))
        for detector in (trained, untrained)
    )
    assert found > by_chance + 0.3


ABLATIONS = {
    "transformer": ({"automask": False}, {"reconstruction"}),
    "automask alone": (
        {"min_phase": False, "max_phase": False, "contrast": False},
        {"reconstruction"},
    ),
    "contrast": (
        {"min_phase": False, "max_phase": False},
        {"reconstruction", "contrast"},
    ),
    "max": ({"min_phase": False}, {"reconstruction", "divergence", "contrast"}),
    "min": ({"max_phase": False}, {"reconstruction", "divergence", "contrast"}),
    "phases": ({"contrast": False}, {"reconstruction", "divergence"}),
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_parts_switch_off_one_by_one(series, name):
    parameters, terms = ABLATIONS[name]
    detector = tiny_amad(**parameters).fit(series)
    assert {f"{term}_loss" for term in terms} == {
        column for column in detector.history_ if column.endswith("_loss")
    } - {"train_loss"}
    assert np.isfinite(detector.score_samples(series)).all()
    full = tiny_amad().fit(series)
    assert detector.loss_curve_ != full.loss_curve_


@pytest.mark.parametrize(
    "parameters",
    [
        {"automask_projection": "own"},
        {"frequency_init": "ones", "d_model": 8, "n_heads": 2},
        {"attention_scale": "model"},
        {"alpha": 0.3},
        {"divergence_weight": -3.0},
        {"contrast_temperature": 0.35},
        {"reduction": "sum"},
        {"dropout": 0.5},
        {"n_layers": 2},
        {"precision": "bfloat16"},
        {"scale": False},
        {"error": "squared"},
        {"smoothing": 9},
        {"temperature": 50.0},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_parameters_matter(series, parameters):
    usual = {"d_model": 8, "n_heads": 2, "max_steps": 6}
    one, other = tiny_amad(**usual), tiny_amad(**usual | parameters)
    assert not np.array_equal(
        one.fit(series).score_samples(series), other.fit(series).score_samples(series)
    )


def test_the_score_is_the_error_weighted_by_the_divergence(series):
    # One window is the whole series: nothing is averaged.
    detector = tiny_amad(
        window_length=80, error="squared", temperature=5.0, smoothing=1
    ).fit(series)
    scaled = ((series - detector.mean_) / detector.scale_).astype(np.float32)
    batch = detector._reader(detector._read(series, None, None).panel).read(
        np.array([0]), np.array([0]), np.array([80])
    )
    with torch.no_grad():
        outputs = detector.module_(batch)
        divergence = cross_attention_divergence(outputs.maps)[0].numpy()
    errors = np.square(outputs.values[0].numpy() - scaled).mean(axis=1)
    weights = np.exp(-5.0 * divergence)
    expected = -errors * 80 * weights / weights.sum()
    np.testing.assert_allclose(detector.score_samples(series), expected, rtol=1e-3)
    detector.set_params(temperature=0.0)
    np.testing.assert_allclose(detector.score_samples(series), -errors, rtol=1e-3)
    detector.set_params(error="absolute")
    differences = np.abs(outputs.values[0].numpy() - scaled).mean(axis=1)
    np.testing.assert_allclose(detector.score_samples(series), -differences, rtol=1e-3)


def test_scores_are_averaged_within_their_series(series):
    detector = tiny_amad(smoothing=1).fit(series)
    rough = detector.score_samples(series, lengths=[50, 30])
    detector.set_params(smoothing=5)
    smooth = detector.score_samples(series, lengths=[50, 30])
    np.testing.assert_allclose(smooth[10], rough[8:13].mean())
    np.testing.assert_allclose(smooth[49], rough[47:50].mean())
    np.testing.assert_allclose(smooth[50], rough[50:53].mean())


def test_overlapping_windows_are_averaged(series):
    detector = tiny_amad(stride=8, smoothing=1).fit(series[:16])
    first, second = (detector.score_samples(series[s : s + 8]) for s in (0, 8))
    between = detector.score_samples(series[4:12])
    detector.set_params(stride=4)
    scores = detector.score_samples(series[:16])
    np.testing.assert_allclose(scores[:4], first[:4], rtol=1e-5)
    np.testing.assert_allclose(scores[4:8], (first[4:] + between[:4]) / 2, rtol=1e-5)
    np.testing.assert_allclose(scores[12:], second[4:], rtol=1e-5)


def test_a_shorter_series_is_not_scored_higher():
    series = make_series(400)
    detector = tiny_amad(window_length=40, max_steps=20).fit(series)
    long = np.median(detector.score_samples(series))
    short = np.median([detector.score_samples(series[s : s + 15]) for s in (0, 90)])
    assert 0.3 < short / long < 3


def test_the_attention_of_a_window(series):
    detector = tiny_amad(n_layers=2, d_model=8, n_heads=2).fit(series)
    maps = detector.attention(series)
    assert maps.global_attention.shape == maps.automask_attention.shape == (2, 2, 8, 8)
    assert maps.divergence.shape == (2, 8)
    for shares in (maps.global_attention, maps.automask_attention):
        np.testing.assert_allclose(shares.sum(axis=-1), 1, rtol=1e-5)
    last = detector.attention(series, start=72)
    np.testing.assert_array_equal(maps.divergence, last.divergence)
    first = detector.attention(series, start=0)
    assert not np.allclose(first.divergence, last.divergence)
    assert detector.attention(series[:5]).divergence.shape == (2, 5)


def test_attention_that_is_not_there_is_an_error(series):
    detector = tiny_amad().fit(series)
    with pytest.raises(ValueError, match=r"between 0 and 72 in 80 .*got 73"):
        detector.attention(series, start=73)
    with pytest.raises(ValueError, match="automask=False"):
        tiny_amad(automask=False).fit(series).attention(series)


def test_widths_that_do_not_fit_are_an_error(series):
    with pytest.raises(ValueError, match=r"d_model=6 and n_heads=2"):
        tiny_amad(d_model=6, n_heads=2).fit(series)


def test_early_stopping_holds_the_end_of_the_series_back(series):
    detector = tiny_amad(
        early_stopping=True,
        validation_fraction=0.3,
        max_epochs=20,
        n_iter_no_change=2,
        tol=1000.0,
    ).fit(series)
    assert detector.n_iter_ == 3
    assert "valid_loss" in detector.history_
    np.testing.assert_allclose(
        detector.history_["valid_loss"], detector.history_["valid_reconstruction_loss"]
    )
    with pytest.raises(ValueError, match="early_stopping=True needs windows"):
        tiny_amad(early_stopping=True).fit(series[:12])


def test_going_on_is_bit_equal_to_not_having_stopped(series):
    whole = tiny_amad(max_epochs=6).fit(series)
    halted = tiny_amad(max_epochs=3, warm_start=True).fit(series)
    halted.fit(series)
    assert_same_weights(whole, halted)
    partial = tiny_amad(max_epochs=3).partial_fit(series).partial_fit(series)
    assert_same_weights(whole, partial)
    assert partial.offset_ == whole.offset_


def test_partial_fit_keeps_the_channels(series):
    detector = tiny_amad().partial_fit(series)
    with pytest.raises(ValueError, match="X has 2 features"):
        detector.partial_fit(series[:, :2])
    with pytest.raises(ValueError, match=r"another network: width"):
        detector.set_params(d_model=8).partial_fit(series)


def through_joblib(detector, folder):
    joblib.dump(detector, folder / "detector.joblib")
    return joblib.load(folder / "detector.joblib")


def through_skops(detector, folder):
    skops.io.dump(detector, folder / "detector.skops")
    trusted = skops.io.get_untrusted_types(file=folder / "detector.skops")
    assert trusted == ["sklearn_tsrep._amad.AMADDetector"]
    return skops.io.load(folder / "detector.skops", trusted=trusted)


@pytest.mark.parametrize(
    "way", [lambda d, _: pickle.loads(pickle.dumps(d)), through_joblib, through_skops]
)
def test_loaded_detectors_give_the_same_bits(series, tmp_path, way):
    detector = tiny_amad(warm_start=True).fit(series)
    loaded = way(detector, tmp_path)
    np.testing.assert_array_equal(
        loaded.decision_function(series), detector.decision_function(series)
    )
    assert_same_weights(loaded.fit(series), detector.fit(series))


@pytest.mark.parametrize("parameters", [{}, {"dropout": 0.3}, {"early_stopping": True}])
def test_fits_give_the_same_bits_and_leave_generators_alone(parameters):
    series = make_series(120)
    # The global generators, which NumPy calls legacy, are what is looked at.
    state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    first = tiny_amad(**parameters).fit(series).score_samples(series)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_equal(np.random.get_state(), numpy_state)  # noqa: NPY002
    second = tiny_amad(**parameters).fit(series).score_samples(series)
    np.testing.assert_array_equal(first, second)
    other = tiny_amad(random_state=1, **parameters).fit(series).score_samples(series)
    assert not np.array_equal(first, other)


def test_the_global_map_starts_without_training(series):
    untrained = tiny_amad(max_epochs=0).fit(series)
    assert untrained.loss_curve_ == []
    assert np.isfinite(untrained.decision_function(series)).all()


def test_scoring_takes_little_memory():
    X = np.zeros((200_000, 4), dtype=np.float32)
    X[:300] = make_series(300, 4)
    detector = tiny_amad(stride=8).fit(X[:300])
    tracemalloc.start()
    try:
        detector.score_samples(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Scores, counts and bounds of windows; nothing of the size of the maps.
    assert peak < 16 * MIB


def test_progress_is_shown_where_asked_for(series, capsys):
    tiny_amad(verbose=True).fit(series).score_samples(series)
    assert "Scoring" in capsys.readouterr().err
    tiny_amad().fit(series).score_samples(series)
    assert capsys.readouterr().err == ""
