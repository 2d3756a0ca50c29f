"""Dilated convolutions that keep the length of a series.

Time is the first axis here, so that the steps that a tap reads lie in one block of
memory, and each tap is one product of matrices.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sklearn_tsrep.nn.linear import RowwiseLinear, with_spare_columns


class ActivatedConvolution(nn.Conv1d):
    """GELU, then a dilated 1-d convolution with as many outputs as inputs along time.

    What a tap would read beyond the ends of the series is left out instead of being
    multiplied as zeros; the result is the same.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of channels before and after.

    kernel_size : int, default=3
        Number of taps.

    dilation : int, default=1
        Steps between neighbouring taps.

    causal : bool, default=False
        Whether all taps lie at or before the step, instead of around it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        dilation: int = 1,
        causal: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation)
        n_before = kernel_size - 1 if causal else (kernel_size - 1) // 2
        self.offsets = [(tap - n_before) * dilation for tap in range(kernel_size)]

    def forward(self, inputs: Tensor, padding: Tensor | None = None) -> Tensor:
        """Map (time, batch, in_channels) to (time, batch, out_channels).

        Parameters
        ----------
        inputs : Tensor of shape (time, batch, in_channels)
            Finite everywhere, also at padding.

        padding : int64 Tensor of shape (n_padded,) or None
            Which rows of ``inputs.flatten(0, 1)`` are padding: they are read as 0,
            and what they get is meaningless.
        """
        n_timepoints = inputs.shape[0]
        taps = [
            tap for tap, offset in enumerate(self.offsets) if abs(offset) < n_timepoints
        ]
        weight = self.weight[:, :, taps[0] : taps[-1] + 1].permute(2, 1, 0)
        assert self.bias is not None
        outputs = _ConvolutionOfGELU.apply(
            inputs,
            with_spare_columns(weight.to(inputs.dtype)),
            with_spare_columns(self.bias.to(inputs.dtype)),
            [self.offsets[tap] for tap in taps],
            padding,
        )
        return outputs[:, :, : self.out_channels]


class _ConvolutionOfGELU(torch.autograd.Function):
    """One product of matrices a tap, summed in place.

    Weights are (taps, in_channels, out_channels); one of the offsets is 0.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor,
        offsets: list[int],
        padding: Tensor | None,
    ) -> Tensor:
        activated = functional.gelu(inputs).contiguous()
        _zero_rows(activated, padding)
        outputs = inputs.new_empty(*inputs.shape[:2], weight.shape[2])
        here = offsets.index(0)
        torch.addmm(bias, _rows(activated), weight[here], out=_rows(outputs))
        for tap, offset in enumerate(offsets):
            if offset:
                target, source = _shifted(outputs, activated, offset)
                _rows(target).addmm_(_rows(source), weight[tap])
        ctx.save_for_backward(inputs, activated, weight, padding)
        ctx.offsets = offsets
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, activated, weight, padding = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        of_activated = torch.empty_like(activated)
        of_weight = torch.empty_like(weight)
        here = ctx.offsets.index(0)
        torch.mm(_rows(gradient), weight[here].t(), out=_rows(of_activated))
        for tap, offset in enumerate(ctx.offsets):
            target, source = _shifted(gradient, activated, offset)
            torch.mm(_rows(source).t(), _rows(target), out=of_weight[tap])
            if offset:
                _, of_source = _shifted(gradient, of_activated, offset)
                _rows(of_source).addmm_(_rows(target), weight[tap].t())
        _zero_rows(of_activated, padding)
        of_inputs = torch.ops.aten.gelu_backward(of_activated, inputs)
        return of_inputs, of_weight, gradient.sum(dim=(0, 1)), None, None


def _shifted(outputs: Tensor, inputs: Tensor, offset: int) -> tuple[Tensor, Tensor]:
    """Return the outputs for which ``inputs[step + offset]`` is there, and these."""
    n_timepoints = len(outputs)
    if offset >= 0:
        return outputs[: n_timepoints - offset], inputs[offset:]
    return outputs[-offset:], inputs[: n_timepoints + offset]


def _rows(series: Tensor) -> Tensor:
    """View (time, batch, channels) as (time * batch, channels)."""
    return series.view(-1, series.shape[2])


def _zero_rows(series: Tensor, rows: Tensor | None) -> None:
    if rows is not None:
        _rows(series).index_fill_(0, rows, 0)


class ResidualBlock(nn.Module):
    """Two dilated convolutions, a GELU before each, around a shortcut.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of channels before and after.

    kernel_size, dilation, causal
        As in `ActivatedConvolution`.

    project_shortcut : bool, default=False
        Whether the shortcut is a linear map also where the widths agree.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int,
        causal: bool,
        project_shortcut: bool = False,
    ) -> None:
        super().__init__()
        self.first = ActivatedConvolution(
            in_channels, out_channels, kernel_size, dilation, causal
        )
        self.second = ActivatedConvolution(
            out_channels, out_channels, kernel_size, dilation, causal
        )
        self.shortcut: nn.Module = nn.Identity()
        if project_shortcut or in_channels != out_channels:
            self.shortcut = RowwiseLinear(in_channels, out_channels)

    def forward(self, inputs: Tensor, padding: Tensor | None = None) -> Tensor:
        """Map (time, batch, in_channels) to (time, batch, out_channels).

        Arguments as in `ActivatedConvolution.forward`.
        """
        hidden = self.second(self.first(inputs, padding), padding)
        return hidden + self.shortcut(inputs)


class DilatedConvolutionStack(nn.Module):
    """Residual blocks with dilations 1, 2, 4, ..., and a last one to the outputs.

    Parameters
    ----------
    in_channels : int
        Width of the input and of all blocks but the last.

    out_channels : int
        Width of the last block.

    n_blocks : int
        Number of blocks before the last.

    kernel_size, causal
        As in `ActivatedConvolution`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        n_blocks: int,
        kernel_size: int,
        causal: bool,
    ) -> None:
        super().__init__()
        blocks = [
            ResidualBlock(in_channels, in_channels, kernel_size, 2**depth, causal)
            for depth in range(n_blocks)
        ]
        last = ResidualBlock(
            in_channels,
            out_channels,
            kernel_size,
            2**n_blocks,
            causal,
            project_shortcut=True,
        )
        self.blocks = nn.ModuleList([*blocks, last])

    @property
    def reach(self) -> tuple[int, int]:
        """Steps before and after a step on which its output depends."""
        convolutions = [
            module
            for module in self.modules()
            if isinstance(module, ActivatedConvolution)
        ]
        before = sum(-convolution.offsets[0] for convolution in convolutions)
        after = sum(convolution.offsets[-1] for convolution in convolutions)
        return before, after

    def forward(self, inputs: Tensor, padding: Tensor | None = None) -> Tensor:
        """Map (time, batch, in_channels) to (time, batch, out_channels).

        Computed in the precision of autocast where it is on, residuals included.
        Arguments as in `ActivatedConvolution.forward`.
        """
        hidden = inputs.to(_computing_dtype(inputs))
        for block in self.blocks:
            hidden = block(hidden, padding)
        return hidden


def _computing_dtype(inputs: Tensor) -> torch.dtype:
    device = inputs.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return inputs.dtype


def dropout(inputs: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share of the entries at random and scale up the others.

    Unlike `torch.nn.Dropout` it draws from a generator of its own, so that training
    leaves torch's global one as it is. Without a generator nothing is dropped.
    """
    if generator is None or share == 0:
        return inputs
    scales = torch.empty_like(inputs).bernoulli_(1 - share, generator=generator)
    return inputs * scales.div_(1 - share)
