"""Feature names: as many and in the order of the pooled features."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_tsrep.features.names import POOLINGS, feature_names, listed
from sklearn_tsrep.features.pooling import pool


@settings(deadline=None)
@given(
    pooling=st.lists(st.sampled_from(list(POOLINGS)), min_size=1, unique=True),
    n_latents=st.integers(1, 4),
    n_segments=st.integers(1, 5),
    n_scales=st.integers(1, 4),
)
def test_every_feature_has_a_name_of_its_own(
    pooling: list[str], n_latents: int, n_segments: int, n_scales: int
) -> None:
    names = feature_names(pooling, n_latents, n_segments, n_scales)
    features = pool([torch.zeros(2, 6, n_latents)], 6, pooling, n_segments, n_scales)
    assert len(names) == len(set(names)) == features.shape[1]


def test_names_tell_pooling_part_and_latent() -> None:
    assert feature_names(["max", "segments", "multiscale"], 2, 2, 1) == [
        "max_latent0",
        "max_latent1",
        "segment0_latent0",
        "segment0_latent1",
        "segment1_latent0",
        "segment1_latent1",
        "scale0_latent0",
        "scale0_latent1",
    ]


@pytest.mark.parametrize("pooling", ["max", ["max"], ("max",)])
def test_one_pooling_may_stand_alone(pooling: str | list[str]) -> None:
    assert listed(pooling) == ["max"]
    assert feature_names(pooling, 1, 10, 3) == ["max_latent0"]
