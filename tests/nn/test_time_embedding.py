"""Time-embeddings: distributions over components, that can be learned anywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, jacrev

from sklearn_tsrep.nn.time_embedding import (
    TIME_EMBEDDINGS,
    RadialBasis,
    Time2Vec,
    TimeEmbedding,
    TimeMLP,
)

KINDS = sorted(TIME_EMBEDDINGS)


def embedding_of(
    kind: str, n_components: int = 8, time_scale: float = 10_000, seed: int = 0
) -> TimeEmbedding:
    torch.manual_seed(seed)
    return TimeEmbedding(kind, n_components, time_scale)


@settings(deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n_components=st.integers(1, 20),
    time_scale=st.integers(1, 20_000),
    seed=st.integers(0, 100),
)
def test_components_are_positive_and_sum_to_1(
    kind: str, n_components: int, time_scale: int, seed: int
) -> None:
    embedding = embedding_of(kind, n_components, time_scale, seed)
    # Also behind the steps of the training series.
    time = torch.linspace(0, 2 * time_scale, 50).floor().expand(2, -1)
    tau = embedding(time)
    assert tau.shape == (2, 50, n_components)
    assert (tau > 0).all()
    torch.testing.assert_close(tau.sum(dim=-1), torch.ones(2, 50))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_can_be_learned_on_10_000_steps(kind: str, seed: int) -> None:
    embedding = embedding_of(kind, seed=seed)
    time = torch.linspace(0, 9999, 101).round().unsqueeze(0)
    parameters = {name: part.detach() for name, part in embedding.named_parameters()}
    jacobian = jacrev(lambda given: functional_call(embedding, given, (time,))[0])(
        parameters
    )
    mean_component = 1 / 8
    for name, derivatives in jacobian.items():
        # How much tau moves, as a share of itself, for a step of 1 of a parameter.
        by_parameter = derivatives.flatten(2).square().mean(dim=(0, 1)).sqrt()
        by_parameter = by_parameter / mean_component
        assert torch.isfinite(by_parameter).all(), name
        assert by_parameter.max() < 20, name
        assert by_parameter.max() > 1e-2, name
        assert (by_parameter > 1e-4).all(), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_ends_and_the_middle_of_10_000_steps_can_be_told_apart(kind: str) -> None:
    tau = embedding_of(kind)(torch.tensor([[0.0, 2500, 5000, 7500, 9999]]))[0]
    distances = torch.cdist(tau, tau) + torch.eye(5)
    assert distances.min() > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_an_embedding_learns_a_course_over_10_000_steps(kind: str) -> None:
    embedding = embedding_of(kind)
    time = torch.arange(10_000.0)[::25].unsqueeze(0)
    wanted = 0.125 + 0.05 * torch.sin(time[0] / 10_000 * 2 * np.pi)
    optimizer = torch.optim.Adam(embedding.parameters(), lr=1e-2)
    errors = []
    for _ in range(100):
        optimizer.zero_grad()
        error = (embedding(time)[0, :, 0] - wanted).square().mean()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.5 * errors[0]


def test_time2vec_has_one_linear_component_and_sines() -> None:
    torch.manual_seed(0)
    time2vec = Time2Vec(6, time_scale=100)
    time = torch.linspace(0, 3, 301).unsqueeze(-1)
    scores = time2vec(time).detach()
    bends = scores.diff(n=2, dim=0).abs().amax(dim=0)
    assert (bends < 1e-5).tolist() == [True] + [False] * 5
    expected = torch.sin(time2vec.frequencies * time + time2vec.phases)
    torch.testing.assert_close(scores[:, 1:], expected)
    assert scores[:, 1:].abs().max() <= 1


def test_time2vec_starts_from_half_a_period_to_periods_of_four_steps() -> None:
    frequencies = Time2Vec(9, time_scale=1000).frequencies.detach()
    periods = 2 * np.pi / frequencies * 1000
    assert periods[0].item() == pytest.approx(2000, rel=1e-4)
    assert periods[-1].item() == pytest.approx(4, rel=1e-4)


def test_rbf_is_a_gaussian_bump() -> None:
    basis = RadialBasis(5, time_scale=100)
    with torch.no_grad():
        basis.centers.copy_(torch.tensor([0.0, 0.1, 0.5, 0.7, 1.0]))
        basis.log_widths.copy_(torch.log(torch.tensor([0.1, 0.2, 0.3, 0.4, 2.0])))
    time = np.linspace(0, 1, 11)
    scores = basis(torch.tensor(time, dtype=torch.float32).unsqueeze(-1))
    for k, (center, width) in enumerate(
        zip([0.0, 0.1, 0.5, 0.7, 1.0], [0.1, 0.2, 0.3, 0.4, 2.0], strict=True)
    ):
        expected = np.exp(-((time - center) ** 2) / (2 * width**2))
        np.testing.assert_allclose(scores[:, k].detach(), expected, atol=1e-5)


def test_mlp_is_two_layers_with_a_relu_and_kinks_inside_the_series() -> None:
    torch.manual_seed(0)
    mlp = TimeMLP(16, time_scale=100)
    time = torch.linspace(0, 1, 21).unsqueeze(-1)
    hidden = (time * mlp.first.weight[:, 0] + mlp.first.bias).clamp(min=0)
    expected = hidden @ mlp.second.weight.T + mlp.second.bias
    torch.testing.assert_close(mlp(time), expected)
    kinks = -mlp.first.bias / mlp.first.weight[:, 0]
    assert ((kinks > 0) & (kinks < 1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_embedded_alike_wherever_it_stands(kind: str) -> None:
    embedding = embedding_of(kind, time_scale=50)
    whole = embedding(torch.arange(50.0).unsqueeze(0))
    torch.testing.assert_close(
        embedding(torch.tensor([[17.0]]))[0, 0], whole[0, 17], rtol=0, atol=1e-6
    )
