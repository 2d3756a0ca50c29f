"""The objective of T-Rep: the hierarchy in plain loops, its tasks, and learning."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sklearn_tsrep.data.batches import ContextBatches, SeriesReader, cut_into_pieces
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.losses.trep import TASKS, TRepObjective, halve
from sklearn_tsrep.nn.trep import ContextViews, TRepNetwork

N_LATENTS, N_TIME_LATENTS = 3, 4
CONTRASTS = {"instance": 0.5, "temporal": 0.5}
ALL_TASKS = dict.fromkeys(TASKS, 0.25)
LENGTHS = st.lists(st.integers(1, 11), min_size=1, max_size=4)


def views_of(lengths: list[int], seed: int = 0) -> ContextViews:
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    first, second = torch.randn((2, *shape, N_LATENTS), generator=generator)
    scores = torch.randn((*shape, N_TIME_LATENTS), generator=generator)
    return ContextViews(first, second, scores.softmax(-1), torch.tensor(lengths))


def with_garbage(views: ContextViews, garbage: float = 1e3) -> ContextViews:
    steps = torch.arange(views.first.shape[1])
    inside = (steps < views.lengths.unsqueeze(1)).unsqueeze(-1)
    assert views.embedding is not None
    parts = (
        torch.where(inside, part, garbage)
        for part in (views.first, views.second, views.embedding)
    )
    return ContextViews(*parts, views.lengths)


def network_of(time_embedding: str | None = "time2vec", seed: int = 0) -> TRepNetwork:
    torch.manual_seed(seed)
    return TRepNetwork(
        n_channels=2,
        n_latents=N_LATENTS,
        hidden_channels=6,
        n_blocks=2,
        kernel_size=3,
        time_embedding=time_embedding,
        n_time_latents=N_TIME_LATENTS,
        time_scale=30.0,
        causal=False,
        dropout_share=0.1,
    )


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def contexts_of(lengths: list[int], mask_ratio: float = 0.5) -> Any:
    rng = np.random.default_rng(0)
    panel = Panel.from_series(
        [rng.normal(size=(2, length)).cumsum(axis=1) for length in lengths]
    )
    batches = ContextBatches(
        SeriesReader(panel, ChannelScaler.fit(panel)),
        cut_into_pieces(panel, None),
        batch_size=len(lengths),
        min_overlap=max(lengths),
        mask_ratio=mask_ratio,
        seed=0,
    )
    return next(iter(batches))


# The hierarchy in plain loops


def plain_halves(series: list[np.ndarray]) -> list[np.ndarray]:
    return [
        np.array([steps[t : t + 2].max(axis=0) for t in range(0, len(steps), 2)])
        for steps in series
    ]


def plain_contrast(
    groups: list[list[tuple[np.ndarray, np.ndarray]]],
) -> float:
    """Contrast pairs (z, z') with the other pairs of their group."""
    losses = []
    for group in groups:
        if len(group) == 1:
            continue
        for role in (0, 1):
            for n, pair in enumerate(group):
                z, positive = pair[role], pair[1 - role]
                total = sum(np.exp(z @ other[1 - role]) for other in group)
                total += sum(
                    np.exp(z @ other[role]) for m, other in enumerate(group) if m != n
                )
                losses.append(np.log(total) - z @ positive)
    return float(np.mean(losses)) if losses else 0.0


def plain_hierarchy(views: ContextViews, temporal_unit: int = 0) -> dict[str, float]:
    lengths = views.lengths.tolist()
    first, second = (
        [steps[:length] for steps, length in zip(part, lengths, strict=True)]
        for part in (views.first.double().numpy(), views.second.double().numpy())
    )
    instance, temporal = [], []
    while True:
        longest = max(len(steps) for steps in first)
        by_step = [
            [
                (one[t], other[t])
                for one, other in zip(first, second, strict=True)
                if t < len(one)
            ]
            for t in range(longest)
        ]
        by_series = [
            list(zip(one, other, strict=True))
            for one, other in zip(first, second, strict=True)
        ]
        instance.append(plain_contrast(by_step))
        is_skipped = len(instance) - 1 < temporal_unit or longest == 1
        temporal.append(0.0 if is_skipped else plain_contrast(by_series))
        if longest == 1:
            return {
                "instance": float(np.mean(instance)),
                "temporal": float(np.mean(temporal)),
            }
        first, second = plain_halves(first), plain_halves(second)


@settings(deadline=None, max_examples=50)
@given(lengths=LENGTHS, temporal_unit=st.integers(0, 3), seed=st.integers(0, 1000))
def test_contrasts_agree_with_the_equations_at_all_scales(
    lengths: list[int], temporal_unit: int, seed: int
) -> None:
    views = views_of(lengths, seed)
    objective = TRepObjective(CONTRASTS, temporal_unit)
    network = network_of(time_embedding=None)
    losses = objective(network, with_garbage(views), generator())
    assert losses.keys() == CONTRASTS.keys()
    for task, expected in plain_hierarchy(views, temporal_unit).items():
        assert losses[task].item() == pytest.approx(expected, abs=1e-5)


@settings(deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_halving_agrees_with_plain_loops(lengths: list[int], seed: int) -> None:
    views = views_of(lengths, seed)
    assert views.embedding is not None
    halved = halve(with_garbage(views))
    assert halved.embedding is not None
    assert halved.lengths.tolist() == [-(-length // 2) for length in lengths]
    for row, length in enumerate(lengths):
        for n, t in enumerate(range(0, length, 2)):
            stop = min(t + 2, length)
            for part, result, reduced in (
                (views.first, halved.first, np.max),
                (views.second, halved.second, np.max),
                (views.embedding, halved.embedding, np.mean),
            ):
                expected = reduced(part[row, t:stop].numpy(), axis=0)
                np.testing.assert_allclose(result[row, n], expected, atol=1e-6)


@settings(deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
def test_embeddings_stay_distributions_at_every_scale(
    lengths: list[int], seed: int
) -> None:
    views = views_of(lengths, seed)
    while views.first.shape[1] > 1:
        views = halve(views)
        assert views.embedding is not None
        for row, length in enumerate(views.lengths.tolist()):
            sums = views.embedding[row, :length].sum(dim=-1)
            torch.testing.assert_close(sums, torch.ones(length))


def test_halving_without_embedding() -> None:
    views = views_of([5, 3])._replace(embedding=None)
    assert halve(views).embedding is None


# What must not matter


def losses_and_gradients(
    views: ContextViews, network: TRepNetwork
) -> tuple[dict[str, Tensor], list[Tensor]]:
    assert views.embedding is not None
    leaves = [
        part.clone().requires_grad_()
        for part in (views.first, views.second, views.embedding)
    ]
    losses = TRepObjective(ALL_TASKS)(
        network, ContextViews(*leaves, views.lengths), generator(5)
    )
    total = torch.stack(list(losses.values())).sum()
    return losses, list(torch.autograd.grad(total, [*leaves, *heads_of(network)]))


def heads_of(network: TRepNetwork) -> list[nn.Parameter]:
    return [
        *network.divergence_head.parameters(),
        *network.forecast_head.parameters(),
    ]


def test_what_lies_behind_the_overlap_does_not_matter() -> None:
    network = network_of()
    views = views_of([9, 4, 1, 6])
    clean, clean_gradients = losses_and_gradients(views, network)
    dirty, dirty_gradients = losses_and_gradients(with_garbage(views), network)
    for task, loss in clean.items():
        torch.testing.assert_close(dirty[task], loss, rtol=0, atol=1e-6)
    for one, other in zip(clean_gradients, dirty_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    behind = torch.arange(9) >= views.lengths.unsqueeze(1)
    for gradient in dirty_gradients[:3]:
        assert (gradient[behind] == 0).all()


def test_contexts_and_instances_have_no_order_for_the_contrasts() -> None:
    views = views_of([9, 4, 1, 6])
    order = torch.tensor([2, 0, 3, 1])
    swapped = views._replace(first=views.second, second=views.first)
    shuffled = ContextViews(
        views.first[order], views.second[order], None, views.lengths[order]
    )
    network = network_of()
    expected = TRepObjective(CONTRASTS)(network, views, generator())
    for same in (swapped, shuffled):
        losses = TRepObjective(CONTRASTS)(network, same, generator())
        for task, loss in expected.items():
            torch.testing.assert_close(losses[task], loss, rtol=0, atol=1e-6)


def test_the_generator_alone_decides_on_the_pairs() -> None:
    network, views = network_of(), views_of([9, 4, 6])
    objective = TRepObjective(ALL_TASKS, n_pairs=20)
    state = torch.get_rng_state()
    one, same, other = (
        objective(network, views, generator(seed)) for seed in (1, 1, 2)
    )
    for task in ("divergence", "forecast"):
        assert torch.equal(one[task], same[task])
        assert not torch.equal(one[task], other[task])
    assert torch.equal(state, torch.get_rng_state())


# Tasks


def test_task_weights_select_tasks() -> None:
    network, views = network_of(), views_of([9, 4])
    for task in TASKS:
        weights = {task: 0.5, **{other: 0.0 for other in TASKS if other != task}}
        losses = TRepObjective(weights)(network, views, generator())
        assert list(losses) == [task]
        assert losses[task].item() > 0
    assert set(TRepObjective(ALL_TASKS)(network, views, generator())) == set(TASKS)


@pytest.mark.parametrize("length", [8, 9, 16])
def test_below_the_temporal_unit_only_instances_are_contrasted(length: int) -> None:
    network, views = network_of(), views_of([length] * 3)
    n_scales = int(np.ceil(np.log2(length))) + 1
    results = [
        TRepObjective(ALL_TASKS, unit)(network, views, generator())
        for unit in range(n_scales + 1)
    ]
    for task in ("temporal", "divergence", "forecast"):
        values = [losses[task].item() for losses in results]
        assert all(value > 0 for value in values[: n_scales - 1])
        assert values[n_scales - 1 :] == [0, 0]
    assert len({losses["instance"].item() for losses in results}) == 1


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_finds_nothing_is_0_with_a_gradient(task: str) -> None:
    views = views_of([1])
    first = views.first.requires_grad_()
    losses = TRepObjective({task: 1.0})(network_of(), views, generator())
    losses[task].backward()
    assert losses[task].item() == 0
    assert first.grad is not None
    assert (first.grad == 0).all()


def test_few_long_series_among_many_short_ones_give_finite_losses() -> None:
    views = views_of([4, *[1] * 30])
    for seed in range(20):
        losses = TRepObjective(ALL_TASKS, n_pairs=4)(
            network_of(), views, generator(seed)
        )
        assert all(torch.isfinite(loss) for loss in losses.values())


def constant_views(first: float, second: float) -> ContextViews:
    ones = torch.ones(4, 2, N_LATENTS)
    tau = torch.full((4, 2, N_TIME_LATENTS), 1 / N_TIME_LATENTS)
    return ContextViews(first * ones, second * ones, tau, torch.full((4,), 2))


def test_inputs_and_targets_of_forecasts_come_from_either_context() -> None:
    seen = []

    def same_as_input(inputs: Tensor) -> Tensor:
        seen.append(inputs[:, 0])
        return inputs[:, :N_LATENTS]

    network: Any = SimpleNamespace(forecast_head=same_as_input)
    objective = TRepObjective({"forecast": 1.0}, n_pairs=10_000)
    # Two scales, of which the last is one step long and has no forecast.
    loss = 2 * objective(network, constant_views(0.0, 1.0), generator())["forecast"]
    assert seen[0].mean().item() == pytest.approx(0.5, abs=0.02)
    assert loss.item() == pytest.approx(0.5, abs=0.02)


def test_forecasts_are_told_the_time_of_the_target() -> None:
    views = views_of([2] * 6)
    assert views.embedding is not None
    views = views._replace(
        first=views.embedding[..., :3], second=views.embedding[..., :3]
    )

    def from_time(inputs: Tensor) -> Tensor:
        return inputs[:, N_LATENTS : N_LATENTS + 3]

    network: Any = SimpleNamespace(forecast_head=from_time)
    losses = TRepObjective({"forecast": 1.0})(network, views, generator())
    assert losses["forecast"].item() == pytest.approx(0, abs=1e-9)


def test_divergence_is_predicted_from_differences_across_contexts() -> None:
    seen = []

    def recorded(differences: Tensor) -> Tensor:
        seen.append(differences)
        return differences[:, :1] * 0

    network: Any = SimpleNamespace(divergence_head=recorded)
    objective = TRepObjective({"divergence": 1.0})
    losses = objective(network, constant_views(5.0, 2.0), generator())
    assert (seen[0] == 3).all()
    assert losses["divergence"].item() == 0


def test_divergence_agrees_with_the_equation_over_all_pairs() -> None:
    views = views_of([2])
    assert views.embedding is not None
    tau = views.embedding[0].double().numpy()
    mean = tau.mean(axis=0)
    divergence = 0.5 * (tau * np.log(tau / mean)).sum()
    head = nn.Linear(N_LATENTS, 1)
    network: Any = SimpleNamespace(divergence_head=head)
    loss = (
        2
        * TRepObjective({"divergence": 1.0}, n_pairs=200_000)(
            network, views, generator()
        )["divergence"]
    )
    first, second = views.first[0], views.second[0]
    differences = torch.stack([first[0] - second[1], first[1] - second[0]])
    predicted = head(differences).detach().double().numpy()
    expected = ((predicted - divergence) ** 2).mean()
    assert loss.item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("detach_targets", [False, True])
def test_targets_pass_a_gradient_on_only_if_asked(detach_targets: bool) -> None:
    views = views_of([6, 6])
    assert views.embedding is not None
    tau = views.embedding.requires_grad_()
    objective = TRepObjective({"divergence": 1.0}, detach_targets=detach_targets)
    loss = objective(network_of(), views, generator())["divergence"]
    (gradient,) = torch.autograd.grad(loss, tau, materialize_grads=True)
    assert bool((gradient == 0).all()) is detach_targets


# Learning


@pytest.mark.parametrize("lengths", [[30] * 5, [30, 4, 1, 17]])
@pytest.mark.parametrize("time_embedding", ["time2vec", "mlp", "rbf"])
def test_all_parts_of_the_network_get_gradients_and_move(
    time_embedding: str, lengths: list[int]
) -> None:
    network = network_of(time_embedding)
    before = {name: part.clone() for name, part in network.named_parameters()}
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0)
    draws = generator()
    for _ in range(3):
        optimizer.zero_grad()
        views = network(contexts_of(lengths), draws)
        losses = TRepObjective(ALL_TASKS)(network, views, draws)
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
    for name, part in network.named_parameters():
        if name.startswith("encoder.missing_projection"):
            continue  # Nothing is missing.
        assert part.grad is not None, name
        assert torch.isfinite(part.grad).all(), name
        assert (part.grad != 0).any(), name
        assert not torch.equal(part, before[name]), name


@pytest.mark.parametrize("task", ["divergence", "forecast"])
def test_a_head_learns_its_task(task: str) -> None:
    network = network_of()
    with torch.no_grad():
        views = network(contexts_of([30] * 5, mask_ratio=0.0))
    objective = TRepObjective({task: 1.0})
    optimizer = torch.optim.Adam(heads_of(network), lr=1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = objective(network, views, generator())[task]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("time_embedding", ["time2vec", "mlp", "rbf"])
def test_training_learns_and_does_not_collapse(time_embedding: str) -> None:
    network = network_of(time_embedding)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    objective = TRepObjective(ALL_TASKS, n_pairs=100)
    contexts, draws = contexts_of([30] * 6), generator()
    totals, spreads = [], []
    for _ in range(100):
        optimizer.zero_grad()
        views = network(contexts, draws)
        losses = objective(network, views, draws)
        total = torch.stack(list(losses.values())).mean()
        total.backward()
        optimizer.step()
        totals.append(total.item())
        spreads.append({k: v.item() for k, v in objective.monitors(views).items()})
    assert np.mean(totals[-5:]) < 0.9 * np.mean(totals[:5])
    assert spreads[-1]["latent_spread"] > 0.5 * spreads[0]["latent_spread"]
    name = "time_embedding_spread"
    assert spreads[-1][name] > 0.5 * spreads[0][name]


def test_learning_without_time_embedding() -> None:
    network = network_of(time_embedding=None)
    views = network(contexts_of([30, 4, 1, 17]), generator())
    objective = TRepObjective(CONTRASTS)
    losses = objective(network, views, generator())
    torch.stack(list(losses.values())).sum().backward()
    assert set(losses) == set(CONTRASTS)
    assert list(objective.monitors(views)) == ["latent_spread"]


def test_monitors_are_spreads_over_the_overlaps() -> None:
    views = views_of([5, 3])
    assert views.embedding is not None
    monitors = TRepObjective(ALL_TASKS).monitors(with_garbage(views))
    for name, part in (
        ("latent_spread", views.first),
        ("time_embedding_spread", views.embedding),
    ):
        steps = np.concatenate([part[0, :5].numpy(), part[1, :3].numpy()])
        expected = steps.std(axis=0).mean()
        assert monitors[name].item() == pytest.approx(expected, abs=1e-6)
        assert not monitors[name].requires_grad
