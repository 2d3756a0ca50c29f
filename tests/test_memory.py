"""Memory: long series and memory maps are worked on in pieces."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sklearn_tsrep.data.containers import as_panel
from sklearn_tsrep.training import inference
from tests.conftest import make_waves, tiny_dmae, tiny_trep
from tests.features.test_pooling import plain_pool

NAN = np.nan
MIB = 2**20
POOLINGS = ["max", "mean", "last", "segments", "multiscale"]
N_VALUES = 64 * MIB
N_CHANNELS = 512
N_STEPS = 2**15


# Memory maps


def sparse_map(path: Path, shape: tuple[int, ...], dtype: str) -> np.memmap:
    """Return a read-only map of a file that takes next to nothing of the disk."""
    values = np.memmap(path, dtype=dtype, mode="w+", shape=shape)
    values[0, ..., :100] = 1
    values[-1, ..., -9:] = 1
    if values.dtype.kind == "f":
        values[0, ..., 50:60] = NAN
    values.flush()
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)


def peak_of(function: Callable[[Any], Any], X: Any) -> int:
    """Return the most bytes that arrays take during a call.

    numpy reports its arrays to tracemalloc, memory maps not among them.
    """
    tracemalloc.start()
    try:
        function(X)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


CHANNELS_FIRST = (4, N_CHANNELS, N_STEPS)
TIME_FIRST = (4, N_STEPS, N_CHANNELS)
CONTAINERS: dict[str, tuple[tuple[int, ...], str, Callable[[np.memmap], Any]]] = {
    "array": (CHANNELS_FIRST, "float32", lambda X: X),
    "half precision": (CHANNELS_FIRST, "float16", lambda X: X),
    "time first": (TIME_FIRST, "int16", lambda X: X.transpose(0, 2, 1)),
    "list": (CHANNELS_FIRST, "float32", list),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_memory_maps_are_never_copied_whole(container, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "_MIN_STEPS_A_PIECE", 2**11)
    shape, dtype, view = CONTAINERS[container]
    X = view(sparse_map(tmp_path / "panel", shape, dtype))
    transformer = tiny_trep(max_steps=1, batch_size=1, n_blocks=0)
    waves = make_waves(2, N_CHANNELS, 9)
    transformer.fit(waves).transform(waves)  # what is imported is no array
    # A mask with a byte a value would already be too much.
    assert peak_of(transformer.fit, X) < N_VALUES / 2
    assert peak_of(transformer.transform, X) < N_VALUES / 2
    if container == "array":
        assert peak_of(transformer.encode, X) < N_VALUES / 2


def test_a_table_that_is_a_memory_map_is_never_copied_whole(tmp_path):
    X = sparse_map(tmp_path / "table", (256, N_VALUES // 256), "float32")
    transformer = tiny_trep(max_steps=1, batch_size=1, n_blocks=0)
    transformer.fit(make_waves(2, 1, 9)[:, 0])
    assert peak_of(transformer.fit, X) < N_VALUES / 2


def test_memory_maps_give_the_features_of_arrays(tmp_path):
    X = make_waves(6, 3, 40)
    X[1, :, :7] = X[2, 1, 9:12] = NAN
    X.tofile(tmp_path / "waves")
    mapped = np.memmap(tmp_path / "waves", X.dtype, mode="r", shape=X.shape)
    transformer = tiny_trep()
    expected = transformer.fit_transform(X)
    for panel in (mapped, list(mapped)):
        np.testing.assert_array_equal(transformer.fit_transform(panel), expected)


# Long series


@pytest.fixture(scope="module")
def long_series() -> np.ndarray:
    """Return 2 channels of 100,000 steps with padding, gaps and missing values."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1, 2, 100_000)).cumsum(axis=2) / 100
    X[0, 1, rng.integers(100_000, size=9_000)] = NAN
    X[:, :, 24_990:25_030] = X[:, :, 60_000:61_000] = NAN
    X[:, :, :7] = X[:, :, -3_000:] = NAN
    return X


def encoded_at_once(transformer: Any, X: np.ndarray) -> np.ndarray:
    """Return (n_timepoints, n_latents), padding left out."""
    panel, first = as_panel(X), np.array([0])
    batch = transformer._reader(panel).read(first, panel.starts, panel.stops)
    return transformer.module_.encoder(batch)[0][0].numpy()


@pytest.mark.parametrize("causal", [False, True])
def test_a_long_series_has_the_features_of_its_representation(long_series, causal):
    transformer = tiny_trep(causal=causal, n_blocks=6, n_segments=7).fit(long_series)
    at_once = encoded_at_once(transformer, long_series)
    encoded = transformer.encode(long_series)[0].T
    assert np.isnan(encoded[:7]).all()
    assert np.isnan(encoded[-3_000:]).all()
    np.testing.assert_allclose(encoded[7:-3_000], at_once, rtol=0, atol=1e-5)
    assert transformer._n_scales == 17
    for name in POOLINGS:
        features = transformer.set_params(pooling=name).transform(long_series)
        expected = plain_pool(at_once, name, 7, 17)
        np.testing.assert_allclose(features[0], expected, rtol=0, atol=1e-5)


def test_long_and_short_series_have_the_bits_that_they_have_alone(long_series):
    short = make_waves(5, 2, 30)
    panel = [*short[:2], long_series[0], *short[2:], long_series[0, :, :40_000]]
    transformer = tiny_trep(pooling=POOLINGS).fit(panel)
    together = transformer.transform(panel)
    for place in (2, 6):
        alone = transformer.transform([panel[place]])
        np.testing.assert_array_equal(alone[0], together[place])


RESET = Path("/proc/self/clear_refs")


def resident_peak_of(function: Callable[[Any], Any], X: Any) -> int:
    """Return by how many bytes the memory of this process grows during a call."""
    RESET.write_text("5")
    before = status_of("VmRSS:")
    function(X)
    return status_of("VmHWM:") - before


def status_of(entry: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) * 1024 for x in lines if x.startswith(entry))


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="needs Linux")
def test_the_representation_of_a_long_series_is_never_held_whole():
    X = make_waves(1, 1, 2**20).astype(np.float32)
    transformer = tiny_trep(n_latents=64, n_blocks=0, pooling=POOLINGS)
    transformer.fit(X[:, :, :50]).transform(X[:, :, :50_000])
    representation = 64 * 4 * 2**20
    assert resident_peak_of(transformer.transform, X) < representation / 2
    assert resident_peak_of(transformer.encode, X) < 1.5 * representation


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="needs Linux")
@pytest.mark.parametrize("method", ["transform", "impute"])
def test_attention_never_goes_over_a_long_series_at_once(method):
    X = make_waves(1, 1, 20_000)
    X[0, 0, 5_000:5_700] = NAN
    transformer = tiny_dmae(n_latents=64, patch_length=1, pooling=POOLINGS)
    compute = getattr(transformer.fit(X[:, :, :1_000]), method)
    compute(X[:, :, :1_000])
    # Windows take 15 MiB at most, and all tokens at once 40 at least.
    assert resident_peak_of(compute, X) < 25 * MIB
