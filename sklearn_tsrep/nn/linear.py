"""Linear maps that give a row the same bits whatever the other rows are.

Libraries for products of matrices sum the last columns in another order where their
number is no multiple of four, depending on the place of the row.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_COLUMNS = 4


def _with_spare_columns(matrices: Tensor) -> Tensor:
    """Fill the last axis up with zeros, to a multiple of four; contiguous."""
    return functional.pad(matrices, (0, -matrices.shape[-1] % _COLUMNS)).contiguous()


def rowwise_linear(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Map (batch, ..., in_features) to (batch, ..., out_features), row by row."""
    rows = inputs.flatten(0, -2)
    columns = _with_spare_columns(weight.t())
    if bias is None:
        outputs = torch.mm(rows, columns)
    else:
        outputs = torch.addmm(_with_spare_columns(bias), rows, columns)
    return outputs[:, : len(weight)].unflatten(0, inputs.shape[:-1])


class RowwiseLinear(nn.Linear):
    """`torch.nn.Linear` whose rows do not depend on each other, to the last bit."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, ..., in_features) to (batch, ..., out_features)."""
        return rowwise_linear(inputs, self.weight, self.bias)
