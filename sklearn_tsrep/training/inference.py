"""Encoding of whole series in batches of fixed shapes.

A convolution over one series and over a batch differ in the last bits, since torch
sums in another order. With shapes that depend on the length of a series alone, its
representation does not depend on what else is encoded.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_tsrep.data.batches import SeriesReader

_STEPS_A_BATCH = 4096
_MAX_SERIES_A_BATCH = 64


class EncodedBatch(NamedTuple):
    """Representations of some instances.

    Attributes
    ----------
    instances : int array of shape (batch,)
        Which instances.

    representation : Tensor of shape (batch, time, n_latents)
        From the first observed step of each on; meaningless behind the last.

    lengths : int64 Tensor of shape (batch,)
        Steps of each.
    """

    instances: np.ndarray
    representation: Tensor
    lengths: Tensor


def encode_series(
    encoder: nn.Module, reader: SeriesReader, device: torch.device | str
) -> Iterator[EncodedBatch]:
    """Encode every instance that has a value, batch by batch.

    Parameters
    ----------
    encoder : Module
        Maps a `SeriesBatch` to representations (batch, time, n_latents), and anything
        else.

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
    panel = reader.panel
    lengths = panel.stops - panel.starts
    for length, instances in _by_padded_length(lengths):
        n_rows = min(max(_STEPS_A_BATCH // length, 1), _MAX_SERIES_A_BATCH)
        for begin in range(0, len(instances), n_rows):
            chosen = instances[begin : begin + n_rows]
            rows = np.resize(chosen, n_rows)
            batch = reader.read(rows, panel.starts[rows], panel.stops[rows], length)
            with torch.inference_mode():
                representation, _ = encoder(batch.to(device))
            _check_finite(representation)
            yield EncodedBatch(
                chosen,
                representation[: len(chosen)].float(),
                torch.from_numpy(lengths[chosen]).to(device),
            )


def _check_finite(representation: Tensor) -> None:
    if not torch.isfinite(representation).all():
        raise ValueError(
            "X has values so far from those of the training panel that their "
            "representation is not finite in single precision."
        )


def _by_padded_length(lengths: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Group series whose lengths agree after rounding up by an eighth at most."""
    observed = np.flatnonzero(lengths)
    exponents = np.floor(np.log2(lengths[observed])).astype(np.int64)
    units = 2 ** np.maximum(exponents - 3, 0)
    padded = -(-lengths[observed] // units) * units
    for length in np.unique(padded):
        yield int(length), observed[padded == length]
