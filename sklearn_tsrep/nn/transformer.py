"""Layers of a transformer: self-attention and cross-attention, norms first."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sklearn_tsrep.nn.attention import attended
from sklearn_tsrep.nn.dropout import dropout
from sklearn_tsrep.nn.linear import RowwiseLinear
from sklearn_tsrep.nn.positions import rotary_angles, turned


class Tokens(NamedTuple):
    """Tokens to look at, and where they are.

    Attributes
    ----------
    values : Tensor of shape (batch, n_tokens, width)
        The tokens.

    places : int64 Tensor of shape (batch or 1, n_tokens)
        Their places in the series.

    valid : bool Tensor of shape (batch, n_tokens) or None
        False at those that nothing may look at; None where all may be looked at.
    """

    values: Tensor
    places: Tensor
    valid: Tensor | None


class Attention(nn.Module):
    """Multi-head attention to tokens, by what they hold and how far away they are.

    Queries and keys are turned by angles in proportion to their places, so that their
    products depend on distances alone.

    Parameters
    ----------
    width : int
        Of queries, tokens and outputs; a multiple of twice ``n_heads``.

    n_heads : int
        Heads.

    References
    ----------
    Su et al. (2021). RoFormer: Enhanced Transformer with Rotary Position Embedding.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = RowwiseLinear(width, width)
        self.key_and_value = RowwiseLinear(width, 2 * width)
        self.output = RowwiseLinear(width, width)
        angles = rotary_angles(width // n_heads)
        self.register_buffer("angles", angles, persistent=False)

    def forward(self, queries: Tensor, places: Tensor, tokens: Tokens) -> Tensor:
        """Map (batch, n_queries, width) to as many outputs.

        Parameters
        ----------
        queries : Tensor of shape (batch, n_queries, width)
            What looks.

        places : int64 Tensor of shape (batch or 1, n_queries)
            From where.

        tokens : Tokens
            What is looked at.
        """
        # (batch, n, width) -> (batch, n_heads, n, head_width)
        by_head = self.query(queries).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        both = self.key_and_value(tokens.values).unflatten(-1, (2, self.n_heads, -1))
        keys, values = both.permute(2, 0, 3, 1, 4).unbind()
        gathered = attended(
            self._turned(by_head, places),
            self._turned(keys, tokens.places),
            values,
            None if tokens.valid is None else tokens.valid[:, None, None, :],
            scale=by_head.shape[-1] ** -0.5,
        )
        return self.output(gathered.transpose(1, 2).flatten(2))

    def _turned(self, vectors: Tensor, places: Tensor) -> Tensor:
        angles = places[:, None, :, None] * self.get_buffer("angles")
        return turned(vectors, angles)


class TransformerLayer(nn.Module):
    """Attention and a position-wise map, each with its norm before and a residual.

    Parameters
    ----------
    width : int
        Of inputs and outputs; a multiple of twice ``n_heads``.

    n_heads : int
        Heads of the attention.

    dropout_share : float
        Of the entries of either branch, in training.

    reads_context : bool, default=False
        Whether to attend to a context that is given, instead of to the inputs.

    References
    ----------
    Vaswani et al. (2017). Attention Is All You Need; norms first as in Xiong et al.
    (2020), On Layer Normalization in the Transformer Architecture.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        dropout_share: float,
        *,
        reads_context: bool = False,
    ) -> None:
        super().__init__()
        self.dropout_share = dropout_share
        self.attention_norm = nn.LayerNorm(width)
        self.context_norm = nn.LayerNorm(width) if reads_context else None
        self.attention = Attention(width, n_heads)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            RowwiseLinear(width, 2 * width), nn.GELU(), RowwiseLinear(2 * width, width)
        )

    def forward(
        self,
        inputs: Tokens,
        generator: torch.Generator | None = None,
        context: Tokens | None = None,
    ) -> Tokens:
        """Return as many tokens at the same places.

        Parameters
        ----------
        inputs : Tokens
            What to map.

        generator : torch.Generator or None, default=None
            Source of the dropout; None for none.

        context : Tokens or None, default=None
            What to look at; None for the inputs. Without ``reads_context`` it is what
            the inputs are some of.
        """
        queries = self.attention_norm(inputs.values)
        read = inputs._replace(values=queries)
        if context is not None:
            norm = self.context_norm or self.attention_norm
            read = context._replace(values=norm(context.values))
        gathered = self.attention(queries, inputs.places, read)
        hidden = inputs.values + dropout(gathered, self.dropout_share, generator)
        fed = self.feed_forward(self.feed_forward_norm(hidden))
        outputs = hidden + dropout(fed, self.dropout_share, generator)
        return inputs._replace(values=outputs)
