"""Tests of what a method brings with it and of what it needs."""

import csv

import pytest

from benchmarks import methods
from benchmarks.methods import METHODS, Method, NotAvailableError


@pytest.fixture
def ablation(tmp_path, monkeypatch):
    """Return a function that writes accuracies as an ablation's rows."""
    monkeypatch.setattr(methods, "RESULTS", tmp_path / "shipped")

    def write(folder="own", **accuracies):
        file = tmp_path / folder / "ablation.csv"
        file.parent.mkdir()
        columns = "dataset configuration seed pooling cv_accuracy error"
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns.split())
            for pooling, values in accuracies.items():
                for number, value in enumerate(values):
                    if value is not None:
                        row = f"Set{number} untrained 0 {pooling} {value}".split()
                        writer.writerow([*row, ""])
            writer.writerow(["Set0", "default", 0, "last", 1.0, ""])
            writer.writerow(["Set0", "untrained", 0, "last", "", "failed"])
        return file.parent

    return write


def test_untrained_best_takes_the_pooling_of_the_best_mean(ablation):
    folder = ablation(max=[0.9, 0.5], segments2=[0.7, 0.8])
    found = METHODS["untrained-best"].prepare(folder)
    assert found == {"pooling": "segments", "n_segments": 2}


def test_only_sets_with_all_poolings_count(ablation):
    folder = ablation(max=[0.9, None], mean=[0.7, 1.0])
    assert METHODS["untrained-best"].prepare(folder) == {"pooling": "max"}


def test_without_an_own_ablation_the_shipped_one_counts(ablation, tmp_path):
    ablation("shipped", mean=[0.9], max=[0.7])
    found = METHODS["untrained-best"].prepare(tmp_path / "own")
    assert found == {"pooling": "mean"}


def test_without_any_ablation_the_error_says_how_to_make_one(ablation, tmp_path):
    with pytest.raises(NotAvailableError, match="python -m benchmarks ablation"):
        METHODS["untrained-best"].prepare(tmp_path / "own")


def test_an_ablation_without_untrained_rows_is_named(ablation):
    with pytest.raises(NotAvailableError, match="no data set in"):
        METHODS["untrained-best"].prepare(ablation())


def test_a_missing_package_is_named_with_its_extra(tmp_path):
    method = Method(lambda seed, parameters: None, "", package="no_such", extra="peers")
    with pytest.raises(NotAvailableError, match=r'no_such.*"sklearn-tsrep\[peers\]"'):
        method.prepare(tmp_path)


@pytest.mark.parametrize("name", ["trep-paper", "trep-ts2vec"])
def test_settings_are_parameters_of_the_encoder(tmp_path, name):
    method = METHODS[name]
    parameters = method.prepare(tmp_path)
    model = method.build(3, parameters)
    assert parameters.items() <= model.get_params().items()
    assert model.random_state == 3


def test_the_paper_is_capped(tmp_path):
    assert METHODS["trep-paper"].prepare(tmp_path)["max_steps"] == 200
