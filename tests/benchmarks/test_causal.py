"""Tests of what is timed of causal encoding, at tiny sizes; no time is asserted."""

import numpy as np
import pytest

from benchmarks import causal, competitors, speed, speed_report, timing
from benchmarks.timed import Size, Steps, noise
from sklearn_tsrep import DMAETransformer, TRepTransformer

WORKS = [work for work in speed.WORKS if work.name.startswith("causal")]
SIZE = Size(1, 30, 2)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(causal, "CONTEXT", 9)
    monkeypatch.setattr(causal, "PUSHED_TOGETHER", 7)
    monkeypatch.setitem(causal.MEASURED_STEPS, "windows", 6)
    monkeypatch.setitem(causal.MEASURED_STEPS, "stream", 3)


def test_windows_have_the_last_steps_of_causal_encoding():
    transformer = causal.untrained(TRepTransformer, SIZE, time_embedding=None)
    found = causal.last_steps(transformer, noise(SIZE), 6)
    expected = transformer.encode_causal(noise(SIZE), context=9)[0].T
    np.testing.assert_allclose(found, expected[-6:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_rows_are_complete_and_say_what_was_measured(work):
    keys = [{"work": work.name, "size": "1x30x2", "method": m} for m in work.methods]
    parameters = {
        "reference": work.methods[0],
        "n_rounds": 1,
        "n_untimed": 0,
        "n_timed": 1,
        **work.parameters,
    }
    rows = timing.compute_times(keys, parameters)
    assert rows[0]["ratio"] == 1
    assert all(row["milliseconds"] > 0 for row in rows)
    assert work.parameters["context"] == speed_report.CONTEXT
    for method in work.parameters.get("measured_steps", {}):
        assert method in work.methods


def test_memory_is_that_of_a_small_round_too():
    keys = [{"work": "memory-causal-encoding-long", "size": "1x40x2", "method": "ours"}]
    parameters = {"n_untimed": 0, "n_timed": 1}
    (row,) = timing.compute_memory(keys, parameters)
    assert row["working_memory_mb"] >= 0


class Recorder:
    """A stream that remembers how many time points it was given at a time."""

    def __init__(self):
        self.sizes = []

    def stream(self, context):
        assert context == 9
        return self

    def push(self, rows):
        self.sizes.append(len(rows))


@pytest.mark.parametrize("encoder", [TRepTransformer, DMAETransformer])
def test_few_time_points_are_pushed_behind_a_whole_context(monkeypatch, encoder):
    recorder = Recorder()
    monkeypatch.setattr(causal, "untrained", lambda *_: recorder)
    run = causal.pushed_one_by_one(encoder, SIZE, Steps(0, 1))
    run(0)
    run(1)
    assert recorder.sizes == [9, *[1] * 6]


def test_long_series_are_pushed_whole_in_parts(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(causal, "untrained", lambda *_: recorder)
    causal.pushed_in_parts(TRepTransformer, SIZE, Steps(0, 1))(0)
    assert recorder.sizes == [7, 7, 7, 7, 2]


def test_times_are_scaled_up_to_the_whole_series(monkeypatch):
    monkeypatch.setattr(causal, "seconds_of", lambda call: 2.0)
    assert causal.scaled_up(lambda: None, 6, SIZE) == 10
    assert causal.measured_steps("windows", SIZE) == 6
    assert causal.measured_steps("windows", SIZE._replace(n_timepoints=4)) == 4
    for method in ("windows", "stream"):
        n_measured = causal.MEASURED_STEPS[method]
        run = competitors.build("causal-encoding", method, SIZE, Steps(0, 1))
        assert run(0) == 2 * 30 / n_measured


def _row(work, size, method, **figures):
    return {
        **dict.fromkeys(speed._store(speed.Path(), quick=True).columns, ""),
        "work": work,
        "size": size,
        "method": method,
        "date": "2026-01-02T03:04:05Z",
        **{name: str(value) for name, value in figures.items()},
    }


def _timed(work, size, method, milliseconds, ratio=1.0):
    spread = dict.fromkeys(speed.MEASURED[:3], milliseconds)
    return _row(work, size, method, ratio=ratio, **spread)


def test_the_report_tells_times_a_time_point():
    rows = [
        _timed("causal-encoding", "1x2000x7", "windows", 8_000),
        _timed("causal-encoding", "1x2000x7", "ours", 200, 0.025),
        _timed("causal-encoding", "1x2000x7", "causal-network", 50, 0.00625),
        _timed("causal-encoding", "1x2000x7", "stream", 24_680, 3.085),
        _timed("causal-encoding-dmae", "1x2000x7", "encode", 10),
        _timed("causal-encoding-dmae", "1x2000x7", "ours", 2_000, 200),
        _timed("causal-encoding-long", "1x1000000x7", "ours", 100_000),
        _row("memory-causal-encoding-long", "1x9x7", "stream", working_memory_mb=7.4),
    ]
    text = speed_report.markdown(rows)
    cells = ["4,000.0 (4,000.0 to 4,000.0)", "25.0 (25.0 to 25.0)"]
    assert all(f"| {cell} |" in text for cell in cells)
    assert "| 40.00 | 3.08 | 4.00 |" in text
    assert "| 200.00 |" in text
    assert "| 1x1000000x7 | 10,000 |  |" in text
    assert "| causal-encoding-long | 1x9x7 | stream | 7 |" in text
    assert "the last 500 time points" in text


def test_the_plan_measures_the_time_and_the_memory_of_long_series():
    arguments = speed.argparse.Namespace(quick=False, repeats=3)
    jobs = [*speed._jobs(WORKS, arguments)]
    assert all(job.expected_seconds > 10 for job in jobs)
    assert all(job.parameters["context"] == 200 for job in jobs)
    memory = [
        key["size"]
        for job in jobs
        if job.function.endswith("compute_memory")
        for key in job.keys
        if key["work"] == "memory-causal-encoding-long"
    ]
    assert "1x1000000x7" in memory
