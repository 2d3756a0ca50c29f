"""Batches of series for a network: time before channels, gaps and padding as masks."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklearn_tsrep.data.crops import draw_crop_pairs
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler


@dataclass(frozen=True)
class SeriesBatch:
    """Series of one batch, padded at the end to one length.

    Attributes
    ----------
    values : float32 Tensor of shape (batch, time, n_channels)
        0 where missing or padded.

    time : float32 Tensor of shape (batch, time)
        Index of each step in its whole series, counted from the first observed step.

    observed : float32 Tensor of shape (batch, time, n_channels) or None
        1 at values that are there, 0 at missing ones; None where all are there.

    visible : float32 Tensor of shape (batch, time) or None
        1 at steps that the network may see, 0 at masked ones; None where it sees all.

    valid : float32 Tensor of shape (batch, time) or None
        1 at steps of the series, 0 at padding; None where nothing is padded.
    """

    values: Tensor
    time: Tensor
    observed: Tensor | None
    visible: Tensor | None
    valid: Tensor | None

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device | str) -> "SeriesBatch":
        """Return the batch on a device."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            self,
            **{
                name: tensor.to(device)
                for name, tensor in tensors.items()
                if tensor is not None
            },
        )


@dataclass(frozen=True)
class ContextPair:
    """Two overlapping crops of each series of a batch.

    Attributes
    ----------
    series : SeriesBatch of 2 * batch series
        The first crop of each series, then the second of each, which starts where
        the overlap does.

    overlap_starts : int64 Tensor of shape (2 * batch,)
        Step of each crop at which the overlap starts.

    lengths : int64 Tensor of shape (batch,)
        Steps of the overlap.

    max_length : int
        The longest overlap.

    is_padded : bool
        Whether any overlap is shorter.
    """

    series: SeriesBatch
    overlap_starts: Tensor
    lengths: Tensor
    # What follows from the lengths is kept: asking a GPU for it means to wait.
    max_length: int
    is_padded: bool

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device | str) -> "ContextPair":
        """Return the batch on a device."""
        return replace(
            self,
            series=self.series.to(device),
            overlap_starts=self.overlap_starts.to(device),
            lengths=self.lengths.to(device),
        )


class SeriesReader:
    """Reads ranges of the series of a panel as scaled batches.

    Parameters
    ----------
    panel : Panel
        Where to read.

    scaler : ChannelScaler
        Applied to what is read.

    missing : {"all", "any"}, default="all"
        Whether a step is masked when all of its channels are missing, or any.
    """

    def __init__(
        self, panel: Panel, scaler: ChannelScaler, missing: str = "all"
    ) -> None:
        self.panel = panel
        self.scaler = scaler
        self.missing = missing
        self.time: np.ndarray | None = None

    def at(self, time: np.ndarray | None) -> "SeriesReader":
        """Return a reader that gives the steps, padding included, these indices.

        None to count from the first observed step of each series.
        """
        reader = SeriesReader(self.panel, self.scaler, self.missing)
        reader.time = time
        return reader

    def read(
        self,
        instances: np.ndarray,
        starts: np.ndarray,
        stops: np.ndarray,
        length: int | None = None,
    ) -> SeriesBatch:
        """Read the steps ``[starts, stops)`` of some instances.

        Parameters
        ----------
        instances, starts, stops : int array of shape (batch,)
            Which series, and which range of each.

        length : int or None, default=None
            Steps to pad to; None for the longest range.

        Returns
        -------
        batch : SeriesBatch
        """
        lengths = stops - starts
        length = int(lengths.max()) if length is None else length
        steps = np.arange(length)
        valid = steps < lengths[:, np.newaxis]
        values = self.scaler(self._values(instances, starts, stops, length))
        values[~valid] = np.nan
        return self._masked(values, self._time(instances, starts, steps), valid)

    def _time(
        self, instances: np.ndarray, starts: np.ndarray, steps: np.ndarray
    ) -> np.ndarray:
        """Return the index of each step (batch, length)."""
        if self.time is None:
            first_steps = starts - self.panel.starts[instances]
            return first_steps[:, np.newaxis] + steps
        places = starts[:, np.newaxis] + steps
        return self.time[np.minimum(places, len(self.time) - 1)]

    def _values(
        self, instances: np.ndarray, starts: np.ndarray, stops: np.ndarray, length: int
    ) -> np.ndarray:
        """Return (batch, length, n_channels), whatever behind the stops."""
        series = self.panel.series
        if isinstance(series, np.ndarray):
            steps = starts[:, np.newaxis] + np.arange(length)
            steps = np.minimum(steps, series.shape[2] - 1)
            # Indices on both sides of a slice: their axes come first.
            return series[instances[:, np.newaxis], :, steps]
        values = np.zeros((len(instances), length, self.panel.n_channels))
        for row, (instance, start, stop) in enumerate(
            zip(instances, starts, stops, strict=True)
        ):
            values[row, : stop - start] = series[instance][:, start:stop].T
        return values

    def _masked(
        self, values: np.ndarray, time: np.ndarray, valid: np.ndarray
    ) -> SeriesBatch:
        observed = ~np.isnan(values)
        is_seen = observed.any(axis=2) if self.missing == "all" else observed.all(2)
        values[~observed] = 0
        return SeriesBatch(
            values=torch.from_numpy(values),
            time=torch.from_numpy(time.astype(np.float32)),
            observed=_mask_tensor(observed, where=valid),
            visible=_mask_tensor(is_seen, where=valid),
            valid=_mask_tensor(valid),
        )


def _mask_tensor(mask: np.ndarray, where: np.ndarray | None = None) -> Tensor | None:
    """Return None where nothing is masked, so that the network can skip it."""
    if (mask if where is None else mask[where]).all():
        return None
    return torch.from_numpy(mask.astype(np.float32))


