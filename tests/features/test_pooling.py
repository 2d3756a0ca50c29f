"""Poolings: as plain numpy on each series alone, in whatever pieces it comes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d
from torch import Tensor

from sklearn_tsrep.features import pooling
from sklearn_tsrep.features.names import POOLINGS
from sklearn_tsrep.features.pooling import pool


def plain_segments(steps: np.ndarray, n_segments: int) -> np.ndarray:
    length = len(steps)
    bounds = [
        (
            int(np.floor(k * length / n_segments)),
            int(np.ceil((k + 1) * length / n_segments)),
        )
        for k in range(n_segments)
    ]
    return np.concatenate([steps[start:stop].max(axis=0) for start, stop in bounds])


def plain_multiscale(
    steps: np.ndarray, n_scales: int, finest_radius: int = 4096
) -> np.ndarray:
    scales = []
    for scale in range(n_scales):
        radius = 2**scale
        stride = max(radius // finest_radius, 1)
        maxima = maximum_filter1d(
            steps, 2 * radius + 1, axis=0, mode="constant", cval=-np.inf
        )
        scales.append(maxima[::stride].mean(axis=0, dtype=np.float64))
    return np.concatenate(scales)


def plain_pool(
    steps: np.ndarray, name: str, n_segments: int, n_scales: int
) -> np.ndarray:
    if name == "segments":
        return plain_segments(steps, n_segments)
    if name == "multiscale":
        return plain_multiscale(steps, n_scales)
    mean = steps.mean(axis=0, dtype=np.float64)
    return {"max": steps.max(axis=0), "mean": mean, "last": steps[-1]}[name]


def representation_of(batch: int, length: int, n_latents: int = 3) -> Tensor:
    """Return (batch, length, n_latents); in memory time comes first."""
    generator = torch.Generator().manual_seed(length)
    values = torch.randn((length, batch, n_latents), generator=generator)
    return values.transpose(0, 1)


def in_pieces(values: Tensor, cuts: list[int]) -> list[Tensor]:
    length = values.shape[1]
    bounds = sorted({0, length, *(cut for cut in cuts if cut < length)})
    return [values[:, start:stop] for start, stop in pairwise(bounds)]


def pooled(values: Tensor, name: str, n_segments: int = 4, n_scales: int = 3) -> Tensor:
    return pool([values], values.shape[1], name, n_segments, n_scales)


@pytest.mark.parametrize("name", POOLINGS)
@settings(deadline=None)
@given(
    length=st.integers(1, 40),
    cuts=st.lists(st.integers(1, 39), max_size=6),
    steps_at_once=st.integers(1, 50),
    n_segments=st.integers(1, 12),
    n_scales=st.integers(1, 7),
)
def test_pooling_is_that_of_each_series_alone_in_any_pieces(
    name: str,
    length: int,
    cuts: list[int],
    steps_at_once: int,
    n_segments: int,
    n_scales: int,
) -> None:
    values = representation_of(3, length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooling, "_STEPS_AT_ONCE", steps_at_once)
        features = pool(in_pieces(values, cuts), length, name, n_segments, n_scales)
    for steps, row in zip(values, features, strict=True):
        expected = plain_pool(steps.numpy(), name, n_segments, n_scales)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
def test_a_single_step_is_its_own_pooling(name: str) -> None:
    values = representation_of(2, 1)
    n_parts = {"segments": 4, "multiscale": 3}.get(name, 1)
    assert torch.equal(pooled(values, name), values[:, 0].repeat(1, n_parts))


@pytest.mark.parametrize("length", [1, 3, 9, 10, 11, 19, 20, 23])
def test_segments_are_those_of_adaptive_pooling(length: int) -> None:
    values = representation_of(2, length)
    features = pooled(values, "segments", n_segments=10)
    adaptive = torch.nn.functional.adaptive_max_pool1d(values.transpose(1, 2), 10)
    assert torch.equal(features, adaptive.transpose(1, 2).flatten(1))


def test_multiscale_lies_between_mean_and_maximum() -> None:
    values = representation_of(2, 20)
    mean, scales, maximum = (
        pooled(values, name, n_scales=5) for name in ("mean", "multiscale", "max")
    )
    ladder = torch.cat([mean, scales, maximum], dim=1).reshape(2, 7, 3)
    assert (ladder.diff(dim=1) >= -1e-6).all()


@pytest.mark.parametrize("length", [1, 2, 3, 5, 31, 32, 33, 100, 257, 8193])
def test_multiscale_is_that_of_plain_windows_at_every_step(length: int) -> None:
    values = representation_of(1, length)
    # As many scales as a series of this length gives in training.
    n_scales = max(1, int(np.ceil(np.log2(max(length - 1, 2)))))
    features = pooled(values, "multiscale", n_scales=n_scales)
    expected = plain_multiscale(values[0].numpy(), n_scales, finest_radius=2**30)
    np.testing.assert_allclose(features[0], expected, rtol=0, atol=1e-5)


@settings(deadline=None)
@given(length=st.integers(1, 200), cuts=st.lists(st.integers(1, 199), max_size=6))
def test_coarse_scales_look_at_fewer_steps(length: int, cuts: list[int]) -> None:
    values = representation_of(2, length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooling, "_FINEST_RADIUS", 4)
        features = pool(in_pieces(values, cuts), length, "multiscale", 1, 9)
    for steps, row in zip(values, features, strict=True):
        expected = plain_multiscale(steps.numpy(), 9, finest_radius=4)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


def test_coarse_scales_are_close_to_those_of_every_step() -> None:
    generator = np.random.default_rng(0)
    steps = generator.normal(size=(60_000, 3)).cumsum(axis=0).astype(np.float32) / 100
    features = pooled(torch.from_numpy(steps)[np.newaxis], "multiscale", n_scales=16)
    exact = plain_multiscale(steps, 16, finest_radius=2**30)
    np.testing.assert_allclose(features[0], exact, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", POOLINGS)
def test_finite_representations_have_finite_features(name: str) -> None:
    features = pooled(torch.full((2, 9, 3), 3e38), name)
    np.testing.assert_allclose(features, 3e38, rtol=1e-6)


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("n_latents", [1, 5, 40])
def test_features_have_the_same_bits_beside_whatever_else(
    name: str, n_latents: int
) -> None:
    values = representation_of(30, 123, n_latents)
    together = pooled(values, name)
    for rows in ([3], [0, 7, 29], slice(4, 17)):
        assert torch.equal(pooled(values[rows], name), together[rows])


def test_poolings_stand_side_by_side_in_the_order_asked() -> None:
    values = representation_of(3, 8)
    for names in (["mean", "max"], list(POOLINGS), list(reversed(POOLINGS))):
        for cuts in ([], [3, 5]):
            pieces = in_pieces(values, cuts)
            expected = [pool(pieces, 8, name, 4, 3) for name in names]
            together = pool(pieces, 8, names, 4, 3)
            assert torch.equal(together, torch.cat(expected, dim=1))


@pytest.mark.parametrize("name", POOLINGS)
def test_the_representation_stays_as_it_is(name: str) -> None:
    values = representation_of(2, 8)
    before = values.clone()
    pooled(values, name)
    assert torch.equal(values, before)
