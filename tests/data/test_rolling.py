"""What the last time points of a series say, against plain loops."""

import numpy as np
import pytest

from sklearn_tsrep.data.rolling import last_known, rolling_sum, without_level


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 3))
    values[rng.random(values.shape) < 0.4] = np.nan
    return values


@pytest.mark.parametrize("window", [1, 3, 50])
def test_the_last_known_value_lies_in_the_window(values, window):
    known = last_known(values, window)
    for step, channel in np.ndindex(values.shape):
        seen = values[max(step - window + 1, 0) : step + 1, channel]
        seen = seen[~np.isnan(seen)]
        assert known[step, channel] == (seen[-1] if len(seen) else 0)


@pytest.mark.parametrize("window", [1, 4, 50])
def test_level_and_spread_are_those_of_the_window(values, window):
    found = without_level(values, window)
    for step, channel in np.ndindex(values.shape):
        seen = values[max(step - window + 1, 0) : step + 1, channel]
        if np.isnan(values[step, channel]):
            assert np.isnan(found[step, channel])
            continue
        spread = np.sqrt(np.nanvar(seen) + 0.01)
        expected = (values[step, channel] - np.nanmean(seen)) / spread
        assert found[step, channel] == pytest.approx(expected)


def test_a_huge_value_leaves_nothing_behind_in_sums():
    values = np.ones((20, 1))
    values[5] = 1e18
    np.testing.assert_array_equal(rolling_sum(values, 4)[9:], 4)
