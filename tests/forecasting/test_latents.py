"""What a transformer says of the time points of a history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.forecasting._latents import encoded, panel_of, time_indices
from sklearn_tsrep.forecasting._windows import History
from tests.conftest import make_waves, tiny_dmae, tiny_trep
from tests.forecasting.series import gappy, recipe_of, seasons, with_gaps

NAN = np.nan
N_ROWS = 60
CONTEXT = 9
FITTED = {
    (name, n_channels): make().fit(make_waves(5, n_channels, 40))
    for name, make in {"trep": tiny_trep, "dmae": tiny_dmae}.items()
    for n_channels in (1, 2)
}
CASES = [
    (method, encodes_apart, normalize)
    for method in ("trep", "dmae")
    for encodes_apart in (True, False)
    for normalize in (True, False)
]


def encoded_by(
    method: str, rows: np.ndarray, first: int = 0, n_before: int = 0, **parameters: Any
) -> np.ndarray:
    recipe = recipe_of(context=CONTEXT, **parameters)
    transformer = FITTED[method, 1 if recipe.encodes_apart else 2]
    history = History(rows, recipe.window)
    return encoded(transformer, history, recipe, first, n_before)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("continue", [28, 29, 30, 31, 59, 60, 61]),
        ("clamp", [28, 29, 29, 29, 29, 29, 29]),
        ("wrap", [28, 29, 0, 1, 29, 0, 1]),
    ],
)
def test_time_behind_the_training_part_follows_its_rule(rule, expected):
    found = time_indices(28, 62, recipe_of(time_index=rule, n_train=30))
    np.testing.assert_array_equal(found[[0, 1, 2, 3, 31, 32, 33]], expected)


@pytest.mark.parametrize("rule", ["continue", "clamp", "wrap"])
def test_time_within_the_training_part_is_counted(rule):
    found = time_indices(0, 30, recipe_of(time_index=rule, n_train=30))
    np.testing.assert_array_equal(found, np.arange(30))


def test_channels_are_instances_where_each_has_its_own_representation():
    rows = seasons(N_ROWS)
    history = History(rows, 4)
    apart = panel_of(history, recipe_of(encodes_apart=True))
    together = panel_of(history, recipe_of(encodes_apart=False))
    np.testing.assert_array_equal(apart.series[:, 0], rows.T)
    np.testing.assert_array_equal(together.series, rows.T[np.newaxis])
    later = panel_of(history, recipe_of(encodes_apart=True), 20)
    np.testing.assert_array_equal(later.series[:, 0], rows[20:].T)


def test_values_are_normalised_where_that_is_wanted():
    history = History(seasons(N_ROWS), 4)
    found = panel_of(history, recipe_of(normalize=True, encodes_apart=False))
    np.testing.assert_array_equal(found.series[0], history.normalized.T)


@pytest.mark.parametrize(("method", "encodes_apart", "normalize"), CASES)
def test_latents_are_those_of_causal_encoding(method, encodes_apart, normalize):
    given = {"encodes_apart": encodes_apart, "normalize": normalize}
    rows = seasons(N_ROWS)
    found = encoded_by(method, rows, **given)
    assert found.dtype == np.float32
    assert found.shape == (2 if encodes_apart else 1, N_ROWS, 4)
    panel = panel_of(History(rows, 4), recipe_of(**given))
    transformer = FITTED[method, panel.n_channels]
    time = np.arange(N_ROWS)
    expected = transformer.encode_causal(panel, context=CONTEXT, time=time)
    np.testing.assert_allclose(found, expected.swapaxes(1, 2), atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    case=st.sampled_from(CASES),
    rows=gappy(N_ROWS),
    cut=st.integers(0, 40),
    time_index=st.sampled_from(["continue", "clamp", "wrap"]),
)
def test_where_the_history_is_cut_does_not_matter(case, rows, cut, time_index):
    method, encodes_apart, normalize = case
    given = {
        "encodes_apart": encodes_apart,
        "normalize": normalize,
        "time_index": time_index,
        "n_train": 20,
    }
    whole = encoded_by(method, rows, **given)
    # Of the rows that are left the first ones are normalised by fewer than the window.
    first = CONTEXT + 3
    kept = encoded_by(method, rows[cut:], first, n_before=cut, **given)
    np.testing.assert_allclose(kept[:, first:], whole[:, cut + first :], atol=1e-5)


@pytest.mark.parametrize(("method", "encodes_apart", "normalize"), CASES)
def test_gaps_are_represented_wherever_they_are(method, encodes_apart, normalize):
    rows = seasons(N_ROWS)
    rows[:25] = rows[40:] = NAN
    given = {"encodes_apart": encodes_apart, "normalize": normalize}
    found = encoded_by(method, rows, **given)
    assert np.isfinite(found).all()
    assert (np.abs(found).sum(axis=2) > 0).all()
    nothing = encoded_by(method, np.full((20, 2), NAN), **given)
    assert np.isfinite(nothing).all()


def test_no_more_is_encoded_than_is_asked_for(monkeypatch):
    transformer, seen = FITTED["trep", 1], []
    encode_causal = type(transformer).encode_causal

    def spying(self, X, **arguments):
        seen.append(X.lengths[0])
        return encode_causal(self, X, **arguments)

    monkeypatch.setattr(type(transformer), "encode_causal", spying)
    found = encoded_by("trep", with_gaps(seasons(N_ROWS)), first=50)
    assert seen == [N_ROWS - 50 + CONTEXT]
    assert not found[:, : 50 - CONTEXT].any()


@pytest.mark.parametrize("method", ["trep", "dmae"])
def test_no_later_value_changes_a_representation(method):
    rows = with_gaps(seasons(N_ROWS))
    before = encoded_by(method, rows, normalize=True)
    rows[35:] *= -2
    after = encoded_by(method, rows, normalize=True)
    np.testing.assert_allclose(after[:, :35], before[:, :35], atol=1e-6)
    assert np.abs(after - before)[:, 35:].max() > 1e-3
