"""Tests of the configurations, settings and names of poolings."""

import numpy as np
import pytest

from benchmarks import configurations, dmae_configurations
from benchmarks.configurations import POOLINGS, SETTINGS, Configuration, by_name
from benchmarks.methods import TREP, Encoder

TREP_WAYS = by_name(configurations.GROUPS)
DMAE_WAYS = by_name(dmae_configurations.GROUPS)
EVERY_WAY = [
    *(("trep", name, one.parameters) for name, one in TREP_WAYS.items()),
    *(("trep", f"setting {name}", one) for name, one in SETTINGS.items()),
    *(("dmae", name, one.parameters) for name, one in DMAE_WAYS.items()),
]
SHALLOW = {"trep": {"n_blocks": 1}, "dmae": {}}


@pytest.mark.parametrize(
    ("method", "parameters"),
    [(method, parameters) for method, _, parameters in EVERY_WAY],
    ids=[f"{method} {name}" for method, name, _ in EVERY_WAY],
)
def test_every_way_builds_a_valid_estimator(method, parameters):
    X = np.random.default_rng(0).normal(size=(3, 2, 12))
    untrained = {**parameters, **SHALLOW[method], "max_epochs": 0}
    assert np.isfinite(Encoder(method)(0, untrained).fit_transform(X)).all()


@pytest.mark.parametrize("ways", [TREP_WAYS, DMAE_WAYS], ids=["trep", "dmae"])
def test_a_description_gives_the_configuration_back(ways):
    for configuration in ways.values():
        described = configuration.described()
        assert Configuration.from_description(described) == configuration


def test_a_description_has_the_gaps():
    assert TREP_WAYS["gaps-any"].described()["removed_values"] == 0.3


@pytest.mark.parametrize(
    "groups", [configurations.GROUPS, dmae_configurations.GROUPS], ids=["trep", "dmae"]
)
def test_no_two_groups_share_a_name(groups):
    assert len(by_name(groups)) == sum(len(group) for group in groups.values())


@pytest.mark.parametrize("pooling", POOLINGS)
def test_names_of_poolings_are_read_and_written(pooling):
    parameters = {"n_segments": 3} | configurations.pooling_parameters(pooling)
    assert configurations.pooling_name(parameters) == pooling


def test_settings_pool_in_their_own_way():
    own = {name: TREP.pooling(SETTINGS[name]) for name in SETTINGS}
    assert own == {"default": "max+segments2", "paper": "segments10", "ts2vec": "max"}
