"""Tests of running jobs in processes of their own."""

import argparse
from dataclasses import replace

import pytest

from benchmarks import records, running

KEY = ("dataset", "seed")


@pytest.fixture
def store(tmp_path):
    return records.Store(tmp_path / "some.csv", KEY, ("value",))


@pytest.fixture
def arguments():
    return argparse.Namespace(threads=1, argv=["some"])


@pytest.fixture
def functions(tmp_path, monkeypatch):
    source = """
import os
def compute(keys, parameters):
    return [{"value": 10 * key["seed"], "accuracy": 1.0} for key in keys]
def measure(keys, parameters):
    return [{"value": os.environ["OMP_NUM_THREADS"], "cv_accuracy": 1.0}]
def crash(keys, parameters):
    os.abort()
def fail(keys, parameters):
    raise ValueError("a clear reason")
"""
    (tmp_path / "functions_in_child.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def _job(name, seeds=(0,), parameters=None):
    return running.Job(
        title=name,
        keys=[{"dataset": "A", "seed": seed} for seed in seeds],
        function=f"functions_in_child:{name}",
        parameters=parameters or {},
        expected_seconds=1.0,
    )


@pytest.fixture
def measured(store):
    # The child's rows carry an accuracy, which is shown as progress.
    store.columns = (*store.columns, "accuracy", "cv_accuracy")
    return store


@pytest.mark.usefixtures("functions")
class TestRunJobs:
    def test_rows_are_stored_with_memory_and_provenance(self, measured, arguments):
        assert running.run_jobs([_job("measure")], measured, arguments) == 0
        (row,) = measured.done()
        assert row["value"] == "1"
        assert float(row["peak_memory_mb"]) > 1
        assert row["command"] == "python -m benchmarks some"

    def test_only_missing_rows_are_computed(self, measured, arguments, capsys):
        running.run_jobs([_job("compute", [0])], measured, arguments)
        running.run_jobs([_job("compute", [0, 1])], measured, arguments)
        running.run_jobs([_job("fail", [0, 1])], measured, arguments)
        assert [row["value"] for row in measured.done()] == ["0", "10"]
        assert len(measured.path.read_text(encoding="utf-8").splitlines()) == 3
        assert "1 of 1 jobs are in" in capsys.readouterr().out

    def test_a_crash_is_recorded_and_the_others_go_on(self, measured, arguments):
        jobs = [_job("crash", [0]), _job("fail", [1]), _job("compute", [2])]
        assert running.run_jobs(jobs, measured, arguments) == 2
        crashed, failed, computed = measured.rows()
        assert crashed["error"].startswith("exit status -6")
        assert "a clear reason" in failed["error"]
        assert computed["value"] == "20"

    def test_a_failed_row_is_tried_again(self, measured, arguments):
        running.run_jobs([_job("fail")], measured, arguments)
        running.run_jobs([_job("compute")], measured, arguments)
        assert len(measured.done()) == 1

    def test_other_parameters_under_a_known_key_are_refused(self, measured, arguments):
        running.run_jobs([_job("compute")], measured, arguments)
        with pytest.raises(SystemExit, match="with other parameters"):
            running.run_jobs(
                [_job("compute", parameters={"a": 1})], measured, arguments
            )


def test_comma_separated_refuses_an_empty_list():
    assert running.comma_separated("a, b") == ["a", "b"]
    with pytest.raises(argparse.ArgumentTypeError):
        running.comma_separated(" , ")


def test_rows_of_old_defaults_are_not_taken_for_new_ones(tmp_path, arguments):
    store = records.Store(tmp_path / "rows.csv", ("name",))
    row = {"name": "a", "parameters": "{}", "all_parameters": '{"steps": 200}'}
    store.append([row])
    job = running.Job("a", [{"name": "a"}], "m:f", {}, 1.0, '{"steps": 50}')
    with pytest.raises(SystemExit, match="defaults that have changed"):
        running.run_jobs([job], store, arguments)
    same = replace(job, all_parameters='{"steps": 200}')
    assert running.run_jobs([same], store, arguments) == 0
