"""Causal encoding: each step from a window that ends there, through the front door."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from sklearn_tsrep.data.containers import as_panel
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.training import inference
from tests.conftest import make_waves, tiny_dmae, tiny_trep
from tests.test_memory import RESET, resident_peak_of

NAN = np.nan
FIRST = 4  # observed step of the series below
N_STEPS = 70
FITTED = {
    "trep": tiny_trep(),
    "trep, causal": tiny_trep(causal=True),
    "trep, any missing": tiny_trep(missing="any", kernel_size=4),
    "trep, far": tiny_trep(n_blocks=6, time_embedding="mlp"),
    "ts2vec": tiny_trep(time_embedding=None),
    "dmae": tiny_dmae(patch_length=3),
    "dmae, student": tiny_dmae(encoder="student", patch_length=1, max_steps=9),
    "dmae, short windows": tiny_dmae(patch_length=2, max_train_length=20),
}


def series_with_gaps() -> np.ndarray:
    """Return a panel of one series: padding, gaps of some lengths, missing values."""
    X = make_waves(1, 3, N_STEPS, seed=1)
    X[0, 1:, np.random.default_rng(0).integers(N_STEPS, size=25)] = NAN
    X[0, :, :FIRST] = X[0, :, 11] = X[0, :, 20:23] = X[0, :, 40:55] = NAN
    X[0, :, -2:] = NAN
    return X


for transformer in FITTED.values():
    transformer.fit(np.concatenate([make_waves(5, 3, N_STEPS), series_with_gaps()]))


@pytest.fixture(params=FITTED)
def fitted(request: pytest.FixtureRequest) -> Any:
    return FITTED[request.param]


@pytest.fixture(params=["trep", "dmae"])
def method(request: pytest.FixtureRequest) -> Any:
    return FITTED[request.param]


def indices_of(window: slice) -> np.ndarray:
    """Return how many steps after the first observed one those of a window are."""
    return np.arange(window.start, window.stop) - FIRST


def windows_of(context: int) -> list[slice]:
    return [slice(max(end - context, FIRST), end + 1) for end in range(FIRST, N_STEPS)]


def encoded_whole(fitted: Any, window: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Encode a window whose steps without a value are gaps, also at its ends."""
    panel = Panel(window, np.array([0]), np.array([window.shape[2]]))
    return fitted._represented(fitted._encoder(), panel, time)[0]


# What it is


@pytest.mark.parametrize("context", [0, 1, 5, 17, 60, 200])
def test_each_step_has_what_encode_gives_the_last_step_of_its_window(fitted, context):
    X = series_with_gaps()
    causal = fitted.encode_causal(X, context=context)[0]
    n_compared = 0
    for window in windows_of(context):
        piece = X[:, :, window]
        # What `encode` takes for padding is a gap here.
        if not np.isnan(piece[0, :, [0, -1]]).all(axis=1).any():
            encoded = fitted.encode(piece, time=indices_of(window))[0, :, -1]
            found = causal[:, window.stop - 1]
            np.testing.assert_allclose(found, encoded, rtol=0, atol=1e-5)
            n_compared += 1
    assert n_compared > 25


@pytest.mark.parametrize("context", [0, 1, 5, 17, 60, 200])
def test_steps_without_a_value_are_gaps_also_at_the_ends_of_a_window(fitted, context):
    X = series_with_gaps()
    causal = fitted.encode_causal(X, context=context)[0]
    assert np.isnan(causal[:, :FIRST]).all()
    for window in windows_of(context):
        encoded = encoded_whole(fitted, X[:, :, window], indices_of(window))
        found = causal[:, window.stop - 1]
        np.testing.assert_allclose(found, encoded[:, -1], rtol=0, atol=1e-5)


