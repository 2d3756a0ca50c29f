"""The network of T-Rep: an encoder with a time-embedding, and two task heads."""

from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sklearn_tsrep.data.batches import ContextPair, SeriesBatch
from sklearn_tsrep.nn.causal import (
    CausalConvolutions,
    CausalEncoder,
    LastStepsOfWindows,
    last_steps_of_whole,
)
from sklearn_tsrep.nn.convolution import DilatedConvolutionStack
from sklearn_tsrep.nn.dropout import dropout
from sklearn_tsrep.nn.linear import RowwiseLinear
from sklearn_tsrep.nn.time_embedding import TimeEmbedding

# So few windows are encoded whole in less time than it takes to find what they share.
_FEW_STEPS = 2


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
        Steps of the longest training series.

    causal : bool
        Whether a representation depends on no later step.
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
    ) -> None:
        super().__init__()
        self.projection = RowwiseLinear(n_channels, hidden_channels)
        # Starts at 0: without a gap in the training data, the weights of the
        # indicators stay as they are, and random ones would only add noise.
        self.missing_projection = RowwiseLinear(n_channels, hidden_channels, bias=False)
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

    @property
    def reach(self) -> tuple[int, int]:
        """Steps before and after a step on which its representation depends."""
        return self.convolutions.reach

    def forward(self, batch: SeriesBatch) -> tuple[Tensor, Tensor | None]:
        """Encode a batch of series.

        Parameters
        ----------
        batch : SeriesBatch
            Values (batch, time, n_channels) and their masks.

        Returns
        -------
        representation : Tensor of shape (batch, time, n_latents)
            0 at padding.

        embedding : Tensor of shape (batch, time, n_time_latents) or None
            The time-embedding of each step.
        """
        hidden, embedding = self.embed(batch)
        padding = None
        if batch.valid is not None:
            padding = (batch.valid.t().flatten() == 0).nonzero().flatten()
        # (batch, time, width) -> (time, batch, width) and back
        latents = self.convolutions(hidden.transpose(0, 1), padding).transpose(0, 1)
        if batch.valid is not None:
            latents = latents * batch.valid.unsqueeze(-1).to(latents.dtype)
        return latents, embedding

    def embed(self, batch: SeriesBatch) -> tuple[Tensor, Tensor | None]:
        """Return what the convolutions read (batch, time, width), and embeddings."""
        hidden = self.projection(batch.values)
        if batch.observed is not None:
            hidden = hidden + self.missing_projection(1 - batch.observed)
        if batch.visible is not None:
            hidden = hidden * batch.visible.unsqueeze(-1)
        embedding = None
        if self.time_embedding is not None:
            embedding = self.time_embedding(batch.time)
            hidden = torch.cat([hidden, embedding], dim=-1)
        return hidden, embedding

    def causal(self, context: int | None) -> "CausalTRepEncoder | TRepEncoder":
        """Return what encodes each step from itself and ``context`` steps before.

        With None it sees all steps before, which a causal network alone can do.
        """
        if context is not None:
            return CausalTRepEncoder(self, context)
        if self.reach[1]:
            raise ValueError(
                "context=None needs a causal network, got causal=False: give a number "
                "of time points, or fit with causal=True."
            )
        return self

    def follow(
        self, batch: SeriesBatch, before: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Encode the steps that follow others, with a causal network.

        Parameters
        ----------
        batch : SeriesBatch
            The new steps, without padding.

        before : list of Tensor
            What the convolutions keep of the steps before; empty at the start.

        Returns
        -------
        latents : Tensor of shape (batch, n_new, n_latents)

        before : list of Tensor
            What they keep for the steps that come next.
        """
        hidden, _ = self.embed(batch)
        # (batch, time, width) -> (time, batch, width) and back
        latents, after = self.convolutions.follow(hidden.transpose(0, 1), before)
        return latents.transpose(0, 1), after


class CausalTRepEncoder(CausalEncoder):
    """Encodes each step from a window that ends there, and computes no more than that.

    Parameters
    ----------
    encoder : TRepEncoder
        The encoder.

    context : int
        As in `CausalEncoder`.
    """

    def __init__(self, encoder: TRepEncoder, context: int) -> None:
        # What is further away than the encoder reaches changes nothing.
        super().__init__(min(context, encoder.reach[0]))
        self.encoder = encoder

    @cached_property
    def convolutions(self) -> CausalConvolutions:
        """What leaves out what no last step depends on."""
        return CausalConvolutions(self.encoder.convolutions, self.context)

    def latest(
        self, batch: SeriesBatch, n_new: int, ending_as: SeriesBatch | None = None
    ) -> Tensor:
        """Return representations (batch, n_new, n_latents) of the last steps."""
        if n_new <= _FEW_STEPS:
            last_steps = partial(last_steps_of_whole, self.encoder)
            windows = LastStepsOfWindows(last_steps, self.context)
            return windows.latest(batch, n_new, ending_as)
        # (batch, time, width) -> (time, batch, width) and back
        hidden = self.encoder.embed(batch)[0].transpose(0, 1)
        last = None
        if ending_as is not None:
            last = self.encoder.embed(ending_as)[0].transpose(0, 1)[-n_new:]
        return self.convolutions(hidden, n_new, last).transpose(0, 1)


class ContextViews(NamedTuple):
    """What both contexts of a batch say of the steps that they share.

    Attributes
    ----------
    contexts : Tensor of shape (time, 2 * batch, n_latents)
        Representations of all instances under the first context, then under the
        second; meaningless, but finite, behind the end of an overlap.

    embedding : Tensor of shape (time, batch, n_time_latents) or None
        Time-embedding of the steps.

    lengths : int64 Tensor of shape (batch,)
        Steps of each instance.

    is_padded : bool
        Whether any instance has fewer steps than the tensors.
    """

    contexts: Tensor
    embedding: Tensor | None
    lengths: Tensor
    is_padded: bool


class TRepNetwork(nn.Module):
    """`TRepEncoder` with the heads of the two time-embedding tasks.

    Parameters
    ----------
    n_latents, time_embedding, n_time_latents, **encoder_parameters
        As in `TRepEncoder`.

    dropout_share : float, default=0
        Share of the entries of a representation dropped in training.

    train_heads : bool, default=True
        Whether the heads learn, or keep their random weights.
    """

    def __init__(
        self,
        *,
        n_latents: int,
        time_embedding: str | None,
        n_time_latents: int,
        dropout_share: float = 0.0,
        train_heads: bool = True,
        **encoder_parameters: Any,
    ) -> None:
        super().__init__()
        self.dropout_share = dropout_share
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
            for head in (self.divergence_head, self.forecast_head):
                head.requires_grad_(train_heads)

    def forward(
        self, pair: ContextPair, generator: torch.Generator | None = None
    ) -> ContextViews:
        """Encode both contexts in one batch and return what they share.

        Parameters
        ----------
        pair : ContextPair
            The contexts.

        generator : torch.Generator or None, default=None
            Source of the dropout; None for none.
        """
        latents, embedding = self.encoder(pair.series)
        contexts = _rows_from(latents, pair.overlap_starts, pair.max_length)
        if embedding is not None:
            # The second contexts start where the overlaps do.
            embedding = embedding[len(pair) :, : pair.max_length]
            embedding = embedding.transpose(0, 1).float()
        return ContextViews(
            dropout(contexts, self.dropout_share, generator).float(),
            embedding,
            pair.lengths,
            pair.is_padded,
        )


def _rows_from(series: Tensor, starts: Tensor, n_rows: int) -> Tensor:
    """Return (n_rows, batch, n_latents), from a step of its own for each instance."""
    steps = torch.arange(n_rows, device=series.device).unsqueeze(1) + starts
    # Steps behind an overlap shorter than the longest are padding, whatever is read.
    steps = steps.clamp(max=series.shape[1] - 1).unsqueeze(-1)
    return series.transpose(0, 1).gather(0, steps.expand(-1, -1, series.shape[2]))
