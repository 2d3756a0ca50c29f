"""Tests of taking values away."""

import numpy as np
import pytest

from benchmarks.gaps import remove_steps, remove_values


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


def test_each_series_loses_an_exact_share_of_values(X):
    lost = np.isnan(remove_values(X, 0.3, 0))
    assert (lost.sum(axis=(1, 2)) == 36).all()
    assert len({series.tobytes() for series in lost}) == 5


def test_the_order_of_axes_in_memory_does_not_matter(X):
    turned = np.asfortranarray(X)
    np.testing.assert_array_equal(
        remove_values(turned, 0.3, 0), remove_values(X, 0.3, 0)
    )


def test_a_seed_removes_the_same_and_a_larger_share_more_of_it(X):
    fewer, more = (_lost_steps(remove_steps(X, share, 7)) for share in (0.25, 0.75))
    assert more[fewer].all()
    np.testing.assert_array_equal(fewer, _lost_steps(remove_steps(X, 0.25, 7)))
    assert (fewer != _lost_steps(remove_steps(X, 0.25, 8))).any()


@pytest.mark.parametrize("remove", [remove_steps, remove_values])
def test_something_is_kept_and_the_input_is_left_as_it_is(remove, X):
    before = X.copy()
    short = [X[0, :, :1], X[1, :, :2]]
    for one in [*remove(X, 0.999, 0), *remove(short, 0.9, 0)]:
        assert not np.isnan(one).all()
    np.testing.assert_array_equal(X, before)


def test_the_share_is_of_what_is_there(X):
    X[0, :, 20:] = np.nan
    assert _lost_steps(remove_steps(X, 0.5, 0)).sum(axis=1).tolist() == [30] + 4 * [20]