def test_context_matters_as_far_as_the_network_sees(fitted):
    X = series_with_gaps()[:, :, FIRST:]
    contexts = (0, 3, 15, 200, 10**9)
    none, few, more, most, endless = (
        fitted.encode_causal(X, context=context) for context in contexts
    )
    assert np.abs(few - none).max() > 1e-4
    assert np.abs(more - few).max() > 1e-4
    np.testing.assert_allclose(endless, most, rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", [partial(tiny_trep, n_blocks=6), tiny_dmae])
def test_a_context_of_200_steps_is_the_default(make):
    X = make_waves(1, 3, 300)
    transformer = make().fit(X)
    default, expected, shorter, longer = (
        transformer.encode_causal(X, **given)
        for given in ({}, {"context": 200}, {"context": 199}, {"context": 201})
    )
    np.testing.assert_array_equal(default, expected)
    for other in (shorter, longer):
        assert not np.array_equal(other, expected)


def test_a_causal_network_has_what_encode_gives(waves):
    X = np.concatenate([waves[:, :, :3] * NAN, waves], axis=2)
    X[3, :, 9:14] = X[4, 1, 20] = NAN
    transformer = tiny_trep(causal=True).fit(X)
    whole = transformer.encode(X)
    causal = transformer.encode_causal(X, context=None)
    np.testing.assert_array_equal(causal, whole)
    reach = transformer.module_.encoder.reach[0]
    in_windows = transformer.encode_causal(X, context=reach)
    np.testing.assert_allclose(in_windows, whole, rtol=0, atol=1e-5)
    shorter = transformer.encode_causal(X, context=3)
    assert np.nanmax(np.abs(shorter - whole)) > 1e-4


# What it does not see


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(list(FITTED)),
    begin=st.integers(FIRST + 1, N_STEPS - 1),
    change=st.sampled_from([1e3, -5.0, NAN]),
    context=st.sampled_from([0, 4, 30, 200]),
)
def test_no_later_value_changes_what_came_before(name, begin, change, context):
    X = series_with_gaps()
    before = FITTED[name].encode_causal(X, context=context)
    changed = X.copy()
    changed[:, :, begin:] = np.nan_to_num(X[:, :, begin:]) + change
    after = FITTED[name].encode_causal(changed, context=context)
    np.testing.assert_array_equal(after[:, :, :begin], before[:, :, :begin])
    shorter = FITTED[name].encode_causal(X[:, :, :begin], context=context)
    np.testing.assert_allclose(shorter, before[:, :, :begin], rtol=0, atol=1e-5)


def test_no_value_before_the_context_matters(fitted):
    X = series_with_gaps()
    before = fitted.encode_causal(X, context=6)
    X[:, :, : FIRST + 10] += 5
    after = fitted.encode_causal(X, context=6)
    start = FIRST + 10 + 6
    np.testing.assert_array_equal(after[:, :, start:], before[:, :, start:])
    at_the_border = np.abs(after - before)[:, :, FIRST + 10 : start]
    assert at_the_border.max() > 1e-4


# Panels


def test_a_gap_that_may_not_end_is_represented(method):
    X = make_waves(2, 3, 30)
    X[0, :, :5] = X[0, :, 20:] = NAN
    causal = method.encode_causal(X, context=8)
    assert np.isnan(causal[0, :, :5]).all()
    assert np.isfinite(causal[0, :, 5:]).all()
    assert np.isnan(method.encode(X)[0, :, 20:]).all()


def test_series_of_unequal_lengths_are_as_by_themselves(method, ragged):
    together = method.encode_causal(ragged, context=7)
    assert [one.shape for one in together] == [(4, s.shape[1]) for s in ragged]
    assert all(one.dtype == np.float32 for one in together)
    for series, found in zip(ragged, together, strict=True):
        alone = method.encode_causal([series], context=7)
        np.testing.assert_array_equal(alone[0], found)


def test_series_of_a_batch_are_as_by_themselves(fitted):
    X = make_waves(6, 3, N_STEPS, seed=2)
    X[1] = series_with_gaps()
    together = fitted.encode_causal(X, context=9)
    assert together.shape == (6, 4, N_STEPS)
    assert together.dtype == np.float32
    for series, found in zip(X, together, strict=True):
        alone = fitted.encode_causal(series[np.newaxis], context=9)
        np.testing.assert_array_equal(alone[0], found)


def test_other_containers_give_the_same(method):
    X = make_waves(2, 3, 20)
    expected = method.encode_causal(X, context=5)
    frames = [pd.DataFrame(series.T) for series in X]
    for panel in (list(X), frames, pd.concat(frames, keys=[0, 1])):
        found = method.encode_causal(panel, context=5)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("make", [tiny_trep, tiny_dmae])
def test_a_table_holds_univariate_series(make):
    X = make_waves(5, 1, 20)
    transformer = make().fit(X[:, 0])
    found = transformer.encode_causal(X[:, 0], context=5)
    np.testing.assert_array_equal(found, transformer.encode_causal(X, context=5))


@pytest.mark.parametrize("make", [tiny_trep, tiny_dmae])
def test_a_series_without_a_value_has_no_representation(make, waves):
    transformer = make(on_empty="nan").fit(waves)
    waves[2] = NAN
    causal = transformer.encode_causal(waves, context=5)
    assert np.isnan(causal[2]).all()
    assert np.isfinite(np.delete(causal, 2, axis=0)).all()
    with pytest.raises(ValueError, match=r"without any value.*index 2"):
        transformer.set_params(on_empty="raise").encode_causal(waves)


