"""Tests of taking values away."""

import numpy as np
import pytest

from benchmarks.gaps import remove_blocks, remove_steps, remove_values


def remove_runs(X, share, seed):
    return remove_blocks(X, share, seed, mean_length=8)


@pytest.fixture(name="X")
def panel():
    return np.random.default_rng(0).normal(size=(5, 3, 40)).astype("float32")


def _lost_steps(X):
    return np.isnan(X).all(axis=1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_each_series_loses_an_exact_share_of_whole_steps(X, share):
    lost = np.isnan(remove_steps(X, share, 0))
    assert (lost.all(axis=1) == lost.any(axis=1)).all()
    assert (lost.all(axis=1).sum(axis=1) == round(40 * share)).all()


@pytest.mark.parametrize("remove", [remove_values, remove_runs])
def test_each_series_loses_an_exact_share_of_values(remove, X):
    lost = np.isnan(remove(X, 0.3, 0))
    assert (lost.sum(axis=(1, 2)) == 36).all()
    assert len({series.tobytes() for series in lost}) == 5


@pytest.mark.parametrize("remove", [remove_values, remove_runs])
def test_the_order_of_axes_in_memory_does_not_matter(remove, X):
    turned = np.asfortranarray(X)
    np.testing.assert_array_equal(remove(turned, 0.3, 0), remove(X, 0.3, 0))


@pytest.mark.parametrize("remove", [remove_steps, remove_values, remove_runs])
def test_a_seed_removes_the_same_and_a_larger_share_more_of_it(remove, X):
    fewer, more = (np.isnan(remove(X, share, 7)) for share in (0.25, 0.75))
    assert more[fewer].all()
    np.testing.assert_array_equal(fewer, np.isnan(remove(X, 0.25, 7)))
    assert (fewer != np.isnan(remove(X, 0.25, 8))).any()


@pytest.mark.parametrize("remove", [remove_steps, remove_values, remove_runs])
def test_something_is_kept_and_the_input_is_left_as_it_is(remove, X):
    before = X.copy()
    short = [X[0, :, :1], X[1, :, :2]]
    for one in [*remove(X, 0.999, 0), *remove(short, 0.9, 0)]:
        assert not np.isnan(one).all()
    np.testing.assert_array_equal(X, before)


def test_the_share_is_of_what_is_there(X):
    X[0, :, 20:] = np.nan
    assert _lost_steps(remove_steps(X, 0.5, 0)).sum(axis=1).tolist() == [30] + 4 * [20]
    assert np.isnan(remove_runs(X, 0.5, 0))[0].sum() == 90


def _runs(lost):
    """Return the lengths of the runs of True along the last axis."""
    edges = np.diff(np.pad(lost, ((0, 0), (1, 1))).astype(int), axis=1)
    return np.argwhere(edges == -1)[:, 1] - np.argwhere(edges == 1)[:, 1]


def test_blocks_are_runs_of_the_mean_length_in_each_channel_on_its_own():
    long = np.zeros((1, 50, 2000))
    (lost,) = np.isnan(remove_blocks(long, 0.05, 0, mean_length=20))
    # One of twenty has a neighbour that is lost too.
    assert 18 < np.mean(_runs(lost)) < 23
    assert lost.any(axis=1).mean() > 0.9
    assert not lost.all(axis=0).any()


def test_blocks_of_one_step_are_single_values(X):
    (lost,) = np.isnan(remove_blocks(np.zeros((1, 50, 2000)), 0.05, 0, mean_length=1))
    assert np.mean(_runs(lost)) < 1.1
    with pytest.raises(ValueError, match="mean_length must be at least 1, got 0"):
        remove_blocks(X, 0.3, 0, mean_length=0)
