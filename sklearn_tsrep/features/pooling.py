"""Poolings of the representations of time steps into features of an instance."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from sklearn_tsrep.features.names import listed


def max_pooling(representation: Tensor, lengths: Tensor) -> Tensor:
    """Return the maximum over the steps of each series.

    Parameters
    ----------
    representation : Tensor of shape (batch, time, n_latents)
        Representations; steps behind the end of a series are not looked at.

    lengths : int Tensor of shape (batch,)
        Steps of each series.

    Returns
    -------
    features : Tensor of shape (batch, n_latents)
    """
    return _lowered(representation, lengths).amax(dim=1)


def mean_pooling(representation: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean over the steps of each series; arguments as `max_pooling`."""
    inside = _inside(representation, lengths)
    # Divided first: a sum of large values may overflow where their mean does not.
    shares = torch.where(inside, representation, 0) / lengths.view(-1, 1, 1)
    return shares.sum(dim=1)


def last_pooling(representation: Tensor, lengths: Tensor) -> Tensor:
    """Return the last step of each series; arguments as `max_pooling`."""
    instances = torch.arange(len(lengths), device=lengths.device)
    return representation[instances, lengths - 1]


def segment_pooling(representation: Tensor, lengths: Tensor, n_segments: int) -> Tensor:
    """Return the maxima over equal segments of each series.

    Segment ``k`` of ``W`` holds the steps from ``floor(k T / W)`` to
    ``ceil((k + 1) T / W)``, so that a series shorter than ``W`` has them all too.

    Parameters
    ----------
    representation, lengths
        As in `max_pooling`.

    n_segments : int
        Number of segments ``W``.

    Returns
    -------
    features : Tensor of shape (batch, n_segments * n_latents)
        Segment after segment.
    """
    steps = torch.arange(representation.shape[1], device=lengths.device)
    segments = []
    for segment in range(n_segments):
        start = lengths * segment // n_segments
        stop = -(-lengths * (segment + 1) // n_segments)
        inside = (steps >= start.unsqueeze(1)) & (steps < stop.unsqueeze(1))
        lowered = representation.masked_fill(~inside.unsqueeze(-1), -torch.inf)
        segments.append(lowered.amax(dim=1))
    return torch.cat(segments, dim=1)


def multiscale_pooling(
    representation: Tensor, lengths: Tensor, n_scales: int
) -> Tensor:
    """Return the means of the local maxima of several scales.

    Scale ``p`` takes the maximum of the ``2**(p + 1) + 1`` steps around each step
    (as far as they belong to the series), and the mean of these over the series. It
    lies between the mean and the maximum over the whole series.

    Parameters
    ----------
    representation, lengths
        As in `max_pooling`.

    n_scales : int
        Number of scales, from the finest on.

    Returns
    -------
    features : Tensor of shape (batch, n_scales * n_latents)
        Scale after scale.
    """
    maxima = _lowered(representation, lengths).transpose(1, 2)
    scales = []
    for scale in range(n_scales):
        # A window is the union of three windows of the scale before.
        step = max(1, 2 ** (scale - 1))
        padded = functional.pad(maxima, (step, step), value=-torch.inf)
        maxima = functional.max_pool1d(padded, 3, stride=1, dilation=step)
        scales.append(mean_pooling(maxima.transpose(1, 2), lengths))
    return torch.cat(scales, dim=1)


def _inside(representation: Tensor, lengths: Tensor) -> Tensor:
    steps = torch.arange(representation.shape[1], device=lengths.device)
    return (steps < lengths.unsqueeze(1)).unsqueeze(-1)


def _lowered(representation: Tensor, lengths: Tensor) -> Tensor:
    inside = _inside(representation, lengths)
    return representation.masked_fill(~inside, -torch.inf)


def pool(
    representation: Tensor,
    lengths: Tensor,
    pooling: str | Sequence[str],
    n_segments: int,
    n_scales: int,
) -> Tensor:
    """Pool by one or several names, and put the features side by side.

    Parameters
    ----------
    representation, lengths
        As in `max_pooling`.

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
    functions: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "max": max_pooling,
        "mean": mean_pooling,
        "last": last_pooling,
        "segments": partial(segment_pooling, n_segments=n_segments),
        "multiscale": partial(multiscale_pooling, n_scales=n_scales),
    }
    parts = [functions[name](representation, lengths) for name in listed(pooling)]
    return torch.cat(parts, dim=1)
