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


class RowwiseLinear(nn.Linear):
    """`torch.nn.Linear` whose rows do not depend on each other, to the last bit."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, ..., in_features) to (batch, ..., out_features)."""
        rows = inputs.flatten(0, -2)
        weight = _with_spare_columns(self.weight.t())
        if self.bias is None:
            outputs = torch.mm(rows, weight)
        else:
            outputs = torch.addmm(_with_spare_columns(self.bias), rows, weight)
        return outputs[:, : self.out_features].unflatten(0, inputs.shape[:-1])
