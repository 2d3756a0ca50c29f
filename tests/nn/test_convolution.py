"""Convolutions: as torch's of padded series, and looking only where they may."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from sklearn_tsrep.nn.convolution import (
    ActivatedConvolution,
    DilatedConvolutionStack,
    ResidualBlock,
    round_length,
)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def normal64(*shape: int, seed: int = 0) -> Tensor:
    return normal(*shape, seed=seed, dtype=torch.float64)


def convolution64(*parameters: Any, **named: Any) -> ActivatedConvolution:
    torch.manual_seed(0)
    return ActivatedConvolution(*parameters, **named).double()


def small_stack(
    causal: bool = False, n_blocks: int = 2, kernel_size: int = 3
) -> DilatedConvolutionStack:
    torch.manual_seed(0)
    return DilatedConvolutionStack(4, 3, n_blocks, kernel_size, causal)


def padding_behind(lengths: list[int], n_timepoints: int) -> Tensor:
    """Return the rows of (time * batch) behind the end of each series."""
    steps = torch.arange(n_timepoints).unsqueeze(1)
    return (steps >= torch.tensor(lengths)).flatten().nonzero().flatten()


def is_valid(inputs: Tensor, padding: Tensor) -> Tensor:
    """Return a mask (time, batch)."""
    rows = torch.ones(inputs.shape[:2], dtype=torch.bool).flatten()
    return rows.index_fill(0, padding, False).view(inputs.shape[:2])


def filled(inputs: Tensor, padding: Tensor, garbage: float) -> Tensor:
    return inputs.flatten(0, 1).index_fill(0, padding, garbage).view_as(inputs)


def gradients(outputs: Tensor, *leaves: Tensor, where: Tensor | None = None) -> Any:
    """Return those of a random sum of the outputs at some rows (time, batch)."""
    weights = normal(*outputs.shape, seed=9, dtype=outputs.dtype)
    if where is not None:
        weights = weights * where.unsqueeze(2)
    return torch.autograd.grad((outputs * weights).sum(), leaves)


def assert_near(ours: Any, theirs: Any, atol: float) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


# One convolution


def plain_convolution(
    layer: ActivatedConvolution, inputs: Tensor, causal: bool, padding: Tensor
) -> Tensor:
    (kernel_size,), (dilation,) = layer.kernel_size, layer.dilation
    n_before = kernel_size - 1 if causal else (kernel_size - 1) // 2
    n_after = kernel_size - 1 - n_before
    series = filled(functional.gelu(inputs), padding, 0).permute(1, 2, 0)
    series = functional.pad(series, (n_before * dilation, n_after * dilation))
    outputs = functional.conv1d(series, layer.weight, layer.bias, dilation=dilation)
    return outputs.permute(2, 0, 1)


@settings(deadline=None)
@given(
    n_timepoints=st.integers(1, 20),
    n_series=st.integers(1, 3),
    kernel_size=st.integers(1, 6),
    dilation=st.sampled_from([1, 2, 3, 4, 8, 16, 1024]),
    causal=st.booleans(),
    padded_share=st.sampled_from([None, 0.0, 0.3, 1.0]),
    seed=st.integers(0, 1000),
)
def test_a_convolution_is_torchs_of_the_padded_series(
    n_timepoints: int,
    n_series: int,
    kernel_size: int,
    dilation: int,
    causal: bool,
    padded_share: float | None,
    seed: int,
) -> None:
    layer = convolution64(2, 3, kernel_size, dilation, causal)
    inputs = normal64(n_timepoints, n_series, 2, seed=seed).requires_grad_()
    draws = torch.rand(inputs.shape[:2], generator=torch.Generator().manual_seed(seed))
    padding = (draws < (padded_share or 0)).flatten().nonzero().flatten()
    outputs = layer(inputs, None if padded_share is None else padding)
    expected = plain_convolution(layer, inputs, causal, padding)
    valid = is_valid(inputs, padding)
    assert outputs.shape == (n_timepoints, n_series, 3)
    assert torch.isfinite(outputs).all()
    assert_near(outputs[valid], expected[valid], 1e-12)
    leaves = (inputs, layer.weight, layer.bias)
    ours, theirs = (gradients(o, *leaves, where=valid) for o in (outputs, expected))
    assert_near(ours, theirs, 1e-10)


@pytest.mark.parametrize("padding", [None, [0, 4, 9]])
@pytest.mark.parametrize("causal", [False, True])
def test_a_convolution_has_the_right_gradients(
    causal: bool, padding: list[int] | None
) -> None:
    layer = convolution64(2, 3, dilation=2, causal=causal)
    rows = None if padding is None else torch.tensor(padding)

    def outputs(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional_call(layer, {"weight": weight, "bias": bias}, (inputs, rows))

    leaves = (normal64(5, 2, 2).requires_grad_(), layer.weight, layer.bias)
    assert torch.autograd.gradcheck(outputs, leaves)


@pytest.mark.parametrize("garbage", [-1e3, 1e3, 1e30])
def test_what_padded_rows_hold_does_not_matter(garbage: float) -> None:
    layer = convolution64(2, 3)
    inputs = normal64(7, 3, 2)
    padding = padding_behind([7, 4, 1], 7)
    valid = is_valid(inputs, padding)
    results = []
    for content in (0.0, garbage):
        leaf = filled(inputs, padding, content).requires_grad_()
        outputs = layer(leaf, padding)
        assert torch.isfinite(outputs).all()
        parts = gradients(outputs, leaf, layer.weight, layer.bias, where=valid)
        assert (parts[0][~valid] == 0).all()
        results.append((outputs[valid], *parts))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_the_layout_of_the_inputs_does_not_matter() -> None:
    layer = convolution64(2, 3)
    inputs = normal64(6, 4, 2).requires_grad_()
    leaves = (inputs, layer.weight, layer.bias)
    expected = layer(inputs)
    gradient = normal64(6, 4, 3, seed=1)
    expected_gradients = torch.autograd.grad(expected, leaves, gradient)
    by_series = inputs.transpose(0, 1).contiguous().transpose(0, 1)
    among_others = torch.cat([inputs, inputs], dim=2)[:, :, :2]
    for same in (by_series, among_others):
        assert not same.is_contiguous()
        outputs = layer(same)
        assert_near(outputs, expected, 1e-12)
        gradient_by_channel = gradient.permute(2, 1, 0).contiguous().permute(2, 1, 0)
        parts = torch.autograd.grad(outputs, leaves, gradient_by_channel)
        assert_near(parts, expected_gradients, 1e-12)


def test_inputs_stay_as_they_are() -> None:
    inputs = normal(6, 2, 4)
    before = inputs.clone()
    ActivatedConvolution(4, 4)(inputs, torch.tensor([3, 5]))
    assert torch.equal(inputs, before)


# Blocks


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_timepoints", [1, 2, 3, 7, 20])
def test_stack_keeps_the_length(n_timepoints: int, causal: bool) -> None:
    outputs = small_stack(causal)(normal(n_timepoints, 2, 4))
    assert outputs.shape == (n_timepoints, 2, 3)


def reach_seen(stack: DilatedConvolutionStack, n_timepoints: int) -> tuple[int, int]:
    """Return how far before and after a step a change still shows in its output."""
    inputs = normal64(n_timepoints, 1, 4)
    middle = n_timepoints // 2
    changed = inputs.clone()
    changed[middle] += 1
    differs = (stack(inputs) - stack(changed)).abs().amax(dim=(1, 2)) > 0
    steps = differs.nonzero().flatten().tolist()
    # A later step looks back to the change, an earlier one ahead.
    return steps[-1] - middle, middle - steps[0]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4])
@pytest.mark.parametrize("n_blocks", [0, 1, 2])
def test_reach_is_what_a_perturbation_shows(
    n_blocks: int, kernel_size: int, causal: bool
) -> None:
    stack = small_stack(causal, n_blocks, kernel_size).double()
    assert stack.reach == reach_seen(stack, 101)


def test_dilations_double_and_the_last_shortcut_is_linear() -> None:
    torch.manual_seed(0)
    stack = DilatedConvolutionStack(4, 4, n_blocks=3, kernel_size=3, causal=False)
    n_steps = 2 * (1 + 2 + 4 + 8)
    assert stack.reach == (n_steps, n_steps)
    assert reach_seen(stack.double(), 101) == stack.reach
    assert isinstance(stack.blocks[-1].shortcut, nn.Linear)
    assert all(isinstance(b.shortcut, nn.Identity) for b in stack.blocks[:-1])


def test_a_causal_stack_sees_no_later_step() -> None:
    inputs = normal(30, 2, 4)
    changed = inputs.clone()
    changed[17:] = normal(13, 2, 4, seed=1)
    for causal in (True, False):
        stack = small_stack(causal)
        before, after = stack(inputs), stack(changed)
        assert torch.equal(before[:17], after[:17]) is causal
        assert not torch.equal(before[17:], after[17:])


@pytest.mark.parametrize("causal", [False, True])
def test_padding_is_as_if_it_were_not_there(causal: bool) -> None:
    stack = small_stack(causal).double()
    lengths = [14, 9, 1]
    inputs = normal64(14, 3, 4)
    padding = padding_behind(lengths, 14)
    together = stack(filled(inputs, padding, 1e3), padding)
    alone = [stack(inputs[:length, [row]]) for row, length in enumerate(lengths)]
    for row, length in enumerate(lengths):
        assert_near(together[:length, [row]], alone[row], 1e-12)
    weights = list(stack.parameters())
    total = together[is_valid(inputs, padding)].square().sum()
    expected = torch.stack([outputs.square().sum() for outputs in alone]).sum()
    assert_near(
        torch.autograd.grad(total, weights),
        torch.autograd.grad(expected, weights),
        1e-10,
    )


def test_a_residual_block_adds_to_its_shortcut() -> None:
    block = ResidualBlock(3, 3, kernel_size=3, dilation=2, causal=False)
    inputs = normal(8, 2, 3)
    for parameter in block.second.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(inputs), inputs)


# Precision and modes


def test_under_autocast_all_is_half_precision_also_the_residuals() -> None:
    stack = small_stack()
    dtypes = []
    for block in stack.blocks:
        block.register_forward_hook(
            lambda _, inputs, outputs: dtypes.extend([inputs[0].dtype, outputs.dtype])
        )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert stack(normal(9, 2, 4)).dtype == torch.bfloat16
    assert dtypes == [torch.bfloat16] * 6
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False):
        assert stack(normal(9, 2, 4)).dtype == torch.float32


def share_of_error(result: Tensor, expected: Tensor) -> float:
    return ((result - expected).norm() / expected.norm()).item()


def test_outputs_and_gradients_under_autocast_are_near_those_without() -> None:
    stack = small_stack(n_blocks=6)
    inputs = normal(40, 8, 4)
    padding = padding_behind([40, 30, 20, 10, 5, 3, 2, 1], 40)
    valid = is_valid(inputs, padding)
    weights = list(stack.parameters())
    exact = stack(inputs, padding)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = stack(inputs, padding).float()
    assert share_of_error(rough[valid], exact[valid]) < 0.02
    for one, other in zip(
        gradients(rough, *weights, where=valid),
        gradients(exact, *weights, where=valid),
        strict=True,
    ):
        assert one.dtype == torch.float32
        assert share_of_error(one, other) < 0.05


@pytest.mark.parametrize("padded", [False, True])
def test_inference_mode_gives_the_same(padded: bool) -> None:
    stack, inputs = small_stack(), normal(9, 3, 4)
    padding = padding_behind([9, 5, 2], 9) if padded else None
    expected = stack(inputs, padding)
    with torch.inference_mode():
        assert torch.equal(stack(inputs, padding), expected)
    with torch.no_grad():
        assert not stack(inputs, padding).requires_grad


# Dropout


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_timepoints", [17, 37, 97])
@pytest.mark.parametrize("is_padded", [False, True])
def test_what_rounds_the_length_up_is_seen_by_no_step(
    n_timepoints: int, causal: bool, is_padded: bool
) -> None:
    assert round_length(n_timepoints) > n_timepoints
    torch.manual_seed(0)
    stack = DilatedConvolutionStack(3, 5, 3, kernel_size=3, causal=causal).double()
    inputs = normal64(n_timepoints, 2, 3)
    padding = torch.tensor([2 * n_timepoints - 1]) if is_padded else None
    expected = inputs
    for block in stack.blocks:
        expected = block(expected, padding)
    torch.testing.assert_close(stack(inputs, padding), expected)


def test_there_are_few_lengths_and_each_is_an_eighth_longer_at_most() -> None:
    lengths = range(1, 513)
    rounded = [round_length(length) for length in lengths]
    for length, other in zip(lengths, rounded, strict=True):
        assert length <= other <= length * 9 / 8
        assert round_length(other) == other
    assert len(set(rounded)) < 70
    assert round_length(10_001) == 10_001
