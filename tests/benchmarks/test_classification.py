"""Tests of the classification task, through its command line."""

import json

import pytest

from benchmarks import classification
from benchmarks.__main__ import main
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
        (["--methods", "magic"], "unknown method 'magic'"),
        (["--methods", "raw-svm", "--set", "lr=1"], "raw-svm takes no parameters"),
        (["--methods", "trep", "--set", "lr"], "wants NAME=VALUE"),
        (["--methods", "trep", "--label", "a"], "--label names the rows of --set"),
    ],
)
def test_wrong_arguments_are_named(tiny, tmp_path, more, message):
    tiny()
    with pytest.raises(SystemExit, match=message):
        main(_arguments(tmp_path, *more))


def test_parameters_are_json_or_text():
    settings = ['pooling=["max","mean"]', "optimizer=Adam", "lr=1e-3", "a=null"]
    assert classification.parse_parameters(settings) == {
        "pooling": ["max", "mean"],
        "optimizer": "Adam",
        "lr": 0.001,
        "a": None,
    }


def test_set_parameters_reach_the_encoder_and_name_the_rows(tiny, tmp_path):
    sklearn_tsrep = pytest.importorskip("sklearn_tsrep")
    if not hasattr(sklearn_tsrep, "TRepTransformer"):
        pytest.skip("TRepTransformer is not there yet")
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
    assert classification.accuracy_table(rows) in readme
