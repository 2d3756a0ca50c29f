"""What is masked or padded is as if it were not there."""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.conftest import assert_same_weights, make_ragged, tiny_dmae, tiny_trep

NAN = np.nan


def masked_rows(garbage):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 20))
    mask = rng.random(values.shape) < 0.2
    mask[2, :5] = mask[3, -4:] = True
    return np.ma.MaskedArray(np.where(mask, garbage, values), mask)


def as_table(rows):
    return rows


def as_list(rows):
    return list(rows)


def as_ragged_list(rows):
    return [row[: 20 - 2 * place] for place, row in enumerate(rows)]


def as_tuple_of_channels(rows):
    return tuple(row[np.newaxis] for row in rows)


@pytest.mark.parametrize("garbage", [1e6, NAN, np.inf])
@pytest.mark.parametrize(
    "container", [as_table, as_list, as_ragged_list, as_tuple_of_channels]
)
def test_what_masked_entries_hide_changes_nothing(tiny, container, garbage):
    hidden = container(masked_rows(garbage))
    expected = tiny().fit(container(masked_rows(0.0).filled(NAN)))
    found = tiny().fit(hidden)
    assert_same_weights(found, expected)
    np.testing.assert_array_equal(found.mean_, expected.mean_)
    np.testing.assert_array_equal(
        found.transform(hidden),
        expected.transform(container(masked_rows(0.0).filled(NAN))),
    )


def test_masked_arrays_stay_as_they_are(tiny):
    rows = masked_rows(1e6)
    values, mask = rows.data.copy(), rows.mask.copy()
    tiny().fit(rows).transform(list(rows))
    np.testing.assert_array_equal(rows.data, values)
    np.testing.assert_array_equal(rows.mask, mask)


@pytest.mark.parametrize(
    "container",
    [
        np.asarray,
        list,
        lambda rows: pd.DataFrame(rows),
        lambda rows: pl.DataFrame(rows),
    ],
    ids=["array", "list of 1-D arrays", "pandas", "polars"],
)
def test_a_table_for_a_multivariate_transformer_gives_a_hint(waves, tiny, container):
    transformer = tiny().fit(waves)
    message = r"X has 1 channels.* expecting 3 channels.*2-D array is a panel"
    for method in (transformer.transform, transformer.encode, transformer.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(container(np.zeros((4, 24))))
    with pytest.raises(ValueError, match=r"X\.T\[None\]"):
        transformer.transform(container(np.zeros((3, 24))))


def padded_in_front(series, length=30):
    return np.stack(
        [
            np.pad(s, ((0, 0), (length - s.shape[1], 0)), constant_values=NAN)
            for s in series
        ]
    )


def padded_behind(series, length=30):
    return np.stack(
        [
            np.pad(s, ((0, 0), (0, length - s.shape[1])), constant_values=NAN)
            for s in series
        ]
    )


@pytest.mark.parametrize("padded", [padded_in_front, padded_behind])
@pytest.mark.parametrize(
    "make",
    [
        *(
            partial(tiny_trep, time_embedding=name)
            for name in ("time2vec", "mlp", "rbf", None)
        ),
        tiny_dmae,
        partial(tiny_dmae, patch_length=4),
    ],
)
def test_padding_changes_neither_fit_nor_features(padded, make):
    ragged = make_ragged()
    parameters = {
        "pooling": ["max", "mean", "last", "segments", "multiscale"],
        "max_train_length": 11,
    }
    bare = make(**parameters).fit(ragged)
    other = make(**parameters).fit(padded(ragged))
    np.testing.assert_allclose(other.mean_, bare.mean_, atol=1e-12)
    np.testing.assert_allclose(other.loss_curve_, bare.loss_curve_, atol=1e-5)
    expected = bare.transform(ragged)
    for transformer, panel in [
        (bare, padded(ragged)),
        (other, ragged),
        (other, padded(ragged)),
    ]:
        np.testing.assert_allclose(transformer.transform(panel), expected, atol=1e-5)


def test_padding_in_front_shifts_what_is_encoded(tiny):
    ragged = make_ragged()
    transformer = tiny().fit(ragged)
    encoded = transformer.encode(padded_in_front(ragged))
    assert encoded.shape == (len(ragged), 4, 30)
    for shifted, expected in zip(encoded, transformer.encode(ragged), strict=True):
        n_padding = 30 - expected.shape[1]
        assert np.isnan(shifted[:, :n_padding]).all()
        np.testing.assert_allclose(shifted[:, n_padding:], expected, atol=1e-5)
