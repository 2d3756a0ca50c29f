"""The method of TRepTransformer as its equations read: the yardstick of its speed.

One module a formula and one call a step, as one would write it in torch on the first
day: each context is encoded by stock dilated convolutions, both contrasts come from
the similarities of all representations with each other, the tasks with the
time-embedding index the pairs that they draw, everything is float32, optimiser and
averaging have their defaults. Widths, tasks and their weights are those of the
package. Series have equal lengths and no gaps.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from sklearn_tsrep.data.crops import CropPairs

TASKS = ("instance", "temporal", "divergence", "forecast")
MAX_PAIRS = 256
MAX_DISTANCE = 10
ENCODED_AT_ONCE = 64


class TimeEmbedding(nn.Module):
    """Sigmoids of one linear component and of sines, divided by their sum."""

    def __init__(self, n_components: int, time_scale: float) -> None:
        super().__init__()
        self.time_scale = time_scale
        n_sines = n_components - 1
        frequencies = math.pi * (time_scale / 2) ** torch.linspace(0, 1, n_sines)
        self.slope = nn.Parameter(torch.empty(1).uniform_(-1, 1))
        self.intercept = nn.Parameter(torch.zeros(1))
        self.frequencies = nn.Parameter(frequencies)
        self.phases = nn.Parameter(torch.empty(n_sines).uniform_(0, 2 * math.pi))

    def forward(self, time: Tensor) -> Tensor:
        """Map indices (batch, time) to (batch, time, n_components)."""
        time = time.unsqueeze(-1) / self.time_scale
        sines = torch.sin(self.frequencies * time + self.phases)
        positive = torch.sigmoid(
            torch.cat([self.slope * time + self.intercept, sines], dim=-1)
        )
        return positive / positive.sum(dim=-1, keepdim=True)


class Block(nn.Module):
    """Two dilated convolutions, a GELU before each, around a shortcut."""

    def __init__(
        self, in_channels: int, out_channels: int, dilation: int, is_last: bool
    ) -> None:
        super().__init__()
        self.first = _convolution(in_channels, out_channels, dilation)
        self.second = _convolution(out_channels, out_channels, dilation)
        self.shortcut: nn.Module = nn.Identity()
        if is_last:
            self.shortcut = nn.Conv1d(in_channels, out_channels, kernel_size=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, in_channels, time) to (batch, out_channels, time)."""
        hidden = self.first(functional.gelu(inputs))
        return self.second(functional.gelu(hidden)) + self.shortcut(inputs)


def _convolution(in_channels: int, out_channels: int, dilation: int) -> nn.Conv1d:
    return nn.Conv1d(
        in_channels, out_channels, kernel_size=3, padding="same", dilation=dilation
    )


