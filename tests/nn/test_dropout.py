"""Dropout from a generator of its own."""

import pytest
import torch

from sklearn_tsrep.nn.dropout import dropout


def test_dropout_zeroes_a_share_and_keeps_the_mean() -> None:
    inputs = torch.ones(200, 500)
    dropped = dropout(inputs, 0.1, torch.Generator().manual_seed(0))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.1, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1, abs=0.005)


def test_dropout_is_off_without_a_generator_or_a_share() -> None:
    inputs = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(dropout(inputs, 0.5, None), inputs)
    assert torch.equal(dropout(inputs, 0.0, torch.Generator()), inputs)


def test_dropout_draws_from_its_own_generator() -> None:
    inputs = torch.ones(50, 50)
    state = torch.get_rng_state()
    first, second = (
        dropout(inputs, 0.5, torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())
