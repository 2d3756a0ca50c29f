"""The forecaster of the paper, by name."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from sklearn_tsrep.forecasting import RepresentationForecaster, paper_forecaster
from tests.conftest import weights_of
from tests.forecasting.series import seasons, with_gaps

TINY = {
    "n_latents": 4,
    "hidden_channels": 4,
    "n_blocks": 2,
    "n_time_latents": 3,
    "max_steps": 3,
    "device": "cpu",
    "random_state": 0,
}


def test_it_has_the_setting_of_the_paper():
    forecaster = paper_forecaster()
    assert type(forecaster) is RepresentationForecaster
    assert forecaster.horizon == 24
    settings = {
        "n_lags": 0,
        "context": 200,
        "encode_channels": "together",
        "normalize": False,
        "difference": None,
        "regressor": None,
        "refit": False,
        "transformer__n_latents": 128,
        "transformer__hidden_channels": 128,
        "transformer__n_time_latents": 64,
        "transformer__time_embedding": "time2vec",
        "transformer__lr": 1e-3,
        "transformer__batch_size": 16,
    }
    assert forecaster.get_params().items() >= settings.items()


def test_parameters_of_the_transformer_may_be_given():
    forecaster = paper_forecaster(7, TINY)
    assert forecaster.horizon == 7
    assert forecaster.transformer.get_params().items() >= TINY.items()
    assert forecaster.transformer.lr == 1e-3


def test_forecasts_are_a_linear_map_of_the_last_representation():
    rows = seasons(220)
    fitted = paper_forecaster(5, TINY).fit(rows[:150])
    assert set(fitted.alphas_) == {"latents"}
    assert fitted.season_ is None
    forecasts = fitted.predict_rolling(rows[150:])
    panel = ((rows - fitted.mean_) / fitted.scale_).T[np.newaxis]
    latents = fitted.transformer_.encode_causal(panel)[0, :, 149:-5].T
    features = np.column_stack([latents, np.ones(len(latents))])
    targets = forecasts.reshape(len(latents), -1)
    coefficients, *_ = np.linalg.lstsq(features, targets)
    np.testing.assert_allclose(features @ coefficients, targets, atol=1e-4)


def test_gaps_are_left_to_the_transformer():
    fitted = paper_forecaster(5, TINY).fit(with_gaps(seasons()))
    assert np.isfinite(fitted.predict(with_gaps(seasons(60)))).all()


def test_it_is_fitted_to_the_training_part_alone():
    rows, other = seasons(), seasons()
    other[120:] *= -1
    forecaster = paper_forecaster(5, TINY).set_params(alphas=[0.1])
    one, another = (clone(forecaster).fit(own) for own in (rows, other))
    weights, others = weights_of(one.transformer_), weights_of(another.transformer_)
    assert all((weights[name] == others[name]).all() for name in weights)
    following = seasons(250, seed=1)
    found, expected = (own.update(following).predict() for own in (one, another))
    np.testing.assert_allclose(found, expected, atol=1e-6)