def test_neither_the_panel_nor_the_transformer_is_changed(fitted):
    X = series_with_gaps()
    before = X.copy()
    X.flags.writeable = False
    features, state = fitted.transform(X), set(vars(fitted))
    fitted.encode_causal(X, context=5)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(fitted.transform(X), features)
    assert set(vars(fitted)) == state


# Time


def test_time_counts_from_the_first_observed_step_by_default(fitted):
    X = series_with_gaps()
    time = np.arange(N_STEPS) - FIRST
    for encode in (fitted.encode, fitted.encode_causal):
        np.testing.assert_array_equal(encode(X, time=time), encode(X))


@pytest.mark.parametrize("name", ["encode", "encode_causal"])
def test_time_is_that_of_each_step(name):
    X = make_waves(2, 3, N_STEPS)
    encode = getattr(FITTED["trep"], name)
    whole = encode(X)
    # Behind the reach of the first steps, a part at its time is as in the whole.
    late = encode(X[:, :, 20:], time=np.arange(20, N_STEPS))
    np.testing.assert_allclose(late[:, :, 14:], whole[:, :, 34:], rtol=0, atol=1e-5)
    assert np.abs(encode(X[:, :, 20:]) - whole[:, :, 20:])[:, :, 14:].max() > 1e-3
    uneven = np.arange(N_STEPS) + 0.5 * (np.arange(N_STEPS) >= 60)
    changed = np.abs(encode(X, time=uneven) - whole).max(axis=(0, 1)) > 1e-4
    reach = 14 if name == "encode" else 0
    assert not changed[: 60 - reach].any()
    assert changed[60:].all()


@pytest.mark.parametrize("name", ["encode", "encode_causal"])
def test_series_of_unequal_lengths_share_their_time(name):
    waves = make_waves(2, 3, 30)
    waves[0, :, :5] = NAN
    encode = getattr(FITTED["trep"], name)
    time = 100 + np.arange(30) ** 1.1
    longer, shorter = encode([waves[0], waves[1, :, :12]], time=time)
    np.testing.assert_array_equal(longer, encode(waves[:1], time=time)[0])
    alone = encode(waves[1:, :, :12], time=time[:12])
    np.testing.assert_array_equal(shorter, alone[0])


@pytest.mark.parametrize("name", ["ts2vec", "dmae"])
def test_time_has_no_effect_without_an_embedding(name):
    X = series_with_gaps()
    for encode in (FITTED[name].encode, FITTED[name].encode_causal):
        time = np.arange(N_STEPS) ** 2
        np.testing.assert_array_equal(encode(X, time=time), encode(X))


@pytest.mark.parametrize(
    "container", [list, pd.Series, pd.Index, lambda time: time.astype(np.float32)]
)
def test_time_may_come_in_other_containers(container):
    X, time = make_waves(2, 3, N_STEPS), np.arange(N_STEPS) + 7
    for encode in (FITTED["trep"].encode, FITTED["trep"].encode_causal):
        found = encode(X, time=container(time))
        np.testing.assert_array_equal(found, encode(X, time=time))


# Long series


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_MIN_STEPS_A_PIECE", 1_000)
    monkeypatch.setattr(inference, "_MIN_OVERLAPS_A_PIECE", 1)


@pytest.mark.parametrize("context", [0, 13, 150])
@pytest.mark.usefixtures("short_pieces")
def test_a_long_series_is_encoded_in_pieces(method, context):
    X = make_waves(1, 3, 5_000)
    X[0, 1, ::7] = X[0, :, 2_480:2_530] = NAN
    panel, encoder = as_panel(X), method._causal_encoder(context)
    batch = method._reader(panel).read(np.array([0]), panel.starts, panel.stops)
    at_once, _ = encoder(batch)
    found = method.encode_causal(X, context=context)[0].T
    np.testing.assert_allclose(found, at_once[0].detach(), rtol=0, atol=1e-5)
    time = 1_000 - np.arange(5_000) / 5
    reader = method._reader(panel).at(time)
    at_once, _ = encoder(reader.read(np.array([0]), panel.starts, panel.stops))
    found = method.encode_causal(X, context=context, time=time)[0].T
    np.testing.assert_allclose(found, at_once[0].detach(), rtol=0, atol=1e-5)


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="needs Linux")
@pytest.mark.parametrize("context", [20, 10**7])
def test_the_causal_representation_is_written_piece_by_piece(context):
    X = make_waves(1, 1, 2**19).astype(np.float32)
    transformer = tiny_trep(n_latents=64, n_blocks=1).fit(X[:, :, :50])

    def encode(X: np.ndarray) -> Any:
        return transformer.encode_causal(X, context=context)

    encode(X[:, :, :50_000])
    representation = 64 * 4 * 2**19
    assert resident_peak_of(encode, X) < 2 * representation


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="needs Linux")
def test_windows_of_a_long_series_are_never_held_together():
    X = make_waves(1, 1, 10_000)
    transformer = tiny_dmae(n_latents=16, patch_length=1).fit(X[:, :, :400])

    def encode(X: np.ndarray) -> Any:
        return transformer.encode_causal(X, context=50)

    encode(X[:, :, :1_000])
    # All windows together take 30 MiB in each of several arrays.
    assert resident_peak_of(encode, X) < 25 * 2**20


