"""Tests of the task with missing time steps, with a stand-in for the encoder."""

import json

import numpy as np
import pytest

from benchmarks import missing
from benchmarks.__main__ import main


class StandIn:
    """An encoder that takes the means over time, and keeps what it is given."""

    fitted: list = []  # noqa: RUF012  each test starts with an empty one
    transformed: list = []  # noqa: RUF012

    def fit(self, X):
        """Keep the series."""
        StandIn.fitted.append(X)
        return self

    def transform(self, X):
        """Return the means."""
        StandIn.transformed.append(X)
        return np.nanmean(X, axis=2)


@pytest.fixture
def stand_in(tiny, monkeypatch):
    tiny()
    monkeypatch.setattr(StandIn, "fitted", [])
    monkeypatch.setattr(StandIn, "transformed", [])
    methods = dict.fromkeys(missing.METHODS, lambda seed, parameters: StandIn())
    monkeypatch.setattr(missing, "METHODS", methods)
    return StandIn


def _compute(share=0.75, method="trep", seed=0):
    key = {"dataset": "Tiny", "share": share, "method": method, "seed": seed}
    (row,) = missing.compute([key], {})
    return row


def test_both_parts_lose_their_share_of_whole_steps(stand_in):
    assert _compute()["accuracy"] == 1.0
    train, test = stand_in.transformed
    assert train is stand_in.fitted[0]
    for part in (train, test):
        assert (np.isnan(part).all(axis=1).sum(axis=1) == 15).all()
        assert np.isnan(part).sum() == 12 * 2 * 15
    # The parts of this set hold the same series.
    assert (np.isnan(train) != np.isnan(test)).any()


def test_all_methods_lose_the_same_steps_and_each_run_others(stand_in):
    for method in missing.METHODS:
        _compute(method=method)
    _compute(seed=1)
    first, *others, next_run = stand_in.transformed[::2]
    for other in others:
        np.testing.assert_array_equal(other, first)
    assert (np.isnan(next_run) != np.isnan(first)).any()


@pytest.fixture
def rows(result_row):
    accuracies = {"0.9": [0.5, 0.6], "0.0": [0.9, 0.8], "0.75": [0.7, 0.7]}
    return [
        result_row(
            dataset=missing.PAPER_SET,
            share=share,
            method="trep",
            seed=seed,
            accuracy=accuracy,
        )
        for share, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def test_report_shows_the_change_run_by_run_and_the_paper_beside(rows):
    report = missing.markdown(rows)
    assert (
        "| share | trep | T-Rep, paper |\n| --- | --- | --- |\n"
        "| 0.0 | **0.850** ± 0.071 | 0.980 |\n"
        "| 0.75 | **0.700** ± 0.000 |  |\n"
        "| 0.9 | **0.550** ± 0.071 | 0.865 |"
    ) in report
    assert (
        "| 0.75 | **-0.150** ± 0.071 | -0.013 |\n| 0.9 | **-0.300** ± 0.141 |  |"
    ) in report
    assert missing.PAPER_TEXT in report


def test_report_on_another_set_leaves_the_paper_out(rows):
    report = missing.markdown([row | {"dataset": "Other"} for row in rows])
    assert "## Other" in report
    assert "paper" not in report


def test_the_default_is_the_papers_experiment_in_six_runs(tiny, planned, tmp_path):
    tiny(missing.PAPER_SET)
    assert main(["missing", "--results", str(tmp_path)]) == 0
    keys = [key for job in planned for key in job.keys]
    assert len(keys) == len(planned) == 6 * 6 * len(missing.METHODS)
    assert {key["dataset"] for key in keys} == {missing.PAPER_SET}
    assert sorted({key["share"] for key in keys}) == [0, 0.1, 0.25, 0.5, 0.75, 0.9]


@pytest.mark.usefixtures("data")
def test_quick_form_is_expected_to_take_at_most_five_minutes(planned, tmp_path):
    assert main(["missing", "--results", str(tmp_path), "--quick"]) == 0
    assert {job.keys[0]["method"] for job in planned} == set(missing.METHODS)
    assert 0 < sum(job.expected_seconds for job in planned) <= 300


@pytest.mark.parametrize("shares", ["1", "-0.1", "some"])
def test_shares_outside_are_refused(shares, tmp_path):
    with pytest.raises(SystemExit):
        main(["missing", "--results", str(tmp_path), f"--shares={shares}"])


def test_an_untrained_encoder_is_recorded_as_such(tiny, planned, tmp_path):
    tiny()
    arguments = ["missing", "--results", str(tmp_path), "--datasets", "Tiny"]
    assert main([*arguments, "--methods", "untrained,dmae-untrained"]) == 0
    for job in planned:
        assert json.loads(job.all_parameters)["max_epochs"] == 0
