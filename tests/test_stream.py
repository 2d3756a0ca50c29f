"""Streams: what causal encoding gives, as the time points come."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sklearn_tsrep
from sklearn_tsrep import _stream
from tests.conftest import make_waves, tiny_dmae, tiny_trep

NAN = np.nan
ROOT = Path(sklearn_tsrep.__file__).parents[1]
N_STEPS = 60
FITTED = {
    "trep": tiny_trep(),
    "trep, causal": tiny_trep(causal=True),
    "trep, one tap": tiny_trep(causal=True, kernel_size=1),
    "ts2vec": tiny_trep(time_embedding=None),
    "dmae": tiny_dmae(patch_length=2, max_train_length=20),
}
CASES = [
    *((name, context) for name in FITTED for context in (0, 5, 200)),
    ("trep, causal", None),
    ("trep, one tap", None),
]


def time_points() -> np.ndarray:
    """Return (n_timepoints, n_channels) with missing values, gaps, and gaps in front.

    The first observed time point is the fourth.
    """
    rows = make_waves(1, 3, N_STEPS, seed=1)[0].T
    rows[np.random.default_rng(0).integers(N_STEPS, size=12), 1] = NAN
    rows[:3] = rows[20:24] = rows[30] = NAN
    return rows


for transformer in FITTED.values():
    transformer.fit(np.concatenate([make_waves(5, 3, N_STEPS), time_points().T[None]]))


@pytest.fixture(params=["trep", "dmae"])
def method(request: pytest.FixtureRequest) -> Any:
    return FITTED[request.param]


def expected_of(name: str, context: int | None, **time: Any) -> np.ndarray:
    """Return what `encode_causal` gives, a row a time point."""
    panel = time_points().T[np.newaxis]
    return FITTED[name].encode_causal(panel, context=context, **time)[0].T


def pushed(stream: Any, rows: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Push rows in parts of these sizes, and the rest, and return what came back."""
    bounds = [bound for bound in np.cumsum(sizes) if bound < len(rows)]
    parts = np.split(rows, bounds)
    results = [stream.push(part) for part in parts]
    for part, result in zip(parts, results, strict=True):
        assert result.shape == (len(part), 4)
        assert result.dtype == np.float32
    return np.concatenate(results)


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


# What it gives


@settings(deadline=None, max_examples=60)
@given(
    case=st.sampled_from(CASES),
    sizes=st.lists(st.integers(1, 30), max_size=12),
    rows_at_once=st.sampled_from([1, 7, 2**14]),
)
def test_a_stream_is_causal_encoding_whatever_is_pushed_together(
    case, sizes, rows_at_once
):
    name, context = case
    stream = FITTED[name].stream(context=context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "_ROWS_AT_ONCE", rows_at_once)
        found = pushed(stream, time_points(), sizes)
    assert_near(found, expected_of(name, context))
    assert stream.n_seen_ == N_STEPS - 3


@pytest.mark.parametrize(("name", "context"), CASES)
def test_time_points_may_come_one_by_one(name, context):
    found = pushed(FITTED[name].stream(context=context), time_points(), [1] * N_STEPS)
    assert_near(found, expected_of(name, context))


@pytest.mark.parametrize("make", [partial(tiny_trep, n_blocks=6), tiny_dmae])
def test_a_context_of_200_steps_is_the_default(make):
    rows = make_waves(1, 3, 300)[0].T
    transformer = make().fit(rows.T[np.newaxis])
    default, expected, shorter, longer = (
        transformer.stream(**given).push(rows)
        for given in ({}, {"context": 200}, {"context": 199}, {"context": 201})
    )
    np.testing.assert_array_equal(default, expected)
    for other in (shorter, longer):
        assert not np.array_equal(other, expected)


@pytest.mark.parametrize("sizes", [[], [1, 1], [2, 5], [3, 1], [4]])
def test_nothing_is_represented_before_the_first_value(method, sizes):
    found = pushed(method.stream(context=8), time_points(), sizes)
    assert np.isnan(found[:3]).all()
    assert np.isfinite(found[3:]).all()


def test_time_counts_from_the_first_value(method):
    stream = method.stream()
    stream.push(np.full((40, 3), NAN))
    assert stream.n_seen_ == 0
    rows = time_points()[3:]
    np.testing.assert_array_equal(stream.push(rows), method.stream().push(rows))


@pytest.mark.parametrize("start", [1_000, -7.5, np.int64(12)])
@pytest.mark.parametrize("name", ["trep", "trep, causal", "dmae"])
def test_a_stream_may_start_at_another_time(name, start):
    stream = FITTED[name].stream(context=9, start=start)
    found = pushed(stream, time_points(), [10, 1, 20])
    # The first value is at index 3.
    time = start - 3 + np.arange(N_STEPS)
    assert_near(found, expected_of(name, 9, time=time))
    moved = np.abs(found - expected_of(name, 9))[3:]
    assert (moved.max() > 1e-3) == (name != "dmae")


