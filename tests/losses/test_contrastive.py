"""The contrast: its equation in plain loops, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sklearn_tsrep.losses.contrastive import contrast

SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=4)


def contexts_of(
    n_groups: int, n_members: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (n_groups, 2 * n_members, 3)
    return torch.randn(shape, generator=generator, dtype=dtype)


def mask(sizes: list[int], n_members: int | None = None) -> Tensor:
    n_members = max(sizes) if n_members is None else n_members
    return torch.arange(n_members) < torch.tensor(sizes).unsqueeze(1)


def plain_contrast(contexts: np.ndarray, valid: np.ndarray) -> tuple[float, int]:
    """Return the loss of one group and its number of anchors."""
    n_members = len(valid)
    members = np.flatnonzero(valid)
    loss, n_anchors = 0.0, 0
    for z, other in [
        (contexts[:n_members], contexts[n_members:]),
        (contexts[n_members:], contexts[:n_members]),
    ]:
        for i in members:
            if len(members) == 1:
                continue
            total = 0.0
            for j in members:
                total += np.exp(z[i] @ other[j])
                if j != i:
                    total += np.exp(z[i] @ z[j])
            loss -= np.log(np.exp(z[i] @ other[i]) / total)
            n_anchors += 1
    return loss, n_anchors


def check_against_plain_loops(contexts: Tensor, valid: Tensor | None) -> None:
    losses, n_anchors = contrast(contexts, valid)
    if valid is None:
        valid = torch.ones(len(contexts), contexts.shape[1] // 2, dtype=torch.bool)
    for group, (loss, count) in enumerate(zip(losses, n_anchors, strict=True)):
        expected, n_terms = plain_contrast(contexts[group].numpy(), valid[group])
        assert loss.item() == pytest.approx(expected, abs=1e-10)
        assert count.item() == n_terms


@settings(deadline=None)
@given(n_groups=st.integers(1, 4), n_members=st.integers(1, 5), seed=st.integers(0, 99))
def test_agrees_with_the_equation(n_groups: int, n_members: int, seed: int) -> None:
    check_against_plain_loops(contexts_of(n_groups, n_members, seed), None)


@settings(deadline=None)
@given(n_groups=st.integers(1, 4), n_members=st.integers(1, 5), seed=st.integers(0, 99))
def test_agrees_with_the_equation_with_padding(
    n_groups: int, n_members: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    valid = torch.from_numpy(rng.random((n_groups, n_members)) < 0.6)
    contexts = contexts_of(n_groups, n_members, seed)
    check_against_plain_loops(contexts, valid)


def test_a_mask_that_masks_nothing_changes_nothing() -> None:
    contexts = contexts_of(4, 5)
    for one, other in zip(
        contrast(contexts), contrast(contexts, mask([5] * 4)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("sizes", [None, [4, 2, 1, 0]])
def test_has_the_right_gradient(sizes: list[int] | None) -> None:
    contexts = contexts_of(4, 4).requires_grad_()
    valid = None if sizes is None else mask(sizes)
    assert torch.autograd.gradcheck(lambda part: contrast(part, valid)[0], contexts)


def test_the_layout_of_the_contexts_does_not_matter() -> None:
    contexts = contexts_of(3, 4).requires_grad_()
    turned = contexts.transpose(0, 1).contiguous().transpose(0, 1)
    assert not turned.is_contiguous()
    for one, other in zip(
        with_gradient(contexts), with_gradient(turned.detach()), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def with_gradient(contexts: Tensor, valid: Tensor | None = None) -> list[Tensor]:
    """Return the losses, and the gradient of a sum with unequal weights."""
    contexts = contexts.detach().requires_grad_()
    losses, _ = contrast(contexts, valid)
    weights = 1 + torch.arange(len(losses))
    return [
        losses.detach(),
        *torch.autograd.grad(losses @ weights.to(losses), contexts),
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("garbage", [-1e4, 1e4, 1e18])
def test_what_padding_holds_does_not_matter(garbage: float, dtype: torch.dtype) -> None:
    contexts = contexts_of(4, 6, dtype=dtype)
    valid = mask([6, 3, 1, 4])
    is_padding = ~valid.repeat(1, 2)
    clean = with_gradient(contexts, valid)
    filled = contexts.masked_fill(is_padding.unsqueeze(2), garbage)
    dirty = with_gradient(filled, valid)
    for one, other in zip(clean, dirty, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    assert (dirty[1][is_padding] == 0).all()
    assert (dirty[1][0, 1] != 0).any()


@settings(deadline=None, max_examples=30)
@given(sizes=SIZES)
def test_further_padding_does_not_matter(sizes: list[int]) -> None:
    contexts = contexts_of(len(sizes), 5)
    by_context = contexts.view(len(sizes), 2, 5, 3)
    longer = torch.nn.functional.pad(by_context, (0, 0, 0, 3), value=7.0).flatten(1, 2)
    losses, gradient = with_gradient(contexts, mask(sizes, 5))
    same, same_gradient = with_gradient(longer, mask(sizes, 8))
    torch.testing.assert_close(same, losses, rtol=0, atol=1e-10)
    by_context = same_gradient.view(len(sizes), 2, 8, 3)
    torch.testing.assert_close(
        by_context[:, :, :5].flatten(1, 2), gradient, rtol=0, atol=1e-10
    )
    assert (by_context[:, :, 5:] == 0).all()


@settings(deadline=None, max_examples=30)
@given(sizes=SIZES, seed=st.integers(0, 1000))
def test_roles_members_and_groups_have_no_order(sizes: list[int], seed: int) -> None:
    contexts, valid = contexts_of(len(sizes), 5, seed), mask(sizes, 5)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(5, generator=generator)
    groups = torch.randperm(len(sizes), generator=generator)
    losses, n_anchors = contrast(contexts, valid)
    for same, same_counts in (
        contrast(contexts.roll(5, dims=1), valid),
        contrast(contexts[:, torch.cat([order, order + 5])], valid[:, order]),
        (part[groups.argsort()] for part in contrast(contexts[groups], valid[groups])),
    ):
        torch.testing.assert_close(same, losses, rtol=0, atol=1e-10)
        assert torch.equal(same_counts, n_anchors)


@pytest.mark.parametrize("n_members", [2, 4, 6])
@pytest.mark.parametrize("value", [0.0, 3.0])
def test_equal_representations_give_the_logarithm_of_the_candidates(
    value: float, n_members: int
) -> None:
    losses, n_anchors = contrast(torch.full((3, 2 * n_members, 5), value))
    assert (n_anchors == 2 * n_members).all()
    np.testing.assert_allclose(losses / n_anchors, np.log(2 * n_members - 1), rtol=1e-6)


def test_loss_vanishes_for_representations_far_apart() -> None:
    far = 30 * torch.eye(25).reshape(5, 5, 25)
    losses, _ = contrast(torch.cat([far, far], dim=1))
    np.testing.assert_allclose(losses, 0, atol=1e-5)


@pytest.mark.parametrize("valid", [None, mask([6, 6, 3])])
def test_large_dot_products_do_not_overflow(valid: Tensor | None) -> None:
    contexts = 1e3 * contexts_of(3, 6, dtype=torch.float32)
    exact = with_gradient(contexts.double(), valid)
    for result, expected in zip(with_gradient(contexts, valid), exact, strict=True):
        assert torch.isfinite(result).all()
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("valid", [None, mask([1, 1, 1]), mask([1, 0, 1])])
def test_nothing_to_contrast_with_is_0_with_a_gradient(valid: Tensor | None) -> None:
    contexts = contexts_of(3, 1).requires_grad_()
    losses, n_anchors = contrast(contexts, valid)
    assert (losses == 0).all()
    assert (n_anchors == 0).all()
    losses.sum().backward()
    assert contexts.grad is not None
    assert (contexts.grad == 0).all()


def test_representations_are_neither_normalised_nor_tempered() -> None:
    contexts = contexts_of(2, 4)
    assert not torch.allclose(contrast(contexts)[0], contrast(2 * contexts)[0])


def test_contexts_stay_as_they_are() -> None:
    contexts, valid = contexts_of(3, 4), mask([4, 2, 1])
    before = contexts.clone(), valid.clone()
    with_gradient(contexts, valid)
    assert torch.equal(contexts, before[0])
    assert torch.equal(valid, before[1])
