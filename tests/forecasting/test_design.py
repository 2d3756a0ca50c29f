"""The rows of a regression: what it is made of, and what it is to predict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.forecasting import _design
from sklearn_tsrep.forecasting._design import Design, sum_of
from sklearn_tsrep.forecasting._windows import History
from tests.forecasting.series import gappy, parts_ahead, recipe_of, seasons, with_gaps

NAN = np.nan
DIFFERENCES = ["last", "season", "both", None]
N_ROWS = 40


def design_of(
    rows: np.ndarray | None = None, latents: Any = None, **parameters: Any
) -> Design:
    recipe = recipe_of(**parameters)
    rows = seasons(N_ROWS) if rows is None else rows
    return Design(recipe, History(rows, recipe.window), latents)


def latents_of(n_instances: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n_instances, N_ROWS, 5)).astype(np.float32)


ORIGINS = np.arange(12, N_ROWS - 3)


def test_lags_are_the_last_values_oldest_first():
    (lags,) = design_of().features(ORIGINS)
    rows = seasons(N_ROWS)
    for found, origin in zip(lags.swapaxes(0, 1), ORIGINS, strict=True):
        np.testing.assert_array_equal(found, rows[origin - 3 : origin + 1].T)


@pytest.mark.parametrize("difference", ["last", "season", "both"])
def test_lags_are_relative_to_the_last_value(difference):
    (values,) = design_of().features(ORIGINS)
    (lags,) = design_of(difference=difference, season=6).features(ORIGINS)
    np.testing.assert_array_equal(lags, values - values[..., -1:])


def test_responses_are_what_follows_without_what_needs_no_learning():
    rows = seasons(N_ROWS)
    ahead = np.stack([rows[origin + 1 : origin + 4].T for origin in ORIGINS], axis=1)
    last = rows[ORIGINS].T[..., np.newaxis]
    before = [rows[[origin - 5, origin - 4, origin - 3]].T for origin in ORIGINS]
    season = np.stack(before, axis=1)
    expected = {
        None: ahead,
        "last": ahead - last,
        "season": ahead - season,
        "both": ahead - (last + season) / 2,
    }
    for difference, responses in expected.items():
        design = design_of(difference=difference, season=6)
        np.testing.assert_allclose(design.responses(ORIGINS), responses, atol=1e-12)


def test_responses_have_their_gaps_filled_or_not():
    rows = seasons(N_ROWS)
    rows[30, 1] = NAN
    design = design_of(rows)
    filled, missing = (
        design.responses(ORIGINS, without_gaps=fills) for fills in (True, False)
    )
    assert np.isfinite(filled).all()
    assert np.isnan(missing).sum() == 3
    assert np.isnan(missing[1, ORIGINS == 27, 2]).all()
    there = ~np.isnan(missing)
    np.testing.assert_array_equal(filled[there], missing[there])


def test_both_is_the_last_value_where_there_is_no_season():
    one, other = (design_of(difference=name) for name in ("both", "last"))
    np.testing.assert_array_equal(one.responses(ORIGINS), other.responses(ORIGINS))


def test_a_season_is_the_mean_of_as_many_as_lags_hold():
    rows = seasons(N_ROWS)
    design = design_of(difference="season", season=5, n_lags=11)
    nothing = [lambda _: 0.0]
    (found,) = design.forecasts(np.array([30]), nothing).swapaxes(0, 1)
    expected = (rows[[26, 27, 28]] + rows[[21, 22, 23]]) / 2
    np.testing.assert_allclose(found, expected.T, atol=1e-12)


@pytest.mark.parametrize("difference", DIFFERENCES)
@settings(deadline=None, max_examples=15)
@given(rows=gappy(), season=st.sampled_from([None, 3, 6]))
def test_forecasts_of_a_map_that_knows_the_responses_are_what_follows(
    difference, rows, season
):
    design = design_of(rows, difference=difference, season=season)
    found = design.forecasts(ORIGINS, [lambda _: design.responses(ORIGINS)])
    expected = design.history.ahead(ORIGINS, 3, without_gaps=True)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    complete = parts_ahead(rows, 3)[ORIGINS + 1]
    there = ~np.isnan(complete)
    np.testing.assert_allclose(found.transpose(1, 2, 0)[there], complete[there])


@pytest.mark.parametrize("n_instances", [1, 2])
def test_latents_are_features_of_their_own(n_instances):
    latents = latents_of(n_instances)
    design = design_of(latents=latents, latent_lags=(0, 7))
    lags, found = design.features(ORIGINS)
    assert lags.shape == (2, len(ORIGINS), 4)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found[..., :5], latents[:, ORIGINS])
    np.testing.assert_array_equal(found[..., 5:], latents[:, ORIGINS - 7])


def test_latents_alone_are_the_only_features():
    (found,) = design_of(latents=latents_of(2), n_lags=0).features(ORIGINS)
    assert found.shape == (2, len(ORIGINS), 5)


@pytest.mark.parametrize("n_instances", [1, 2])
def test_one_map_reads_lags_and_latents_next_to_each_other(n_instances):
    latents = latents_of(n_instances)
    parts = design_of(latents=latents).features(ORIGINS)
    (joined,) = design_of(latents=latents, is_joined=True).features(ORIGINS)
    np.testing.assert_array_equal(joined[..., :4], parts[0])
    expected = np.broadcast_to(parts[1], (2, len(ORIGINS), 5))
    np.testing.assert_array_equal(joined[..., 4:], expected)


def test_maps_read_the_part_at_their_place():
    parts = [np.full((2, 3, 1), 2.0), np.full((2, 3, 1), 5.0)]
    assert sum_of([], []) == 0
    np.testing.assert_array_equal(sum_of([np.negative], parts[:1]), -parts[0])
    both = sum_of([np.negative, np.square], parts)
    np.testing.assert_array_equal(both, np.full((2, 3, 1), 23.0))


@pytest.mark.parametrize("at_once", [1, 100, 2**23])
@pytest.mark.parametrize("latents", [None, latents_of(2)], ids=["lags", "latents"])
def test_blocks_are_all_origins_in_their_order(monkeypatch, at_once, latents):
    monkeypatch.setattr(_design, "_VALUES_AT_ONCE", at_once)
    design = design_of(latents=latents)
    blocks = list(design.blocks(ORIGINS))
    np.testing.assert_array_equal(np.concatenate(blocks), ORIGINS)
    width = 2 * (4 + 3 * 3) + (10 if latents is not None else 0)
    sizes = [len(block) for block in blocks]
    assert min(sizes) > 0
    assert max(sizes) == 1 or max(sizes) * width <= at_once


RULES = {
    "lags": ({"n_lags": 9}, 9, 1, 9 + 9),
    "one lag": ({"n_lags": 1}, 1, 1, 1 + 2),
    "a season that is longer": ({"season": 30, "difference": "season"}, 30, 1, 34),
    "seasons in lags": ({"n_lags": 9, "season": 4}, 9, 1, 18),
    "context": ({"context": 50}, 4, 51, 51 + 4),
    "latents before": ({"context": 50, "latent_lags": (0, 7)}, 8, 58, 58 + 4),
    "latents long before": ({"latent_lags": (60, 3)}, 61, 61, 61 + 4),
}


@pytest.mark.parametrize("case", RULES)
def test_as_many_rows_are_needed_as_anything_reads(case):
    parameters, n_before, n_encoded, n_kept = RULES[case]
    recipe = recipe_of(**parameters)
    assert recipe.n_before == n_before
    assert recipe.n_encoded_before + 1 == n_encoded
    assert recipe.n_kept == n_kept


@pytest.mark.parametrize("difference", DIFFERENCES)
@pytest.mark.parametrize("season", [None, 5, 17])
@pytest.mark.parametrize("n_lags", [1, 2, 6])
def test_nothing_before_the_rows_that_are_kept_matters(difference, season, n_lags):
    rows = with_gaps(seasons(60))
    given = {"difference": difference, "season": season, "n_lags": n_lags}
    whole = design_of(rows, **given)
    n_kept = whole.recipe.n_kept
    for origin in range(n_kept, 59):
        kept = design_of(rows[origin + 1 - n_kept : origin + 1], **given)
        maps = [lambda features: features[..., :1] * [1.0, 2.0, 3.0]]
        np.testing.assert_allclose(
            kept.forecasts(np.array([n_kept - 1]), maps),
            whole.forecasts(np.array([origin]), maps),
            atol=1e-12,
        )
