"""Tasks of the time-embedding: their equations in plain loops, and their limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.losses.time_embedding import (
    conditioned_forecasting,
    divergence_prediction,
    jensen_shannon_divergence,
)


def distributions(n_pairs: int, n_components: int, seed: int) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    drawn = rng.dirichlet(np.full(n_components, 0.5), size=(2, n_pairs))
    first, second = torch.tensor(drawn, dtype=torch.float32)
    return first, second


def plain_divergence(first: Tensor, second: Tensor) -> np.ndarray:
    results = []
    for p, q in zip(first.double().numpy(), second.double().numpy(), strict=True):
        total = 0.0
        for p_k, q_k in zip(p, q, strict=True):
            m_k = (p_k + q_k) / 2
            total += 0.5 * p_k * np.log(p_k / m_k) if p_k > 0 else 0.0
            total += 0.5 * q_k * np.log(q_k / m_k) if q_k > 0 else 0.0
        results.append(total)
    return np.array(results)


@settings(deadline=None)
@given(
    n_pairs=st.integers(1, 8), n_components=st.integers(1, 12), seed=st.integers(0, 999)
)
def test_divergence_agrees_with_the_equation(
    n_pairs: int, n_components: int, seed: int
) -> None:
    first, second = distributions(n_pairs, n_components, seed)
    divergence = jensen_shannon_divergence(first, second)
    np.testing.assert_allclose(
        divergence, plain_divergence(first, second), rtol=0, atol=1e-5
    )
    assert (divergence > -1e-6).all()
    assert (divergence < np.log(2) + 1e-6).all()
    torch.testing.assert_close(jensen_shannon_divergence(second, first), divergence)


def test_divergence_of_equal_distributions_is_0() -> None:
    first, _ = distributions(20, 6, seed=0)
    assert (jensen_shannon_divergence(first, first) == 0).all()


def test_divergence_tends_to_log_2() -> None:
    for share in (1e-3, 1e-6, 0.0):
        first = torch.tensor([1 - share, share / 2, share / 2])
        divergence = jensen_shannon_divergence(first, first.flip(0))
        assert divergence.item() == pytest.approx(np.log(2), abs=10 * share + 1e-6)


def test_components_that_are_0_on_both_sides_have_finite_gradients() -> None:
    first = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]], requires_grad=True)
    second = torch.tensor([[0.0, 1, 0, 0], [0.5, 0, 0.5, 0]], requires_grad=True)
    divergence = jensen_shannon_divergence(first, second)
    np.testing.assert_allclose(
        divergence.detach(), [np.log(2), np.log(2) / 2], atol=1e-6
    )
    divergence.sum().backward()
    assert first.grad is not None
    assert second.grad is not None
    assert torch.isfinite(first.grad).all()
    assert torch.isfinite(second.grad).all()


def test_divergence_has_the_right_gradient() -> None:
    first, second = (
        part.double().requires_grad_() for part in distributions(3, 4, seed=1)
    )
    assert torch.autograd.gradcheck(jensen_shannon_divergence, (first, second))


def test_divergence_prediction_has_the_squared_error_of_each_pair() -> None:
    first, second = distributions(7, 5, seed=2)
    predicted = torch.linspace(-1, 1, 7)
    wanted = plain_divergence(first, second)
    expected = [(float(p) - w) ** 2 for p, w in zip(predicted, wanted, strict=True)]
    errors = divergence_prediction(predicted, first, second)
    np.testing.assert_allclose(errors, expected, rtol=0, atol=1e-5)


def test_forecasting_has_the_mean_squared_error_of_each_pair() -> None:
    rng = np.random.default_rng(0)
    predicted, target = rng.normal(size=(2, 9, 4))
    expected = []
    for n in range(9):
        total = 0.0
        for f in range(4):
            total += (predicted[n, f] - target[n, f]) ** 2
        expected.append(total / 4)
    errors = conditioned_forecasting(torch.tensor(predicted), torch.tensor(target))
    np.testing.assert_allclose(errors, expected, rtol=1e-12)


def test_both_tasks_have_the_right_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn((3, 3, 4), generator=generator, dtype=torch.float64)
    predicted, first, second = (part.requires_grad_() for part in drawn)
    assert torch.autograd.gradcheck(conditioned_forecasting, (predicted, first))
    assert torch.autograd.gradcheck(
        lambda predicted, first, second: divergence_prediction(
            predicted[:, 0], first.softmax(-1), second.softmax(-1)
        ),
        (predicted, first, second),
    )


def test_without_pairs_there_are_no_errors() -> None:
    none = torch.zeros(0, 4)
    assert divergence_prediction(torch.zeros(0), none, none).shape == (0,)
    assert conditioned_forecasting(none, none).shape == (0,)
