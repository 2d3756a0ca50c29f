"""Seeded draws leave the global generators alone."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

from sklearn_tsrep.training.seeds import device_generator, seeded_initialization


def weights_from(seed: int) -> Tensor:
    with seeded_initialization(seed):
        return nn.Linear(50, 50).weight.detach()


def test_a_seed_gives_the_same_weights() -> None:
    assert torch.equal(weights_from(1), weights_from(1))
    assert not torch.equal(weights_from(1), weights_from(2))


def test_the_global_generator_goes_on_as_if_nothing_was_drawn() -> None:
    state = torch.get_rng_state()
    weights_from(1)
    assert torch.equal(torch.get_rng_state(), state)


def fail_after_drawing() -> None:
    with seeded_initialization(1):
        torch.rand(3)
        raise ZeroDivisionError


def test_the_global_generator_is_restored_after_an_error() -> None:
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        fail_after_drawing()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(weights_from(1), weights_from(1))  # the lock is free again


def test_threads_do_not_draw_from_each_others_seed() -> None:
    found: dict[int, Tensor] = {}

    def draw(seed: int) -> None:
        found[seed] = weights_from(seed)

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, weights in found.items():
        assert torch.equal(weights, weights_from(seed))


def test_a_generator_of_its_own_is_seeded() -> None:
    state = torch.get_rng_state()
    one, same, other = (
        torch.rand(5, generator=device_generator(seed, "cpu")) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)
