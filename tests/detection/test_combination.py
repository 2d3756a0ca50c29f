import numpy as np
import pytest

from sklearn_tsrep.detection._combination import (
    COMBINATIONS,
    combined,
    training_quantiles,
)

# Quantiles of 0, 1, ..., 1000 are these numbers: units are 900 and 990.
KNOWN = np.arange(1001.0)
FIRST, SECOND = np.array([90.0, 1800.0, 0.0]), np.array([990.0, 99.0, 0.0])
EXPECTED = {
    "minimum": np.minimum(FIRST, SECOND) / 990 + 0.01,
    "geometric": np.sqrt((FIRST / 900 + 0.01) * (SECOND / 900 + 0.01)),
    "mean": (FIRST + SECOND) / 2 / 900 + 0.01,
    "rank": [(0.09 + 0.99) / 2 + 0.01, (1 + 0.099) / 2 + 0.01, 0.01],
}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_scores_are_combined_in_units_of_training(combination):
    quantiles = [training_quantiles(KNOWN)] * 2
    together = combined([FIRST, SECOND], quantiles, combination)
    np.testing.assert_allclose(together, EXPECTED[combination], rtol=1e-9)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_units_of_a_kind_do_not_matter(combination):
    scales = 1e-3, 1e3
    quantiles = [training_quantiles(KNOWN * scale) for scale in scales]
    together = combined([FIRST * 1e-3, SECOND * 1e3], quantiles, combination)
    np.testing.assert_allclose(together, EXPECTED[combination], rtol=1e-9)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_a_kind_without_anything_strange_in_training_still_orders(combination):
    quantiles = [training_quantiles(np.zeros(10)), training_quantiles(KNOWN)]
    scores = [np.array([0.0, 2.0]), np.array([500.0, 500.0])]
    low, high = combined(scores, quantiles, combination)
    assert 0 < low < high
