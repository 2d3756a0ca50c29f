"""Batches of series of which values and whole tokens are hidden."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sklearn_tsrep.data.batches import PieceBatches, Pieces, SeriesBatch, SeriesReader
from sklearn_tsrep.data.masks import draw_runs, draw_tokens, indices_of


@dataclass(frozen=True)
class MaskedBatch:
    """A batch of series, and what a student shall not see of them.

    Tokens are patches of consecutive steps; the series are padded to whole ones.

    Attributes
    ----------
    series : SeriesBatch
        The series with all that is known of them.

    shown : float32 Tensor of shape (batch, time, n_channels)
        1 at values that the student sees, 0 at hidden, missing and padded ones.

    seen_tokens, hidden_tokens : int64 Tensor of shape (batch, n_tokens)
        Places of the tokens that the student sees, and of those that it does not;
        0 where padded.

    seen_valid, hidden_valid : bool Tensor of the same shapes
        False where padded.
    """

    series: SeriesBatch
    shown: Tensor
    seen_tokens: Tensor
    seen_valid: Tensor
    hidden_tokens: Tensor
    hidden_valid: Tensor

    def __len__(self) -> int:
        return len(self.series)

    def to(self, device: torch.device | str) -> "MaskedBatch":
        """Return the batch on a device."""
        return replace(
            self, **{name: part.to(device) for name, part in vars(self).items()}
        )


class MaskedBatches(PieceBatches):
    """Epochs of masked series, in random order.

    Parameters
    ----------
    reader, pieces, batch_size, seed, repeatable
        As in `PieceBatches`.

    patch_length : int
        Steps of a token.

    attribute_mask_ratio : float
        Share of the values that are hidden in runs, each channel by itself.

    mean_mask_length : float
        Mean length of these runs, in steps.

    token_mask_ratio : float
        Share of the tokens with any value that are hidden as a whole.
    """

    def __init__(
        self,
        reader: SeriesReader,
        pieces: Pieces,
        batch_size: int,
        seed: int | np.random.SeedSequence,
        repeatable: bool = False,
        *,
        patch_length: int,
        attribute_mask_ratio: float,
        mean_mask_length: float,
        token_mask_ratio: float,
    ) -> None:
        super().__init__(reader, pieces, batch_size, seed, repeatable)
        self.patch_length = patch_length
        self.attribute_mask_ratio = attribute_mask_ratio
        self.mean_mask_length = mean_mask_length
        self.token_mask_ratio = token_mask_ratio

    def _draw(self, rows: np.ndarray, rng: np.random.Generator) -> MaskedBatch:
        instances, starts, stops = self.pieces.select(rows)
        n_tokens = -(-int((stops - starts).max()) // self.patch_length)
        series = self.reader.read(
            instances, starts, stops, n_tokens * self.patch_length
        )
        observed = _observed(series)
        # (batch, n_tokens, patch_length, n_channels)
        by_token = (len(rows), n_tokens, self.patch_length, -1)
        has_value = np.any(observed.reshape(by_token), axis=(2, 3))
        is_hidden = draw_tokens(has_value, self.token_mask_ratio, rng)
        hidden_values = draw_runs(
            observed.shape, self.attribute_mask_ratio, self.mean_mask_length, rng
        )
        parts = [
            torch.from_numpy(part)
            for chosen in (has_value & ~is_hidden, is_hidden)
            for part in indices_of(chosen)
        ]
        hidden_steps = is_hidden.repeat(self.patch_length, axis=1)[..., np.newaxis]
        shown = observed & ~hidden_values & ~hidden_steps
        return MaskedBatch(series, torch.from_numpy(shown.astype(np.float32)), *parts)


def _observed(series: SeriesBatch) -> np.ndarray:
    """Return a bool array (batch, time, n_channels), False at padding."""
    shape = tuple(series.values.shape)
    if series.observed is not None:
        return series.observed.numpy().astype(bool)
    if series.valid is None:
        return np.ones(shape, dtype=bool)
    return np.broadcast_to(series.valid.numpy().astype(bool)[..., np.newaxis], shape)