def test_a_series_can_be_gone_on_with_where_another_stream_ended():
    rows = make_waves(1, 3, N_STEPS)[0].T
    whole = FITTED["trep"].stream(context=6).push(rows)
    later = FITTED["trep"].stream(context=6, start=30)
    assert_near(later.push(rows[30:])[6:], whole[36:])


# What comes in


@pytest.mark.parametrize(
    "container",
    [
        pd.DataFrame,
        lambda rows: pd.DataFrame(rows, columns=list("abc")),
        pl.DataFrame,
        np.ndarray.tolist,
        lambda rows: np.ma.array(np.nan_to_num(rows, nan=99), mask=np.isnan(rows)),
        np.asfortranarray,
    ],
)
def test_time_points_come_in_any_table(method, container):
    stream = method.stream(context=5)
    found = [stream.push(container(rows)) for rows in np.split(time_points(), [25, 26])]
    expected = method.stream(context=5).push(time_points())
    assert_near(np.concatenate(found), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, bool])
def test_time_points_come_in_any_dtype(method, dtype):
    rows = (10 * make_waves(1, 3, 20)[0].T).astype(dtype)
    expected = method.encode_causal(rows.T[np.newaxis], context=5)[0].T
    assert_near(method.stream(context=5).push(rows), expected)


def test_what_is_pushed_is_neither_changed_nor_looked_at_later(method):
    rows = time_points()
    before = rows.copy()
    stream, other = method.stream(context=5), method.stream(context=5)
    stream.push(rows[:30])
    np.testing.assert_array_equal(rows, before)
    other.push(rows[:30].copy())
    rows[:30] = 99
    np.testing.assert_array_equal(stream.push(rows[30:]), other.push(rows[30:]))


def test_streams_of_a_transformer_know_nothing_of_each_other(method):
    rows, state = time_points(), set(vars(method))
    one, other = method.stream(context=5), method.stream(context=5)
    found = []
    for row in rows:
        found.append(one.push(row[np.newaxis]))
        other.push(-row[np.newaxis])
    assert_near(np.concatenate(found), method.stream(context=5).push(rows))
    assert set(vars(method)) == state


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros(3), "Expected 2D array, got 1D array"),
        (np.zeros((1, 3, 5)), "dim 3"),
        (np.zeros((0, 3)), "0 sample"),
        (np.zeros((5, 2)), r"row a time point and 3 columns.*shape \(5, 2\)"),
        (np.zeros((3, 5)), r"row a time point and 3 columns.*shape \(3, 5\)"),
        (np.full((2, 3), np.inf), "X contains infinity"),
        (np.full((2, 3), "high"), "high"),
        (np.full((2, 3), 1e300), "not finite in single precision"),
        (
            np.where(np.arange(40) < 39, 0.0, 1e300).repeat(3).reshape(40, 3),
            "not finite",
        ),
    ],
    ids=lambda value: str(getattr(value, "shape", value)),
)
@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize(
    ("name", "context"), [("trep", 5), ("trep, causal", None), ("dmae", 5)]
)
def test_a_refused_push_leaves_the_stream_as_it_was(
    monkeypatch, name, context, rows, message, is_first
):
    # Of the last one most parts are represented before the part that is refused.
    monkeypatch.setattr(_stream, "_ROWS_AT_ONCE", 16)
    stream, other = (FITTED[name].stream(context=context) for _ in range(2))
    good = time_points()[3:]
    before = 0 if is_first else 20
    if before:
        stream.push(good[:before])
        other.push(good[:before])
    with pytest.raises(ValueError, match=message):
        stream.push(rows)
    assert stream.n_seen_ == before
    np.testing.assert_array_equal(stream.push(good[before:]), other.push(good[before:]))


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        (NAN, ValueError, "start must be at most 16777216, got nan"),
        (-np.inf, ValueError, "start must be at most 16777216, got -inf"),
        (2**24 + 1, ValueError, "start must be at most 16777216"),
        ("noon", TypeError, "start must be an instance of"),
        (None, TypeError, "start must be an instance of"),
        ([3], TypeError, "start must be an instance of"),
    ],
)
def test_a_bad_start_is_named(method, start, error, message):
    with pytest.raises(error, match=message):
        method.stream(start=start)


def test_a_stream_does_not_go_on_with_a_transformer_that_is_fitted_anew(waves):
    transformer = tiny_trep().fit(waves)
    stream = transformer.stream(context=5)
    before = stream.push(waves[0].T)
    transformer.transform(waves)
    transformer.set_params(lr=0.1).fit(waves)
    with pytest.raises(ValueError, match="fitted anew since the stream was made"):
        stream.push(waves[0].T)
    assert stream.n_seen_ == waves.shape[2]
    assert not np.array_equal(transformer.stream(context=5).push(waves[0].T), before)