# What hides from itself


@pytest.mark.parametrize("context", [0, 5, 60])
@pytest.mark.parametrize("hide", ["all", 1])
def test_a_hidden_step_is_missing_at_the_end_of_its_window(fitted, context, hide):
    X = series_with_gaps()
    hidden = fitted.encode_causal(X, context=context, hide=hide)[0]
    for window in windows_of(context)[::3]:
        piece = X[:, :, window].copy()
        piece[:, slice(None) if hide == "all" else hide, -1] = NAN
        encoded = encoded_whole(fitted, piece, indices_of(window))
        found = hidden[:, window.stop - 1]
        np.testing.assert_allclose(found, encoded[:, -1], rtol=0, atol=1e-5)


def test_what_a_step_says_changes_nothing_once_hidden(method):
    X = make_waves(1, 3, 30)
    expected = method.encode_causal(X, context=8, hide="all")[0]
    X[0, :, 20] += 5
    found = method.encode_causal(X, context=8, hide="all")[0]
    np.testing.assert_array_equal(found[:, :21], expected[:, :21])
    assert not np.allclose(found[:, 21], expected[:, 21])


@pytest.mark.parametrize("hide", ["last", 3, -1, 1.0, True])
def test_what_can_not_be_hidden_is_named(method, waves, hide):
    with pytest.raises(ValueError, match=f"channel from 0 to 2, got {hide!r}"):
        method.encode_causal(waves, hide=hide)


def test_hiding_needs_a_context(waves):
    causal = FITTED["trep, causal"]
    with pytest.raises(ValueError, match="hide needs a context"):
        causal.encode_causal(waves, context=None, hide="all")


# Errors


@pytest.mark.parametrize(
    ("context", "error", "message"),
    [
        (-1, ValueError, "context == -1, must be >= 0"),
        (2.5, TypeError, "context must be an instance of int"),
        ("all", TypeError, "context must be an instance of int"),
        (None, ValueError, "context.*None"),
    ],
)
def test_a_bad_context_is_named(method, waves, context, error, message):
    for call in (
        lambda: method.encode_causal(waves, context=context),
        lambda: method.stream(context=context),
    ):
        with pytest.raises(error, match=message):
            call()


def test_a_context_of_a_numpy_type_is_a_number(method, waves):
    expected = method.encode_causal(waves, context=5)
    found = method.encode_causal(waves, context=np.int64(5))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("time", "error", "message"),
    [
        (np.arange(23), ValueError, "one index a time point, got 23 for .* 24"),
        (np.arange(25), ValueError, "one index a time point, got 25 for .* 24"),
        (np.zeros((24, 2)), ValueError, "1d array"),
        (np.full(24, NAN), ValueError, "time contains NaN"),
        (np.full(24, np.inf), ValueError, "time contains infinity"),
        (["noon"] * 24, ValueError, "strings"),
        (np.arange(24).astype("datetime64[h]"), ValueError, "numbers.*no dates"),
        (pd.date_range("2024", periods=24), ValueError, "numbers.*no dates"),
        (np.arange(24).astype("timedelta64[s]"), ValueError, "numbers.*no dates"),
        (np.arange(24) > 3, ValueError, "numbers.*got bool"),
        (np.arange(24) + 2**24, ValueError, "at most 16777216"),
        (-1e10 * np.arange(24), ValueError, "at most 16777216"),
        (3.0, TypeError, "at least 1 dimension"),
    ],
)
def test_a_bad_time_is_named(method, waves, time, error, message):
    for encode in (method.encode, method.encode_causal):
        with pytest.raises(error, match=message):
            encode(waves, time=time)


def test_a_bad_panel_is_refused(method, waves):
    with pytest.raises(ValueError, match="X has 2 channels"):
        method.encode_causal(waves[:, :2])
    with pytest.raises(ValueError, match=r"infinite value \(inf\)"):
        method.encode_causal(waves + np.inf)
    with pytest.raises(ValueError, match="not finite in single precision"):
        method.encode_causal(waves + 1e300 * (np.arange(24) == 20))


@pytest.mark.parametrize("make", [tiny_trep, tiny_dmae])
def test_it_must_be_fitted(make, waves):
    with pytest.raises(NotFittedError):
        make().encode_causal(waves)
    with pytest.raises(NotFittedError):
        make().stream()
