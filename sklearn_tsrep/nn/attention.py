"""Two attention maps over the same values: a global one, and one of relative time."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_tsrep.nn.positions import rotary_angles, turned

# Large enough that a masked step gets a share of exactly 0 beside any other one.
_HIDDEN_LOGIT = -1e9
# Of the width of a head, see `attended`.
_WIDTH_UNIT = 16


class AttentionMaps(NamedTuple):
    """Logarithms of the shares with which each step looks at the others.

    Attributes
    ----------
    self_attention : Tensor of shape (batch, n_heads, time, time)
        Global: it depends on what the steps hold, wherever they are.

    automask : Tensor of shape (batch, n_heads, time, time) or None
        Local: it depends on the distance of the steps too; None without AutoMask.
    """

    self_attention: Tensor
    automask: Tensor | None


class AutoMask(nn.Module):
    """Attention whose queries and keys are turned by learnable frequencies.

    Components of a head are turned in pairs, the pair ``k`` of a step ``p`` by the
    angle ``p * frequency * 10000 ** (-2 k / head_width)``: with the frequency 1 these
    are rotary position embeddings.

    Parameters
    ----------
    n_heads : int
        Heads, each with a frequency of its own.

    head_width : int
        Components of a head, an even number.

    scale : float
        Factor of the products.

    frequency_init : {"ones", "geometric"}, default="ones"
        Frequencies to start from: 1, or falling from 1 by halves from head to head.

    projection : {"shared", "own"}, default="shared"
        Whether to take queries and keys of the global attention as they are, or to
        map them once more and pass no gradient on to them.

    References
    ----------
    Huang and Li. AMAD: AutoMasked Attention for Unsupervised Multivariate Time Series
    Anomaly Detection, equations 10 to 15.
    """

    def __init__(
        self,
        n_heads: int,
        head_width: int,
        scale: float,
        frequency_init: str = "ones",
        projection: str = "shared",
    ) -> None:
        super().__init__()
        self.scale = scale
        steps_down = torch.arange(n_heads) if frequency_init == "geometric" else 0
        self.frequencies = nn.Parameter(torch.ones(n_heads) * 0.5**steps_down)
        self.register_buffer("angles", rotary_angles(head_width), persistent=False)
        self.query_projection = self.key_projection = None
        if projection == "own":
            self.query_projection = _start_as_identity(n_heads, head_width)
            self.key_projection = _start_as_identity(n_heads, head_width)

    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
        """Return logarithms of shares (batch, n_heads, time, time).

        Parameters
        ----------
        queries, keys : Tensor of shape (batch, n_heads, time, head_width)
            Those of the global attention.

        mask : Tensor of shape (batch, 1, 1, time) or None
            Added to the products.
        """
        return log_attention(*self.turned(queries, keys), self.scale, mask)

    def turned(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return the queries and keys of AutoMask from those of the global attention.

        All have the shape (batch, n_heads, time, head_width).
        """
        if self.query_projection is not None and self.key_projection is not None:
            queries = queries.detach() @ self.query_projection
            keys = keys.detach() @ self.key_projection
        steps = torch.arange(queries.shape[2], device=queries.device)
        # (n_heads, time, head_width / 2)
        turns = (
            self.frequencies[:, None, None] * steps[:, None] * self.get_buffer("angles")
        )
        return turned(queries, turns), turned(keys, turns)


def _start_as_identity(n_heads: int, head_width: int) -> nn.Parameter:
    return nn.Parameter(torch.eye(head_width).repeat(n_heads, 1, 1))


def log_attention(
    queries: Tensor, keys: Tensor, scale: float, mask: Tensor | None
) -> Tensor:
    """Return the log-softmax of the scaled products of queries and keys; float32."""
    logits = (queries * scale) @ keys.transpose(-1, -2)
    if mask is not None:
        logits = logits + mask
    return logits.log_softmax(dim=-1, dtype=torch.float32)


