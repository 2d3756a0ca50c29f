"""Random draws that leave the global generators as they were found."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_GLOBAL_GENERATOR_LOCK = threading.Lock()


@contextmanager
def seeded_initialization(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator inside the block, and restore it after.

    Torch's initialisers know no other generator. The lock keeps two fits in
    threads of one process from drawing from each other's seed.
    """
    with _GLOBAL_GENERATOR_LOCK:
        state = torch.get_rng_state()
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_rng_state(state)


def device_generator(seed: int, device: torch.device | str) -> torch.Generator:
    """Return a new generator on a device."""
    return torch.Generator(device=device).manual_seed(seed)
