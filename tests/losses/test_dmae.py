"""The objective of DMAE, against plain formulations in float64."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.data.masked import MaskedBatch
from sklearn_tsrep.losses.alignment import feature_alignment
from sklearn_tsrep.losses.dmae import DMAEObjective
from sklearn_tsrep.nn.dmae import Estimates

TASKS = ("value", "latent", "alignment")
N_STEPS, N_CHANNELS, N_TOKENS, N_LATENTS = 8, 2, 4, 3
# Of two series, the second of which has nothing in its last token: which tokens are
# hidden, and which are seen.
HIDDEN, SEEN = [[0, 2], [1]], [[1, 3], [0, 2]]
PLACES = {
    "seen_tokens": torch.tensor(SEEN),
    "seen_valid": torch.ones(2, 2, dtype=torch.bool),
    "hidden_tokens": torch.tensor([[0, 2], [1, 0]]),
    "hidden_valid": torch.tensor([[True, True], [True, False]]),
}


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def there() -> Tensor:
    """Return which values are there: the second series has some missing, and ends."""
    observed = torch.ones(2, N_STEPS, N_CHANNELS)
    observed[1, 2, 0] = observed[1, 5, 1] = 0
    observed[1, 6:] = 0
    return observed


def shown() -> Tensor:
    seen = there() * (random(2, N_STEPS, N_CHANNELS, seed=7) > -0.3)
    for row, tokens in enumerate(HIDDEN):
        for token in tokens:
            seen[row, 2 * token : 2 * token + 2] = 0
    return seen


def batch_of(**parts: Any) -> MaskedBatch:
    values = random(2, N_STEPS, N_CHANNELS, seed=0) * there()
    valid = torch.ones(2, N_STEPS)
    valid[1, 6:] = 0
    series = SeriesBatch(values, torch.zeros(2, N_STEPS), there(), None, valid)
    return replace(MaskedBatch(series, shown(), **PLACES), **parts)


def estimates_of(**parts: Any) -> Estimates:
    batch = parts.pop("batch", batch_of())
    estimates = Estimates(
        values=random(2, N_STEPS, N_CHANNELS, seed=1),
        latents=3 * random(2, 2, N_LATENTS, seed=2),
        targets=random(2, 2, N_LATENTS, seed=3),
        teacher_latents=random(2, N_TOKENS, N_LATENTS, seed=4),
        batch=batch,
    )
    return estimates._replace(**parts)


def objective_of(**weights: float) -> DMAEObjective:
    return DMAEObjective(weights or dict.fromkeys(TASKS, 1.0), 0.0)


def losses(
    estimates: Estimates, objective: DMAEObjective | None = None
) -> dict[str, Tensor]:
    objective = objective or objective_of()
    # No loss of this method reads the network.
    return objective(None, estimates, torch.Generator())  # type: ignore[arg-type]


def test_the_value_loss_is_the_mean_squared_error_of_hidden_values() -> None:
    estimates = estimates_of()
    values = estimates.values.double().numpy()
    expected = estimates.batch.series.values.double().numpy()
    errors = [
        (values[place] - expected[place]) ** 2
        for place in np.ndindex(values.shape)
        if there()[place] == 1 and shown()[place] == 0
    ]
    assert 10 < len(errors) < 20
    assert losses(estimates)["value"].item() == pytest.approx(np.mean(errors), rel=1e-5)


def test_values_that_are_shown_or_missing_or_padded_are_no_targets() -> None:
    estimates = estimates_of()
    is_target = (there() == 1) & (shown() == 0)
    garbage = torch.where(is_target, estimates.values, 1e6)
    expected = losses(estimates)["value"]
    assert torch.equal(losses(estimates._replace(values=garbage))["value"], expected)
    for place in is_target.nonzero().tolist():
        values = estimates.values.clone()
        values[tuple(place)] += 1
        found = losses(estimates._replace(values=values))["value"]
        assert abs(found - expected) > 1e-3


@pytest.mark.parametrize("has_padding", [False, True])
def test_targets_are_found_without_masks_too(has_padding: bool) -> None:
    batch = batch_of()
    valid = batch.series.valid if has_padding else None
    series = replace(batch.series, observed=None, valid=valid)
    estimates = estimates_of(batch=replace(batch, series=series))
    is_target = shown() == 0
    if valid is not None:
        is_target &= valid.unsqueeze(-1) == 1
    errors = (estimates.values - series.values)[is_target].double().square()
    assert losses(estimates)["value"].item() == pytest.approx(
        errors.mean().item(), rel=1e-5
    )


def test_the_latent_loss_is_a_smooth_absolute_error_of_hidden_tokens() -> None:
    estimates = estimates_of()
    ours, theirs = (
        part.double().numpy() for part in (estimates.latents, estimates.targets)
    )
    errors = []
    for row, tokens in enumerate(HIDDEN):
        for place in range(len(tokens)):
            for latent in range(N_LATENTS):
                error = abs(ours[row, place, latent] - theirs[row, place, latent])
                errors.append(error**2 / 2 if error < 1 else error - 0.5)
    assert min(errors) < 0.5 < max(errors)
    assert losses(estimates)["latent"].item() == pytest.approx(
        np.mean(errors), rel=1e-5
    )


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_alignment_is_that_of_all_hidden_tokens_of_the_batch(weight: float) -> None:
    estimates = estimates_of()
    objective = DMAEObjective({"alignment": 1.0}, weight)
    ours, theirs = (
        torch.stack([part[0, 0], part[0, 1], part[1, 0]])
        for part in (estimates.latents, estimates.targets)
    )
    expected = feature_alignment(ours, theirs, weight)
    torch.testing.assert_close(losses(estimates, objective)["alignment"], expected)


def test_padded_places_do_not_count() -> None:
    estimates = estimates_of()
    expected = losses(estimates)
    latents, targets = estimates.latents.clone(), estimates.targets.clone()
    latents[1, 1], targets[1, 1] = 1e6, -1e6
    found = losses(estimates._replace(latents=latents, targets=targets))
    for task in TASKS:
        torch.testing.assert_close(found[task], expected[task])


def test_where_nothing_is_hidden_the_losses_are_0_and_so_are_their_gradients() -> None:
    hidden_valid = torch.zeros(2, 2, dtype=torch.bool)
    batch = batch_of(shown=there(), hidden_valid=hidden_valid)
    estimates = estimates_of(batch=batch)
    outputs = (estimates.values.requires_grad_(), estimates.latents.requires_grad_())
    terms = losses(estimates)
    assert tuple(terms) == TASKS
    assert all(term.item() == 0 for term in terms.values())
    for gradient in torch.autograd.grad(sum(terms.values()), outputs):
        assert (gradient == 0).all()


def test_each_task_moves_what_it_is_about() -> None:
    estimates = estimates_of()
    parts = {
        "values": estimates.values.requires_grad_(),
        "latents": estimates.latents.requires_grad_(),
    }
    moved = {"value": "values", "latent": "latents", "alignment": "latents"}
    for task, term in losses(estimates).items():
        gradients = torch.autograd.grad(
            term, list(parts.values()), allow_unused=True, retain_graph=True
        )
        for name, gradient in zip(parts, gradients, strict=True):
            assert (gradient is not None) == (name == moved[task])


def test_a_task_without_weight_is_left_out() -> None:
    for task in TASKS:
        terms = losses(estimates_of(), objective_of(**{task: 0.3}))
        assert list(terms) == [task]
        without = {other: float(other != task) for other in TASKS}
        objective = objective_of(**without)
        assert task not in losses(estimates_of(), objective)
        assert task not in objective.task_weights
    assert objective_of(value=0.3).task_weights == {"value": 0.3}


def test_the_spread_is_that_of_the_tokens_with_a_value() -> None:
    estimates = estimates_of()
    latents = estimates.teacher_latents.double().numpy()
    tokens = [
        latents[row, token]
        for row in range(2)
        for token in sorted([*SEEN[row], *HIDDEN[row]])
    ]
    assert len(tokens) == 7
    expected = np.std(tokens, axis=0).mean()
    monitors = objective_of().monitors(estimates)
    assert list(monitors) == ["teacher_spread"]
    assert monitors["teacher_spread"].item() == pytest.approx(expected, rel=1e-5)
    empty = estimates.teacher_latents.clone()
    empty[1, 3] = 1e6
    again = objective_of().monitors(estimates._replace(teacher_latents=empty))
    assert torch.equal(again["teacher_spread"], monitors["teacher_spread"])


def test_the_spread_of_a_collapse_is_0() -> None:
    collapsed = torch.full((2, N_TOKENS, N_LATENTS), 0.7, requires_grad=True)
    monitors = objective_of().monitors(estimates_of(teacher_latents=collapsed))
    assert monitors["teacher_spread"].item() == pytest.approx(0, abs=1e-6)
    assert not monitors["teacher_spread"].requires_grad
