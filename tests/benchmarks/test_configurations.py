"""Tests of the configurations, settings and names of poolings."""

import numpy as np
import pytest

from benchmarks import configurations
from benchmarks.configurations import CONFIGURATIONS, POOLINGS, SETTINGS, Configuration

EVERY_WAY = {name: one.parameters for name, one in CONFIGURATIONS.items()} | {
    f"setting {name}": parameters for name, parameters in SETTINGS.items()
}


@pytest.mark.parametrize("parameters", EVERY_WAY.values(), ids=EVERY_WAY)
def test_every_way_builds_a_valid_estimator(parameters):
    from sklearn_tsrep import TRepTransformer

    X = np.random.default_rng(0).normal(size=(3, 2, 12))
    model = TRepTransformer(**{**parameters, "n_blocks": 1, "max_epochs": 0})
    assert np.isfinite(model.fit_transform(X)).all()


def test_a_description_gives_the_configuration_back():
    for configuration in CONFIGURATIONS.values():
        described = configuration.described()
        assert Configuration.from_description(described) == configuration
    assert CONFIGURATIONS["gaps-any"].described()["removed_values"] == 0.3


@pytest.mark.parametrize("pooling", POOLINGS)
def test_names_of_poolings_are_read_and_written(pooling):
    parameters = {"n_segments": 3} | configurations.pooling_parameters(pooling)
    assert configurations.pooling_name(parameters) == pooling


def test_settings_pool_in_their_own_way():
    own = {name: configurations.own_pooling(SETTINGS[name]) for name in SETTINGS}
    assert own == {"default": "max+segments2", "paper": "segments10", "ts2vec": "max"}
