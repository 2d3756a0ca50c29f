"""The network of T-Rep: an encoder with a time-embedding, and two task heads."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sklearn_tsrep.data.batches import ContextPair, SeriesBatch
from sklearn_tsrep.nn.convolution import DilatedConvolutionStack, dropout
from sklearn_tsrep.nn.time_embedding import TimeEmbedding


class TRepEncoder(nn.Module):
    """Representations of time steps by dilated convolutions.

    Parameters
    ----------
    n_channels : int
        Channels of the series.

    n_latents : int
        Width of a representation.

    hidden_channels : int
        Width of the projection of a time step.

    n_blocks : int
        Residual blocks before the last one.

    kernel_size : int
        Taps of each convolution.

    time_embedding : {"time2vec", "mlp", "rbf"} or None
        Kind of time-embedding; None for an encoder without one (TS2Vec).

    n_time_latents : int
        Width of the time-embedding.

    time_scale : float
        Time steps that the training series cover.

    causal : bool
        Whether a representation depends on no later step.

    dropout_share : float
        Share of the entries of a representation dropped in training.
    """

    def __init__(
        self,
        n_channels: int,
        n_latents: int,
        hidden_channels: int,
        n_blocks: int,
        kernel_size: int,
        time_embedding: str | None,
        n_time_latents: int,
        time_scale: float,
        causal: bool,
        dropout_share: float,
    ) -> None:
        super().__init__()
        self.dropout_share = dropout_share
        self.projection = nn.Linear(n_channels, hidden_channels)
        # Starts at 0: without a gap in the training data, the weights of the
        # indicators stay as they are, and random ones would only add noise.
        self.missing_projection = nn.Linear(n_channels, hidden_channels, bias=False)
        nn.init.zeros_(self.missing_projection.weight)
        width = hidden_channels
        self.time_embedding = None
        if time_embedding is not None:
            self.time_embedding = TimeEmbedding(
                time_embedding, n_time_latents, time_scale
            )
            width += n_time_latents
        self.convolutions = DilatedConvolutionStack(
            width, n_latents, n_blocks, kernel_size, causal
        )

    def forward(
        self,
        batch: SeriesBatch,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Encode a batch of series.

        Parameters
        ----------
        batch : SeriesBatch
            Values (batch, time, n_channels) and their masks.

        generator : torch.Generator or None, default=None
            Source of the dropout; None for none.

        Returns
        -------
        representation : Tensor of shape (batch, time, n_latents)
            0 at padding.

        embedding : Tensor of shape (batch, time, n_time_latents) or None
            The time-embedding of each step.
        """
        hidden = self.projection(batch.values)
        if batch.observed is not None:
            hidden = hidden + self.missing_projection(1 - batch.observed)
        if batch.visible is not None:
            hidden = hidden * batch.visible.unsqueeze(-1)
        embedding = None
        if self.time_embedding is not None:
            embedding = self.time_embedding(batch.time)
            hidden = torch.cat([hidden, embedding], dim=-1)
        valid = None
        if batch.valid is not None:
            valid = batch.valid.unsqueeze(1)
            hidden = hidden * batch.valid.unsqueeze(-1)
        latents = self.convolutions(hidden.transpose(1, 2), valid).transpose(1, 2)
        return dropout(latents, self.dropout_share, generator), embedding


class ContextViews(NamedTuple):
    """What both contexts of a batch say of the steps that they share.

    Attributes
    ----------
    first, second : Tensor of shape (batch, time, n_latents)
        Representations under each context; meaningless behind the end of an overlap
        that is shorter than the longest.

    embedding : Tensor of shape (batch, time, n_time_latents) or None
        Time-embedding of the steps.

    lengths : int Tensor of shape (batch,)
        Steps of each instance.
    """

    first: Tensor
    second: Tensor
    embedding: Tensor | None
    lengths: Tensor


class TRepNetwork(nn.Module):
    """`TRepEncoder` with the heads of the two time-embedding tasks.

    Parameters
    ----------
    n_latents, time_embedding, n_time_latents, **encoder_parameters
        As in `TRepEncoder`.
    """

    def __init__(
        self,
        *,
        n_latents: int,
        time_embedding: str | None,
        n_time_latents: int,
        **encoder_parameters: Any,
    ) -> None:
        super().__init__()
        self.encoder = TRepEncoder(
            n_latents=n_latents,
            time_embedding=time_embedding,
            n_time_latents=n_time_latents,
            **encoder_parameters,
        )
        if time_embedding is not None:
            self.divergence_head = nn.Sequential(
                nn.Linear(n_latents, 128), nn.ReLU(), nn.Linear(128, 1)
            )
            self.forecast_head = nn.Sequential(
                nn.Linear(n_latents + n_time_latents, 64),
                nn.ReLU(),
                nn.Linear(64, n_latents),
            )

    def forward(
        self, contexts: ContextPair, generator: torch.Generator | None = None
    ) -> ContextViews:
        """Encode both contexts and return what they share."""
        first, _ = self.encoder(contexts.first, generator)
        second, embedding = self.encoder(contexts.second, generator)
        n_shared = int(contexts.max_length)
        # The second context starts where the overlap does.
        return ContextViews(
            _rows_from(first, contexts.overlap_starts, n_shared).float(),
            second[:, :n_shared].float(),
            None if embedding is None else embedding[:, :n_shared].float(),
            contexts.lengths,
        )


def _rows_from(series: Tensor, starts: Tensor, n_rows: int) -> Tensor:
    steps = starts.unsqueeze(1) + torch.arange(n_rows, device=series.device)
    # Steps behind an overlap shorter than the longest are padding, whatever is read.
    steps = steps.clamp(max=series.shape[1] - 1).unsqueeze(-1)
    return series.gather(1, steps.expand(-1, -1, series.shape[2]))