@pytest.mark.parametrize("make", [tiny_trep, tiny_dmae])
def test_columns_must_be_those_seen_in_fit(make):
    rows = pd.DataFrame(time_points()[3:], columns=list("abc"))
    transformer = make().fit(pd.concat([rows, rows], keys=[0, 1]))
    stream = transformer.stream(context=5)
    stream.push(rows)
    stream.push(rows.to_numpy())
    with pytest.raises(ValueError, match="same order"):
        stream.push(rows[["b", "a", "c"]])
    assert stream.n_seen_ == 2 * len(rows)


def test_columns_of_one_channel_are_no_time_points():
    table = pd.DataFrame(make_waves(5, 1, 20)[:, 0]).rename(columns=str)
    stream = tiny_trep().fit(table).stream(context=5)
    assert stream.push(pd.DataFrame({"load": [1.0, 2.0]})).shape == (2, 4)


# What it keeps


def kept_by(stream: Any) -> list[np.ndarray]:
    """Return the arrays of a stream, and those that they are views of."""
    arrays = [value for value in vars(stream).values() if isinstance(value, np.ndarray)]
    return [array if array.base is None else array.base for array in arrays]


@pytest.mark.parametrize(
    ("name", "context", "n_kept"),
    [
        ("trep", 0, 0),
        ("trep", 9, 9),
        ("trep", 10**9, 14),
        ("dmae", 9, 9),
        ("dmae", 10**9, 19),
    ],
)
def test_no_more_is_kept_than_later_time_points_need(name, context, n_kept):
    stream = FITTED[name].stream(context=context)
    rows = make_waves(1, 3, 500)[0].T
    for begin, stop in [(0, 1), (1, 400), (400, 420), (420, 421), (421, 500)]:
        stream.push(rows[begin:stop])
        (kept,) = kept_by(stream)
        np.testing.assert_array_equal(kept, rows[max(stop - n_kept, 0) : stop])


# Twice the dilation of each convolution, 7 channels wide, and 4 before the last.
@pytest.mark.parametrize(
    ("name", "n_kept"),
    [("trep, causal", 7 * 2 * (1 + 1 + 2 + 2 + 4) + 4 * 2 * 4), ("trep, one tap", 0)],
)
def test_a_causal_network_keeps_what_its_convolutions_read(name, n_kept):
    stream = FITTED[name].stream(context=None)
    for rows in np.split(make_waves(1, 3, 500)[0].T, [3, 100, 101, 300]):
        stream.push(rows)
        assert not stream._before.size
        assert all(kept.base is None for kept in stream._layers)
        assert sum(kept.size for kept in stream._layers) == n_kept


def test_a_pickle_does_not_grow_with_what_was_pushed(method):
    rows = make_waves(1, 3, 3_000)[0].T
    stream = method.stream(context=20)
    stream.push(rows[:100])
    size = len(pickle.dumps(stream))
    for part in np.split(rows[100:], 10):
        stream.push(part)
    assert len(pickle.dumps(stream)) <= size + 16


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
@pytest.mark.parametrize(
    ("name", "context"), [("trep", 9), ("trep, causal", None), ("dmae", 9)]
)
def test_a_stream_goes_on_after_it_was_saved(name, context, way):
    rows = time_points()
    for n_before in (0, 2, 25):
        stream = FITTED[name].stream(context=context, start=7)
        if n_before:
            stream.push(rows[:n_before])
        loaded = way(stream)
        expected = stream.push(rows[n_before:])
        np.testing.assert_array_equal(loaded.push(rows[n_before:]), expected)
        assert loaded.n_seen_ == stream.n_seen_


def test_a_stream_goes_on_in_a_fresh_process(tmp_path):
    rows = time_points()
    stream = FITTED["trep"].stream(context=9)
    stream.push(rows[:30])
    joblib.dump((stream, rows[30:]), tmp_path / "before.joblib")
    code = (
        "import sys, joblib\n"
        "stream, rows = joblib.load(sys.argv[1] + '/before.joblib')\n"
        "assert 'torch' not in sys.modules\n"
        "joblib.dump(stream.push(rows), sys.argv[1] + '/after.joblib')\n"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path)]
    subprocess.run(arguments, cwd=ROOT, check=True)
    found = joblib.load(tmp_path / "after.joblib")
    assert_near(found, stream.push(rows[30:]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trep", "context=None needs a causal network"),
        ("dmae", "no causal network of DMAE"),
    ],
)
def test_all_steps_before_are_for_causal_networks(name, message):
    with pytest.raises(ValueError, match=message):
        FITTED[name].stream(context=None)