def attended(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    scale: float,
) -> Tensor:
    """Return the values gathered by attention; no map is made.

    Kernels for the CPU round a row in one way or another, depending on its place in
    the batch, where the width of a head is no multiple of 16. So it is filled up with
    zeros, which changes nothing else.

    Parameters
    ----------
    queries, keys, values : Tensor of shape (batch, n_heads, n, head_width)
        As many keys as values.

    mask : Tensor or None
        Which keys a query may look at (bool), or what is added to the products.

    scale : float
        Factor of the products.
    """
    width = values.shape[-1]
    spare = -width % _WIDTH_UNIT
    if spare:
        queries, keys, values = (
            functional.pad(part, (0, spare)) for part in (queries, keys, values)
        )
    gathered = functional.scaled_dot_product_attention(
        queries, keys, values, mask, scale=scale
    )
    return gathered[..., :width]


class MixedAttention(nn.Module):
    """Multi-head attention by a mixture of a global map and AutoMask.

    Parameters
    ----------
    width : int
        Of inputs and outputs.

    n_heads : int
        Heads; twice as many must divide the width.

    automask_share : float
        Share of AutoMask in the mixture, called alpha in the paper. At 0 there is
        no AutoMask at all.

    attention_scale : {"head", "model"}
        Whether products are divided by the root of the width of a head, or as the
        paper prints it: those of AutoMask by the width of the model, the others by
        its root.

    frequency_init, projection
        As in `AutoMask`.

    References
    ----------
    Huang and Li. AMAD, equations 3, 4, 15 and 16.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        automask_share: float,
        attention_scale: str = "head",
        frequency_init: str = "ones",
        projection: str = "shared",
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.automask_share = automask_share
        head_width = width // n_heads
        root = math.sqrt(head_width if attention_scale == "head" else width)
        self.scale = 1 / root
        self.projection = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.automask = None
        if automask_share:
            self.automask = AutoMask(
                n_heads,
                head_width,
                scale=self.scale if attention_scale == "head" else 1 / width,
                frequency_init=frequency_init,
                projection=projection,
            )

    def forward(
        self, inputs: Tensor, visible: Tensor | None = None, with_maps: bool = True
    ) -> tuple[Tensor, AttentionMaps | None]:
        """Map (batch, time, width) to as many outputs, and return both maps.

        Parameters
        ----------
        inputs : Tensor of shape (batch, time, width)
            Steps.

        visible : Tensor of shape (batch, time) or None
            0 at steps that no step may look at.

        with_maps : bool, default=True
            Whether maps are wanted. Without them outputs come a few times faster,
            equal but for rounding.
        """
        mask = None
        if visible is not None:
            mask = ((1 - visible) * _HIDDEN_LOGIT)[:, None, None, :]
        # (batch, time, 3 * width) -> three of (batch, n_heads, time, head_width)
        projected = self.projection(inputs).unflatten(-1, (3, self.n_heads, -1))
        queries, keys, values = projected.permute(2, 0, 3, 1, 4).unbind()
        maps = None
        if with_maps:
            maps = AttentionMaps(
                log_attention(queries, keys, self.scale, mask),
                None if self.automask is None else self.automask(queries, keys, mask),
            )
            mixed = self._mixture(maps).to(values.dtype) @ values
        else:
            mixed = self._mixed(queries, keys, values, mask)
        return self.output(mixed.transpose(1, 2).flatten(2)), maps

    def _mixed(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Return the values gathered by the mixture, which never exists as a whole."""
        own = attended(queries, keys, values, mask, self.scale)
        if self.automask is None:
            return own
        turned_ones = self.automask.turned(queries, keys)
        other = attended(*turned_ones, values, mask, self.automask.scale)
        return torch.lerp(own, other, self.automask_share)

    def _mixture(self, maps: AttentionMaps) -> Tensor:
        if maps.automask is None:
            return maps.self_attention.exp()
        return torch.lerp(
            maps.self_attention.exp(), maps.automask.exp(), self.automask_share
        )