class Encoder(nn.Module):
    """Projection, time-embedding and dilated convolutions."""

    def __init__(
        self,
        n_channels: int,
        time_scale: float,
        n_latents: int = 128,
        hidden_channels: int = 64,
        n_time_latents: int = 16,
        n_blocks: int = 10,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(n_channels, hidden_channels)
        self.time_embedding = TimeEmbedding(n_time_latents, time_scale)
        width = hidden_channels + n_time_latents
        blocks = [Block(width, width, 2**depth, False) for depth in range(n_blocks)]
        last = Block(width, n_latents, 2**n_blocks, True)
        self.blocks = nn.Sequential(*blocks, last)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, values: Tensor, time: Tensor, kept: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode (batch, time, n_channels) to latents and time-embeddings.

        ``kept`` (batch, time) is 0 at steps hidden from the network, and 1 elsewhere.
        """
        hidden = self.projection(values)
        if kept is not None:
            hidden = hidden * kept.unsqueeze(-1)
        embedding = self.time_embedding(time)
        hidden = torch.cat([hidden, embedding], dim=-1).transpose(1, 2)
        return self.dropout(self.blocks(hidden).transpose(1, 2)), embedding


class Network(nn.Module):
    """The encoder, and the heads of the two tasks with the time-embedding."""

    def __init__(
        self,
        n_channels: int,
        time_scale: float,
        n_latents: int = 128,
        n_time_latents: int = 16,
        **encoder_parameters: Any,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(
            n_channels,
            time_scale,
            n_latents=n_latents,
            n_time_latents=n_time_latents,
            **encoder_parameters,
        )
        self.divergence_head = nn.Sequential(
            nn.Linear(n_latents, 128), nn.ReLU(), nn.Linear(128, 1)
        )
        self.forecast_head = nn.Sequential(
            nn.Linear(n_latents + n_time_latents, 64),
            nn.ReLU(),
            nn.Linear(64, n_latents),
        )


class Training:
    """Trains a `Network` on series (n_instances, n_timepoints, n_channels)."""

    def __init__(
        self,
        network: Network,
        series: Tensor,
        batch_size: int,
        lr: float = 3e-3,
        mask_ratio: float = 0.5,
    ) -> None:
        self.network = network
        self.series = series
        self.batch_size = batch_size
        self.mask_ratio = mask_ratio
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=lr)
        self.average = AveragedModel(network)

    def epoch(self, crops: Iterator[CropPairs]) -> Iterator[float]:
        """Take a step for each batch, and yield its loss."""
        for rows in torch.randperm(len(self.series)).split(self.batch_size):
            yield self.step(rows, next(crops))

    def step(self, rows: Tensor, crops: CropPairs) -> float:
        """Take one step on these series, and return the loss."""
        loss = torch.stack(list(self.losses(rows, crops).values())).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return loss.item()

    def losses(self, rows: Tensor, crops: CropPairs) -> dict[str, Tensor]:
        """Encode both crops and return the loss of each task on what they share."""
        first, _ = self._encode(rows, crops.first_starts, crops.first_stops)
        second, embedding = self._encode(rows, crops.second_starts, crops.second_stops)
        n_shared = int(crops.first_stops[0] - crops.second_starts[0])
        return hierarchical_losses(
            self.network,
            first[:, -n_shared:],
            second[:, :n_shared],
            embedding[:, :n_shared],
        )

    def _encode(
        self, rows: Tensor, starts: np.ndarray, stops: np.ndarray
    ) -> tuple[Tensor, Tensor]:
        length = int(stops[0] - starts[0])
        time = torch.from_numpy(starts).unsqueeze(1) + torch.arange(length)
        values = self.series[rows.unsqueeze(1), time]
        kept = (torch.rand(time.shape) >= self.mask_ratio).float()
        return self.network.encoder(values, time.float(), kept)


def hierarchical_losses(
    network: Network, first: Tensor, second: Tensor, embedding: Tensor
) -> dict[str, Tensor]:
    """Return the mean over scales of each task's loss.

    ``first`` and ``second`` are (batch, time, n_latents). From scale to scale
    neighbouring steps are merged, until only one is left, at which instances can
    still be told apart.
    """
    totals = dict.fromkeys(TASKS, torch.zeros(()))
    n_scales = 1
    while first.shape[1] > 1:
        losses = _losses_at_scale(network, first, second, embedding)
        totals = {task: totals[task] + losses[task] for task in TASKS}
        first, second = (
            _merge(part, functional.max_pool1d) for part in (first, second)
        )
        embedding = _merge(embedding, functional.avg_pool1d)
        n_scales += 1
    totals["instance"] = totals["instance"] + instance_contrast(first, second)
    return {task: total / n_scales for task, total in totals.items()}


def _losses_at_scale(
    network: Network, first: Tensor, second: Tensor, embedding: Tensor
) -> dict[str, Tensor]:
    return {
        "instance": instance_contrast(first, second),
        "temporal": temporal_contrast(first, second),
        "divergence": _divergence_loss(network, first, second, embedding),
        "forecast": _forecast_loss(network, first, second, embedding),
    }


def instance_contrast(first: Tensor, second: Tensor) -> Tensor:
    """Tell the instances apart at each step; (batch, time, n_latents)."""
    return _contrast(first.transpose(0, 1), second.transpose(0, 1))


def temporal_contrast(first: Tensor, second: Tensor) -> Tensor:
    """Tell the steps of each instance apart; (batch, time, n_latents)."""
    return _contrast(first, second)


def _contrast(first: Tensor, second: Tensor) -> Tensor:
    """Find each member's counterpart; (groups, members, n_latents)."""
    n_members = first.shape[1]
    both = torch.cat([first, second], dim=1)
    similarities = both @ both.transpose(1, 2)
    itself = torch.eye(2 * n_members, dtype=torch.bool)
    log_shares = functional.log_softmax(
        similarities.masked_fill(itself, -torch.inf), dim=-1
    )
    members = torch.arange(n_members)
    there = log_shares[:, members, n_members + members]
    back = log_shares[:, n_members + members, members]
    return -(there.mean() + back.mean()) / 2


def jensen_shannon_divergence(first: Tensor, second: Tensor) -> Tensor:
    """Return the divergence of positive distributions (n_pairs, n_components)."""
    mean = (first + second) / 2
    parts = (first * (first / mean).log(), second * (second / mean).log())
    return (parts[0].sum(dim=-1) + parts[1].sum(dim=-1)) / 2


def _divergence_loss(
    network: Network, first: Tensor, second: Tensor, embedding: Tensor
) -> Tensor:
    n_instances, n_steps, _ = first.shape
    n_pairs = min(n_instances * n_steps, MAX_PAIRS)
    ones, others = torch.randint(n_instances, (2, n_pairs))
    steps = torch.randint(n_steps, (n_pairs,))
    other_steps = (steps + torch.randint(1, n_steps, (n_pairs,))) % n_steps
    difference = first[ones, steps] - second[others, other_steps]
    target = jensen_shannon_divergence(
        embedding[ones, steps], embedding[others, other_steps]
    )
    return functional.mse_loss(network.divergence_head(difference).squeeze(-1), target)


def _forecast_loss(
    network: Network, first: Tensor, second: Tensor, embedding: Tensor
) -> Tensor:
    n_instances, n_steps, _ = first.shape
    n_pairs = min(n_instances * n_steps, MAX_PAIRS)
    contexts = torch.stack([first, second])
    from_context, to_context = torch.randint(2, (2, n_pairs))
    instances = torch.randint(n_instances, (n_pairs,))
    steps = torch.randint(n_steps, (n_pairs,))
    earliest = (steps - MAX_DISTANCE).clamp(min=0)
    latest = (steps + MAX_DISTANCE).clamp(max=n_steps - 1)
    shares = torch.rand(n_pairs)
    targets = earliest + (shares * (latest - earliest + 1)).long().clamp(
        max=latest - earliest
    )
    known = torch.cat(
        [contexts[from_context, instances, steps], embedding[instances, targets]],
        dim=-1,
    )
    return functional.mse_loss(
        network.forecast_head(known), contexts[to_context, instances, targets]
    )


def _merge(series: Tensor, pooling: Callable[..., Tensor]) -> Tensor:
    """Merge neighbouring steps of (batch, time, channels); a last one stays."""
    return pooling(series.transpose(1, 2), 2, ceil_mode=True).transpose(1, 2)


@torch.no_grad()
def encode(encoder: Encoder, series: Tensor) -> np.ndarray:
    """Return (n_instances, n_latents, n_timepoints), batch by batch."""
    return torch.cat(list(_encoded(encoder, series))).numpy()


@torch.no_grad()
def transform(encoder: Encoder, series: Tensor) -> np.ndarray:
    """Return maxima over each series and over its halves, side by side."""
    return torch.cat([_pool(latents) for latents in _encoded(encoder, series)]).numpy()


def _encoded(encoder: Encoder, series: Tensor) -> Iterator[Tensor]:
    encoder.eval()
    time = torch.arange(series.shape[1], dtype=torch.float32)
    for batch in series.split(ENCODED_AT_ONCE):
        latents, _ = encoder(batch, time.expand(len(batch), -1))
        yield latents.transpose(1, 2)


def _pool(latents: Tensor) -> Tensor:
    halves = functional.adaptive_max_pool1d(latents, 2).transpose(1, 2).flatten(1)
    return torch.cat([latents.amax(dim=-1), halves], dim=1)
