"""The conformance suites: scikit-learn's checks, and ours for panels."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)
from sktime.datatypes import convert_to

from tests.conftest import make_ragged, make_waves, tiny_dmae, tiny_trep

NAN = np.nan
ALL_POOLINGS = ["max", "mean", "last", "segments", "multiscale"]
TRANSFORMERS = {
    "trep": tiny_trep(),
    "trep without time-embedding": tiny_trep(
        time_embedding=None, pooling=["mean", "last"]
    ),
    "dmae": tiny_dmae(),
    "dmae of patches": tiny_dmae(
        n_latents=12, n_heads=2, patch_length=3, encoder="student", pooling="segments"
    ),
}


@parametrize_with_checks(list(TRANSFORMERS.values()))
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_set_output_transform_polars,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
@pytest.mark.parametrize("estimator", TRANSFORMERS.values(), ids=TRANSFORMERS)
# The checks of set_output fit on a frame and transform an array, and the other way
# round. To go when scikit-learn's check does not mix them (it does in 1.9).
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
def test_checks_not_run_for_third_parties(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.fixture(params=TRANSFORMERS)
def transformer(request):
    return clone(TRANSFORMERS[request.param])


def multi_index_frame(panel):
    frames = {
        i: pd.DataFrame(series.T, columns=[f"channel{c}" for c in range(len(series))])
        for i, series in enumerate(panel)
    }
    return pd.concat(frames, names=["instance", "time"])


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "nested lists": np.ndarray.tolist,
    "column-major": np.asfortranarray,
    "strided": lambda values: np.repeat(values, 2, axis=2)[:, :, ::2],
    "read-only": lambda values: _read_only(values),
    "tensor": torch.from_numpy,
    "masked array": np.ma.masked_invalid,
    "multi-index": multi_index_frame,
    "nested frame": lambda values: convert_to(values, "nested_univ"),
    "list of frames": lambda values: convert_to(values, "df-list"),
    "list of polars frames": lambda values: [
        pl.DataFrame(series.T, schema=[f"channel{c}" for c in range(len(series))])
        for series in values
    ],
}


def _read_only(values):
    values = values.copy()
    values.setflags(write=False)
    return values


@pytest.mark.parametrize("container", CONTAINERS)
# A frame with channels as columns has names, and an array none.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
def test_same_values_in_any_container_give_the_same_features(
    transformer, waves, container
):
    waves[1, :, 4:6] = NAN
    waves[2, 0, 9] = NAN
    contained = CONTAINERS[container](waves)
    expected = transformer.fit_transform(waves)
    np.testing.assert_array_equal(transformer.transform(contained), expected)
    refitted = clone(transformer).fit(contained)
    np.testing.assert_array_equal(refitted.transform(waves), expected)
    assert transformer.n_features_in_ == refitted.n_features_in_ == 3


UNIVARIATE_CONTAINERS = {
    "2-D array": lambda values: values[:, 0],
    "2-D list": lambda values: values[:, 0].tolist(),
    "list of 1-D arrays": lambda values: list(values[:, 0]),
    "flat frame": lambda values: pd.DataFrame(values[:, 0]),
    "flat polars frame": lambda values: pl.DataFrame(values[:, 0]),
}


@pytest.mark.parametrize(
    "container", [*UNIVARIATE_CONTAINERS, "list", "nested frame", "multi-index"]
)
# A frame has names, and an array none.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
def test_same_univariate_values_give_the_same_features(transformer, container):
    waves = make_waves(n_channels=1)
    contained = {**CONTAINERS, **UNIVARIATE_CONTAINERS}[container](waves)
    expected = transformer.fit_transform(waves)
    np.testing.assert_array_equal(transformer.transform(contained), expected)
    refitted = clone(transformer).fit(contained)
    np.testing.assert_array_equal(refitted.transform(waves), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "int64", "uint16"])
def test_same_values_in_any_dtype_give_the_same_features(transformer, dtype):
    values = np.random.default_rng(0).integers(0, 100, size=(6, 2, 15))
    expected = transformer.fit_transform(values.astype(np.float64))
    features = clone(transformer).fit_transform(values.astype(dtype))
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, expected)


def test_bools_are_accepted(transformer):
    values = np.random.default_rng(0).integers(0, 2, size=(6, 2, 15)).astype(bool)
    expected = transformer.fit_transform(values.astype(np.float64))
    np.testing.assert_array_equal(transformer.transform(values), expected)


def test_clone_has_the_parameters_and_is_not_fitted(transformer, waves):
    twin = clone(transformer.fit(waves))
    assert twin.get_params() == transformer.get_params()
    with pytest.raises(NotFittedError):
        twin.transform(waves)
    np.testing.assert_array_equal(
        twin.fit_transform(waves), transformer.transform(waves)
    )


@pytest.mark.parametrize(
    "copied",
    [lambda fitted: pickle.loads(pickle.dumps(fitted)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_copies_give_the_same_features(transformer, ragged, copied):
    transformer.fit(ragged)
    expected = transformer.transform(ragged)
    np.testing.assert_array_equal(copied(transformer).transform(ragged), expected)


def test_fitting_a_deep_copy_leaves_the_original_alone(transformer, waves):
    expected = transformer.set_params(warm_start=True).fit_transform(waves)
    copy.deepcopy(transformer).fit(-2 * waves)
    np.testing.assert_array_equal(transformer.transform(waves), expected)


def test_fit_forgets_the_fit_before(transformer, waves):
    expected = transformer.fit_transform(waves)
    transformer.fit(make_waves(n_channels=2, n_steps=40, seed=1))
    np.testing.assert_array_equal(transformer.fit_transform(waves), expected)


def test_fit_transform_is_fit_and_transform(transformer, ragged):
    np.testing.assert_array_equal(
        transformer.fit_transform(ragged),
        clone(transformer).fit(ragged).transform(ragged),
    )


def test_y_is_ignored(transformer, waves, labels):
    np.testing.assert_array_equal(
        transformer.fit_transform(waves),
        clone(transformer).fit_transform(waves, labels),
    )


@pytest.mark.parametrize("n_steps", [3, 24, 130])
@pytest.mark.parametrize(
    ("make", "n_latents"),
    [(tiny_trep, 1), (tiny_trep, 5), (tiny_dmae, 2), (tiny_dmae, 10)],
    ids=["trep-1", "trep-5", "dmae-2", "dmae-10"],
)
def test_features_do_not_depend_on_what_else_is_transformed(make, n_steps, n_latents):
    waves = make_waves(70, 2, n_steps)
    transformer = make(n_latents=n_latents, pooling=ALL_POOLINGS).fit(waves)
    expected = transformer.transform(waves)
    for chosen in ([0], [69], [3, 1], np.arange(70)[::-1], np.arange(1, 40)):
        np.testing.assert_array_equal(
            transformer.transform(waves[chosen]), expected[chosen]
        )


def test_features_of_unequal_series_do_not_depend_on_the_others(transformer):
    ragged = make_ragged(50)
    expected = transformer.set_params(pooling=ALL_POOLINGS).fit_transform(ragged)
    order = np.random.default_rng(1).permutation(50)
    shuffled = transformer.transform([ragged[i] for i in order])
    np.testing.assert_array_equal(shuffled, expected[order])
    alone = [transformer.transform([series])[0] for series in ragged]
    np.testing.assert_array_equal(alone, expected)


def test_n_features_in_counts_steps_of_tables_and_channels_otherwise(transformer):
    waves = make_waves(n_channels=1)
    assert transformer.fit(waves[:, 0]).n_features_in_ == 24
    assert transformer.fit(waves).n_features_in_ == 1
    assert transformer.fit(make_waves(n_channels=3)).n_features_in_ == 3
    assert transformer.fit(make_ragged(n_channels=2)).n_features_in_ == 2


def test_transform_takes_other_lengths_but_for_tables(transformer, waves):
    transformer.fit(waves)
    for n_steps in (1, 2, 7, 50):
        features = transformer.transform(make_waves(4, 3, n_steps))
        assert features.shape[0] == 4
        assert np.isfinite(features).all()
    transformer.fit(waves[:, 0])
    with pytest.raises(ValueError, match=r"X has 20 features.* expecting 24 features"):
        transformer.transform(waves[:, 0, :20])
    assert np.isfinite(transformer.transform(waves[:, :1, :20])).all()


@pytest.mark.parametrize("shape", [(1, 3, 24), (10, 1, 24), (1, 1, 2), (5, 30, 2)])
def test_one_instance_one_channel_two_steps(transformer, shape):
    values = np.random.default_rng(0).normal(size=shape)
    features = transformer.fit_transform(values)
    assert features.shape == (shape[0], len(transformer.get_feature_names_out()))
    assert np.isfinite(features).all()


def test_constant_series_give_finite_features(transformer):
    assert np.isfinite(transformer.fit_transform(np.full((4, 2, 9), 7.0))).all()


def test_a_channel_without_a_value_gives_finite_features(transformer, waves):
    waves[:, 1] = NAN
    assert np.isfinite(transformer.fit_transform(waves)).all()


def test_large_and_tiny_values_give_the_same_features(transformer, waves):
    expected = transformer.fit_transform(waves)
    for factor in (2.0**60, 2.0**-60):
        features = clone(transformer).fit_transform(factor * waves)
        np.testing.assert_allclose(features, expected, atol=1e-5)


def test_set_output(transformer, waves, labels):
    names = transformer.fit(waves).get_feature_names_out()
    assert len(set(names)) == len(names)
    expected = transformer.transform(waves)
    frame = transformer.set_output(transform="pandas").transform(waves)
    assert isinstance(frame, pd.DataFrame)
    np.testing.assert_array_equal(frame.columns, names)
    np.testing.assert_array_equal(frame, expected)
    assert set(frame.dtypes) == {np.dtype(np.float32)}
    table = transformer.set_output(transform="polars").transform(waves)
    assert isinstance(table, pl.DataFrame)
    assert table.columns == list(names)
    np.testing.assert_array_equal(table.to_numpy(), expected)
    array = transformer.set_output(transform="default").fit_transform(waves)
    assert isinstance(array, np.ndarray)


def test_set_output_holds_for_fit_transform_of_a_list(transformer, ragged):
    frame = transformer.set_output(transform="pandas").fit_transform(ragged)
    assert frame.shape == (10, len(transformer.get_feature_names_out()))


@pytest.mark.parametrize("container", ["multi-index", "nested frame"])
def test_channel_names_of_frames_are_kept_and_checked(transformer, waves, container):
    frame = CONTAINERS[container](waves)
    transformer.fit(frame)
    assert list(transformer.feature_names_in_) == list(frame.columns)
    assert transformer.n_features_in_ == 3
    with pytest.raises(ValueError, match="feature names should match"):
        transformer.transform(frame[frame.columns[[1, 0, 2]]])


def _containers_to_protect(waves):
    waves[1, :, 4:6] = NAN
    waves[2, 0, 9] = NAN
    return [waves, list(waves.copy()), waves[:, 0].copy(), multi_index_frame(waves)]


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("scale", [True, False])
def test_input_is_never_changed(transformer, waves, which, scale):
    values = _containers_to_protect(waves)[which]
    before = copy.deepcopy(values)
    transformer.set_params(scale=scale).fit(values)
    transformer.transform(values)
    transformer.encode(values)
    transformer.partial_fit(values)
    for ours, theirs in zip(np.asarray(values), np.asarray(before), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("make", "task"),
    [(tiny_trep, "instance"), (tiny_dmae, "latent")],
    ids=["trep", "dmae"],
)
def test_fit_changes_no_parameter(waves, make, task):
    parameters = {
        "pooling": ["max", "last"],
        "task_weights": {task: 2.0},
        "optimizer_params": {"weight_decay": 0.1},
        "callbacks": [],
    }
    transformer = make(**parameters)
    before = copy.deepcopy(transformer.get_params())
    given = {name: id(value) for name, value in transformer.get_params().items()}
    transformer.fit(waves).partial_fit(waves)
    assert transformer.get_params() == before
    after = {name: id(value) for name, value in transformer.get_params().items()}
    assert after == given


def test_fit_adds_only_names_with_an_underscore(transformer, waves):
    transformer.fit(waves)
    added = set(vars(transformer)) - set(transformer.get_params())
    assert all(name.startswith("_") or name.endswith("_") for name in added)


def test_an_instance_without_a_value_gives_a_row_of_nan(transformer, waves):
    waves[4] = NAN
    others = np.delete(np.arange(10), 4)
    transformer.set_params(on_empty="nan")
    features = transformer.fit_transform(waves)
    assert np.isnan(features[4]).all()
    assert np.isfinite(features[others]).all()
    assert np.isnan(transformer.encode(waves)[4]).all()
    without = clone(transformer).fit(waves[others]).transform(waves[others])
    np.testing.assert_allclose(features[others], without, atol=1e-5)
    only_empty = transformer.transform(waves[[4]])
    assert only_empty.shape == (1, features.shape[1])
    assert np.isnan(only_empty).all()


def test_nothing_but_empty_instances_cannot_be_learned_from(transformer):
    transformer.set_params(on_empty="nan")
    with pytest.raises(ValueError, match="no instance with a value"):
        transformer.fit(np.full((3, 2, 5), NAN))


def test_values_of_masked_arrays_cannot_change_the_output(transformer, waves):
    mask = np.random.default_rng(0).random(waves.shape) < 0.2
    waves = np.where(mask, NAN, waves)
    expected = transformer.fit_transform(waves)
    garbage = np.ma.masked_array(np.where(mask, 1e6, waves), mask=mask)
    np.testing.assert_array_equal(transformer.transform(garbage), expected)
    np.testing.assert_array_equal(clone(transformer).fit_transform(garbage), expected)


@pytest.mark.parametrize("time_embedding", ["time2vec", None])
def test_values_of_masked_steps_cannot_change_the_output(time_embedding, waves):
    transformer = tiny_trep(time_embedding=time_embedding, missing="any").fit(waves)
    waves[:, 0, 5:8] = NAN
    expected = transformer.encode(waves)
    waves[:, 1:, 5:8] = 1e6
    np.testing.assert_array_equal(transformer.encode(waves), expected)


def test_padding_cannot_change_the_output(transformer, ragged):
    padded = np.full((10, 3, 40), NAN)
    for row, series in zip(padded, ragged, strict=True):
        row[:, : series.shape[1]] = series
    transformer.set_params(pooling=ALL_POOLINGS)
    expected = transformer.fit_transform(ragged)
    np.testing.assert_array_equal(transformer.transform(padded), expected)
    for series, encoded, alone in zip(
        ragged, transformer.encode(padded), transformer.encode(ragged), strict=True
    ):
        length = series.shape[1]
        np.testing.assert_array_equal(encoded[:, :length], alone)
        assert np.isnan(encoded[:, length:]).all()
    refitted = clone(transformer).fit_transform(padded)
    np.testing.assert_allclose(refitted, expected, atol=1e-4)


def test_gaps_give_finite_features(transformer, waves):
    waves[np.random.default_rng(0).random(waves.shape) < 0.5] = NAN
    waves[3, :, 6:20] = NAN
    assert np.isfinite(transformer.fit_transform(waves)).all()


def test_the_estimator_is_silent(transformer, waves, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer.fit(waves).transform(waves)
    assert capfd.readouterr() == ("", "")


def test_get_feature_names_out_checks_its_input(transformer, waves):
    transformer.fit(waves)
    names = transformer.get_feature_names_out()
    given = transformer.get_feature_names_out(["x", "y", "z"])
    np.testing.assert_array_equal(given, names)
    with pytest.raises(ValueError, match="should have length equal"):
        transformer.get_feature_names_out(["x", "y"])


@pytest.mark.parametrize("method", ["transform", "encode", "get_feature_names_out"])
def test_methods_need_a_fit(transformer, waves, method):
    arguments = () if method.startswith("get") else (waves,)
    with pytest.raises(NotFittedError):
        getattr(transformer, method)(*arguments)
    assert not hasattr(transformer, "module_")
