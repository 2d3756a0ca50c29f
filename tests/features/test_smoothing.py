"""Moving averages over observed steps, against a loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sklearn_tsrep.features.smoothing import moving_average, steps_around


@given(
    n_steps=st.integers(1, 30),
    width=st.integers(1, 40),
    seed=st.integers(0, 1000),
    n_channels=st.sampled_from([None, 2]),
    causal=st.booleans(),
)
def test_it_is_the_mean_of_what_is_observed_around(
    n_steps: int, width: int, seed: int, n_channels: int | None, causal: bool
) -> None:
    rng = np.random.default_rng(seed)
    shape = (n_steps,) if n_channels is None else (n_steps, n_channels)
    values, observed = rng.random(shape), rng.random(n_steps) < 0.7
    before, behind = steps_around(width)
    assert before + 1 + behind == width
    if causal:
        before, behind = width - 1, 0
    means = moving_average(values, observed, width, causal=causal)
    for step in range(n_steps):
        around = slice(max(step - before, 0), step + behind + 1)
        counted = values[around][observed[around]]
        expected = counted.mean(axis=0) if observed[step] else 0.0
        np.testing.assert_allclose(means[step], expected, atol=1e-12)


def test_nothing_is_left_behind_a_large_value() -> None:
    values = np.full(1000, 1e-3)
    values[500] = 1e6
    means = moving_average(values, np.ones(1000, dtype=bool), 11)
    assert (means >= 0).all()
    np.testing.assert_allclose(means[600:], 1e-3, rtol=1e-3)
