"""Linear maps: as torch's, and each row by itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from sklearn_tsrep.nn.linear import RowwiseLinear


@settings(deadline=None, max_examples=50)
@given(
    n_inputs=st.integers(1, 50),
    n_outputs=st.integers(1, 50),
    n_rows=st.integers(2, 200),
    bias=st.booleans(),
)
def test_a_row_has_the_same_bits_wherever_it_stands(
    n_inputs: int, n_outputs: int, n_rows: int, bias: bool
) -> None:
    torch.manual_seed(0)
    layer = RowwiseLinear(n_inputs, n_outputs, bias=bias)
    rows = torch.randn(1, n_inputs).expand(n_rows, -1).contiguous()
    with torch.inference_mode():
        outputs = layer(rows)
    assert torch.equal(outputs, outputs[:1].expand_as(outputs))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4), (0, 4)])
def test_is_the_linear_map_of_torch(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    layer = RowwiseLinear(4, 3, bias=bias).double()
    inputs = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    expected = functional.linear(inputs, layer.weight, layer.bias)
    outputs = layer(inputs)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-12)
    wanted = [inputs, *layer.parameters()]
    for one, other in zip(
        torch.autograd.grad(outputs.square().sum(), wanted),
        torch.autograd.grad(expected.square().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_computes_in_the_precision_of_autocast() -> None:
    layer = RowwiseLinear(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.ones(2, 4)).dtype == torch.bfloat16
