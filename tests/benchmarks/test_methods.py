"""Tests of the features of the plain baselines."""

import numpy as np

from benchmarks.methods import FlatSeries


def test_flat_series_are_scaled_padded_and_cut_by_the_training_part():
    train = [np.array([[0.0, 2.0, np.nan]]), np.array([[1.0]])]
    model = FlatSeries().fit(train)
    scale = np.std([0.0, 2.0, 1.0])
    np.testing.assert_allclose(
        model.transform(train), [[-1 / scale, 1 / scale, 0.0], [0.0, 0.0, 0.0]]
    )
    longer = [np.array([[1.0, 1.0, 1.0, 9.0]])]
    np.testing.assert_allclose(model.transform(longer), np.zeros((1, 3)))


def test_flat_series_leave_the_input_alone():
    X = np.array([[[1.0, np.nan, 3.0]]])
    before = X.copy()
    FlatSeries().fit(X).transform(X)
    np.testing.assert_array_equal(X, before)
