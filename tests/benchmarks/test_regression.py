"""Tests of the regression task, through its command line."""

import csv
import json
from functools import partial

import numpy as np
import pytest

from benchmarks import regression
from benchmarks.__main__ import main
from benchmarks.regression import METHODS
from benchmarks.regressors import RIDGE, fit_best


@pytest.fixture(autouse=True)
def tiny(data):
    """Write a set whose target is the level of its series; one has no value."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=40)
    X = (rng.normal(size=(40, 2, 20)) + 3 * y[:, None, None]).astype("float32")
    X[2, :, 4:9] = np.nan
    X[[5, 39]] = np.nan
    folder = data.parent / "regression"
    folder.mkdir()
    parts = {"X_train": X[:30], "y_train": y[:30], "X_test": X[30:], "y_test": y[30:]}
    np.savez(folder / "Tiny.npz", **parts)
    return folder / "Tiny.npz"


@pytest.fixture
def start(tmp_path):
    """Return a function that runs the task and returns the rows of a file."""

    def run(*more, file="regression.csv"):
        place = tmp_path / "results"
        arguments = ["regression", "--results", str(place), "--datasets", "Tiny", *more]
        assert main(arguments) == 0
        with (place / file).open(encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    return run


def _compute(method, judged_on="test", **parameters):
    key = {"dataset": "Tiny", "judged_on": judged_on, "method": method, "seed": 0}
    (row,) = regression.compute([key], parameters)
    return row


def test_rows_and_report_are_written_and_resumed(start, tmp_path, capsys):
    more = ["--methods", "raw-ridge,training-mean", "--seeds", "1"]
    rows = start(*more)
    assert start(*more) == rows
    assert "0 to run" in capsys.readouterr().out
    ridge, mean = rows
    assert float(ridge["rmse"]) < float(mean["rmse"])
    assert ridge["chosen"].startswith("Ridge")
    shown = (tmp_path / "results" / "regression.md").read_text(encoding="utf-8")
    assert "| raw-ridge | " in shown
    assert "On the archives' test parts" in shown


def test_features_tell_of_the_target(tiny):
    raw, mean = _compute("raw"), _compute("training-mean")
    assert raw["cv_rmse"] < mean["cv_rmse"] / 2
    assert raw["n_features"] == 40
    assert mean["chosen"] == "DummyRegressor"


@pytest.mark.parametrize("method", ["trep:small", "trep-untrained:small"])
def test_encoders_meet_series_without_a_value(method):
    row = _compute(method, max_steps=2, hidden_channels=8, n_latents=4)
    assert np.isfinite(row["rmse"])
    described = json.loads(row["all_parameters"])
    assert described["n_latents"] == 4
    assert (described["max_epochs"] == 0) is ("untrained" in method)


class Pooled:
    """Features that tell of the target in one pooling alone."""

    def fit(self, X):
        """Learn nothing."""

    def set_params(self, **parameters):
        self.parameters = parameters

    def transform(self, X):
        tells = self.parameters == {"pooling": ["last", "segments"], "n_segments": 6}
        return X[:, 0] if tells else np.zeros((len(X), 2))


def test_the_pooling_is_chosen_by_cross_validation():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1, 3))
    part = X, X[:, 0] @ [1.0, 2.0, 3.0]
    fit = partial(fit_best, candidates=[RIDGE], seed=0)
    row = regression.measure(Pooled(), fit, part, part, regression.POOLINGS)
    assert row["chosen"].startswith("last+segments6 Ridge")
    assert row["n_features"] == 3
    assert row["rmse"] < 0.1


def test_a_pooling_that_is_set_is_kept():
    row = _compute("trep", max_steps=2, n_latents=4, pooling="last")
    assert row["n_features"] == 4
    assert not row["chosen"].startswith("last")
    assert json.loads(row["all_parameters"])["pooling"] == "last"


def test_inside_training_the_test_part_is_never_opened(tiny):
    with np.load(tiny) as archive:
        train = {name: archive[name] for name in ("X_train", "y_train")}
    np.savez(tiny, **train)
    assert np.isfinite(_compute("raw-ridge", "training")["rmse"])


def test_inside_training_has_files_of_its_own(planned, tmp_path):
    words = ["regression", "--results", str(tmp_path), "--datasets", "Tiny"]
    assert main([*words, "--methods", "raw", "--inside-training"]) == 0
    assert [job.keys[0]["judged_on"] for job in planned] == ["training"] * 3


def test_sets_in_time_order_are_split_and_folded_in_time(monkeypatch):
    seen = {}

    def load(source, name, judged_on, seed, *, in_order):
        seen["split"] = in_order
        raise StopIteration

    monkeypatch.setattr(regression.parts, "load", load)
    key = {"judged_on": "training", "method": "raw", "seed": 0}
    for name, expected in {"AirQualityBenzene": True, "Tiny": False}.items():
        with pytest.raises(StopIteration):
            regression.compute([{**key, "dataset": name}], {})
        assert seen["split"] is expected


def test_missing_sets_end_with_a_clear_message(tmp_path, capsys):
    words = ["regression", "--results", str(tmp_path), "--datasets", "Absent"]
    assert main([*words, "--methods", "raw"]) == 2
    assert "regression sets not found under TSREP_DATA: Absent" in (
        capsys.readouterr().err
    )


def test_plain_methods_take_no_parameters(tmp_path):
    words = ["regression", "--results", str(tmp_path), "--methods", "raw"]
    with pytest.raises(SystemExit, match="raw takes no parameters"):
        main([*words, "--set", "lr=1"])


def test_report_has_methods_by_errors_with_what_was_chosen(result_row):
    figures = {("raw", 0): 0.5, ("raw", 1): 0.7, ("training-mean", 0): 1.0}
    rows = [
        result_row(
            dataset="Tiny",
            judged_on="test",
            method=method,
            seed=seed,
            rmse=value,
            mae=value / 2,
            cv_rmse=value,
            chosen=f"Ridge alpha={seed}",
            n_features=40,
            transform_seconds=1,
            regressor_seconds=0.5,
            peak_memory_mb=200,
        )
        for (method, seed), value in figures.items()
    ]
    shown = regression.markdown(rows)
    assert (
        "## Tiny\n\n"
        "| method | RMSE | MAE | cross-validated RMSE | chosen | features |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| raw | **0.600** ± 0.141 | **0.300** ± 0.071 | **0.600** ± 0.141 "
        "| Ridge alpha=0, Ridge alpha=1 | 40 |\n"
        "| training-mean | 1.00 | 0.500 | 1.00 | Ridge alpha=0 | 40 |"
    ) in shown
    assert "| Tiny | 2.0 + 1.0 + 0.5 s, 200 MiB | 2.0 + 1.0 + 0.5 s, 200 MiB |" in shown


def test_quick_form_is_expected_to_take_at_most_five_minutes(planned, tmp_path):
    pytest.importorskip("sktime")
    words = ["regression", "--results", str(tmp_path), "--quick"]
    assert main(words) == 0
    assert {job.keys[0]["method"] for job in planned} <= set(METHODS)
    assert 0 < sum(job.expected_seconds for job in planned) <= 300
