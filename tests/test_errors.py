"""Bad input and bad parameters give errors that say what is wrong."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests.conftest import Counter, make_waves, tiny_trep

NAN = np.nan
TRANSFORMERS = [tiny_trep(), tiny_trep(time_embedding=None)]


@pytest.fixture(params=TRANSFORMERS, ids=["trep", "trep without time-embedding"])
def transformer(request):
    return clone(request.param)


BAD_PANELS = {
    "one dimension": (np.zeros(5), ValueError, "got 1D array|1 dimension"),
    "four dimensions": (np.zeros((2, 2, 2, 2)), ValueError, "4 dimensions|dim 4"),
    "no instances": (np.zeros((0, 2, 5)), ValueError, "instances|0 sample"),
    "no channels": (np.zeros((3, 0, 5)), ValueError, "channels"),
    "no steps": (np.zeros((3, 2, 0)), ValueError, "time steps"),
    "an empty list": ([], ValueError, "no instances"),
    "one step": (np.zeros((3, 2, 1)), ValueError, "at least 2 time points"),
    "infinity": (np.full((3, 2, 5), np.inf), ValueError, r"infinite value \(inf\)"),
    "strings": (np.full((3, 2, 5), "high"), TypeError, "str|number"),
    "complex": (
        np.zeros((3, 2, 5), dtype=complex),
        TypeError,
        "Complex data not supported",
    ),
    "dates": (np.zeros((3, 2, 5), dtype="datetime64[s]"), TypeError, "datetime"),
    "unequal channels": (
        [np.zeros((2, 5)), np.zeros((3, 5))],
        ValueError,
        "same number of channels.*transpose",
    ),
    "an instance without a value": (
        np.stack([np.zeros((2, 5)), np.full((2, 5), NAN)]),
        ValueError,
        "1 instances? without any value.*index 1.*on_empty='nan'",
    ),
}


@pytest.mark.parametrize("case", BAD_PANELS)
def test_bad_panels_give_clear_errors(transformer, case):
    values, error, message = BAD_PANELS[case]
    with pytest.raises(error, match=message):
        transformer.fit(values)
    with pytest.raises(NotFittedError):
        transformer.transform(make_waves())


def test_bad_panels_give_clear_errors_at_transform(transformer, waves):
    transformer.fit(waves)
    with pytest.raises(ValueError, match=r"X has 2 channels.* expecting 3 channels"):
        transformer.transform(waves[:, :2])
    with pytest.raises(ValueError, match="time came before channels"):
        transformer.transform(waves.transpose(0, 2, 1)[:, :, :3])
    with pytest.raises(ValueError, match="2-D array is a panel of univariate"):
        transformer.transform(waves[0])
    waves[4] = NAN
    with pytest.raises(ValueError, match=r"1 instances? without any value.*index 4"):
        transformer.transform(waves)
    with pytest.raises(ValueError, match="infinite value"):
        transformer.encode(np.full((1, 3, 4), np.inf))


def test_swapped_axes_are_told_at_transform(transformer, waves):
    transformer.fit(waves)
    with pytest.raises(ValueError, match="time came before channels"):
        transformer.encode(waves.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pooling": "sum"}, "'pooling' parameter.*'sum'"),
        ({"pooling": ["max", "sum"]}, r"pooling must be.*\['max', 'sum'\]"),
        ({"pooling": []}, "pooling must be"),
        ({"pooling": [[1]]}, r"pooling must be.*\[\[1\]\]"),
        ({"optimizer": "Adamm"}, "optimizer must be the name.*'Adamm'"),
        ({"optimizer": dict}, "optimizer must be the name.*dict"),
        ({"optimizer_params": {"momentun": 1}}, "optimizer_params has 'momentun'"),
        ({"device": "toaster"}, "device='toaster'"),
        ({"task_weights": {"forecasting": 1}}, "task_weights must.*'forecasting'"),
        ({"task_weights": {"forecast": -1}}, "task_weights must.*at least 0"),
        ({"task_weights": {"forecast": "high"}}, "task_weights must.*'high'"),
        ({"task_weights": {"forecast": None}}, "task_weights must.*None"),
        ({"task_weights": {"forecast": NAN}}, "task_weights must.*finite.*nan"),
        ({"task_weights": {"forecast": np.inf}}, "task_weights must.*finite.*inf"),
        (
            {"task_weights": dict.fromkeys(["instance", "temporal"], 0)}
            | {"time_embedding": None},
            "leaves no task.*without a time-embedding",
        ),
        ({"time_embedding": "fourier"}, "'time_embedding' parameter"),
        ({"precision": "float16"}, "'precision' parameter"),
        ({"lr_schedule": "step"}, "'lr_schedule' parameter"),
        ({"on_empty": "drop"}, "'on_empty' parameter"),
        ({"max_epochs": -1}, "'max_epochs' parameter"),
        ({"n_latents": 0}, "'n_latents' parameter"),
        ({"lr": 0}, "'lr' parameter"),
    ],
    ids=repr,
)
def test_bad_parameters_give_clear_errors(waves, parameters, message):
    with pytest.raises(ValueError, match=message):
        tiny_trep(**parameters).fit(waves)


@pytest.mark.parametrize(("n_steps", "largest"), [(24, 4), (17, 4), (16, 3), (2, 0)])
def test_a_temporal_unit_beyond_the_series_is_an_error(n_steps, largest):
    panel = make_waves(n_steps=n_steps)
    message = (
        f"temporal_unit={largest + 1} .* {n_steps} time points.* at most {largest} "
    )
    with pytest.raises(ValueError, match=message):
        tiny_trep(temporal_unit=largest + 1).fit(panel)
    history = tiny_trep(temporal_unit=largest).fit(panel).history_
    assert (history["temporal_loss"] > 0).all()
    assert (history["forecast_loss"] > 0).all()


def test_single_steps_may_be_held_back(waves):
    panel = [wave[:, :1] for wave in waves[:8]] + list(waves[8:])
    history = tiny_trep(early_stopping=True, random_state=0).fit(panel).history_
    assert np.isfinite(history["valid_loss"]).all()


def test_any_temporal_unit_will_do_without_tasks_along_time(waves):
    weights = {"temporal": 0, "divergence": 0, "forecast": 0}
    tiny_trep(temporal_unit=20, task_weights=weights).fit(waves)


@pytest.mark.parametrize(
    "callbacks", [["a"], [("a", "b")], [Counter], [("a", Counter(), 1)], [object()]]
)
def test_callbacks_must_be_those_of_skorch(waves, callbacks):
    with pytest.raises(TypeError, match=r"callbacks must hold skorch callbacks.*got"):
        tiny_trep(callbacks=callbacks).fit(waves)


NOT_FINITE = "representation is not finite in single precision"


@pytest.mark.parametrize("method", ["transform", "encode"])
@pytest.mark.parametrize("pooling", ["max", "mean", "multiscale"])
@pytest.mark.parametrize("size", [1e20, 1e37, 1e38, 1e300])
def test_huge_values_give_finite_features_or_a_clear_error(
    waves, method, pooling, size
):
    transformer = tiny_trep(pooling=pooling).fit(waves)
    waves[0] *= size
    encode = getattr(transformer, method)
    if size == 1e300:
        with pytest.raises(ValueError, match=NOT_FINITE):
            encode(waves)
    else:
        assert np.isfinite(encode(waves)).all()


def test_values_that_overflow_inside_the_network_give_a_clear_error(waves):
    transformer = tiny_trep(scale=False).fit(waves)
    with pytest.raises(ValueError, match=NOT_FINITE):
        transformer.transform(np.full((2, 3, 9), 3e38))
