"""Dilated convolutions that keep the length of a series."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class LengthPreservingConv1d(nn.Conv1d):
    """Dilated 1-d convolution with as many outputs as inputs along time.

    Taps that reach beyond the series from every step only ever multiply the zeros
    of the padding, so that they are left out; the result is the same.

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

    def forward(self, inputs: Tensor) -> Tensor:
        """Convolve ``inputs`` of shape (batch, in_channels, time)."""
        n_timepoints = inputs.shape[-1]
        taps = [
            tap for tap, offset in enumerate(self.offsets) if abs(offset) < n_timepoints
        ]
        weight = self.weight[:, :, taps[0] : taps[-1] + 1]
        before, after = -self.offsets[taps[0]], self.offsets[taps[-1]]
        if before != after:
            inputs = functional.pad(inputs, (before, after))
            before = 0
        return functional.conv1d(
            inputs, weight, self.bias, padding=before, dilation=self.dilation
        )


class ResidualBlock(nn.Module):
    """Two dilated convolutions, a GELU before each, around a shortcut.

    Parameters
    ----------
    in_channels, out_channels : int
        Number of channels before and after.

    kernel_size, dilation, causal
        As in `LengthPreservingConv1d`.

    project_shortcut : bool, default=False
        Whether the shortcut is a 1x1 convolution also where the widths agree.
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
        self.first = LengthPreservingConv1d(
            in_channels, out_channels, kernel_size, dilation, causal
        )
        self.second = LengthPreservingConv1d(
            out_channels, out_channels, kernel_size, dilation, causal
        )
        self.shortcut: nn.Module = nn.Identity()
        if project_shortcut or in_channels != out_channels:
            self.shortcut = nn.Conv1d(in_channels, out_channels, kernel_size=1)

    def forward(self, inputs: Tensor, valid: Tensor | None) -> Tensor:
        """Return (batch, out_channels, time); steps that are padding stay 0.

        Parameters
        ----------
        inputs : Tensor of shape (batch, in_channels, time)
            Zero at steps that are padding.

        valid : Tensor of shape (batch, 1, time) or None
            1 at the steps of a series, 0 at padding; None where nothing is padded.
        """
        hidden = self.first(functional.gelu(inputs))
        if valid is not None:
            hidden = hidden * valid
        hidden = self.second(functional.gelu(hidden)) + self.shortcut(inputs)
        return hidden if valid is None else hidden * valid


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
        As in `LengthPreservingConv1d`.
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

    def forward(self, inputs: Tensor, valid: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) to (batch, out_channels, time)."""
        hidden = inputs
        for block in self.blocks:
            hidden = block(hidden, valid)
        return hidden


def dropout(inputs: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Zero a share of the entries at random and scale up the others.

    Unlike `torch.nn.Dropout` it draws from a generator of its own, so that training
    leaves torch's global one as it is. Without a generator nothing is dropped.
    """
    if generator is None or share == 0:
        return inputs
    kept = torch.rand(inputs.shape, generator=generator, device=inputs.device) >= share
    return inputs * kept / (1 - share)
