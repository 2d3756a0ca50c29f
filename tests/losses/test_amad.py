"""The objective of AMAD, against plain formulations in float64."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.losses.amad import (
    AMADObjective,
    cross_attention_divergence,
    divergence_weights,
    step_errors,
    window_contrast,
)
from sklearn_tsrep.nn.amad import AMADNetwork, Reconstruction
from sklearn_tsrep.nn.attention import AttentionMaps

N_WINDOWS, N_STEPS, N_CHANNELS = 3, 7, 2


def batch_of(
    *, observed: Tensor | None = None, valid: Tensor | None = None
) -> SeriesBatch:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(N_WINDOWS, N_STEPS, N_CHANNELS, generator=generator)
    visible = None
    if observed is not None:
        values = values * observed
        visible = observed.amax(dim=-1)
    return SeriesBatch(values, torch.zeros(3, 7), observed, visible, valid)


def network_of(**parameters: object) -> AMADNetwork:
    torch.manual_seed(0)
    given = {
        "n_channels": N_CHANNELS,
        "width": 8,
        "n_layers": 2,
        "n_heads": 2,
        "dropout_share": 0.0,
        "automask_share": 0.6,
        "frequency_init": "geometric",
        **parameters,
    }
    return AMADNetwork(**given)  # type: ignore[arg-type]


def losses(
    objective: AMADObjective, network: AMADNetwork, batch: SeriesBatch
) -> tuple[Reconstruction, dict[str, Tensor]]:
    outputs = network(batch)
    return outputs, objective(network, outputs, torch.Generator())


def plain_divergence(maps: list[AttentionMaps]) -> np.ndarray:
    """Return it (batch, time), entry by entry."""
    totals = np.zeros((N_WINDOWS, N_STEPS))
    for layer in maps:
        assert layer.automask is not None
        one, other = (part.detach().double().exp().numpy() for part in layer)
        for window, head, step in np.ndindex(one.shape[:3]):
            p, q = one[window, head, step], other[window, head, step]
            m = (p + q) / 2
            divergence = sum(
                0.5 * (a * math.log(a / c) + b * math.log(b / c))
                for a, b, c in zip(p, q, m, strict=True)
            )
            totals[window, step] += divergence / (len(maps) * one.shape[1])
    return totals


def test_the_divergence_is_the_mean_of_layers_and_heads() -> None:
    outputs = network_of()(batch_of())
    divergence = cross_attention_divergence(outputs.maps).detach().numpy()
    np.testing.assert_allclose(divergence, plain_divergence(outputs.maps), atol=1e-6)


@pytest.mark.parametrize(("reduction", "factor"), [("mean", 1), ("sum", N_CHANNELS)])
def test_the_reconstruction_is_the_squared_error(reduction: str, factor: int) -> None:
    batch = batch_of()
    objective = AMADObjective(reduction=reduction)
    outputs, terms = losses(objective, network_of(), batch)
    expected = factor * (outputs.values - batch.values).square().mean()
    torch.testing.assert_close(terms["reconstruction"], expected)


def test_missing_values_are_left_out_of_the_error() -> None:
    observed = torch.ones(N_WINDOWS, N_STEPS, N_CHANNELS)
    observed[0, 2, 1] = 0
    observed[1, 3] = 0
    batch = batch_of(observed=observed)
    outputs, terms = losses(AMADObjective(), network_of(), batch)
    errors = (outputs.values - batch.values).square()
    expected = errors.mean(dim=-1)
    expected[0, 2] = errors[0, 2, 0]
    expected[1, 3] = 0
    torch.testing.assert_close(step_errors(outputs), expected)
    n_steps = N_WINDOWS * N_STEPS - 1
    torch.testing.assert_close(terms["reconstruction"], expected.sum() / n_steps)


def gradients(network: AMADNetwork, loss: Tensor) -> dict[str, Tensor]:
    names, weights = zip(*network.named_parameters(), strict=True)
    values = torch.autograd.grad(loss, weights, allow_unused=True)
    return {
        name: torch.zeros_like(weight) if value is None else value
        for name, weight, value in zip(names, weights, values, strict=True)
    }


@pytest.mark.parametrize("projection", ["shared", "own"])
@pytest.mark.parametrize(
    ("min_phase", "max_phase"), [(True, True), (True, False), (False, True)]
)
def test_one_pass_has_the_gradients_of_both_phases(
    projection: str, min_phase: bool, max_phase: bool
) -> None:
    network, batch = network_of(projection=projection).double(), batch_of()
    batch = SeriesBatch(batch.values.double(), batch.time, None, None, None)
    objective = AMADObjective(min_phase=min_phase, max_phase=max_phase, contrast=False)
    _, terms = losses(objective, network, batch)
    loss = sum(objective.task_weights[name] * term for name, term in terms.items())
    assert isinstance(loss, Tensor)

    expected = {name: torch.zeros_like(w) for name, w in network.named_parameters()}
    phases = [(min_phase, True, 1), (max_phase, False, -1)]
    for is_on, moves_automask, sign in phases:
        if not is_on:
            continue
        outputs = network(batch)
        maps = [
            AttentionMaps(own.self_attention.detach(), own.automask)
            if moves_automask
            else AttentionMaps(own.self_attention, own.automask.detach())
            for own in outputs.maps
        ]
        error = (outputs.values - batch.values).square().mean()
        phase = error + sign * 3.0 * cross_attention_divergence(maps).mean()
        for name, gradient in gradients(network, phase).items():
            expected[name] += gradient
    for name, gradient in gradients(network, loss).items():
        # The maps are float32.
        torch.testing.assert_close(gradient, expected[name], atol=1e-6, rtol=1e-4)


def test_own_projections_keep_each_phase_to_its_map() -> None:
    network = network_of(projection="own", n_layers=1)
    outputs = network(batch_of())
    maps = outputs.maps[0]
    towards = AttentionMaps(maps.self_attention.detach(), maps.automask)
    moved = gradients(network, cross_attention_divergence([towards]).sum())
    names = {name for name, gradient in moved.items() if gradient.abs().sum() > 0}
    prefix = "layers.0.attention.automask."
    assert names == {
        prefix + name for name in ("frequencies", "query_projection", "key_projection")
    }


def test_the_contrast_is_a_cross_entropy_over_windows() -> None:
    maps = network_of()(batch_of()).maps[0]
    assert maps.automask is not None
    one, other = (part.detach().double().exp().flatten(1).numpy() for part in maps)
    logits = one @ other.T * math.exp(0.21)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(np.diag(shares)).mean()
    assert window_contrast(maps, 0.21).item() == pytest.approx(expected, rel=1e-5)


def test_parts_can_be_left_out() -> None:
    batch = batch_of()
    names = ("reconstruction", "divergence", "contrast")
    _, terms = losses(AMADObjective(), network_of(), batch)
    assert tuple(terms) == names
    _, terms = losses(AMADObjective(contrast=False), network_of(), batch)
    assert tuple(terms) == names[:2]
    without = AMADObjective(min_phase=False, max_phase=False)
    _, terms = losses(without, network_of(), batch)
    assert tuple(terms) == ("reconstruction", "contrast")
    _, terms = losses(AMADObjective(), network_of(automask_share=0.0), batch)
    assert tuple(terms) == names[:1]


def test_validation_looks_at_the_reconstruction_alone() -> None:
    assert AMADObjective().validation_weights == {"reconstruction": 1.0}


@pytest.mark.parametrize("temperature", [0.0, 1.0, -50.0])
def test_weights_are_a_softmax_over_the_steps_of_a_window(temperature: float) -> None:
    valid = torch.ones(N_WINDOWS, N_STEPS)
    valid[1, 4:] = 0
    outputs = network_of()(batch_of(valid=valid))
    divergence = cross_attention_divergence(outputs.maps).detach().double()
    weights = divergence_weights(outputs, temperature).detach().double()
    for window, n_steps in enumerate((7, 4, 7)):
        own = (-temperature * divergence[window, :n_steps]).softmax(dim=0) * n_steps
        torch.testing.assert_close(weights[window, :n_steps], own, rtol=1e-4, atol=0)
        assert (weights[window, n_steps:] == 0).all()
