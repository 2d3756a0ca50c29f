"""The networks of DMAE: what each part sees, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from sklearn_tsrep.data.batches import SeriesBatch
from sklearn_tsrep.nn.dmae import (
    DMAENetwork,
    PatchEncoder,
    all_places,
    nearest_places,
    with_a_key,
)
from sklearn_tsrep.nn.transformer import Tokens
from tests.nn.small_dmae import (
    HIDDEN,
    KEYS,
    N_CHANNELS,
    N_LATENTS,
    assert_close_enough,
    assert_same_estimates,
    batch_of,
    latents_of,
    masked,
    network_of,
    series_of,
    shake,
    some_missing,
    with_values,
)

# The student


def test_the_student_sees_nothing_of_what_is_hidden_or_missing() -> None:
    network, batch = network_of(), batch_of()
    expected = network(batch)
    values = torch.where(batch.shown == 1, batch.series.values, 77.0)
    found = network(with_values(batch, values))
    assert_same_estimates(found, expected, "values", "latents")
    # The teacher sees what is hidden.
    assert not torch.allclose(found.targets, expected.targets, atol=1e-2)


def test_nothing_depends_on_missing_values() -> None:
    network, batch = network_of(), batch_of()
    expected = network(batch)
    assert batch.series.observed is not None
    values = torch.where(batch.series.observed == 1, batch.series.values, 77.0)
    found = network(with_values(batch, values))
    names = ("values", "latents", "targets", "teacher_latents")
    assert_same_estimates(found, expected, *names)


def test_the_student_sees_each_value_that_is_shown() -> None:
    network, batch = network_of(), batch_of()
    expected = network(batch)
    for row, step, channel in batch.shown.nonzero().tolist():
        values = batch.series.values.clone()
        values[row, step, channel] += 1
        found = network(with_values(batch, values))
        n_hidden = len(HIDDEN[row])
        changes = (found.latents - expected.latents).abs().amax(dim=2)
        assert (changes[row, :n_hidden] > 1e-5).all()
        assert (changes[1 - row] == 0).all()


def test_a_value_that_is_hidden_is_not_one_of_zero() -> None:
    network, batch = network_of(), batch_of()
    row, step, channel = batch.shown.nonzero()[0].tolist()
    batch.series.values[row, step, channel] = 0
    shown = batch.shown.clone()
    shown[row, step, channel] = 0
    without = network(replace(batch, shown=shown))
    assert not torch.allclose(without.values, network(batch).values, atol=1e-3)


def test_padded_places_change_nothing() -> None:
    network, batch = network_of(), batch_of()
    expected = network(batch)
    more = {
        name: functional.pad(getattr(batch, name), (0, 3), value=value)
        for name, value in [
            ("seen_tokens", 3),
            ("seen_valid", False),
            ("hidden_tokens", 2),
            ("hidden_valid", False),
        ]
    }
    found = network(replace(batch, **more))
    assert_same_estimates(found, expected, "values", "teacher_latents")
    for row, hidden in enumerate(HIDDEN):
        for name in ("latents", "targets"):
            torch.testing.assert_close(
                getattr(found, name)[row, : len(hidden)],
                getattr(expected, name)[row, : len(hidden)],
            )


def test_padding_of_series_changes_nothing() -> None:
    network = network_of()
    expected = network(masked(series_of(), HIDDEN))
    longer = masked(series_of(padding=4), HIDDEN)
    longer.series.values[:, 12:] = 7.0
    longer.shown[:, :12] = masked(series_of(), HIDDEN).shown
    found = network(longer)
    assert_same_estimates(found, expected, "latents", "targets")
    torch.testing.assert_close(found.values[:, :12], expected.values)
    torch.testing.assert_close(found.teacher_latents[:, :6], expected.teacher_latents)


def test_series_of_a_batch_do_not_depend_on_each_other() -> None:
    network, batch = network_of(), batch_of()
    expected = network(batch)
    for row, hidden in enumerate(HIDDEN):
        part = slice(row, row + 1)
        observed = some_missing()[part]
        alone = masked(
            replace(
                batch.series,
                values=batch.series.values[part],
                time=batch.series.time[part],
                observed=observed,
            ),
            [hidden],
            empty=((0, 2),) if row == 1 else (),
        )
        alone.shown[:] = batch.shown[part]
        found = network(alone)
        torch.testing.assert_close(found.values[0], expected.values[row])
        n_hidden = len(hidden)
        torch.testing.assert_close(found.latents[0], expected.latents[row, :n_hidden])


def test_places_matter() -> None:
    network, series = network_of(), series_of()
    estimates = network(masked(series, [[1, 4], [0, 3]]))
    one, other = estimates.latents.unbind(dim=1)
    assert not torch.allclose(one, other, atol=1e-2)
    encoder = network_of(patch_length=1).student
    latents, _ = encoder(series)
    turned_round, _ = encoder(replace(series, values=series.values.flip(1)))
    assert not torch.allclose(latents, turned_round.flip(1), atol=1e-2)


def test_a_shift_of_all_places_changes_nothing() -> None:
    network, batch = network_of(n_regressor_layers=2), batch_of()
    tokens = network.student.tokens(batch.series.values, batch.shown)
    seen = Tokens(tokens, all_places(tokens), KEYS)
    hidden = batch.hidden_tokens
    expected = network.student.latents(seen)
    estimated = network.regressor(hidden, seen)
    for shift in (1, 7, 100):
        moved = seen._replace(places=seen.places + shift)
        found = network.student.latents(moved)
        assert_close_enough(found, expected)
        found = network.regressor(hidden + shift, moved)
        assert_close_enough(found, estimated)
        # Nearer to or further from what is seen.
        changes = network.regressor(hidden + shift, seen) - estimated
        assert (changes.abs().amax(dim=2) > 1e-2).all()


def test_distances_between_tokens_matter() -> None:
    network, batch = network_of(), batch_of()
    tokens = network.student.tokens(batch.series.values, batch.shown)
    near = Tokens(tokens, all_places(tokens), KEYS)
    far = near._replace(places=near.places * 3)
    changes = network.student.latents(far) - network.student.latents(near)
    assert (changes.abs().amax(dim=2)[KEYS] > 1e-2).all()
    estimated, other = (
        network.regressor(batch.hidden_tokens, seen) for seen in (near, far)
    )
    assert ((estimated - other).abs().amax(dim=2) > 1e-2).all()


def test_estimates_do_not_depend_on_when_a_series_starts() -> None:
    network, batch = network_of(), batch_of()
    expected = network(batch)
    n_late = 3
    values, observed, shown = (
        functional.pad(part, (0, 0, 2 * n_late, 0))
        for part in (batch.series.values, some_missing(), batch.shown)
    )
    series = SeriesBatch(values, torch.zeros(values.shape[:2]), observed, None, None)
    late = replace(
        batch,
        series=series,
        shown=shown,
        seen_tokens=batch.seen_tokens + n_late,
        hidden_tokens=batch.hidden_tokens + n_late,
    )
    found = network(late)
    for row, hidden in enumerate(HIDDEN):
        for name in ("latents", "targets"):
            own, its = (getattr(one, name)[row] for one in (found, expected))
            assert_close_enough(own[: len(hidden)], its[: len(hidden)])
    assert_close_enough(found.values[:, 2 * n_late :], expected.values)
    teacher_latents = found.teacher_latents[:, n_late:]
    assert_close_enough(teacher_latents[KEYS], expected.teacher_latents[KEYS])


def test_without_hidden_tokens_values_are_decoded_from_the_seen_ones() -> None:
    network, series = network_of(), series_of()
    batch = masked(series, [[], []], hidden_share=0.0)
    found = network(batch)
    latents = latents_of(network.student, series)
    expected = network.decoder(latents).reshape(2, 12, N_CHANNELS)
    torch.testing.assert_close(found.values, expected)


# The teacher


def test_the_teacher_starts_as_the_student_and_has_weights_of_its_own() -> None:
    torch.manual_seed(0)
    network = DMAENetwork(
        n_channels=1,
        n_latents=4,
        n_heads=1,
        n_layers=1,
        patch_length=1,
        window_length=5,
        dropout_share=0.0,
        n_regressor_layers=1,
        n_target_layers=1,
    )
    student, teacher = network.student.state_dict(), network.teacher.state_dict()
    assert list(student) == list(teacher)
    for name, weight in student.items():
        assert torch.equal(weight, teacher[name])
        assert weight.data_ptr() != teacher[name].data_ptr()


def test_the_teacher_gets_no_gradient() -> None:
    network = network_of()
    estimates = network(batch_of())
    assert not estimates.targets.requires_grad
    assert not estimates.teacher_latents.requires_grad
    (estimates.values.sum() + (estimates.latents - estimates.targets).sum()).backward()
    for name, weight in network.named_parameters():
        is_taught = name.startswith("teacher.")
        assert weight.requires_grad != is_taught
        assert (weight.grad is None) == is_taught, name


@pytest.mark.parametrize("n_target_layers", [1, 2])
def test_targets_are_means_of_normalised_layers_of_the_teacher(
    n_target_layers: int,
) -> None:
    network, batch = network_of(n_target_layers=n_target_layers), batch_of()
    shake(network.teacher, seed=9)
    teacher = network.teacher
    assert batch.series.observed is not None
    tokens = teacher.tokens(batch.series.values, batch.series.observed)
    seen = Tokens(tokens, all_places(tokens), KEYS)
    layers = [layer.double() for layer in teacher.layers_of(seen)]
    targets = network(batch).targets.double()
    for row, hidden in enumerate(HIDDEN):
        for place, token in enumerate(hidden):
            expected = torch.zeros(N_LATENTS, dtype=torch.float64)
            for layer in layers[2 - n_target_layers :]:
                own = layer[row, token]
                deviation = own.var(correction=0).add(1e-5).sqrt()
                expected += (own - own.mean()) / deviation / n_target_layers
            torch.testing.assert_close(
                targets[row, place], expected, atol=1e-5, rtol=1e-5
            )


def test_without_targets_the_teacher_is_not_asked(monkeypatch) -> None:
    network = network_of(n_target_layers=0)
    monkeypatch.setattr(network, "teacher", None)
    estimates = network(batch_of())
    assert estimates.targets.numel() == estimates.teacher_latents.numel() == 0


def test_targets_are_normalised() -> None:
    targets = network_of()(batch_of()).targets
    for row, hidden in enumerate(HIDDEN):
        own = targets[row, : len(hidden)]
        assert own.mean(dim=1).abs().max() < 1e-5
        assert (own.var(dim=1, correction=0) - 1).abs().max() < 1e-3


def test_latents_of_the_teacher_are_those_that_it_encodes() -> None:
    network, batch = network_of(), batch_of()
    shake(network.teacher, seed=9)
    expected = latents_of(network.teacher, batch.series)
    found = network(batch).teacher_latents
    torch.testing.assert_close(found[KEYS], expected[KEYS])


# Encoding of whole series


@pytest.mark.parametrize("patch_length", [1, 2, 3, 5, 7, 20])
@pytest.mark.parametrize("n_steps", [1, 12, 13])
def test_steps_of_a_patch_share_their_latents(patch_length: int, n_steps: int) -> None:
    encoder = network_of(patch_length=patch_length).student
    latents, _ = encoder(series_of(n_steps))
    assert latents.shape == (2, n_steps, N_LATENTS)
    tokens, has_value = encoder.seeing_all(series_of(n_steps))
    patches = encoder.latents(tokens)
    assert patches.shape == (2, -(-n_steps // patch_length), N_LATENTS)
    assert has_value.all()
    for step in range(n_steps):
        assert torch.equal(latents[:, step], patches[:, step // patch_length])
    if len(patches[0]) > 1:
        assert not torch.allclose(patches[:, 0], patches[:, 1], atol=1e-2)


@pytest.mark.parametrize("patch_length", [1, 2, 5])
@pytest.mark.parametrize("with_gaps", [False, True])
def test_series_of_unequal_lengths_have_the_latents_that_they_have_alone(
    patch_length: int, with_gaps: bool
) -> None:
    network = network_of(patch_length=patch_length)
    observed = some_missing() if with_gaps else None
    alone, longer = series_of(observed=observed), series_of(12, 8, observed)
    for encoder in (network.student, network.reconstructor):
        expected, found = encoder(alone)[0], encoder(longer)[0]
        assert found.shape[1] == 20
        torch.testing.assert_close(found[:, :12], expected)


@pytest.mark.parametrize("patch_length", [1, 2])
def test_a_late_start_changes_nothing(patch_length: int) -> None:
    network = network_of(patch_length=patch_length)
    series = series_of(observed=some_missing())
    values, observed = (
        functional.pad(part, (0, 0, 8, 0)) for part in (series.values, some_missing())
    )
    late = SeriesBatch(values, torch.zeros(values.shape[:2]), observed, None, None)
    for encoder in (network.student, network.reconstructor):
        assert_close_enough(encoder(late)[0][:, 8:], encoder(series)[0])


def test_tokens_of_a_whole_series_are_in_places_counted_from_0() -> None:
    tokens, _ = network_of(patch_length=5).student.seeing_all(series_of(13))
    assert torch.equal(tokens.places, torch.tensor([[0, 1, 2]]))
    assert tokens.values.shape == (2, 3, N_LATENTS)


def test_a_window_without_a_value_has_finite_latents() -> None:
    network = network_of()
    nothing = series_of(observed=torch.zeros(2, 12, N_CHANNELS))
    for encoder in (network.student, network.reconstructor):
        assert torch.isfinite(encoder(nothing)[0]).all()


def test_steps_in_a_gap_have_the_latents_of_the_nearest_patch_with_a_value() -> None:
    observed = torch.ones(2, 12, N_CHANNELS)
    observed[0, 4:10] = observed[1, :2] = 0
    encoder = network_of(patch_length=2).student
    latents, _ = encoder(series_of(12, observed=observed))
    assert torch.equal(latents[0, 4:6], latents[0, 2:4])
    # As near to the patch before as to the one behind: the earlier.
    assert torch.equal(latents[0, 6:8], latents[0, 2:4])
    assert torch.equal(latents[0, 8:10], latents[0, 10:12])
    assert torch.equal(latents[1, :2], latents[1, 2:4])
    assert not torch.equal(latents[0, 2:4], latents[0, 10:12])


def test_the_nearest_place_is_found() -> None:
    chosen = torch.tensor([[0, 1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0], [1] * 6]).bool()
    assert nearest_places(chosen).tolist() == [
        [1, 1, 1, 1, 5, 5],
        [5, 5, 5, 5, 5, 5],
        [0, 1, 2, 3, 4, 5],
    ]


def test_where_there_is_no_key_all_are() -> None:
    keys = torch.tensor([[True, False, True], [False, False, False]])
    expected = torch.tensor([[True, False, True], [True, True, True]])
    assert torch.equal(with_a_key(keys), expected)


def test_an_empty_token_is_no_key() -> None:
    network, series = network_of(), series_of(observed=some_missing())
    tokens, has_value = network.student.seeing_all(series)
    latents = network.student.latents(tokens)
    assert torch.equal(has_value, KEYS)
    assert tokens.valid is not None
    assert torch.equal(tokens.valid, KEYS)
    tokens.values[1, 2] = 77.0
    found = network.student.latents(tokens)
    torch.testing.assert_close(found[KEYS], latents[KEYS])


# What fills gaps


def test_gaps_are_filled_as_in_training() -> None:
    network = network_of()
    there = torch.ones(2, 12, N_CHANNELS)
    for row, hidden in enumerate(HIDDEN):
        for token in hidden:
            there[row, 2 * token : 2 * token + 2] = 0
    trained = network(masked(series_of(), HIDDEN, hidden_share=0.0))
    found, _ = network.reconstructor(series_of(observed=there))
    torch.testing.assert_close(found, trained.values)


def test_only_tokens_without_a_value_are_estimated_by_the_regressor() -> None:
    network, series = network_of(), series_of(observed=some_missing())
    before, _ = network.reconstructor(series)
    latents = latents_of(network.student, series)
    decoded = network.decoder(latents).reshape(2, 12, N_CHANNELS)
    shake(network.regressor, seed=4)
    shake(network.teacher, seed=4)
    after, _ = network.reconstructor(series)
    is_empty = torch.zeros(2, 12, dtype=torch.bool)
    is_empty[1, 4:6] = True
    torch.testing.assert_close(before[~is_empty], decoded[~is_empty])
    torch.testing.assert_close(after[~is_empty], before[~is_empty])
    assert ((after - before)[is_empty].abs() > 1e-3).all()
    assert ((before - decoded)[is_empty].abs() > 1e-3).all()


def test_values_have_the_length_of_the_series() -> None:
    for patch_length in (1, 5, 7):
        network = network_of(patch_length=patch_length)
        values, _ = network.reconstructor(series_of(13))
        assert values.shape == (2, 13, N_CHANNELS)


def test_the_reconstructor_takes_windows_of_the_length_of_the_encoder() -> None:
    network = network_of(window_length=34)
    assert network.student.window_length == 34
    assert network.teacher.window_length == 34
    assert network.reconstructor.window_length == 34


# Dropout


@pytest.mark.parametrize("part", ["student", "regressor"])
def test_dropout_draws_from_the_generator_given(part: str) -> None:
    network, batch = network_of(), batch_of()
    for layer in getattr(network, part).layers:
        layer.dropout_share = 0.5
    state = torch.get_rng_state()
    first, second, third = (
        network(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first.latents, second.latents)
    assert not torch.equal(first.latents, third.latents)
    assert not torch.equal(first.latents, network(batch).latents)
    assert torch.equal(first.targets, third.targets)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_teacher_drops_nothing() -> None:
    network, batch = network_of(dropout_share=0.5), batch_of()
    drawn = network(batch, torch.Generator().manual_seed(0))
    assert_same_estimates(drawn, network(batch), "targets", "teacher_latents")
    assert not torch.equal(drawn.values, network(batch).values)


def test_the_encoder_is_the_one_of_its_parameters() -> None:
    encoder = network_of(n_layers=3, patch_length=4).student
    assert isinstance(encoder, PatchEncoder)
    assert len(encoder.layers) == 3
    assert encoder.embedding.in_features == 2 * N_CHANNELS * 4
