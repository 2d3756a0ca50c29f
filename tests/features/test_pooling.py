"""Poolings: as plain numpy on each series alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.features.names import POOLINGS
from sklearn_tsrep.features.pooling import pool

LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=4)


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


def plain_multiscale(steps: np.ndarray, n_scales: int) -> np.ndarray:
    scales = []
    for scale in range(n_scales):
        reach = 2**scale
        maxima = [
            steps[max(t - reach, 0) : t + reach + 1].max(axis=0)
            for t in range(len(steps))
        ]
        scales.append(np.mean(maxima, axis=0))
    return np.concatenate(scales)


def plain_pool(
    steps: np.ndarray, name: str, n_segments: int, n_scales: int
) -> np.ndarray:
    if name == "segments":
        return plain_segments(steps, n_segments)
    if name == "multiscale":
        return plain_multiscale(steps, n_scales)
    return {"max": steps.max(0), "mean": steps.mean(0), "last": steps[-1]}[name]


def representation_of(
    lengths: list[int], garbage: float = np.inf, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn((len(lengths), max(lengths) + 2, 3), generator=generator)
    for row, length in enumerate(lengths):
        values[row, length:] = garbage
    return values, torch.tensor(lengths)


@pytest.mark.parametrize("name", POOLINGS)
@settings(deadline=None)
@given(
    lengths=LENGTHS,
    n_segments=st.integers(1, 12),
    n_scales=st.integers(1, 6),
    garbage=st.sampled_from([np.inf, -np.inf, np.nan, 1e9, 0.0]),
)
def test_pooling_is_that_of_each_series_alone(
    name: str, lengths: list[int], n_segments: int, n_scales: int, garbage: float
) -> None:
    values, sizes = representation_of(lengths, garbage)
    features = pool(values, sizes, name, n_segments, n_scales)
    for row, length in enumerate(lengths):
        expected = plain_pool(values[row, :length].numpy(), name, n_segments, n_scales)
        np.testing.assert_allclose(features[row], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", POOLINGS)
def test_a_single_step_is_its_own_pooling(name: str) -> None:
    values, lengths = representation_of([1, 1])
    features = pool(values, lengths, name, n_segments=4, n_scales=3)
    n_parts = {"segments": 4, "multiscale": 3}.get(name, 1)
    assert torch.equal(features, values[:, 0].repeat(1, n_parts))


@pytest.mark.parametrize("length", [1, 3, 9, 10, 11, 19, 20, 23])
def test_segments_are_those_of_adaptive_pooling(length: int) -> None:
    values, lengths = representation_of([length])
    features = pool(values, lengths, "segments", n_segments=10, n_scales=1)
    adaptive = torch.nn.functional.adaptive_max_pool1d(
        values[:, :length].transpose(1, 2), 10
    )
    assert torch.equal(features, adaptive.transpose(1, 2).flatten(1))


def test_multiscale_lies_between_mean_and_maximum() -> None:
    values, lengths = representation_of([20, 7])
    mean, scales, maximum = (
        pool(values, lengths, name, n_segments=1, n_scales=5)
        for name in ("mean", "multiscale", "max")
    )
    ladder = torch.cat([mean, scales, maximum], dim=1).reshape(2, 7, 3)
    assert (ladder.diff(dim=1) >= -1e-6).all()


@pytest.mark.parametrize("length", [1, 2, 3, 5, 31, 32, 33, 100, 257])
def test_multiscale_is_that_of_plain_windows_at_any_length(length: int) -> None:
    lengths = [length, max(length // 2, 1), 1]
    values, sizes = representation_of(lengths, garbage=np.nan)
    features = pool(values, sizes, "multiscale", n_segments=1, n_scales=10)
    for row, n_steps in enumerate(lengths):
        expected = plain_multiscale(values[row, :n_steps].numpy(), 10)
        np.testing.assert_allclose(features[row], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
def test_finite_representations_have_finite_features(name: str) -> None:
    values = torch.full((2, 9, 3), 3e38)
    features = pool(values, torch.tensor([9, 4]), name, n_segments=4, n_scales=3)
    np.testing.assert_allclose(features, 3e38, rtol=1e-6)


def test_poolings_stand_side_by_side_in_the_order_asked() -> None:
    values, lengths = representation_of([8, 5, 1])
    for names in (["mean", "max"], list(POOLINGS), list(reversed(POOLINGS))):
        expected = [pool(values, lengths, name, 4, 3) for name in names]
        together = pool(values, lengths, names, 4, 3)
        assert torch.equal(together, torch.cat(expected, dim=1))


@pytest.mark.parametrize("name", POOLINGS)
def test_the_representation_stays_as_it_is(name: str) -> None:
    values, lengths = representation_of([8, 5], garbage=3.0)
    before = values.clone()
    pool(values, lengths, name, 4, 3)
    assert torch.equal(values, before)
