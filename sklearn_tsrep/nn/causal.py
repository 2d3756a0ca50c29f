"""Representations of steps, each from the window of steps that ends there alone.

Encoding each window by itself and keeping its last step computes nearly everything
in vain. `CausalConvolutions` leaves out what the last step does not depend on, and
computes once for all windows what does not depend on where they end: further from the
ends of a window than convolutions reach, it is what the whole series has there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.nn.convolution import (
    ActivatedConvolution,
    DilatedConvolutionStack,
    ResidualBlock,
)

_STEPS_AT_ONCE = 2**13


def last_steps_of_whole(
    encoder: Callable[[SeriesBatch], Any], batch: SeriesBatch, places: Tensor
) -> Tensor:
    """Encode whole series, and keep one step of each (batch, n_latents)."""
    latents, _ = encoder(batch)
    return latents[torch.arange(len(batch), device=latents.device), places]


class CausalEncoder(ABC):
    """Encodes each step from a window that ends there.

    Parameters
    ----------
    context : int
        Steps of a window before its last. Windows at the start of a series are
        shorter.
    """

    def __init__(self, context: int) -> None:
        self.context = context

    @property
    def reach(self) -> tuple[int, int]:
        """Steps before and after a step on which its representation depends."""
        return self.context, 0

    def __call__(self, batch: SeriesBatch) -> tuple[Tensor, None]:
        """Return representations (batch, time, n_latents) of all steps."""
        return self.latest(batch, batch.values.shape[1]), None

    @abstractmethod
    def latest(
        self, batch: SeriesBatch, n_new: int, ending_as: SeriesBatch | None = None
    ) -> Tensor:
        """Return representations of the last steps.

        Parameters
        ----------
        batch : SeriesBatch
            The series.

        n_new : int
            Steps to represent.

        ending_as : SeriesBatch or None, default=None
            The same series otherwise: the last step of each window is what it is
            there. None for no difference.

        Returns
        -------
        representations : Tensor of shape (batch, n_new, n_latents)
        """


class WithoutLastStep:
    """Encodes each step from a window that ends there, and hides the step itself.

    Parameters
    ----------
    encoder : CausalEncoder
        What encodes the windows.

    channel : int or None, default=None
        What is hidden of the step; None for all of its channels.
    """

    def __init__(self, encoder: CausalEncoder, channel: int | None = None) -> None:
        self.encoder = encoder
        self.channel = channel

    @property
    def reach(self) -> tuple[int, int]:
        """Steps before and after a step on which its representation depends."""
        return self.encoder.reach

    def __call__(self, batch: SeriesBatch) -> tuple[Tensor, None]:
        """Return representations (batch, time, n_latents) of all steps."""
        batch = _with_all_masks(batch)
        hidden = _hidden(batch, self.channel)
        return self.encoder.latest(batch, batch.values.shape[1], hidden), None


def _with_all_masks(batch: SeriesBatch) -> SeriesBatch:
    observed, visible = batch.observed, batch.visible
    if observed is None:
        observed = torch.ones_like(batch.values)
    if visible is None:
        visible = torch.ones_like(batch.time)
    return replace(batch, observed=observed, visible=visible)


def _hidden(batch: SeriesBatch, channel: int | None) -> SeriesBatch:
    """Return a batch with all masks, of which a channel or all are never seen."""
    assert batch.observed is not None
    assert batch.visible is not None
    kept = batch.values.new_ones(batch.values.shape[-1])
    kept[slice(None) if channel is None else channel] = 0
    observed = batch.observed * kept
    is_seen = observed.any(dim=-1).to(batch.visible.dtype)
    return replace(
        batch,
        values=batch.values * kept,
        observed=observed,
        visible=batch.visible * is_seen,
    )


class LastStepsOfWindows(CausalEncoder):
    """Encodes each window by itself, and keeps its last step.

    Parameters
    ----------
    last_steps : callable
        Returns representations (batch, n_latents), one a series, of a `SeriesBatch`
        and the places (batch,) of steps in it.

    context : int
        As in `CausalEncoder`.
    """

    def __init__(
        self, last_steps: Callable[[SeriesBatch, Tensor], Tensor], context: int
    ) -> None:
        super().__init__(context)
        self.last_steps = last_steps

    def latest(
        self, batch: SeriesBatch, n_new: int, ending_as: SeriesBatch | None = None
    ) -> Tensor:
        """Return representations (batch, n_new, n_latents) of the last steps."""
        n_steps = batch.values.shape[1]
        n_windows = max(_STEPS_AT_ONCE // ((self.context + 1) * len(batch)), 1)
        steps = torch.arange(n_steps - n_new, n_steps, device=batch.values.device)
        parts = [
            self._last_steps(batch, ends, ending_as) for ends in steps.split(n_windows)
        ]
        return torch.cat(parts, dim=1)

    def _last_steps(
        self, batch: SeriesBatch, ends: Tensor, ending_as: SeriesBatch | None
    ) -> Tensor:
        starts = (ends - self.context).clamp(min=0)
        lengths = ends - starts + 1
        places = torch.arange(int(lengths.max()), device=ends.device)
        is_step = places < lengths.unsqueeze(1)
        index = (starts.unsqueeze(1) + places).clamp(max=batch.values.shape[1] - 1)
        windows = _windows(batch, index, is_step)
        last_places = (lengths - 1).repeat(len(batch))
        if ending_as is not None:
            _replace_steps(windows, last_places, ending_as, ends)
        latents = self.last_steps(windows, last_places)
        # (batch * n_windows, n_latents) -> (batch, n_windows, n_latents)
        return latents.unflatten(0, (len(batch), len(ends)))


def _windows(batch: SeriesBatch, index: Tensor, is_step: Tensor) -> SeriesBatch:
    """Return the steps at an index (n_windows, time) of each series as a batch."""
    valid = is_step.to(batch.values.dtype).repeat(len(batch), 1)
    parts = {
        field.name: _with_axes(valid, part.ndim) * part[:, index].flatten(0, 1)
        for field in fields(batch)
        if (part := getattr(batch, field.name)) is not None
    }
    return replace(batch, **{"valid": valid, **parts})


def _replace_steps(
    windows: SeriesBatch, places: Tensor, other: SeriesBatch, steps: Tensor
) -> None:
    """Put steps of other series at a place of each of their windows.

    The windows of a series lie one after another, and both have the same masks.
    """
    rows = torch.arange(len(places), device=places.device)
    for name in ("values", "observed", "visible"):
        getattr(windows, name)[rows, places] = getattr(other, name)[:, steps].flatten(
            0, 1
        )


def _with_axes(mask: Tensor, n_axes: int) -> Tensor:
    """Return a mask (batch, time) with further axes of length 1."""
    return mask.view(*mask.shape, *[1] * (n_axes - mask.ndim))


class _Windows(NamedTuple):
    """Hidden values of the windows that end at each of the new steps.

    A step of a window is named by its offset, which is the number of steps from there
    to the window's end.

    Attributes
    ----------
    whole : Tensor of shape (context + n_new, batch, width) or None
        Those of the whole series, from ``context`` steps before the first new one on;
        None where they are needed no more.

    near_ends : dict of int to Tensor of shape (n_new, batch, width)
        By offset, those that are not what the whole series has there.
    """

    whole: Tensor | None
    near_ends: dict[int, Tensor]


@dataclass(frozen=True)
class _Frame:
    """Where the windows lie.

    Attributes
    ----------
    context : int
        Steps of a window before its last.

    is_step : Tensor of shape (context + n_new, 1, 1)
        1 at steps of the series, 0 before its start.
    """

    context: int
    is_step: Tensor

    def at(self, offset: int, steps: Tensor) -> Tensor:
        """Return (n_new, ...) of (context + n_new, ...): the steps at an offset."""
        first = self.context - offset
        return steps[first : first + len(self.is_step) - self.context]

    def activated(self, windows: _Windows) -> _Windows:
        """Return what a convolution reads: GELU of the values, 0 before the start."""
        near_ends = {
            offset: functional.gelu(values) * self.at(offset, self.is_step)
            for offset, values in windows.near_ends.items()
        }
        if windows.whole is None:
            return _Windows(None, near_ends)
        return _Windows(functional.gelu(windows.whole) * self.is_step, near_ends)

    def values_at(self, offset: int, windows: _Windows) -> Tensor:
        """Return the values (n_new, batch, width) that windows have at an offset."""
        if offset in windows.near_ends:
            return windows.near_ends[offset]
        assert windows.whole is not None
        return self.at(offset, windows.whole)


class CausalConvolutions:
    """What `DilatedConvolutionStack` makes of the last step of each window.

    Parameters
    ----------
    stack : DilatedConvolutionStack
        The convolutions.

    context : int
        Steps of a window before its last.
    """

    def __init__(self, stack: DilatedConvolutionStack, context: int) -> None:
        self.context = context
        # (block, offsets needed of its first convolution, of its second), in order.
        self.plan: list[tuple[ResidualBlock, list[int], list[int]]] = []
        needed = [0]
        for block in reversed(list(stack.blocks)):
            assert isinstance(block, ResidualBlock)
            between = self._read_by(block.second, needed)
            self.plan.insert(0, (block, between, needed))
            needed = self._read_by(block.first, between)

    def __call__(
        self, hidden: Tensor, n_new: int, last: Tensor | None = None
    ) -> Tensor:
        """Return what the last steps get, each from its window.

        Parameters
        ----------
        hidden : Tensor of shape (time, batch, width)
            What the convolutions read, of all steps of the series or at least
            ``context`` before the new ones.

        n_new : int
            Steps at the end to compute.

        last : Tensor of shape (n_new, batch, width) or None, default=None
            What they read at the last step of each window; None for what the series
            has there.

        Returns
        -------
        outputs : Tensor of shape (n_new, batch, out_channels)
        """
        n_missing = self.context - (len(hidden) - n_new)
        hidden = hidden[max(-n_missing, 0) :]
        hidden = functional.pad(hidden, (0, 0, 0, 0, max(n_missing, 0), 0))
        is_step = hidden.new_ones(len(hidden), 1, 1)
        is_step[: max(n_missing, 0)] = 0
        n_at_once = max(_STEPS_AT_ONCE // hidden.shape[1], 1)
        outputs = []
        for begin in range(0, n_new, n_at_once):
            stop = min(begin + n_at_once, n_new)
            steps = slice(begin, stop + self.context)
            frame = _Frame(self.context, is_step[steps])
            at_ends = {} if last is None else {0: last[begin:stop]}
            outputs.append(self._last_steps(frame, _Windows(hidden[steps], at_ends)))
        return torch.cat(outputs)

    def _last_steps(self, frame: _Frame, windows: _Windows) -> Tensor:
        for block, between, needed in self.plan:
            middle = self._convolved(block.first, frame, windows, between)
            outputs = self._convolved(block.second, frame, middle, needed)
            windows = _with_shortcut(block, frame, windows, outputs)
        return frame.values_at(0, windows)

    def _convolved(
        self,
        convolution: ActivatedConvolution,
        frame: _Frame,
        windows: _Windows,
        offsets: list[int],
    ) -> _Windows:
        activated = frame.activated(windows)
        near_ends = {}
        for offset in offsets:
            taps = self._taps(convolution, offset)
            reads_end = not windows.near_ends.keys().isdisjoint(taps.values())
            if reads_end or len(taps) < len(convolution.places):
                values = [frame.values_at(at, activated) for at in taps.values()]
                near_ends[offset] = convolution.combine(values, list(taps))
        if len(near_ends) == len(offsets):
            return _Windows(None, near_ends)
        assert activated.whole is not None
        return _Windows(convolution.convolve(activated.whole), near_ends)

    def _read_by(
        self, convolution: ActivatedConvolution, offsets: list[int]
    ) -> list[int]:
        """Return the offsets that a convolution reads, and these offsets."""
        read = [self._taps(convolution, offset).values() for offset in offsets]
        return sorted(set(offsets).union(*read))

    def _taps(self, convolution: ActivatedConvolution, offset: int) -> dict[int, int]:
        """Return the taps that lie in the window, and the offset each reads."""
        dilation = convolution.dilation[0]
        reads = {
            tap: offset - place * dilation
            for tap, place in enumerate(convolution.places)
        }
        return {tap: at for tap, at in reads.items() if 0 <= at <= self.context}


def _with_shortcut(
    block: ResidualBlock, frame: _Frame, inputs: _Windows, outputs: _Windows
) -> _Windows:
    near_ends = {
        offset: values + block.shortcut(frame.values_at(offset, inputs))
        for offset, values in outputs.near_ends.items()
    }
    if outputs.whole is None:
        return _Windows(None, near_ends)
    assert inputs.whole is not None
    return _Windows(outputs.whole + block.shortcut(inputs.whole), near_ends)
