"""DMAE: the values it believes, and the gaps it fills with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError
from sktime.datatypes import convert_to

from tests.conftest import (
    make_ragged,
    make_waves,
    network_output,
    tiny_dmae,
    with_gaps,
)

NAN = np.nan
FILLING = ["reconstruct", "impute"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [True, False])
def test_imputation_keeps_what_is_there_bit_for_bit(waves, dtype, scale):
    gappy = with_gaps(1e3 * waves + 7).astype(dtype)
    gappy[5, 0, 3] = -0.0
    filled = tiny_dmae(scale=scale).fit(gappy).impute(gappy)
    there = ~np.isnan(gappy)
    assert filled.shape == gappy.shape
    assert np.can_cast(dtype, filled.dtype)
    assert filled[there].astype(dtype).tobytes() == gappy[there].tobytes()
    assert np.isfinite(filled).all()


def test_imputation_fills_gaps_with_what_is_reconstructed(waves):
    gappy = with_gaps(waves)
    transformer = tiny_dmae(max_steps=10).fit(gappy)
    filled, believed = transformer.impute(gappy), transformer.reconstruct(gappy)
    missing = np.isnan(gappy)
    np.testing.assert_array_equal(filled[missing], believed[missing])
    assert np.isfinite(believed).all()
    assert np.isclose(believed[~missing], gappy[~missing], atol=1e-3).mean() < 0.1


@pytest.mark.parametrize("dtype", [np.int64, bool])
def test_integers_come_back_as_they_are(dtype):
    X = np.arange(60).reshape(2, 2, 15).astype(dtype)
    if dtype is np.int64:
        X += 2**53
    filled = tiny_dmae().fit(X).impute(X)
    assert filled.dtype.kind in "biu"
    np.testing.assert_array_equal(filled, X)


def test_imputation_of_whole_series_changes_nothing(waves):
    transformer = tiny_dmae().fit(waves)
    np.testing.assert_array_equal(transformer.impute(waves), waves)
    integers = np.arange(20).reshape(2, 1, 10)
    filled = tiny_dmae().fit(integers).impute(integers)
    np.testing.assert_array_equal(filled, integers)


@pytest.mark.parametrize("method", FILLING)
def test_the_input_stays_as_it_is(waves, method):
    gappy = with_gaps(waves)
    before = gappy.copy()
    getattr(tiny_dmae().fit(gappy), method)(gappy)
    np.testing.assert_array_equal(gappy, before)


@pytest.mark.parametrize("method", FILLING)
@pytest.mark.parametrize("patch_length", [1, 3, 24])
def test_missing_beginnings_and_ends_are_filled(waves, method, patch_length):
    transformer = tiny_dmae(patch_length=patch_length).fit(waves)
    waves[0, :, :10] = waves[1, :, 9:] = waves[2, :, 1:] = NAN
    values = getattr(transformer, method)(waves)
    assert values.shape == waves.shape
    assert np.isfinite(values).all()


def test_what_is_filled_in_depends_on_the_place(waves):
    transformer = tiny_dmae(n_latents=8, max_steps=10, lr=0.01).fit(waves)
    waves[0, :, 8:] = NAN
    filled = transformer.impute(waves)[0, :, 8:]
    assert (np.ptp(filled, axis=1) > 1e-3).all()


def test_reconstructions_are_those_of_the_network_in_units_of_the_data(waves):
    gappy = with_gaps(1e3 * waves + 7)
    transformer = tiny_dmae(max_steps=10, patch_length=5).fit(gappy)
    believed = transformer.reconstruct(gappy)
    for series, found in zip(gappy, believed, strict=True):
        scaled = network_output(transformer, transformer.module_.reconstructor, series)
        scale, mean = transformer.scale_[:, np.newaxis], transformer.mean_[:, None]
        np.testing.assert_allclose(found, scaled * scale + mean, rtol=1e-4)


@pytest.mark.parametrize("method", FILLING)
def test_lists_of_unequal_lengths(ragged, method):
    transformer = tiny_dmae().fit(ragged)
    gappy = [series.copy() for series in ragged]
    for series in gappy:
        series[:, 2:4] = series[0, :3] = NAN
    values = getattr(transformer, method)(gappy)
    assert isinstance(values, list)
    for found, series in zip(values, gappy, strict=True):
        assert found.shape == series.shape
        assert np.isfinite(found).all()
        if method == "impute":
            there = ~np.isnan(series)
            np.testing.assert_array_equal(found[there], series[there])


@pytest.mark.parametrize("method", FILLING)
@pytest.mark.parametrize("n_latents", [4, 6])
def test_values_do_not_depend_on_what_else_there_is(method, n_latents):
    gappy = [s.copy() for s in make_ragged(30)]
    for series in gappy:
        series[:, 1:3] = NAN
    gappy += list(with_gaps(make_waves(30, 3, 24)))
    gappy += list(with_gaps(make_waves(4, 3, 100)))
    transformer = tiny_dmae(n_latents=n_latents, patch_length=2).fit(gappy[:-4])
    expected = getattr(transformer, method)(gappy)
    for place in (0, 7, 30, 31, 59, 60, 61):
        (alone,) = getattr(transformer, method)([gappy[place]])
        np.testing.assert_array_equal(alone, expected[place])


@pytest.mark.parametrize("n_latents", [4, 6, 10])
@pytest.mark.parametrize("n_steps", [9, 33])
@pytest.mark.parametrize("patch_length", [1, 2])
def test_values_have_the_bits_that_they_have_alone(n_latents, n_steps, patch_length):
    panel = make_waves(66, 1, n_steps)
    panel[:, :, 3:8] = NAN
    transformer = tiny_dmae(n_latents=n_latents, patch_length=patch_length).fit(panel)
    for method in (transformer.reconstruct, transformer.encode):
        expected = method(panel)
        for chosen in ([0], [65], [3, 1], np.arange(66)[::-1], np.arange(1, 40)):
            np.testing.assert_array_equal(method(panel[chosen]), expected[chosen])


TABLES = {
    "array": np.asarray,
    "list of rows": list,
    "nested list": np.ndarray.tolist,
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
}


@pytest.mark.parametrize("method", FILLING)
@pytest.mark.parametrize("container", TABLES)
def test_two_dimensional_input_gives_two_dimensional_output(method, container):
    rows = with_gaps(make_waves(n_channels=1))[[0, 1, 2, 4, 5], 0]
    table = TABLES[container](rows)
    transformer = tiny_dmae().fit(table)
    values = getattr(transformer, method)(table)
    assert isinstance(values, np.ndarray)
    assert values.shape == rows.shape
    panel = rows[:, np.newaxis]
    expected = getattr(tiny_dmae().fit(panel), method)(panel)
    np.testing.assert_array_equal(values, expected[:, 0])


@pytest.mark.parametrize("method", FILLING)
@pytest.mark.parametrize("container", ["masked array", "list of frames", "nested"])
def test_panels_in_any_container_are_filled_alike(waves, method, container):
    gappy = with_gaps(waves)
    contained = {
        "masked array": lambda X: np.ma.masked_array(np.nan_to_num(X), np.isnan(X)),
        "list of frames": lambda X: convert_to(X, "df-list"),
        "nested": lambda X: convert_to(X, "nested_univ"),
    }[container](gappy)
    values = getattr(tiny_dmae().fit(contained), method)(contained)
    expected = getattr(tiny_dmae().fit(gappy), method)(gappy)
    assert isinstance(values, np.ndarray)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("method", FILLING)
def test_one_dimensional_series_of_unequal_lengths_have_one_channel(method):
    rows = [wave[0, : 24 - place] for place, wave in enumerate(make_waves())]
    transformer = tiny_dmae().fit(rows)
    values = getattr(transformer, method)(rows)
    assert [series.shape for series in values] == [(1, len(row)) for row in rows]


@pytest.mark.parametrize("method", FILLING)
def test_an_instance_without_a_value_stays_empty_or_is_an_error(waves, method):
    waves[4] = NAN
    waves[5, :, 3:8] = NAN
    transformer = tiny_dmae(on_empty="nan").fit(waves)
    values = getattr(transformer, method)(waves)
    assert np.isnan(values[4]).all()
    assert np.isfinite(np.delete(values, 4, axis=0)).all()
    assert np.isnan(getattr(transformer, method)(waves[[4]])).all()
    with pytest.raises(ValueError, match="without any value, the first at index 4"):
        getattr(transformer.set_params(on_empty="raise"), method)(waves)


@pytest.mark.parametrize("method", FILLING)
def test_a_channel_without_a_value_in_training_is_filled(waves, method):
    waves[:, 1] = NAN
    values = getattr(tiny_dmae().fit(waves), method)(waves)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("method", FILLING)
def test_filling_needs_a_fit_and_the_channels_of_the_fit(waves, method):
    with pytest.raises(NotFittedError):
        getattr(tiny_dmae(), method)(waves)
    with pytest.raises(ValueError, match=r"X has 2 channels.* expecting 3 channels"):
        getattr(tiny_dmae().fit(waves), method)(waves[:, :2])


@pytest.mark.parametrize("method", FILLING)
def test_long_series_are_filled_in_windows(method):
    series = make_waves(2, 2, 500)
    series[0, :, 100:300] = series[1, :, :60] = series[1, 0, -90:] = NAN
    transformer = tiny_dmae(max_train_length=40).fit(series)
    values = getattr(transformer, method)(series)
    assert values.shape == series.shape
    assert np.isfinite(values).all()
    # The first window ends in the middle of the second, which starts at half of it.
    own = network_output(
        transformer, transformer.module_.reconstructor, series[0, :, :40]
    )
    scale, mean = transformer.scale_[:, np.newaxis], transformer.mean_[:, np.newaxis]
    believed = transformer.reconstruct(series)
    np.testing.assert_allclose(
        believed[0, :, :29], (own * scale + mean)[:, :29], atol=1e-4
    )
