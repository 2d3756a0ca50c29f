"""Contrastive losses: their equations in plain loops, and what must not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.losses.contrastive import instance_contrast, temporal_contrast

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
LOSSES: list[Loss] = [instance_contrast, temporal_contrast]
LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def plain_loss(one: Loss, first: Tensor, second: Tensor, lengths: list[int]) -> float:
    plain = plain_instance if one is instance_contrast else plain_temporal
    return plain(first.double().numpy(), second.double().numpy(), lengths)


def plain_instance(first: np.ndarray, second: np.ndarray, lengths: list[int]) -> float:
    losses = []
    for z, other in [(first, second), (second, first)]:
        for t in range(max(lengths)):
            members = [i for i, length in enumerate(lengths) if t < length]
            for i in members:
                if len(members) == 1:
                    continue
                total = 0.0
                for j in members:
                    total += np.exp(z[i, t] @ other[j, t])
                    if j != i:
                        total += np.exp(z[i, t] @ z[j, t])
                losses.append(-np.log(np.exp(z[i, t] @ other[i, t]) / total))
    return float(np.mean(losses)) if losses else 0.0


def plain_temporal(first: np.ndarray, second: np.ndarray, lengths: list[int]) -> float:
    losses = []
    for z, other in [(first, second), (second, first)]:
        for i, length in enumerate(lengths):
            for t in range(length):
                if length == 1:
                    continue
                total = 0.0
                for s in range(length):
                    total += np.exp(z[i, t] @ other[i, s])
                    if s != t:
                        total += np.exp(z[i, t] @ z[i, s])
                losses.append(-np.log(np.exp(z[i, t] @ other[i, t]) / total))
    return float(np.mean(losses)) if losses else 0.0


def views(lengths: list[int], seed: int = 0, width: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(
        (2, len(lengths), max(lengths), width), generator=generator
    )
    return first, second


def mask(lengths: list[int], n_steps: int | None = None) -> Tensor:
    n_steps = max(lengths) if n_steps is None else n_steps
    return torch.arange(n_steps) < torch.tensor(lengths).unsqueeze(1)


@pytest.mark.parametrize("loss", LOSSES)
@settings(deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_agrees_with_the_equation(loss: Loss, lengths: list[int], seed: int) -> None:
    first, second = views(lengths, seed)
    value = loss(first, second, mask(lengths)).item()
    assert value == pytest.approx(plain_loss(loss, first, second, lengths), abs=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@settings(deadline=None)
@given(n_series=st.integers(1, 5), length=st.integers(1, 6), seed=st.integers(0, 1000))
def test_agrees_with_the_equation_without_padding(
    loss: Loss, n_series: int, length: int, seed: int
) -> None:
    lengths = [length] * n_series
    first, second = views(lengths, seed)
    value = loss(first, second, None).item()
    assert value == pytest.approx(plain_loss(loss, first, second, lengths), abs=1e-5)
    masked = loss(first, second, mask(lengths)).item()
    assert masked == pytest.approx(value, abs=1e-6)


def with_gradients(
    loss: Loss, first: Tensor, second: Tensor, valid: Tensor
) -> list[Tensor]:
    first, second = (part.clone().requires_grad_() for part in (first, second))
    value = loss(first, second, valid)
    return [value.detach(), *torch.autograd.grad(value, [first, second])]


@pytest.mark.parametrize("garbage", [-1e4, 1e4, 1e30])
@pytest.mark.parametrize("loss", LOSSES)
def test_what_padding_holds_does_not_matter(loss: Loss, garbage: float) -> None:
    lengths = [6, 3, 1, 4]
    first, second = views(lengths)
    valid = mask(lengths)
    clean = with_gradients(loss, first, second, valid)
    filled = (
        torch.where(valid.unsqueeze(-1), part, garbage) for part in (first, second)
    )
    dirty = with_gradients(loss, *filled, valid)
    for one, other in zip(clean, dirty, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    for gradient in dirty[1:]:
        assert (gradient[~valid] == 0).all()
        assert (gradient[0, 1] != 0).any()


@pytest.mark.parametrize("loss", LOSSES)
def test_further_padding_does_not_matter(loss: Loss) -> None:
    lengths = [6, 3, 1, 4]
    first, second = views(lengths)
    longer = [
        torch.nn.functional.pad(part, (0, 0, 0, 5), value=7.0)
        for part in (first, second)
    ]
    torch.testing.assert_close(
        loss(first, second, mask(lengths)),
        loss(*longer, mask(lengths, 11)),
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("loss", LOSSES)
@settings(deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_contexts_and_instances_have_no_order(
    loss: Loss, lengths: list[int], seed: int
) -> None:
    first, second = views(lengths, seed)
    valid = mask(lengths)
    value = loss(first, second, valid)
    order = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(seed))
    for same in (
        loss(second, first, valid),
        loss(first[order], second[order], valid[order]),
    ):
        torch.testing.assert_close(same, value, rtol=0, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_steps_have_no_order(loss: Loss) -> None:
    first, second = views([5, 5, 5])
    order = torch.tensor([3, 1, 0, 4, 2])
    torch.testing.assert_close(
        loss(first[:, order], second[:, order], None),
        loss(first, second, None),
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("loss", "n_members"), [(instance_contrast, 4), (temporal_contrast, 6)]
)
def test_equal_representations_give_the_logarithm_of_the_candidates(
    loss: Loss, n_members: int
) -> None:
    zeros = torch.zeros(4, 6, 3)
    assert loss(zeros, zeros, None).item() == pytest.approx(np.log(2 * n_members - 1))


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_vanishes_for_representations_far_apart(loss: Loss) -> None:
    far = 30 * torch.eye(25).reshape(5, 5, 25)
    assert loss(far, far, None).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_large_dot_products_do_not_overflow(loss: Loss) -> None:
    first, second = views([6, 6, 3])
    results = with_gradients(loss, 1e3 * first, 1e3 * second, mask([6, 6, 3]))
    assert all(torch.isfinite(result).all() for result in results)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    ("loss", "lengths"), [(instance_contrast, [4]), (temporal_contrast, [1, 1, 1])]
)
def test_nothing_to_contrast_with_is_0_with_a_gradient(
    loss: Loss, lengths: list[int], padded: bool
) -> None:
    first, second = (part.requires_grad_() for part in views(lengths))
    value = loss(first, second, mask(lengths) if padded else None)
    assert value.item() == 0
    value.backward()
    assert first.grad is not None
    assert (first.grad == 0).all()


def test_representations_are_neither_normalised_nor_tempered() -> None:
    first, second = views([4, 4])
    assert not torch.allclose(
        instance_contrast(first, second, None),
        instance_contrast(2 * first, 2 * second, None),
    )
