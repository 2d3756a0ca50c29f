"""Tests of the classification task, through its command line."""

import json
from dataclasses import replace

import pytest

from benchmarks import classification, tasks
from benchmarks.__main__ import main
from benchmarks.methods import METHODS
from benchmarks.records import RESULTS, ROOT, Store


def _arguments(tmp_path, *more):
    place = str(tmp_path / "results")
    return ["classification", "--results", place, "--datasets", "Tiny", *more]


def test_rows_and_report_are_written_and_resumed(tiny, tmp_path, capsys):
    tiny()
    arguments = _arguments(tmp_path, "--methods", "raw-svm", "--seeds", "1")
    assert main(arguments) == 0
    results = tmp_path / "results" / "classification.csv"
    before = results.read_text(encoding="utf-8")
    assert main(arguments) == 0
    assert results.read_text(encoding="utf-8") == before
    assert "0 to run" in capsys.readouterr().out
    report = results.with_suffix(".md").read_text(encoding="utf-8")
    assert "| Tiny | **1.000** |  |" in report
    assert "raw-svm: z-scored series" in report


def test_missing_data_ends_with_a_clear_message(data, tmp_path, capsys):
    assert main(_arguments(tmp_path, "--methods", "raw-svm")) == 2
    assert "not found under TSREP_DATA: Tiny" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--methods", "raw-svm", "--set", "lr=1"], "raw-svm takes no parameters"),
        (["--methods", "trep", "--set", "lr"], "wants NAME=VALUE"),
        (["--methods", "trep", "--set", "rate=1"], "cannot give rate to trep"),
        (["--methods", "untrained", "--set", "max_epochs=1"], "cannot give max_epochs"),
        (["--methods", "union", "--set", "lr=1"], "cannot give lr to union.*dmae__lr"),
        (["--methods", "trep", "--label", "a"], "--label names the rows of --set"),
    ],
)
def test_wrong_arguments_are_named(tiny, tmp_path, more, message):
    tiny()
    with pytest.raises(SystemExit, match=message):
        main(_arguments(tmp_path, *more))


def test_an_unknown_method_is_named(tiny, tmp_path, capsys):
    tiny()
    with pytest.raises(SystemExit):
        main(_arguments(tmp_path, "--methods", "magic"))
    assert "unknown name 'magic'; there are trep" in capsys.readouterr().err


@pytest.fixture
def planned(monkeypatch, tiny, tmp_path):
    """Return a function from arguments to the (method, seed) that would be run."""
    tiny()
    plain = METHODS["raw-svm"]
    methods = {
        "plain": plain,
        "absent": replace(plain, package="no_such_package", extra="peers"),
        "costly": replace(plain, most_seeds=1, is_quick=False),
        "choosing": replace(plain, parameters=lambda results: {"pooling": "max"}),
    }
    monkeypatch.setattr(classification, "METHODS", methods)
    jobs = []
    monkeypatch.setattr(
        tasks, "run_and_report", lambda planned, *others: jobs.extend(planned)
    )

    def plan(*more):
        jobs.clear()
        main(_arguments(tmp_path, *more))
        return jobs

    return plan


def _runs(jobs):
    return [(job.keys[0]["method"], job.keys[0]["seed"]) for job in jobs]


class TestChoiceOfMethods:
    def test_by_default_all_but_those_not_installed(self, planned, capsys):
        runs = _runs(planned("--seeds", "1"))
        assert runs == [("plain", 0), ("costly", 0), ("choosing", 0)]
        said = capsys.readouterr().out
        assert "left out: absent needs the package no_such_package" in said
        assert "sklearn-tsrep[peers]" in said

    def test_one_not_installed_is_an_error_when_asked_for(self, planned):
        with pytest.raises(SystemExit, match="absent needs the package"):
            planned("--methods", "absent")

    def test_quick_leaves_costly_ones_out(self, planned):
        assert _runs(planned("--quick")) == [("plain", 0), ("choosing", 0)]

    def test_a_method_may_have_fewer_seeds(self, planned):
        jobs = planned("--methods", "plain,costly", "--seeds", "2")
        assert _runs(jobs) == [("plain", 0), ("costly", 0), ("plain", 1)]

    def test_what_a_method_chooses_is_stored_with_its_row(self, planned):
        (job,) = planned("--methods", "choosing", "--seeds", "1")
        assert job.parameters == {"pooling": "max"}


def _rows(**accuracies):
    """Return rows of method=[accuracies of seed 0, ...], alike on two sets."""
    return [
        {
            "dataset": name,
            "method": method.replace("_", "-"),
            "seed": str(seed),
            "accuracy": str(value),
            "error": "",
        }
        for method, values in accuracies.items()
        for seed, value in enumerate(values)
        for name in ("A", "B")
    ]


class TestDifferencesTables:
    def test_has_the_means_and_what_the_default_has_more_in_each_seed(self):
        rows = _rows(trep=[0.9, 0.7], untrained_best=[0.8, 0.8], minirocket=[0.95])
        rows += _rows(raw_svm=[0.5])
        assert classification.differences_tables(rows).splitlines() == [
            "| mean of 2 | seed 0 | seed 1 |",
            "| --- | --- | --- |",
            "| trep | 0.900 | 0.700 |",
            "| untrained-best | 0.800 | 0.800 |",
            "| minirocket | 0.950 |  |",
            "| trep minus untrained-best | +0.100 | -0.100 |",
            "| trep minus minirocket | -0.050 |  |",
        ]

    def test_each_group_of_methods_has_a_table(self):
        rows = _rows(trep=[0.9], minirocket=[0.8], dmae=[0.7], dmae_untrained=[0.6])
        first, second = classification.differences_tables(rows).split("\n\n")
        assert "| trep minus minirocket | +0.100 |" in first
        assert "| dmae minus dmae-untrained | +0.100 |" in second
        assert "| dmae minus trep | -0.200 |" in second

    def test_is_over_the_sets_that_have_all(self):
        rows = _rows(trep=[0.9], minirocket=[0.8])
        rows[0]["accuracy"] = "0.1"
        rows[2]["error"] = "failed"
        shown = classification.differences_tables(rows)
        assert "| mean of 1 |" in shown
        assert "| trep | 0.900 |" in shown

    @pytest.mark.parametrize("name", ["trep", "minirocket"])
    def test_says_nothing_about_one_method(self, name):
        assert classification.differences_tables(_rows(**{name: [0.9]})) == ""


def test_set_parameters_reach_the_encoder_and_name_the_rows(tiny, tmp_path):
    tiny()
    more = ["--methods", "trep,untrained", "--seeds", "1", "--label", "small"]
    settings = ["max_steps=2", "hidden_channels=8", "n_latents=4"]
    flags = [flag for setting in settings for flag in ("--set", setting)]
    assert main(_arguments(tmp_path, *more, *flags)) == 0
    store = classification._store(tmp_path / "results", quick=False)
    trained, untrained = store.done()
    assert trained["method"] == "trep:small"
    assert untrained["method"] == "untrained:small"
    assert json.loads(trained["parameters"])["n_latents"] == 4
    assert json.loads(untrained["all_parameters"])["max_epochs"] == 0


def test_readme_shows_the_results_at_hand():
    file = RESULTS / "classification.csv"
    rows = Store(file, classification.KEY, classification.MEASURED).rows()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert classification.readme_table(rows) in readme
