"""Tests of what tasks share."""

import argparse

import pytest

from benchmarks import tasks


def test_names_are_among_those_known():
    names = tasks.names_of(["a", "b", "c"])
    assert names("c, a") == ["c", "a"]
    with pytest.raises(argparse.ArgumentTypeError, match=r"'d'; there are a, b, c"):
        names("a,d")


def test_numbers_are_of_a_kind_and_in_bounds():
    assert tasks.numbers(int)("0,25") == [0, 25]
    assert tasks.numbers(float, below=1)("0,.75") == [0.0, 0.75]
    with pytest.raises(argparse.ArgumentTypeError, match="at least 0 and below 1"):
        tasks.numbers(float, below=1)("0.5,1")
    with pytest.raises(argparse.ArgumentTypeError, match="above 0 and below 1"):
        tasks.numbers(float, below=1, has_zero=False)("0,.75")
    with pytest.raises(ValueError, match="invalid literal"):
        tasks.numbers(int)("0.5")


def test_sets_are_those_asked_for_or_those_of_the_form(tiny):
    tiny("A")
    tiny("B")
    asked, quick, full = (
        argparse.Namespace(datasets=names, quick=quick)
        for names, quick in ((["B"], True), (None, True), (None, False))
    )
    chosen = [tasks.chosen_sets(one, ["A"], ["A", "B"]) for one in (asked, quick, full)]
    assert chosen == [["B"], ["A"], ["A", "B"]]


def test_parameters_are_json_or_text():
    settings = ['pooling=["max","mean"]', "optimizer=Adam", "lr=1e-3", "a=null"]
    assert tasks.parse_parameters(settings) == {
        "pooling": ["max", "mean"],
        "optimizer": "Adam",
        "lr": 0.001,
        "a": None,
    }
