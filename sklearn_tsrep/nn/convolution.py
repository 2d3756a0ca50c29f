"""Dilated convolutions that keep the length of a series.

Time is the first axis here, then the batch, then channels: to the libraries below
that is an image of time x batch whose channels come last, which is the layout in
which their convolutions are fastest.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.nn.linear import RowwiseLinear, rowwise_linear

# With fewer series the steps of one phase of the dilation take their place.
_MIN_WIDTH = 8
# With outputs that do not fill it, the bits of a step depend on its place in the batch.
_BLOCK = 16
_LONGEST_ROUNDED = 2048


class ActivatedConvolution(nn.Conv1d):
    """GELU, then a dilated 1-d convolution with as many outputs as inputs along time.

    Taps that reach beyond the series from every step only ever multiply the zeros
    around it, so that they are left out; the result is the same.

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

    Attributes
    ----------
    places : list of int
        Where each tap reads, from the step on, in units of the dilation.
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
        self.places = [tap - n_before for tap in range(kernel_size)]

    @property
    def reach(self) -> tuple[int, int]:
        """Steps before and after a step on which its output depends."""
        return -self.places[0] * self.dilation[0], self.places[-1] * self.dilation[0]

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
        activated = functional.gelu(inputs.flatten(0, 1))
        if padding is not None:
            activated = activated.index_fill_(0, padding, 0)
        return self.convolve(activated.unflatten(0, inputs.shape[:2]))

    def combine(self, activated: list[Tensor], taps: list[int]) -> Tensor:
        """Return the output of steps (..., out_channels) from what some taps read.

        Parameters
        ----------
        activated : list of Tensor of shape (..., in_channels)
            What each tap reads, behind the GELU.

        taps : list of int
            Which taps; the others read 0.
        """
        weight = self.weight[:, :, taps].transpose(1, 2).flatten(1)
        return rowwise_linear(torch.cat(activated, dim=-1), weight, self.bias)

    def follow(self, inputs: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Map the steps that follow others, with all taps at or before a step.

        Parameters
        ----------
        inputs : Tensor of shape (n_new, batch, in_channels)
            The new steps.

        before : Tensor of shape (reach, batch, in_channels)
            What is behind the GELU of the last steps before them, 0 before the first.

        Returns
        -------
        outputs : Tensor of shape (n_new, batch, out_channels)

        before : Tensor of shape (reach, batch, in_channels)
            That of the steps that come next.
        """
        activated = torch.cat([before, functional.gelu(inputs)])
        firsts = [len(before) + place * self.dilation[0] for place in self.places]
        read = [activated[first : first + len(inputs)] for first in firsts]
        outputs = self.combine(read, list(range(len(read))))
        return outputs, activated[len(inputs) :]

    def convolve(self, series: Tensor) -> Tensor:
        """Map what is behind the GELU (time, batch, in_channels) to outputs."""
        dilation = self.dilation[0]
        n_timepoints, n_series, n_channels = series.shape
        if n_series >= _MIN_WIDTH or not 1 < dilation < n_timepoints:
            return self._convolve_dilated(series, dilation)
        # Steps that are a multiple of the dilation apart, side by side: (time /
        # dilation, dilation * batch, channels), in which neighbours are neighbours.
        n_spare = -n_timepoints % dilation
        padded = functional.pad(series, (0, 0, 0, 0, 0, n_spare))
        phases = padded.view(-1, dilation * n_series, n_channels)
        outputs = self._convolve_dilated(phases, 1)
        return outputs.reshape(-1, n_series, self.out_channels)[:n_timepoints]

    def _convolve_dilated(self, series: Tensor, dilation: int) -> Tensor:
        n_timepoints = len(series)
        taps = [
            tap
            for tap, place in enumerate(self.places)
            if abs(place) * dilation < n_timepoints
        ]
        before = -self.places[taps[0]] * dilation
        after = self.places[taps[-1]] * dilation
        if before != after:
            series = functional.pad(series, (0, 0, 0, 0, before, after))
            before = 0
        assert self.bias is not None
        n_spare = -self.out_channels % _BLOCK
        weight = self.weight[:, :, taps[0] : taps[-1] + 1].unsqueeze(3)
        weight = functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, n_spare))
        # (time, batch, channels) -> (1, channels, time, batch), and back
        outputs = functional.conv2d(
            series.unsqueeze(0).permute(0, 3, 1, 2),
            weight.contiguous(memory_format=torch.channels_last).to(series.dtype),
            functional.pad(self.bias, (0, n_spare)).to(series.dtype),
            padding=(before, 0),
            dilation=(dilation, 1),
        )
        return outputs.squeeze(0).permute(1, 2, 0)[:, :, : self.out_channels]


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
        reaches = [convolution.reach for convolution in self.convolutions]
        before, after = (sum(sides) for sides in zip(*reaches, strict=True))
        return before, after

    def forward(self, inputs: Tensor, padding: Tensor | None = None) -> Tensor:
        """Map (time, batch, in_channels) to (time, batch, out_channels).

        Computed in the precision of autocast where it is on, residuals included.
        Arguments as in `ActivatedConvolution.forward`.
        """
        n_timepoints, n_series, _ = inputs.shape
        n_spare = round_length(n_timepoints) - n_timepoints
        hidden = functional.pad(inputs, (0, 0, 0, 0, 0, n_spare))
        hidden = hidden.to(_computing_dtype(inputs))
        if n_spare:
            rows = n_series * n_timepoints, n_series * len(hidden)
            spare = torch.arange(*rows, device=inputs.device)
            padding = spare if padding is None else torch.cat([padding, spare])
        for block in self.blocks:
            hidden = block(hidden, padding)
        return hidden[:n_timepoints]

    @property
    def convolutions(self) -> list[ActivatedConvolution]:
        """The convolutions of all blocks, in order."""
        return [
            module
            for module in self.modules()
            if isinstance(module, ActivatedConvolution)
        ]

    def follow(
        self, inputs: Tensor, before: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Map the steps that follow others, each convolution as its ``follow``.

        ``before`` has an entry a convolution; it is empty at the start.
        """
        if not before:
            n_series = inputs.shape[1]
            before = [
                inputs.new_zeros(one.reach[0], n_series, one.in_channels)
                for one in self.convolutions
            ]
        after: list[Tensor] = []
        for block in self.blocks:
            assert isinstance(block, ResidualBlock)
            hidden = inputs
            for convolution in (block.first, block.second):
                hidden, kept = convolution.follow(hidden, before[len(after)])
                after.append(kept)
            inputs = hidden + block.shortcut(inputs)
        return inputs, after


def round_length(n_timepoints: int) -> int:
    """Return a length that is up to an eighth longer, of which there are few.

    For each new shape oneDNN generates code, and it keeps it for a limited number of
    them; crops have a length of their own in each batch. Long series are left as they
    are: there the code is a small part of the work.
    """
    if n_timepoints > _LONGEST_ROUNDED:
        return n_timepoints
    unit = 2 ** max(n_timepoints.bit_length() - 4, 0)
    return -(-n_timepoints // unit) * unit


def _computing_dtype(inputs: Tensor) -> torch.dtype:
    device = inputs.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return inputs.dtype
