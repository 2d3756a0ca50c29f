"""Divergence of distributions, against the definition in float64."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.losses.divergence import (
    divergence_of_logarithms,
    jensen_shannon_divergence,
)


def logarithms(seed: int, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 6, generator=generator, dtype=torch.float64) * spread
    first, second = logits.log_softmax(dim=-1)
    return first, second


@given(seed=st.integers(0, 1000), spread=st.floats(0.01, 30))
def test_both_forms_are_the_definition(seed: int, spread: float) -> None:
    first, second = logarithms(seed, spread)
    one, other = first.exp(), second.exp()
    log_mean = ((one + other) / 2).log()
    expected = (one * (first - log_mean) + other * (second - log_mean)).sum(-1) / 2
    for divergence in (
        divergence_of_logarithms(first, second),
        jensen_shannon_divergence(one, other),
    ):
        torch.testing.assert_close(divergence, expected, atol=1e-12, rtol=1e-9)
        assert (divergence <= math.log(2) + 1e-12).all()


def test_gradients_are_those_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda both: divergence_of_logarithms(*both.log_softmax(dim=-1)), logits
    )


def test_only_what_asks_for_a_gradient_gets_one() -> None:
    first, second = logarithms(0)
    first.requires_grad_()
    divergence_of_logarithms(first, second).sum().backward()
    assert first.grad is not None
    assert second.grad is None


def test_shares_of_zero_are_harmless() -> None:
    logits = torch.tensor([[-1e9, 300.0, -300.0], [-1e9, -300.0, 300.0]])
    logits.requires_grad_()
    first, second = logits.log_softmax(dim=-1)
    divergence = divergence_of_logarithms(first, second)
    torch.testing.assert_close(divergence, torch.tensor(math.log(2)))
    divergence.backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
