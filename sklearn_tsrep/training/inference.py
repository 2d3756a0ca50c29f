"""Encoding of whole series: short ones in batches of fixed shapes, long ones in pieces.

The same sums over one series and over a batch differ in the last bits, since torch
takes them in another order. With shapes that depend on the length of a series alone,
its representation does not depend on what else is encoded.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from sklearn_tsrep.data.batches import SeriesBatch, SeriesReader

_STEPS_A_BATCH = 4096
_MAX_SERIES_A_BATCH = 64
# Pieces overlap by the reach of the network on either side. What is encoded twice is
# a quarter at most, if a piece is this many times as long as its overlaps.
_MIN_STEPS_A_PIECE = 2**15
_MIN_OVERLAPS_A_PIECE = 4


class Encoder(Protocol):
    """A network that represents time steps.

    It has either ``reach``, the steps before and after a step on which its
    representation depends, or ``window_length``, the steps that it encodes at once.
    """

    def __call__(self, batch: SeriesBatch) -> tuple[Tensor, Any]:
        """Return representations (batch, time, n_latents), and anything else."""


class EncodedBatch(NamedTuple):
    """Representations of some equally long series.

    Attributes
    ----------
    instances : int array of shape (batch,)
        Which instances.

    length : int
        Steps of each, from its first observed one to its last.

    pieces : iterator of Tensor of shape (batch, time, n_latents)
        These steps, one part after another. To be used up before the next batch.
    """

    instances: np.ndarray
    length: int
    pieces: Iterator[Tensor]


def encode_series(
    encoder: Encoder, reader: SeriesReader, device: torch.device | str
) -> Iterator[EncodedBatch]:
    """Encode every instance that has a value, batch by batch.

    Parameters
    ----------
    encoder : Encoder
        The network.

    reader : SeriesReader
        Where to read the series.

    device : device
        Where the encoder is.

    Yields
    ------
    batch : EncodedBatch
        Not in the order of the instances.

    Raises
    ------
    ValueError
        If a representation is not finite.
    """
    lengths = reader.panel.observed_lengths
    encode = partial(_encode_steps, encoder, reader, device)
    window_length = getattr(encoder, "window_length", None)
    if window_length is not None:
        for instance in np.flatnonzero(lengths > window_length).tolist():
            length = int(lengths[instance])
            pieces = _encode_in_windows(encode, instance, length, window_length)
            yield EncodedBatch(np.array([instance]), length, pieces)
        lengths = np.where(lengths > window_length, 0, lengths)
    for padded_length, instances in _by_padded_length(lengths):
        n_rows = min(max(_STEPS_A_BATCH // padded_length, 1), _MAX_SERIES_A_BATCH)
        for begin in range(0, len(instances), n_rows):
            chosen = instances[begin : begin + n_rows]
            if n_rows == 1:
                reach = getattr(encoder, "reach", (0, 0))
                pieces = _encode_in_pieces(encode, chosen, padded_length, reach)
                yield EncodedBatch(chosen, padded_length, pieces)
            else:
                together = encode(np.resize(chosen, n_rows), 0, padded_length)
                yield from _split_by_length(chosen, lengths[chosen], together)


def encode_last_steps(
    encoder: Any, reader: SeriesReader, device: torch.device | str, n_new: int
) -> np.ndarray:
    """Encode the last steps of a single series.

    Parameters
    ----------
    encoder : object
        With ``latest(batch, n_new)``, which returns (batch, n_new, n_latents).

    reader, device
        As in `encode_series`.

    n_new : int
        Number of steps.

    Returns
    -------
    representation : ndarray of shape (n_new, n_latents), float32

    Raises
    ------
    ValueError
        If a representation is not finite.
    """
    batch = reader.read(np.zeros(1, int), reader.panel.starts, reader.panel.stops)
    with torch.inference_mode():
        representation = encoder.latest(batch.to(device), n_new)
        _check_finite(representation)
    return representation[0].float().cpu().numpy()


def encode_next_steps(
    encoder: Any,
    reader: SeriesReader,
    device: torch.device | str,
    before: list[np.ndarray],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Encode the steps of a single series that follow others, with a causal network.

    Parameters
    ----------
    encoder : object
        With ``follow(batch, before)``, which returns (batch, n_new, n_latents) and
        what is to be known of steps before.

    reader, device
        As in `encode_series`; of the new steps alone.

    before : list of ndarray
        What is to be known of the steps before; empty at the start.

    Returns
    -------
    representation : ndarray of shape (n_new, n_latents), float32

    before : list of ndarray
        What is to be known by the steps that come next.

    Raises
    ------
    ValueError
        If a representation is not finite.
    """
    batch = reader.read(np.zeros(1, int), reader.panel.starts, reader.panel.stops)
    known = [torch.from_numpy(part).to(device) for part in before]
    with torch.inference_mode():
        representation, after = encoder.follow(batch.to(device), known)
        _check_finite(representation)
    kept = [part.cpu().numpy().copy() for part in after]
    return representation[0].float().cpu().numpy(), kept


