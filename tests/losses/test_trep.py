"""The objective of T-Rep: its tasks in plain loops, and what must not matter."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sklearn_tsrep.losses.time_embedding import jensen_shannon_divergence
from sklearn_tsrep.losses.trep import TASKS, TRepObjective
from sklearn_tsrep.nn.trep import ContextViews, TRepNetwork
from tests.losses.views import (
    N_LATENTS,
    N_TIME_LATENTS,
    generator,
    heads_of,
    network_of,
    padding_of,
    views_of,
    with_garbage,
)

CONTRASTS = {"instance": 0.5, "temporal": 0.5}
ALL_TASKS = dict.fromkeys(TASKS, 0.25)
LENGTHS = st.lists(st.integers(1, 11), min_size=1, max_size=4)


def stub(**heads: Callable[[Tensor], Tensor]) -> Any:
    """Return what the objective needs of a network."""
    return SimpleNamespace(**heads)


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
        [part[:length, row].numpy() for row, length in enumerate(lengths)]
        for part in views.contexts.double().tensor_split(2, dim=1)
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


@pytest.mark.parametrize("lengths", [[5, 5], [5, 2, 1]])
@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_the_right_gradient(task: str, lengths: list[int]) -> None:
    network = network_of().double()
    views = views_of(lengths, dtype=torch.float64)

    def loss(contexts: Tensor, embedding: Tensor) -> Tensor:
        given = views._replace(contexts=contexts, embedding=embedding)
        return TRepObjective({task: 1.0})(network, given, generator())[task]

    assert views.embedding is not None
    leaves = views.contexts.requires_grad_(), views.embedding.requires_grad_()
    assert loss(*leaves).dtype == torch.float64
    assert torch.autograd.gradcheck(loss, leaves)


# What must not matter


def losses_and_gradients(
    views: ContextViews, network: TRepNetwork
) -> tuple[dict[str, Tensor], list[Tensor]]:
    assert views.embedding is not None
    leaves = [
        part.clone().requires_grad_() for part in (views.contexts, views.embedding)
    ]
    given = views._replace(contexts=leaves[0], embedding=leaves[1])
    losses = TRepObjective(ALL_TASKS)(network, given, generator(5))
    total = torch.stack(list(losses.values())).sum()
    return losses, list(torch.autograd.grad(total, [*leaves, *heads_of(network)]))


def test_what_lies_behind_the_overlap_does_not_matter() -> None:
    network = network_of()
    views = views_of([9, 4, 1, 6])
    clean, clean_gradients = losses_and_gradients(views, network)
    dirty, dirty_gradients = losses_and_gradients(with_garbage(views), network)
    for task, loss in clean.items():
        torch.testing.assert_close(dirty[task], loss, rtol=0, atol=1e-6)
    for one, other in zip(clean_gradients, dirty_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    behind = padding_of(views).squeeze(2)
    assert (dirty_gradients[0][behind.repeat(1, 2)] == 0).all()
    assert (dirty_gradients[1][behind] == 0).all()


def test_contexts_and_instances_have_no_order_for_the_contrasts() -> None:
    views = views_of([9, 4, 1, 6])
    order = torch.tensor([2, 0, 3, 1])
    swapped = views._replace(contexts=views.contexts.roll(4, dims=1))
    shuffled = ContextViews(
        views.contexts[:, torch.cat([order, order + 4])],
        None,
        views.lengths[order],
        True,
    )
    network = network_of()
    expected = TRepObjective(CONTRASTS)(network, views, generator())
    for same in (swapped, shuffled):
        losses = TRepObjective(CONTRASTS)(network, same, generator())
        for task, loss in expected.items():
            torch.testing.assert_close(losses[task], loss, rtol=0, atol=1e-6)


def test_the_generator_alone_decides_on_the_pairs() -> None:
    network, views = network_of(), views_of([9, 4, 6])
    objective = TRepObjective(ALL_TASKS, identity_share=0.5)
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


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1]])
@pytest.mark.parametrize("task", TASKS[1:])
def test_a_task_that_finds_nothing_is_0_with_a_gradient(
    task: str, lengths: list[int]
) -> None:
    views = views_of(lengths)
    contexts = views.contexts.requires_grad_()
    loss = TRepObjective({task: 1.0})(network_of(), views, generator())[task]
    assert loss.item() == 0
    loss.backward()
    assert contexts.grad is not None
    assert (contexts.grad == 0).all()


@pytest.mark.parametrize("length", [1, 5])
def test_one_instance_has_none_to_be_told_apart_from(length: int) -> None:
    views = views_of([length])
    contexts = views.contexts.requires_grad_()
    loss = TRepObjective({"instance": 1.0})(network_of(), views, generator())
    assert loss["instance"].item() == 0
    loss["instance"].backward()
    assert contexts.grad is not None
    assert (contexts.grad == 0).all()


def test_few_long_series_among_many_short_ones_give_finite_losses() -> None:
    views = views_of([4, *[1] * 30])
    for seed in range(20):
        losses = TRepObjective(ALL_TASKS, max_pairs=4)(
            network_of(), views, generator(seed)
        )
        assert all(torch.isfinite(loss) for loss in losses.values())


def zeros(inputs: Tensor) -> Tensor:
    return torch.zeros(len(inputs), N_LATENTS)


@pytest.mark.parametrize("max_pairs", [1, 25, 1000])
@pytest.mark.parametrize("temporal_unit", [0, 1])
def test_a_scale_has_as_many_pairs_as_steps_up_to_a_maximum(
    temporal_unit: int, max_pairs: int
) -> None:
    n_pairs: list[int] = []

    def counted(inputs: Tensor) -> Tensor:
        n_pairs.append(len(inputs))
        return zeros(inputs)

    objective = TRepObjective(
        {"divergence": 0.5, "forecast": 0.5}, temporal_unit, max_pairs=max_pairs
    )
    network = stub(divergence_head=lambda x: counted(x)[:, :1], forecast_head=counted)
    objective(network, views_of([9, 9, 4, 1]), generator())
    sizes = [4 * size for size in (9, 5, 3, 2)[temporal_unit:]]
    assert n_pairs == [sum(min(size, max_pairs) for size in sizes)] * 2


def test_each_scale_counts_alike_whatever_its_number_of_pairs() -> None:
    # The maximum of two steps is 1, so that coarser scales are all ones.
    contexts = torch.ones(16, 2 * 500, N_LATENTS)
    contexts[::2] = 0
    embedding = torch.full((16, 500, N_TIME_LATENTS), 1 / N_TIME_LATENTS)
    views = ContextViews(contexts, embedding, torch.full((500,), 16), False)
    objective = TRepObjective({"forecast": 1.0}, max_pairs=8000)
    loss = objective(stub(forecast_head=zeros), views, generator())["forecast"]
    # Five scales; at the last, of one step, there is nothing to forecast.
    assert loss.item() == pytest.approx((0.5 + 3) / 5, abs=0.01)


def test_pairs_that_cannot_be_drawn_do_not_count() -> None:
    views = views_of([2, 2, 1, 1, 1])
    assert views.embedding is not None
    one, other = views.embedding[:, :1].unbind()
    divergence = jensen_shannon_divergence(one, other)
    contexts = torch.zeros(2, 2, 5, N_LATENTS)
    contexts[:, :, 2:] = 1  # Series of one step, where there is nothing to forecast.
    views = views._replace(
        contexts=contexts.flatten(1, 2),
        embedding=torch.stack([one, other]).expand(2, 5, -1),
    )
    network = stub(
        divergence_head=lambda inputs: divergence.expand(len(inputs), 1),
        forecast_head=zeros,
    )
    objective = TRepObjective({"divergence": 0.5, "forecast": 0.5})
    for seed in range(10):
        losses = objective(network, views, generator(seed))
        assert losses["divergence"].item() == pytest.approx(0, abs=1e-12)
        assert losses["forecast"].item() == 0


def constant_views(first: float, second: float, n_series: int = 4) -> ContextViews:
    ones = torch.ones(2, n_series, N_LATENTS)
    tau = torch.full((2, n_series, N_TIME_LATENTS), 1 / N_TIME_LATENTS)
    return ContextViews(
        torch.cat([first * ones, second * ones], dim=1),
        tau,
        torch.full((n_series,), 2),
        False,
    )


def test_inputs_and_targets_of_forecasts_come_from_either_context() -> None:
    seen = []

    def same_as_input(inputs: Tensor) -> Tensor:
        seen.append(inputs[:, 0])
        return inputs[:, :N_LATENTS]

    objective = TRepObjective({"forecast": 1.0}, max_pairs=10_000)
    views = constant_views(0.0, 1.0, n_series=5000)
    losses = objective(stub(forecast_head=same_as_input), views, generator())
    assert seen[0].mean().item() == pytest.approx(0.5, abs=0.02)
    # Two scales, of which the last is one step long and has no forecast.
    assert 2 * losses["forecast"].item() == pytest.approx(0.5, abs=0.02)


def test_forecasts_are_told_the_time_of_the_target() -> None:
    views = views_of([2] * 6)
    assert views.embedding is not None
    views = views._replace(contexts=views.embedding[..., :N_LATENTS].repeat(1, 2, 1))

    def from_time(inputs: Tensor) -> Tensor:
        return inputs[:, N_LATENTS : 2 * N_LATENTS]

    objective = TRepObjective({"forecast": 1.0})
    losses = objective(stub(forecast_head=from_time), views, generator())
    assert losses["forecast"].item() == pytest.approx(0, abs=1e-9)


def test_forecasts_reach_as_far_as_told_at_every_scale() -> None:
    steps = torch.arange(32.0)[:, None, None]
    tau = torch.cat([steps / 32, 1 - steps / 32], dim=2)
    views = ContextViews(
        steps.repeat(1, 100, N_LATENTS),
        tau.repeat(1, 50, 1),
        torch.full((50,), 32),
        False,
    )
    seen = []

    def recorded(inputs: Tensor) -> Tensor:
        seen.append(inputs)
        return zeros(inputs)

    objective = TRepObjective({"forecast": 1.0}, max_forecast_distance=3, max_pairs=100)
    objective(stub(forecast_head=recorded), views, generator())
    for scale, inputs in enumerate(seen[0].split(100)):
        width = 2**scale
        # Representations hold the last of the steps that were merged, times the mean.
        sources = (inputs[:, 0] - (width - 1)) / width
        targets = (32 * inputs[:, N_LATENTS] - (width - 1) / 2) / width
        distances = (targets - sources).round()
        reach = min(3, 32 // width - 1)
        assert (distances.min().item(), distances.max().item()) == (-reach, reach)


def test_divergence_is_predicted_from_differences_across_contexts() -> None:
    seen = []

    def recorded(differences: Tensor) -> Tensor:
        seen.append(differences)
        return differences[:, :1] * 0

    objective = TRepObjective({"divergence": 1.0})
    network = stub(divergence_head=recorded)
    losses = objective(network, constant_views(5.0, 2.0), generator())
    assert (seen[0] == 3).all()
    assert losses["divergence"].item() == 0


def test_divergence_agrees_with_the_equation_over_all_pairs() -> None:
    views = views_of([2])
    assert views.embedding is not None
    tau = views.embedding[:, 0].double().numpy()
    divergence = 0.5 * (tau * np.log(tau / tau.mean(axis=0))).sum()
    head = nn.Linear(N_LATENTS, 1)
    first, second = views.contexts[:, 0], views.contexts[:, 1]
    predicted = head(torch.stack([first[0] - second[1], first[1] - second[0]]))
    expected = ((predicted.detach().double().numpy() - divergence) ** 2).mean()
    many = ContextViews(
        views.contexts.repeat_interleave(20_000, dim=1),
        views.embedding.repeat(1, 20_000, 1),
        views.lengths.repeat(20_000),
        False,
    )
    objective = TRepObjective({"divergence": 1.0}, max_pairs=40_000)
    loss = objective(stub(divergence_head=head), many, generator())["divergence"]
    assert 2 * loss.item() == pytest.approx(expected, rel=0.02)


def test_a_share_of_the_divergences_is_of_one_step_with_itself() -> None:
    views = views_of([2] * 3000)
    differences = []

    def recorded(inputs: Tensor) -> Tensor:
        differences.append(inputs)
        return inputs[:, :1] * 0

    # Both contexts alike, so that one step differs from itself by 0.
    first = views.contexts[:, :3000]
    views = views._replace(contexts=first.repeat(1, 2, 1))
    for share in (0.0, 0.3, 1.0):
        objective = TRepObjective(
            {"divergence": 1.0}, max_pairs=6000, identity_share=share
        )
        objective(stub(divergence_head=recorded), views, generator())
        identical = (differences[-1] == 0).all(dim=1).float().mean().item()
        assert identical == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("task", ["divergence", "forecast"])
@pytest.mark.parametrize("detach_targets", [False, True])
def test_targets_pass_a_gradient_on_unless_detached(
    detach_targets: bool, task: str
) -> None:
    views = views_of([6, 6])
    assert views.embedding is not None
    leaves = views.embedding.requires_grad_(), views.contexts.requires_grad_()
    # What is predicted does not depend on the views.
    network = stub(divergence_head=lambda x: zeros(x)[:, :1], forecast_head=zeros)
    objective = TRepObjective({task: 1.0}, detach_targets=detach_targets)
    loss = objective(network, views, generator())[task]
    assert loss.requires_grad is not detach_targets
    if not detach_targets:
        gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
        is_moved = [bool((gradient != 0).any()) for gradient in gradients]
        assert is_moved == [task == "divergence", task == "forecast"]


def test_time_pooling_is_of_the_coarser_time_embeddings() -> None:
    views, network = views_of([6, 6]), network_of()
    for unit in (0, 1):
        mean, maximum = (
            TRepObjective(ALL_TASKS, unit, time_pooling=pooling)(
                network, views, generator()
            )
            for pooling in ("mean", "max")
        )
        for task in TASKS:
            is_same = task in CONTRASTS
            assert torch.equal(mean[task], maximum[task]) is is_same


# Monitors


def test_monitors_are_spreads_over_the_overlaps() -> None:
    views = views_of([5, 3])
    assert views.embedding is not None
    monitors = TRepObjective(ALL_TASKS).monitors(with_garbage(views))
    for name, part in (
        ("latent_spread", views.contexts),
        ("time_embedding_spread", views.embedding),
    ):
        steps = np.concatenate([part[:5, 0].numpy(), part[:3, 1].numpy()])
        expected = steps.std(axis=0).mean()
        assert monitors[name].item() == pytest.approx(expected, abs=1e-6)
        assert not monitors[name].requires_grad