class Pieces(NamedTuple):
    """Ranges of series to train on; int64 arrays of shape (n_pieces,)."""

    instances: np.ndarray
    starts: np.ndarray
    stops: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Number of steps of each."""
        return self.stops - self.starts

    def select(self, rows: np.ndarray) -> "Pieces":
        """Return some of the pieces, by indices or by a mask."""
        return Pieces(*(part[rows] for part in self))


def cut_into_pieces(panel: Panel, max_length: int | None) -> Pieces:
    """Cut each series into the fewest pieces of at most a length, as equal as can be.

    Padding is cut off, and a piece that lies in a gap left out. Pieces keep their
    place in the series.
    """
    rows = [
        (instance, start, stop)
        for instance, span in enumerate(zip(panel.starts, panel.stops, strict=True))
        for start, stop in _cut(*span, max_length)
        if not np.isnan(panel.series[instance][:, start:stop]).all()
    ]
    return Pieces(*np.array(rows, dtype=np.int64).reshape(-1, 3).T)


def _cut(start: int, stop: int, max_length: int | None) -> Iterator[tuple[int, int]]:
    n_pieces = 1 if max_length is None else -(-(stop - start) // max_length)
    bounds = np.linspace(start, stop, n_pieces + 1).astype(np.int64)
    return pairwise(bounds.tolist())


def hold_back(
    pieces: Pieces, share: float, seed: np.random.SeedSequence
) -> tuple[Pieces, Pieces]:
    """Split pieces at random into those to train on and those to validate on.

    All pieces of a series go to one side, unless there is only one series. Two series
    are held back at least, where there are enough, since the instance-wise contrast
    needs two.

    Raises
    ------
    ValueError
        If there are less than two pieces.
    """
    n_series = len(np.unique(pieces.instances))
    n_pieces = len(pieces.instances)
    groups = pieces.instances if n_series > 1 else np.arange(n_pieces)
    members = np.random.default_rng(seed).permutation(np.unique(groups))
    if len(members) < 2:
        raise ValueError(
            "early_stopping=True needs at least 2 series, or one that is cut into "
            f"pieces of max_train_length; got {n_pieces} piece."
        )
    n_held_back = max(round(share * len(members)), 2)
    n_held_back = min(n_held_back, max(len(members) - 2, 1))
    is_held_back = np.isin(groups, members[:n_held_back])
    return pieces.select(~is_held_back), pieces.select(is_held_back)


class PieceBatches:
    """Epochs of pieces, in random order.

    Each epoch holds every piece once, in batches of sizes as equal as can be, so that
    none is dropped.

    Parameters
    ----------
    reader : SeriesReader
        Where to read the series.

    pieces : Pieces
        Which ranges to train on.

    batch_size : int
        Most pieces a batch.

    seed : int or numpy.random.SeedSequence
        Of the order, and of what else is drawn.

    repeatable : bool, default=False
        Whether each epoch draws the same again, as validation wants.
    """

    def __init__(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        batch_size: int,
        seed: int | np.random.SeedSequence,
        repeatable: bool = False,
    ) -> None:
        self.reader = reader
        self.pieces = pieces
        self.batch_size = batch_size
        self.seed = seed
        self.repeatable = repeatable
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self.pieces.instances) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng(self.seed) if self.repeatable else self.rng
        order = rng.permutation(len(self.pieces.instances))
        for rows in np.array_split(order, len(self)):
            yield self._draw(rows, rng)

    def _draw(self, rows: np.ndarray, rng: np.random.Generator) -> Any:
        """Return the batch of some pieces."""
        return self.reader.read(*self.pieces.select(rows))


class ContextBatches(PieceBatches):
    """Epochs of pairs of contexts, in random order.

    Parameters
    ----------
    reader, pieces, batch_size, seed, repeatable
        As in `PieceBatches`.

    min_overlap : int
        Shortest overlap of two contexts.

    mask_ratio : float
        Probability with which a step is hidden from the network, anew in each context.
    """

    def __init__(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        batch_size: int,
        min_overlap: int,
        mask_ratio: float,
        seed: int | np.random.SeedSequence,
        repeatable: bool = False,
    ) -> None:
        super().__init__(reader, pieces, batch_size, seed, repeatable)
        self.min_overlap = min_overlap
        self.mask_ratio = mask_ratio

    def _draw(self, rows: np.ndarray, rng: np.random.Generator) -> ContextPair:
        instances, starts, stops = self.pieces.select(rows)
        crops = draw_crop_pairs(starts, stops, self.min_overlap, rng)
        lengths = crops.first_stops - crops.second_starts
        overlap_starts = np.zeros(2 * len(rows), dtype=np.int64)
        overlap_starts[: len(rows)] = crops.second_starts - crops.first_starts
        series = self.reader.read(
            np.tile(instances, 2),
            np.concatenate([crops.first_starts, crops.second_starts]),
            np.concatenate([crops.first_stops, crops.second_stops]),
        )
        return ContextPair(
            series=self._with_hidden_steps(series, rng),
            overlap_starts=torch.from_numpy(overlap_starts),
            lengths=torch.from_numpy(lengths),
            max_length=int(lengths.max()),
            is_padded=bool(lengths.min() < lengths.max()),
        )

    def _with_hidden_steps(
        self, series: SeriesBatch, rng: np.random.Generator
    ) -> SeriesBatch:
        if self.mask_ratio == 0:
            return series
        kept = rng.random(tuple(series.time.shape), dtype=np.float32) >= self.mask_ratio
        visible = torch.from_numpy(kept.astype(np.float32))
        if series.visible is not None:
            visible = visible * series.visible
        return replace(series, visible=visible)
