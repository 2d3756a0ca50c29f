"""The objective of T-Rep trains all parts of the network, and they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklearn_tsrep.data.batches import (
    ContextBatches,
    ContextPair,
    SeriesReader,
    cut_into_pieces,
)
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.losses.trep import TASKS, TRepObjective
from tests.losses.views import generator, heads_of, network_of

CONTRASTS = {"instance": 0.5, "temporal": 0.5}
ALL_TASKS = dict.fromkeys(TASKS, 0.25)


def contexts_of(lengths: list[int], mask_ratio: float = 0.5) -> ContextPair:
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


def test_frozen_heads_keep_their_weights_and_let_the_encoder_learn() -> None:
    network = network_of(train_heads=False)
    views = network(contexts_of([30] * 5), generator())
    objective = TRepObjective({"divergence": 0.5, "forecast": 0.5})
    losses = objective(network, views, generator())
    torch.stack(list(losses.values())).sum().backward()
    assert all(weight.grad is None for weight in heads_of(network))
    assert (network.encoder.projection.weight.grad != 0).any()


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
    objective = TRepObjective(ALL_TASKS, max_pairs=100)
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
