"""A method that is none of the package's, to train with its engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_tsrep.training.callbacks import LossTerms
from sklearn_tsrep.training.net import SelfSupervisedNet


@dataclass(frozen=True)
class Points:
    """Points of a plane."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device | str) -> Points:
        return Points(self.values.to(device))


class PointBatches:
    """Random points, batches of the sizes given."""

    def __init__(
        self,
        sizes: tuple[int, ...] = (4, 4, 4),
        seed: int = 0,
        repeatable: bool = False,
    ) -> None:
        self.sizes = sizes
        self.seed = seed
        self.repeatable = repeatable
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Points]:
        rng = np.random.default_rng(self.seed) if self.repeatable else self.rng
        for size in self.sizes:
            yield Points(torch.from_numpy(rng.normal(size=(size, 2)).astype("f4")))


@dataclass(frozen=True)
class Guess:
    """Points, and what the module made of them."""

    points: Tensor
    output: Tensor


class Jitter(nn.Module):
    """A linear map of points shaken by noise."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__()
        self.noise = noise
        self.linear = nn.Linear(2, 2)

    def forward(self, batch: Points, generator: torch.Generator | None = None) -> Guess:
        points = batch.values
        if generator is not None:
            noise = torch.randn(points.shape, generator=generator)
            points = points + self.noise * noise
        return Guess(batch.values, self.linear(points))


class SwapAndShrink(nn.Module):
    """Wants the coordinates swapped, and weights that are small."""

    def __init__(self, task_weights: Mapping[str, float]) -> None:
        super().__init__()
        self.task_weights = task_weights

    def forward(
        self, module: Any, guess: Guess, generator: torch.Generator
    ) -> dict[str, Tensor]:
        # The scale is drawn, so that repeatable draws show in the losses.
        scale = 1 + 0.1 * torch.rand((), generator=generator)
        return {
            "swap": scale * (guess.output - guess.points.flip(1)).square().mean(),
            "shrink": module.linear.weight.square().sum(),
        }

    def monitors(self, guess: Guess) -> dict[str, Tensor]:
        return {"spread": guess.output.detach().std()}


def toy_net(
    seed: int = 0, callbacks: Any = None, **parameters: Any
) -> SelfSupervisedNet:
    """Return a net that trains the toy method, and writes its loss terms down."""
    defaults: dict[str, Any] = {
        "optimizer": torch.optim.SGD,
        "lr": 0.1,
        "max_epochs": 3,
        "verbose": 0,
        "device": "cpu",
        "criterion__task_weights": {"swap": 0.7, "shrink": 0.3},
    }
    return SelfSupervisedNet(
        Jitter,
        SwapAndShrink,
        seed=np.random.SeedSequence(seed),
        callbacks=[LossTerms(), *(callbacks or [])],
        **{**defaults, **parameters},
    )


def flat_weights(module: nn.Module) -> np.ndarray:
    """Return a copy of all weights of a module."""
    weights = [weight.detach().numpy().ravel() for weight in module.parameters()]
    return np.concatenate(weights)
