"""The alignment of features, against a plain formulation in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.losses.alignment import feature_alignment


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def plain_correlation(one: np.ndarray, other: np.ndarray) -> float:
    mean, other_mean = sum(one) / len(one), sum(other) / len(other)
    both = zip(one, other, strict=True)
    covariance = sum((a - mean) * (b - other_mean) for a, b in both)
    squares = sum((a - mean) ** 2 for a in one)
    other_squares = sum((b - other_mean) ** 2 for b in other)
    return covariance / math.sqrt(squares * other_squares)


def plain_alignment(estimates: Tensor, targets: Tensor, weight: float) -> float:
    """Return it, correlation by correlation."""
    ours, theirs = estimates.numpy().T, targets.numpy().T
    n_features = len(ours)
    own = others = 0.0
    for i in range(n_features):
        own += (1 - plain_correlation(ours[i], theirs[i])) ** 2
        for j in range(n_features):
            if i != j:
                others += plain_correlation(ours[i], theirs[j]) ** 2
    n_pairs = max(n_features * (n_features - 1), 1)
    return own / n_features + weight * others / n_pairs


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("n_features", [1, 4])
def test_it_is_a_mean_over_correlations(weight: float, n_features: int) -> None:
    targets = random(9, n_features)
    estimates = targets + random(9, n_features, seed=1)
    expected = plain_alignment(estimates, targets, weight)
    found = feature_alignment(estimates, targets, weight).item()
    assert found == pytest.approx(expected, rel=1e-4)


def test_features_that_agree_have_none_and_opposite_ones_the_most() -> None:
    targets = random(50, 4)
    assert feature_alignment(targets, targets).item() == pytest.approx(0, abs=1e-9)
    assert feature_alignment(-targets, targets).item() == pytest.approx(4, abs=1e-4)


@settings(deadline=None)
@given(
    shift=st.floats(-10, 10),
    scale=st.floats(0.5, 10),
    weight=st.floats(0, 3),
    seed=st.integers(0, 999),
)
def test_units_of_the_features_do_not_matter(
    shift: float, scale: float, weight: float, seed: int
) -> None:
    estimates, targets = random(20, 3, seed=seed), random(20, 3, seed=seed + 1)
    loss = feature_alignment(estimates, targets, weight)
    for units in [(scale * estimates + shift, targets), (estimates, scale * targets)]:
        found = feature_alignment(*units, weight)
        torch.testing.assert_close(found, loss, rtol=1e-4, atol=1e-5)
    assert 0 <= feature_alignment(estimates, targets).item() <= 4


def test_decorrelation_keeps_features_apart() -> None:
    one = random(50, 1).expand(-1, 3)
    together = feature_alignment(one, one, 1.0).item()
    assert together == pytest.approx(1, abs=1e-3)
    # Columns of an orthogonal matrix, none of which is constant.
    apart = torch.linalg.qr(torch.cat([torch.ones(50, 1), random(50, 3)], dim=1)).Q
    apart = 10 * apart[:, 1:].double()
    assert feature_alignment(apart, apart, 1.0).item() == pytest.approx(0, abs=1e-6)


def test_estimates_move_towards_the_features_of_the_targets() -> None:
    targets = random(40, 3)
    estimates = random(40, 3, seed=1).requires_grad_()
    optimizer = torch.optim.Adam([estimates], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        feature_alignment(estimates, targets).backward()
        optimizer.step()
    correlations = np.corrcoef(estimates.detach().T, targets.T)[:3, 3:]
    assert (correlations.diagonal() > 0.95).all()


@pytest.mark.parametrize("n_samples", [0, 1])
def test_less_than_two_samples_have_no_alignment(n_samples: int) -> None:
    estimates = random(n_samples, 3).requires_grad_()
    loss = feature_alignment(estimates, random(n_samples, 3, seed=1), 1.0)
    assert loss.shape == ()
    assert loss.item() == 0
    loss.backward()
    assert estimates.grad is not None
    assert (estimates.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_features_give_a_finite_loss_and_gradient(dtype: torch.dtype) -> None:
    estimates = torch.full((5, 3), 7.0, dtype=dtype, requires_grad=True)
    for targets in (torch.ones(5, 3, dtype=dtype), random(5, 3).to(dtype)):
        loss = feature_alignment(estimates, targets, 1.0)
        assert loss.item() == pytest.approx(1, abs=1e-3)
        (gradient,) = torch.autograd.grad(loss, estimates)
        assert torch.isfinite(gradient).all()
