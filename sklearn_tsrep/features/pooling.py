"""Poolings of the representations of time steps into features of an instance.

A long series comes in pieces. Each pooling makes something of a piece, and says how
it is put together with what it made of the pieces before, so that no representation
of a whole long series is needed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_tsrep.features.names import listed

# Maxima of windows longer than 2 * 4096 + 1 steps are taken at fewer steps, so that
# what is kept of the pieces before stays small.
_FINEST_RADIUS = 2**12
# What poolings compute with in between is of this many steps at most.
_STEPS_AT_ONCE = 2**13


class Piece(NamedTuple):
    """Representations of consecutive steps of some equally long series.

    Attributes
    ----------
    values : Tensor of shape (batch, time, n_latents)
        The representations.

    start : int
        Step of the series at which the piece starts.

    length : int
        Steps of the whole series.
    """

    values: Tensor
    start: int
    length: int

    @property
    def stop(self) -> int:
        """Step of the series at which the next piece starts."""
        return self.start + self.values.shape[1]


def max_pooling(piece: Piece) -> Tensor:
    """Return the maxima over steps (batch, n_latents); those of pieces are compared."""
    return piece.values.amax(dim=1)


def mean_pooling(piece: Piece) -> Tensor:
    """Return parts of the mean over steps (batch, n_latents), which are added up."""
    return _share_of_mean(piece.values, piece.length)


def last_pooling(piece: Piece) -> Tensor:
    """Return the last step (batch, n_latents); that of the last piece is kept."""
    return piece.values[:, -1]


def segment_pooling(piece: Piece, n_segments: int) -> Tensor:
    """Return the maxima over equal segments of each series; of pieces, the largest.

    Segment ``k`` of ``W`` holds the steps from ``floor(k T / W)`` to
    ``ceil((k + 1) T / W)``, so that a series shorter than ``W`` has them all too.

    Parameters
    ----------
    piece : Piece
        Representations.

    n_segments : int
        Number of segments ``W``.

    Returns
    -------
    features : Tensor of shape (batch, n_segments * n_latents)
        Segment after segment, minus infinity where the piece has no step of one.
    """
    batch, _, n_latents = piece.values.shape
    maxima = piece.values.new_full((batch, n_segments, n_latents), -torch.inf)
    for segment in range(n_segments):
        start = max(piece.length * segment // n_segments, piece.start)
        stop = min(-(-piece.length * (segment + 1) // n_segments), piece.stop)
        if start < stop:
            steps = slice(start - piece.start, stop - piece.start)
            maxima[:, segment] = piece.values[:, steps].amax(dim=1)
    return maxima.flatten(1)


class MultiscalePooling:
    """Means of the local maxima of several scales; parts of them, to be added up.

    Scale ``p`` takes the maximum of the ``2**(p + 1) + 1`` steps around each step
    (as far as they belong to the series), and the mean of these over the series. It
    lies between the mean and the maximum over the whole series. Scales above 12, with
    windows of more than 8193 steps, take these maxima at every ``2**(p - 12)``-th
    step alone.

    Parameters
    ----------
    n_scales : int
        Number of scales, from the finest on.
    """

    def __init__(self, n_scales: int) -> None:
        self.scales = [_LocalMaxima(scale) for scale in range(n_scales)]

    def __call__(self, piece: Piece) -> Tensor:
        """Return (batch, n_scales * n_latents), scale after scale.

        Pieces must come in order, since windows reach from one to the next.
        """
        maxima, means = piece.values, []
        for scale in self.scales:
            maxima = scale(maxima, is_last=piece.stop == piece.length)
            n_steps = -(-piece.length // scale.stride)
            means.append(_share_of_mean(maxima, n_steps))
        return torch.cat(means, dim=1)


class _LocalMaxima:
    """The maxima of one scale, from those of the scale before.

    A window is the union of three windows of the scale before, `step` apart.
    """

    def __init__(self, scale: int) -> None:
        self.stride = max(2**scale // _FINEST_RADIUS, 1)
        self.step = min(max(2**scale // 2, 1), _FINEST_RADIUS)
        self.is_thinned = self.stride > 1
        self.kept: Tensor | None = None
        self.n_seen = 0

    def __call__(self, values: Tensor, *, is_last: bool) -> Tensor:
        """Map (batch, time, n_latents) to the maxima that are now known."""
        outside = values.new_full((len(values), self.step, values.shape[2]), -torch.inf)
        before = outside if self.kept is None else self.kept
        after = [outside] if is_last else []
        steps = torch.cat([before, values, *after], dim=1)
        n_known = max(steps.shape[1] - 2 * self.step, 0)
        self.kept = None if is_last else steps[:, n_known:].clone()
        maxima = steps[:, :n_known]
        for shift in (self.step, 2 * self.step):
            maxima = torch.maximum(maxima, steps[:, shift : shift + n_known])
        first = self.n_seen % 2
        self.n_seen += n_known
        return maxima[:, first::2] if self.is_thinned else maxima


def _share_of_mean(values: Tensor, n_steps: int) -> Tensor:
    # Divided first: a sum of large values may overflow where their mean does not.
    # Each series alone: the order of a sum may depend on what stands beside it.
    return torch.stack([(series / n_steps).sum(dim=0) for series in values])


def _later(before: Tensor, after: Tensor) -> Tensor:
    return after


Pooling = tuple[Callable[[Piece], Tensor], Callable[[Tensor, Tensor], Tensor]]

# For numbers of segments and scales, what a pooling makes of a piece, and how that is
# put together with what it made of the pieces before.
FUNCTIONS: dict[str, Callable[[int, int], Pooling]] = {
    "max": lambda n_segments, n_scales: (max_pooling, torch.maximum),
    "mean": lambda n_segments, n_scales: (mean_pooling, torch.add),
    "last": lambda n_segments, n_scales: (last_pooling, _later),
    "segments": lambda n_segments, n_scales: (
        partial(segment_pooling, n_segments=n_segments),
        torch.maximum,
    ),
    "multiscale": lambda n_segments, n_scales: (
        MultiscalePooling(n_scales),
        torch.add,
    ),
}


def pool(
    pieces: Iterable[Tensor],
    length: int,
    pooling: str | Sequence[str],
    n_segments: int,
    n_scales: int,
) -> Tensor:
    """Pool by one or several names, and put the features side by side.

    Parameters
    ----------
    pieces : iterable of Tensor of shape (batch, time, n_latents)
        Representations of some equally long series, in one or several parts of
        consecutive steps.

    length : int
        Steps of each series.

    pooling : str or sequence of str
        Of `sklearn_tsrep.features.names.POOLINGS`.

    n_segments : int
        Segments of ``"segments"``.

    n_scales : int
        Scales of ``"multiscale"``.

    Returns
    -------
    features : Tensor of shape (batch, n_features)
    """
    chosen = [FUNCTIONS[name](n_segments, n_scales) for name in listed(pooling)]

    def combined(before: list[Tensor], after: list[Tensor]) -> list[Tensor]:
        pairs = zip(chosen, before, after, strict=True)
        return [combine(one, other) for (_, combine), one, other in pairs]

    parts = (
        [function(piece) for function, _ in chosen] for piece in _placed(pieces, length)
    )
    return torch.cat(reduce(combined, parts), dim=1)


def _placed(pieces: Iterable[Tensor], length: int) -> Iterator[Piece]:
    start = 0
    for piece in pieces:
        for values in piece.split(_STEPS_AT_ONCE, dim=1):
            yield Piece(values, start, length)
            start += values.shape[1]
