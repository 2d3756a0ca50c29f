"""What is timed in the task "speed": sizes, steps of a round, noise, seconds."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Competitor = Callable[[int], float]


class Size(NamedTuple):
    """Shape of a batch, or of a panel to encode."""

    n_instances: int
    n_timepoints: int
    n_channels: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read a size such as "16x65x4"."""
        return cls(*map(int, text.split("x")))


class Steps(NamedTuple):
    """How many steps a round has; those that are timed come last."""

    n_untimed: int
    n_timed: int

    @property
    def total(self) -> int:
        """Steps to take: one more, since its begin ends the last that is timed."""
        return self.n_untimed + self.n_timed + 1

    def mean_seconds(self, begins: list[float]) -> float:
        """Return seconds a timed step from the begins of all steps."""
        if len(begins) != self.total:
            raise RuntimeError(f"there were {len(begins)} steps, not {self.total}")
        return float(np.diff(begins)[self.n_untimed :].mean())


def noise(size: Size) -> np.ndarray:
    """Return a panel (n_instances, n_channels, n_timepoints), float32."""
    shape = (size.n_instances, size.n_channels, size.n_timepoints)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def time_points(size: Size) -> np.ndarray:
    """Return a series (n_timepoints, n_channels) of noise."""
    return noise(size)[0].T


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
