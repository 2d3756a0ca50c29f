"""Learned embeddings of the time index.

Each module maps the index of a time step to scores; `TimeEmbedding` turns them into
positive components that sum to 1. Indices are divided by the length of the longest
training series first: a sigmoid of several thousands saturates, and a step of the
optimiser on the frequency of a sine over raw indices turns its phase by many periods.
"""

import math

import torch
from torch import Tensor, nn

from sklearn_tsrep.nn.linear import RowwiseLinear


class Time2Vec(nn.Module):
    """One linear component, the others sines of learned frequency and phase.

    Frequencies start spread geometrically, from half a period over the series to a
    period of four steps.

    References
    ----------
    Kazemi et al. (2019). Time2Vec: Learning a Vector Representation of Time.
    """

    def __init__(self, n_components: int, time_scale: float) -> None:
        super().__init__()
        n_sines = n_components - 1
        highest = max(time_scale / 2, 2.0)
        exponents = torch.linspace(0, 1, n_sines) if n_sines else torch.zeros(0)
        self.slope = nn.Parameter(torch.empty(1).uniform_(-1, 1))
        self.intercept = nn.Parameter(torch.zeros(1))
        self.frequencies = nn.Parameter(math.pi * highest**exponents)
        self.phases = nn.Parameter(torch.empty(n_sines).uniform_(0, 2 * math.pi))

    def forward(self, time: Tensor) -> Tensor:
        """Map scaled indices (..., 1) to scores (..., n_components)."""
        linear = self.slope * time + self.intercept
        return torch.cat(
            [linear, torch.sin(self.frequencies * time + self.phases)], dim=-1
        )


class TimeMLP(nn.Module):
    """Two linear layers, a ReLU between them.

    The kinks of the first layer start spread over the series, away from its ends
    and with slopes away from 0, so that each unit can learn and the scores differ
    along the series about as much as their sigmoid can tell.
    """

    def __init__(self, n_components: int, time_scale: float) -> None:
        super().__init__()
        self.first = RowwiseLinear(1, n_components)
        self.second = RowwiseLinear(n_components, n_components)
        with torch.no_grad():
            signs = torch.randint(2, (n_components,)) * 2 - 1
            slopes = signs * torch.empty(n_components).uniform_(2, 4)
            kinks = torch.empty(n_components).uniform_(0.1, 0.9)
            self.first.weight.copy_(slopes.unsqueeze(1))
            self.first.bias.copy_(-slopes * kinks)

    def forward(self, time: Tensor) -> Tensor:
        """Map scaled indices (..., 1) to scores (..., n_components)."""
        return self.second(torch.relu(self.first(time)))


class RadialBasis(nn.Module):
    """Gaussian bumps ``exp(-(t - mu)^2 / (2 sigma^2))`` spread over the series."""

    def __init__(self, n_components: int, time_scale: float) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.linspace(0, 1, n_components))
        self.log_widths = nn.Parameter(
            torch.full((n_components,), -math.log(n_components))
        )

    def forward(self, time: Tensor) -> Tensor:
        """Map scaled indices (..., 1) to scores (..., n_components)."""
        distances = (time - self.centers) * torch.exp(-self.log_widths)
        return torch.exp(-0.5 * distances**2)


TIME_EMBEDDINGS: dict[str, type[nn.Module]] = {
    "time2vec": Time2Vec,
    "mlp": TimeMLP,
    "rbf": RadialBasis,
}


class TimeEmbedding(nn.Module):
    """Positive components that sum to 1, ``sigmoid(h(t)) / sum_k sigmoid(h(t))_k``.

    Parameters
    ----------
    kind : {"time2vec", "mlp", "rbf"}
        The function ``h``.

    n_components : int
        Number of components ``K``.

    time_scale : float
        Steps of the longest training series; indices are divided by it.

    References
    ----------
    Fraikin et al. (2024). T-Rep: Representation Learning for Time Series using
    Time-Embeddings. ICLR.
    """

    def __init__(self, kind: str, n_components: int, time_scale: float) -> None:
        super().__init__()
        self.time_scale = float(time_scale)
        self.scores = TIME_EMBEDDINGS[kind](n_components, time_scale)

    def forward(self, time: Tensor) -> Tensor:
        """Map indices (batch, time) to embeddings (batch, time, n_components)."""
        scaled = time.unsqueeze(-1) / self.time_scale
        # Half precision cannot tell neighbouring steps of a long series apart.
        with torch.autocast(time.device.type, enabled=False):
            positive = torch.sigmoid(self.scores(scaled))
        return positive / positive.sum(dim=-1, keepdim=True)
