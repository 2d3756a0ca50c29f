"""Bad input and bad parameters give errors that say what is wrong."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests.conftest import (
    TINY,
    Counter,
    make_waves,
    tiny_amad,
    tiny_dmae,
    tiny_trep,
)

NAN = np.nan
TRANSFORMERS = {
    "trep": tiny_trep(),
    "trep without time-embedding": tiny_trep(time_embedding=None),
    "dmae": tiny_dmae(),
}


@pytest.fixture(params=TRANSFORMERS)
def transformer(request):
    return clone(TRANSFORMERS[request.param])


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


@pytest.mark.parametrize(
    "refused", [np.zeros((3, 2, 1)), np.full((3, 2, 5), NAN), np.zeros((2, 1))]
)
def test_a_panel_that_is_refused_leaves_the_fit_before(transformer, waves, refused):
    before = transformer.fit(waves).transform(waves)
    with pytest.raises(ValueError, match=r"time points|without any value"):
        transformer.fit(refused)
    np.testing.assert_array_equal(transformer.transform(waves), before)


@pytest.mark.parametrize(
    ("refused", "lengths", "message"),
    [
        (np.zeros((60, 2)), [3], "sum to"),
        (np.full((60, 2), NAN), None, "no value to learn from"),
        (np.zeros((9, 2)), None, "needs windows before and behind"),
    ],
    ids=["lengths", "without values", "nothing to validate on"],
)
def test_a_series_that_is_refused_leaves_the_detector_before(refused, lengths, message):
    series = make_waves(1, 3, 60)[0].T
    detector = tiny_amad(early_stopping=True, validation_fraction=0.3).fit(series)
    before = detector.score_samples(series)
    with pytest.raises(ValueError, match=message):
        detector.fit(refused, lengths=lengths)
    assert detector.n_features_in_ == 3
    np.testing.assert_array_equal(detector.score_samples(series), before)


def test_a_panel_too_short_for_its_tasks_leaves_the_fit_before(waves):
    transformer = tiny_trep(temporal_unit=2).fit(waves)
    before = transformer.transform(waves)
    with pytest.raises(ValueError, match="temporal_unit"):
        transformer.fit(waves[:, :1, :4])
    np.testing.assert_array_equal(transformer.transform(waves), before)


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
        ({"task_weights": {"imitation": 1}}, "task_weights must.*'imitation'"),
        ({"precision": "float16"}, "'precision' parameter"),
        ({"lr_schedule": "step"}, "'lr_schedule' parameter"),
        ({"on_empty": "drop"}, "'on_empty' parameter"),
        ({"max_epochs": -1}, "'max_epochs' parameter"),
        ({"n_latents": 0}, "'n_latents' parameter"),
        ({"lr": 0}, "'lr' parameter"),
    ],
    ids=repr,
)
def test_bad_parameters_give_clear_errors(waves, tiny, parameters, message):
    with pytest.raises(ValueError, match=message):
        tiny(**parameters).fit(waves)


WITHOUT_TASK = {
    "trep": {"instance": 0, "temporal": 0, "divergence": 0, "forecast": 0},
    "dmae": {"value": 0, "latent": 0, "alignment": 0},
}


@pytest.mark.parametrize("method", WITHOUT_TASK)
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-1, "at least 0"),
        ("high", "'high'"),
        (None, "None"),
        (NAN, "finite.*nan"),
        (np.inf, "finite.*inf"),
    ],
)
def test_bad_weights_of_tasks_give_clear_errors(waves, method, weight, message):
    for task in WITHOUT_TASK[method]:
        with pytest.raises(ValueError, match=f"task_weights must.*{message}"):
            TINY[method](task_weights={task: weight}).fit(waves)


@pytest.mark.parametrize("method", WITHOUT_TASK)
def test_some_task_must_be_left(waves, method):
    with pytest.raises(ValueError, match="leaves no task to learn"):
        TINY[method](task_weights=WITHOUT_TASK[method]).fit(waves)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("trep", {"pooling": ["sum"]}),
        ("trep", {"task_weights": {"imitation": 1}}),
        ("dmae", {"pooling": ["sum"]}),
        ("dmae", {"task_weights": {"imitation": 1}}),
        ("dmae", {"n_heads": 3}),
        ("trep", {"optimizer": "Adamant"}),
        ("trep", {"optimizer_params": {"momentum": 0.9}}),
        ("trep", {"callbacks": ["print"]}),
        ("trep", {"device": "abacus"}),
    ],
    ids=repr,
)
def test_a_fit_that_is_refused_leaves_the_one_before(waves, method, parameters):
    transformer = TINY[method]().fit(waves)
    expected = transformer.transform(waves)
    before = {name: transformer.get_params()[name] for name in parameters}
    with pytest.raises((TypeError, ValueError), match=r"must|does not know|cannot be"):
        transformer.set_params(**parameters).fit(waves[:, :1])
    transformer.set_params(**before)
    np.testing.assert_array_equal(transformer.transform(waves), expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"task_weights": dict.fromkeys(["instance", "temporal"], 0)}
            | {"time_embedding": None},
            "leaves no task.*without a time-embedding",
        ),
        ({"time_embedding": "fourier"}, "'time_embedding' parameter"),
    ],
    ids=repr,
)
def test_bad_parameters_of_trep_give_clear_errors(waves, parameters, message):
    with pytest.raises(ValueError, match=message):
        tiny_trep(**parameters).fit(waves)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"n_latents": 10, "n_heads": 4},
            "n_latents must be a multiple of.*n_latents=10 and n_heads=4",
        ),
        (
            {"n_latents": 12, "n_heads": 4},
            "multiple of twice n_heads.*n_latents=12 and n_heads=4",
        ),
        ({"n_latents": 5}, "multiple of twice n_heads.*n_latents=5 and n_heads=1"),
        ({"n_target_layers": 4}, "n_target_layers must be at most n_layers"),
        (
            {"attribute_mask_ratio": 0.0, "token_mask_ratio": 0.0},
            "no task to learn from.*attribute_mask_ratio=0.0, token_mask_ratio=0.0",
        ),
        (
            {"token_mask_ratio": 0.0, "task_weights": {"value": 0, "latent": 1}},
            "leaves no task to learn from.*'value': 0.0.*token_mask_ratio=0.0",
        ),
        ({"encoder": "pupil"}, "'encoder' parameter"),
        ({"patch_length": 0}, "'patch_length' parameter"),
        ({"patch_length": "long"}, "'patch_length' parameter"),
        ({"attribute_mask_ratio": 1.0}, "'attribute_mask_ratio' parameter"),
        ({"token_mask_ratio": 1.0}, "'token_mask_ratio' parameter"),
        ({"mean_mask_length": 0.5}, "'mean_mask_length' parameter"),
        ({"teacher_half_life": 0.0}, "'teacher_half_life' parameter"),
        ({"decorrelation_weight": -1.0}, "'decorrelation_weight' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
    ],
    ids=repr,
)
def test_bad_parameters_of_dmae_give_clear_errors(waves, parameters, message):
    with pytest.raises(ValueError, match=message):
        tiny_dmae(**parameters).fit(waves)


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


def test_single_steps_may_be_held_back(waves, tiny):
    panel = [wave[:, :1] for wave in waves[:8]] + list(waves[8:])
    history = tiny(early_stopping=True, random_state=0).fit(panel).history_
    assert np.isfinite(history["valid_loss"]).all()


def test_any_temporal_unit_will_do_without_tasks_along_time(waves):
    weights = {"temporal": 0, "divergence": 0, "forecast": 0}
    tiny_trep(temporal_unit=20, task_weights=weights).fit(waves)


@pytest.mark.parametrize(
    "callbacks", [["a"], [("a", "b")], [Counter], [("a", Counter(), 1)], [object()]]
)
def test_callbacks_must_be_those_of_skorch(waves, tiny, callbacks):
    with pytest.raises(TypeError, match=r"callbacks must hold skorch callbacks.*got"):
        tiny(callbacks=callbacks).fit(waves)


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


@pytest.mark.parametrize("method", ["transform", "encode", "reconstruct", "impute"])
@pytest.mark.parametrize("size", [1e15, 1e20, 1e38, 1e300])
def test_huge_values_give_finite_results_of_dmae_or_a_clear_error(waves, method, size):
    transformer = tiny_dmae().fit(waves)
    waves[0] *= size
    if size == 1e15:
        assert np.isfinite(getattr(transformer, method)(waves)).all()
    else:
        with pytest.raises(ValueError, match=NOT_FINITE):
            getattr(transformer, method)(waves)


def test_values_that_overflow_inside_the_network_give_a_clear_error(waves, tiny):
    transformer = tiny(scale=False).fit(waves)
    with pytest.raises(ValueError, match=NOT_FINITE):
        transformer.transform(np.full((2, 3, 9), 3e38))
