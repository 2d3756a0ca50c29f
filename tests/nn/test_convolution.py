"""Convolutions: as torch's with explicit padding, and looking only where they may."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from sklearn_tsrep.nn.convolution import (
    DilatedConvolutionStack,
    LengthPreservingConv1d,
    ResidualBlock,
    dropout,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def small_stack(causal: bool = False) -> DilatedConvolutionStack:
    torch.manual_seed(0)
    return DilatedConvolutionStack(4, 3, n_blocks=2, kernel_size=3, causal=causal)


@settings(deadline=None)
@given(
    n_timepoints=st.integers(1, 40),
    kernel_size=st.integers(1, 5),
    dilation=st.sampled_from([1, 2, 3, 4, 8, 16, 32, 1024]),
    causal=st.booleans(),
)
def test_taps_left_out_change_nothing(
    n_timepoints: int, kernel_size: int, dilation: int, causal: bool
) -> None:
    layer = LengthPreservingConv1d(2, 3, kernel_size, dilation, causal).double()
    inputs = normal(2, 2, n_timepoints).double()
    n_before = kernel_size - 1 if causal else (kernel_size - 1) // 2
    n_after = kernel_size - 1 - n_before
    padded = functional.pad(inputs, (n_before * dilation, n_after * dilation))
    expected = functional.conv1d(padded, layer.weight, layer.bias, dilation=dilation)
    outputs = layer(inputs)
    assert outputs.shape == (2, 3, n_timepoints)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-12)
    weight_gradient, expected_gradient = (
        torch.autograd.grad(result.square().sum(), layer.weight)[0]
        for result in (outputs, expected)
    )
    torch.testing.assert_close(weight_gradient, expected_gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_timepoints", [1, 2, 3, 7, 20])
def test_stack_keeps_the_length(n_timepoints: int, causal: bool) -> None:
    outputs = small_stack(causal)(normal(2, 4, n_timepoints))
    assert outputs.shape == (2, 3, n_timepoints)


def test_dilations_double_and_the_last_shortcut_is_a_convolution() -> None:
    torch.manual_seed(0)
    stack = DilatedConvolutionStack(3, 3, n_blocks=3, kernel_size=3, causal=False)
    # A change of one step reaches 2 * (1 + 2 + 4 + 8) steps to either side, no more.
    inputs = normal(1, 3, 101)
    changed = inputs.clone()
    changed[:, :, 50] += 1
    differs = (stack(inputs) - stack(changed)).abs().amax(dim=(0, 1)) > 0
    assert differs.nonzero().flatten().tolist() == list(range(20, 81))
    assert isinstance(stack.blocks[-1].shortcut, torch.nn.Conv1d)
    assert all(isinstance(b.shortcut, torch.nn.Identity) for b in stack.blocks[:-1])


def test_a_causal_stack_sees_no_later_step() -> None:
    inputs = normal(2, 4, 30)
    changed = inputs.clone()
    changed[:, :, 17:] = normal(2, 4, 13, seed=1)
    for causal in (True, False):
        stack = small_stack(causal)
        before, after = stack(inputs), stack(changed)
        assert torch.equal(before[:, :, :17], after[:, :, :17]) is causal
        assert not torch.equal(before[:, :, 17:], after[:, :, 17:])


@pytest.mark.parametrize("causal", [False, True])
def test_padding_is_as_if_it_were_not_there(causal: bool) -> None:
    stack = small_stack(causal)
    inputs = normal(2, 4, 9)
    valid = torch.ones(2, 1, 14)
    valid[:, :, 9:] = 0
    outputs = stack(functional.pad(inputs, (0, 5)), valid)
    torch.testing.assert_close(outputs[:, :, :9], stack(inputs), rtol=0, atol=1e-6)
    assert (outputs[:, :, 9:] == 0).all()


def test_a_residual_block_adds_to_its_shortcut() -> None:
    block = ResidualBlock(3, 3, kernel_size=3, dilation=2, causal=False)
    inputs = normal(2, 3, 8)
    for parameter in block.second.parameters():
        torch.nn.init.zeros_(parameter)
    assert torch.equal(block(inputs, None), inputs)


def test_dropout_zeroes_a_share_and_keeps_the_mean() -> None:
    inputs = torch.ones(200, 500)
    dropped = dropout(inputs, 0.1, torch.Generator().manual_seed(0))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.1, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1, abs=0.005)


def test_dropout_is_off_without_a_generator_or_a_share() -> None:
    inputs = normal(3, 4)
    assert torch.equal(dropout(inputs, 0.5, None), inputs)
    assert torch.equal(dropout(inputs, 0.0, torch.Generator()), inputs)


def test_dropout_draws_from_its_own_generator() -> None:
    inputs = torch.ones(50, 50)
    state = torch.get_rng_state()
    first, second = (
        dropout(inputs, 0.5, torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())
