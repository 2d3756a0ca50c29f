"""The network of AMAD: a transformer that reconstructs windows."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.nn.attention import AttentionMaps, MixedAttention
from sklearn_tsrep.nn.dropout import dropout
from sklearn_tsrep.nn.positions import positions


class Reconstruction(NamedTuple):
    """What the network makes of a batch of windows.

    Attributes
    ----------
    values : Tensor of shape (batch, time, n_channels)
        Reconstructed; float32.

    maps : list of AttentionMaps
        Of each layer; empty where none were wanted.

    batch : SeriesBatch
        What was to be reconstructed.
    """

    values: Tensor
    maps: list[AttentionMaps]
    batch: SeriesBatch


class MixedAttentionLayer(nn.Module):
    """Mixed attention and a position-wise map, each with residual and norm.

    Parameters
    ----------
    width : int
        Of inputs and outputs.

    dropout_share : float
        Of the entries of either branch, in training.

    **attention_parameters
        As in `MixedAttention`.
    """

    def __init__(
        self, width: int, dropout_share: float, **attention_parameters: object
    ) -> None:
        super().__init__()
        self.dropout_share = dropout_share
        self.attention = MixedAttention(width, **attention_parameters)  # type: ignore[arg-type]
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)

    def forward(
        self,
        inputs: Tensor,
        visible: Tensor | None,
        generator: torch.Generator | None,
        with_maps: bool,
    ) -> tuple[Tensor, AttentionMaps | None]:
        """Map (batch, time, width) to as many outputs, and return the maps."""
        attended, maps = self.attention(inputs, visible, with_maps)
        attended = dropout(attended, self.dropout_share, generator)
        hidden = self.attention_norm(inputs + attended)
        fed = functional.gelu(self.feed_forward(hidden))
        fed = dropout(fed, self.dropout_share, generator)
        return self.feed_forward_norm(hidden + fed), maps


class AMADNetwork(nn.Module):
    """Reconstructs windows of scaled values by layers of mixed attention.

    Parameters
    ----------
    n_channels : int
        Channels of the series.

    width : int
        Of the model.

    n_layers : int
        Layers.

    dropout_share : float
        As in `MixedAttentionLayer`.

    **attention_parameters
        As in `MixedAttention`.

    References
    ----------
    Huang and Li. AMAD: AutoMasked Attention for Unsupervised Multivariate Time Series
    Anomaly Detection.
    """

    def __init__(
        self,
        *,
        n_channels: int,
        width: int,
        n_layers: int,
        dropout_share: float,
        **attention_parameters: object,
    ) -> None:
        super().__init__()
        self.embedding = nn.Linear(n_channels, width)
        self.layers = nn.ModuleList(
            MixedAttentionLayer(width, dropout_share, **attention_parameters)
            for _ in range(n_layers)
        )
        self.output = nn.Linear(width, n_channels)

    def forward(
        self,
        batch: SeriesBatch,
        generator: torch.Generator | None = None,
        with_maps: bool = True,
    ) -> Reconstruction:
        """Reconstruct a batch of windows.

        Parameters
        ----------
        batch : SeriesBatch
            Scaled values (batch, time, n_channels), 0 where missing.

        generator : torch.Generator or None, default=None
            Source of the dropout; None for none.

        with_maps : bool, default=True
            Whether to return the attention maps, which costs time and memory.
        """
        hidden = self.embedding(batch.values)
        hidden = hidden + positions(hidden.shape[1], hidden.shape[2]).to(hidden)
        visible = batch.valid if batch.visible is None else batch.visible
        maps = []
        for layer in self.layers:
            hidden, own_maps = layer(hidden, visible, generator, with_maps)
            if own_maps is not None:
                maps.append(own_maps)
        return Reconstruction(self.output(hidden).float(), maps, batch)
