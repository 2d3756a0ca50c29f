"""Memory: long series and memory maps are worked on in pieces."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter1d

from sklearn_tsrep import TRepTransformer
from sklearn_tsrep.data.panel import Panel
from tests.conftest import make_waves, tiny_trep

MIB = 2**20
FILE_SIZE = 400 * MIB
POOLINGS = ["max", "mean", "last", "segments", "multiscale"]

# Memory maps


def sparse_map(path: Path, shape: tuple[int, ...], dtype: str) -> np.memmap:
    """Return a memory map of a file that takes little of the disk."""
    values = np.memmap(path, dtype=dtype, mode="w+", shape=shape)
    values[0, ..., :100] = 1
    values[-1, ..., -9:] = 1
    if values.dtype.kind == "f":
        values[0, 0, 50:60] = np.nan
    values.flush()
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)


def peak_of(function: Callable[[Any], Any], X: Any) -> tuple[int, Any]:
    """Return the most bytes in arrays that a call holds, and what it returns.

    numpy reports its arrays to tracemalloc; a memory map is none of them, and
    neither are tensors of torch.
    """
    tracemalloc.start()
    try:
        result = function(X)
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


SHAPES: dict[str, tuple[tuple[int, ...], str, Callable[[np.memmap], Any]]] = {
    "array": ((4, 800, 2**15), "float32", lambda X: X),
    "array of half precision": ((4, 800, 2**16), "float16", lambda X: X),
    "array of integers": ((4, 800, 2**16), "int16", lambda X: X),
    "array of foreign byte order": ((4, 800, 2**15), ">f4", lambda X: X),
    "time before channels": (
        (4, 2**15, 800),
        "float32",
        lambda X: X.transpose(0, 2, 1),
    ),
    "list": ((4, 800, 2**15), "float32", list),
    "list, time before channels": (
        (4, 2**15, 800),
        "float32",
        lambda X: [series.T for series in X],
    ),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_memory_maps_are_never_copied_whole(kind: str, tmp_path: Path) -> None:
    shape, dtype, view = SHAPES[kind]
    X = view(sparse_map(tmp_path / "panel", shape, dtype))
    transformer = tiny_trep(max_steps=1, batch_size=1, n_blocks=0)
    transformer.fit(make_waves(2, 800, 9)).transform(make_waves(2, 800, 9))
    for method in (transformer.fit, transformer.transform, transformer.encode):
        peak, result = peak_of(method, X)
        n_bytes = result.nbytes if isinstance(result, np.ndarray) else 0
        assert peak - n_bytes < FILE_SIZE / 8, method.__name__