def _encode_steps(
    encoder: Encoder,
    reader: SeriesReader,
    device: torch.device | str,
    instances: np.ndarray,
    start: int | np.ndarray,
    n_steps: int,
) -> Tensor:
    """Return (batch, n_steps, n_latents), steps counted from the first observed.

    It is meaningless behind the end of a series.
    """
    starts = reader.panel.starts[instances] + start
    stops = np.minimum(starts + n_steps, reader.panel.stops[instances])
    batch = reader.read(instances, starts, stops, n_steps)
    with torch.inference_mode():
        representation, _ = encoder(batch.to(device))
        _check_finite(representation)
        return representation.float()


def _check_finite(representation: Tensor) -> None:
    if not torch.isfinite(representation).all():
        raise ValueError(
            "X has values so far from those of the training panel that their "
            "representation is not finite in single precision."
        )


def _encode_in_pieces(
    encode: Callable[[np.ndarray, int, int], Tensor],
    instances: np.ndarray,
    length: int,
    reach: tuple[int, int],
) -> Iterator[Tensor]:
    before, after = reach
    n_steps = max(_MIN_STEPS_A_PIECE, _MIN_OVERLAPS_A_PIECE * (before + after))
    n_pieces = -(-length // n_steps)
    bounds = [length * piece // n_pieces for piece in range(n_pieces + 1)]
    for start, stop in pairwise(bounds):
        first = max(start - before, 0)
        representation = encode(instances, first, min(stop + after, length) - first)
        yield representation[:, start - first : stop - first]


def _encode_in_windows(
    encode: Callable[[np.ndarray, np.ndarray, int], Tensor],
    instance: int,
    length: int,
    window_length: int,
) -> Iterator[Tensor]:
    """Yield what each window says of the steps to which its middle is the nearest.

    Windows overlap by a half at least; the last one ends with the series.
    """
    n_windows = -(-2 * length // window_length) - 1
    starts = np.linspace(0, length - window_length, n_windows).astype(np.int64)
    borders = (starts[:-1] + starts[1:] + window_length) // 2
    bounds = np.array([0, *borders, length])
    n_rows = min(max(_STEPS_A_BATCH // window_length, 1), n_windows)
    for begin in range(0, n_windows, n_rows):
        chosen = np.arange(begin, min(begin + n_rows, n_windows))
        own_starts = np.resize(starts[chosen], n_rows)
        windows = encode(np.full(n_rows, instance), own_starts, window_length)
        for row, window in enumerate(chosen):
            first, stop = bounds[window : window + 2] - starts[window]
            yield windows[row : row + 1, first:stop]


def _split_by_length(
    instances: np.ndarray, lengths: np.ndarray, representation: Tensor
) -> Iterator[EncodedBatch]:
    """Part rows, sorted by length, of a batch that may have more rows."""
    counted = np.unique(lengths, return_index=True, return_counts=True)
    for length, begin, n_rows in zip(*(part.tolist() for part in counted), strict=True):
        rows = slice(begin, begin + n_rows)
        yield EncodedBatch(
            instances[rows], length, iter([representation[rows, :length]])
        )


def _by_padded_length(lengths: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Group series whose lengths agree after rounding up by an eighth at most.

    Those of a group are sorted by length. Those that fill a batch alone are not
    rounded.
    """
    instances = np.argsort(lengths, kind="stable")
    instances = instances[lengths[instances] > 0]
    observed = lengths[instances]
    exponents = np.floor(np.log2(observed)).astype(np.int64)
    units = 2 ** np.maximum(exponents - 3, 0)
    units[observed > _STEPS_A_BATCH // 2] = 1
    padded = -(-observed // units) * units
    for length in np.unique(padded):
        yield int(length), instances[padded == length]
