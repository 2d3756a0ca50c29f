"""Tests of what a row is judged on."""

import argparse
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import parts


@pytest.fixture
def source():
    """Return a source of a training part alone, whose series are their numbers."""

    def fail(name):
        raise AssertionError("the test part was opened")

    part = np.arange(20.0).reshape(20, 1, 1), np.arange(20)
    return SimpleNamespace(load_train=lambda name: part, load_test=fail)


def test_the_test_part_is_judged_unless_asked_otherwise(source):
    source.load_test = lambda name: ("X", "y")
    train, test = parts.load(source, "any", parts.TEST, 0)
    assert len(train[0]) == 20
    assert test == ("X", "y")


def test_inside_training_the_seed_draws_three_tenths(source):
    draws = [parts.load(source, "any", parts.INSIDE, seed)[1][1] for seed in (0, 0, 1)]
    assert [len(draw) for draw in draws] == [6, 6, 6]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert set(draws[0]) != set(draws[2])
    (X, y), (X_held_out, y_held_out) = parts.load(source, "any", parts.INSIDE, 0)
    assert sorted([*y, *y_held_out]) == list(range(20))
    np.testing.assert_array_equal(X.ravel(), y)
    np.testing.assert_array_equal(X_held_out.ravel(), y_held_out)


def test_series_in_time_order_are_judged_by_the_last(source):
    (_, y), (_, last) = parts.load(source, "any", parts.INSIDE, 5, in_order=True)
    assert y.tolist() == list(range(14))
    assert last.tolist() == list(range(14, 20))


def test_series_of_unequal_lengths_stay_a_list(source):
    series = [np.zeros((1, length)) for length in range(1, 11)]
    source.load_train = lambda name: (series, np.arange(10))
    (X, y), _ = parts.load(source, "any", parts.INSIDE, 0)
    assert [one.shape[1] for one in X] == (y + 1).tolist()


def test_rows_of_each_kind_have_a_file_of_their_own(tmp_path):
    parser = argparse.ArgumentParser()
    parts.add_argument(parser)
    names = {
        parts.store_of("some", (), (), tmp_path, judged_on=judged_on, quick=quick).path
        for judged_on in (
            parser.parse_args(words).judged_on for words in ([], ["--inside-training"])
        )
        for quick in (False, True)
    }
    assert {path.name for path in names} == {
        "some.csv",
        "some-quick.csv",
        "some-inside-training.csv",
        "some-inside-training-quick.csv",
    }
    assert "judge on 30% of the training part" in parser.format_help()


def test_a_report_says_what_was_judged_on():
    assert "read once a row" in parts.described([{"judged_on": parts.TEST}])
    assert "never read" in parts.described([{"judged_on": parts.INSIDE}])
