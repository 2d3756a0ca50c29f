"""Scaling: statistics as numpy's without the missing values, however cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.data import scaling
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler

NAN = np.nan


def ragged_series(rng: np.random.Generator, n_channels: int = 3) -> list[np.ndarray]:
    series = [
        rng.normal(5, 2, size=(n_channels, length)) for length in (1, 7, 30, 12, 3)
    ]
    for values in series:
        values[rng.random(values.shape) < 0.3] = NAN
    return series


def test_statistics_leave_out_what_is_missing() -> None:
    series = ragged_series(np.random.default_rng(0))
    scaler = ChannelScaler.fit(Panel.from_series(series))
    steps = np.concatenate(series, axis=1)
    np.testing.assert_allclose(scaler.mean, np.nanmean(steps, axis=1), rtol=1e-12)
    np.testing.assert_allclose(scaler.scale, np.nanstd(steps, axis=1), rtol=1e-12)


def test_scaled_training_data_has_mean_0_and_deviation_1() -> None:
    series = ragged_series(np.random.default_rng(1))
    scaler = ChannelScaler.fit(Panel.from_series(series))
    steps = np.concatenate(series, axis=1).T
    scaled = scaler(steps)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(np.nanmean(scaled, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(scaled, axis=0), 1, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(steps))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (5, 3), (2, 5, 3)])
def test_channels_are_last_whatever_comes_before(shape: tuple[int, ...]) -> None:
    mean, scale = np.array([1.0, -2.0, 1e6]), np.array([1.0, 0.5, 3.0])
    values = np.random.default_rng(0).normal(5, 2, size=shape)
    scaled = ChannelScaler(mean, scale)(values)
    assert scaled.shape == shape
    for channel in range(3):
        expected = (values[..., channel] - mean[channel]) / scale[channel]
        np.testing.assert_allclose(scaled[..., channel], expected, rtol=1e-6)


@settings(deadline=None)
@given(values_per_chunk=st.integers(1, 60), seed=st.integers(0, 1000))
def test_chunks_do_not_matter(values_per_chunk: int, seed: int) -> None:
    panel = Panel.from_series(ragged_series(np.random.default_rng(seed)))
    whole = ChannelScaler.fit(panel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "_VALUES_PER_CHUNK", values_per_chunk)
        chunked = ChannelScaler.fit(panel)
    np.testing.assert_allclose(chunked.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(chunked.scale, whole.scale, rtol=1e-9)


def test_a_channel_without_spread_or_without_value_is_divided_by_1() -> None:
    series = np.array([[[7.0, 7.0, NAN], [NAN, NAN, NAN], [1.0, 2.0, 3.0]]])
    scaler = ChannelScaler.fit(Panel.from_series(series))
    np.testing.assert_array_equal(scaler.mean, [7.0, 0.0, 2.0])
    np.testing.assert_array_equal(scaler.scale[:2], [1.0, 1.0])
    np.testing.assert_array_equal(
        scaler(series[0].T)[:, :2], [[0.0, NAN], [0.0, NAN], [NAN, NAN]]
    )


def test_a_constant_channel_stays_constant_in_chunks() -> None:
    panel = Panel.from_series(np.full((3, 2, 50), 0.1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "_VALUES_PER_CHUNK", 14)
        scaler = ChannelScaler.fit(panel)
    np.testing.assert_array_equal(scaler.scale, 1.0)


def test_a_channel_may_have_its_first_value_in_a_late_chunk() -> None:
    values = np.ones((1, 2, 6))
    values[0, 1, :4] = NAN
    values[0, :, 4:] = 3.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "_VALUES_PER_CHUNK", 2)
        scaler = ChannelScaler.fit(Panel.from_series(values))
    np.testing.assert_allclose(scaler.mean, [5 / 3, 3.0])
    np.testing.assert_allclose(scaler.scale, [np.sqrt(8) / 3, 1.0])


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.int8, np.int64, np.uint8, bool]
)
def test_the_dtype_does_not_matter(dtype: type) -> None:
    values = np.random.default_rng(0).integers(0, 2, size=(4, 3, 20))
    expected = ChannelScaler.fit(Panel.from_series(values.astype(np.float64)))
    scaler = ChannelScaler.fit(Panel.from_series(values.astype(dtype)))
    np.testing.assert_array_equal(scaler.mean, expected.mean)
    np.testing.assert_array_equal(scaler.scale, expected.scale)
    np.testing.assert_array_equal(
        scaler(values[0].T.astype(dtype)), expected(values[0].T.astype(np.float64))
    )


def test_single_precision_far_from_0_keeps_its_spread() -> None:
    steps = np.random.default_rng(0).normal(1e4, 0.5, size=(1, 1, 5000))
    steps = steps.astype(np.float32)
    scaler = ChannelScaler.fit(Panel.from_series(steps))
    np.testing.assert_allclose(scaler.scale, steps.astype(np.float64).std(), rtol=1e-9)


def test_an_array_and_a_list_of_its_series_give_the_same() -> None:
    values = np.random.default_rng(0).normal(size=(5, 2, 9))
    whole = ChannelScaler.fit(Panel.from_series(values))
    listed = ChannelScaler.fit(Panel.from_series(list(values)))
    np.testing.assert_array_equal(whole.mean, listed.mean)
    np.testing.assert_array_equal(whole.scale, listed.scale)


def test_data_stay_as_they_are() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 8))
    before = values.copy()
    values.setflags(write=False)
    scaler = ChannelScaler.fit(Panel.from_series(values))
    scaler(values[0].T)
    np.testing.assert_array_equal(values, before)


def test_the_identity_leaves_values() -> None:
    values = np.array([[1.5, NAN], [3.0, -4.0]])
    np.testing.assert_array_equal(ChannelScaler.identity(2)(values), values)


def test_values_too_large_for_a_deviation_are_an_error() -> None:
    panel = Panel.from_series([np.array([[1e200, -1e200, 0.0]])])
    with pytest.raises(ValueError, match="too large to take their standard deviation"):
        ChannelScaler.fit(panel)
