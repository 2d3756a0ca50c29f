"""Tests of the task that measures speed, at tiny sizes; no time is asserted."""

import argparse
from itertools import islice

import numpy as np
import pytest
import torch

from benchmarks import competitors, shares, speed, speed_report, timing
from benchmarks.timed import Size, Steps
from sklearn_tsrep import TRepTransformer

SIZE = "2x12x1"
PARAMETERS = {"n_rounds": 1, "n_untimed": 1, "n_timed": 2}
FULL = argparse.Namespace(quick=False, repeats=None)
QUICK = argparse.Namespace(quick=True, repeats=2)


def _rows(work, methods, function=timing.compute_times, **parameters):
    keys = [{"work": work, "size": SIZE, "method": method} for method in methods]
    parameters = {"reference": methods[0], **PARAMETERS, **parameters}
    return dict(zip(methods, function(keys, parameters), strict=True))


# What is timed


def test_every_method_of_the_plan_is_known():
    for work in speed.WORKS:
        if work.function == "compute_times":
            assert set(work.methods) == set(competitors.COMPETITORS[work.name])


@pytest.mark.parametrize("work", ["encode", "transform"])
def test_rows_of_encoding_are_complete(work):
    rows = _rows(work, ["plain", "ours"])
    assert rows["plain"]["ratio"] == 1
    for row in rows.values():
        assert 0 < row["fastest_milliseconds"] <= row["milliseconds"]
        assert row["milliseconds"] <= row["slowest_milliseconds"]
        assert row["reference"] == "plain"
        assert set(row) <= set(speed.MEASURED)


def test_rows_of_a_step_have_the_rate_of_operations(monkeypatch):
    monkeypatch.setattr(competitors, "PRODUCT_SIZE", 8)
    monkeypatch.setattr(competitors, "PRODUCT_GFLOP", 2 * 8**3 / 1e9)
    work = speed.WORKS[0]
    rows = _rows(work.name, work.methods, n_rounds=2)
    assert all(row["gflop_per_second"] > 0 for row in rows.values())
    assert rows["ours"]["ratio"] > 0


def test_a_missing_row_is_measured_beside_its_reference():
    row = _rows("encode", ["ours"], reference="plain")["ours"]
    assert row["reference"] == "plain"
    assert row["ratio"] > 0


def test_memory_is_that_of_one_method():
    row = _rows("memory-encode", ["ours"], timing.compute_memory)["ours"]
    assert row["working_memory_mb"] >= 0


@pytest.mark.parametrize("work", ["student", "step-dmae"])
def test_dmae_is_timed_with_and_without_hidden_tokens(work):
    rows = _rows(work, ["all-visible", "half-hidden"])
    assert all(row["milliseconds"] > 0 for row in rows.values())
    assert rows["half-hidden"]["reference"] == "all-visible"


def test_half_of_the_tokens_are_hidden_from_the_student_that_is_timed(monkeypatch):
    n_seen = []

    class Network(competitors.DMAETransformer):
        def _batches(self, *arguments, **parameters):
            batches = super()._batches(*arguments, **parameters)
            n_seen.append(next(iter(batches)).seen_valid.sum().item())
            return batches

    monkeypatch.setattr(competitors, "DMAETransformer", Network)
    _rows("student", ["all-visible", "half-hidden"])
    whole, half = n_seen[:2]
    assert half == whole / 2


def test_imports_are_timed_in_fresh_interpreters():
    rows = _rows("import", ["scikit-learn", "ours"])
    assert all(row["milliseconds"] > 0 for row in rows.values())


# PyPOTS brings more warnings than are ours to look at.
@pytest.mark.filterwarnings("ignore")
def test_pypots_is_timed_with_and_without_its_further_pass():
    pytest.importorskip("pypots")
    rows = _rows("step-ts2vec", ["pypots", "pypots-lean"])
    assert all(row["milliseconds"] > 0 for row in rows.values())


def test_rounds_are_taken_in_turn_after_one_that_is_not_looked_at():
    calls = []

    def competitor(name):
        def run(number):
            calls.append((name, number))
            return float(number)

        return run

    seconds = timing.in_turn({"a": competitor("a"), "b": competitor("b")}, 2)
    assert calls == [(name, number) for number in range(3) for name in "ab"]
    np.testing.assert_array_equal(seconds["a"], [1, 2])


def test_steps_are_timed_from_begin_to_begin():
    steps = Steps(n_untimed=1, n_timed=2)
    assert steps.mean_seconds([0.0, 5.0, 6.0, 8.0]) == 1.5
    with pytest.raises(RuntimeError, match="3 steps, not 4"):
        steps.mean_seconds([0.0, 1.0, 2.0])


# Crops and operations


def test_timed_steps_have_the_same_crops_after_more_untimed_ones():
    size = Size.parse("2x30x1")
    few, many = (
        list(islice(competitors.crops_of_round(size, Steps(n, 3), 1), n, n + 3))
        for n in (1, 4)
    )
    np.testing.assert_array_equal(few, many)
    other = list(islice(competitors.crops_of_round(size, Steps(1, 3), 2), 1, 4))
    assert not np.array_equal(few, other)


def test_ours_trains_on_the_crops_that_it_is_given():
    size, steps = Size.parse("2x12x1"), Steps(1, 2)
    crops = list(islice(competitors.crops_of_round(size, steps, 0), 5))
    left = iter(crops)
    with competitors.crops_given(left):
        X = competitors.noise(size._replace(n_instances=8))
        competitors.estimator(TRepTransformer, size, 4, [], {}).fit(X)
    assert next(left) is crops[4]


def test_pypots_is_given_the_same_crops():
    crops = competitors.crops_of_round(Size.parse("3x30x1"), Steps(0, 1), 0)
    one = next(crops)
    drawn = competitors._pypots_draws(iter([one]))
    length, left, further_left, further_right, offsets = drawn
    right = left + length
    np.testing.assert_array_equal(offsets + further_left, one.first_starts)
    np.testing.assert_array_equal(offsets + right, one.first_stops)
    np.testing.assert_array_equal(offsets + left, one.second_starts)
    np.testing.assert_array_equal(offsets + further_right, one.second_stops)


def test_operations_are_those_of_three_products_a_weight():
    weights = 20 * 80 * 80 * 3 + (80 * 128 + 128 * 128) * 3 + 80 * 128
    # Nothing lies before the projection that would want its gradient.
    expected = 2 * (3 * weights + 2 * 5 * 64) / 1e9
    assert competitors.gflop_a_time_step(5) == pytest.approx(expected)


# Shares


def test_shares_add_up_to_the_step():
    methods = ["step", *speed_report.PIECES]
    rows = _rows("shares", methods, timing.compute_shares)
    total = sum(rows[piece]["ratio"] for piece in speed_report.PIECES)
    assert total == pytest.approx(1, abs=1e-3)
    assert rows["step"]["ratio"] == 1
    assert rows["encoder"]["ratio"] > 0


def test_pieces_of_a_step_do_what_the_step_does():
    size, steps = Size.parse("3x12x2"), Steps(0, 1)
    whole, apart = (shares.TakenApart(size, steps) for _ in range(2))
    crops = list(islice(competitors.crops_of_round(size, steps, 1), 1))
    apart.seconds(1)
    with competitors.crops_given(iter(crops)):
        whole.net.train_step(next(iter(whole.source)))
    whole.average.on_batch_end(whole.net, training=True)
    for module in ("module_", "delivered_module_"):
        expected, found = (
            torch.nn.utils.parameters_to_vector(getattr(one.net, module).parameters())
            for one in (whole, apart)
        )
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


# Plan and report


def test_the_quick_form_measures_no_memory():
    jobs = list(speed._jobs(list(speed.WORKS), QUICK))
    assert {job.function for job in jobs} == {
        "benchmarks.timing:compute_times",
        "benchmarks.timing:compute_shares",
    }
    assert {job.parameters["n_rounds"] for job in jobs} == {2}
    memory = [
        job
        for job in speed._jobs(list(speed.WORKS), FULL)
        if job.function.endswith("compute_memory")
    ]
    assert memory
    assert all(len(job.keys) == 1 for job in memory)


def test_without_pypots_its_works_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr(speed.util, "find_spec", lambda name: None)
    possible = {work.name for work in speed.WORKS if speed._is_possible(work)}
    assert possible >= {"step", "shares", "encode", "transform"}
    assert not any("ts2vec" in name for name in possible)
    assert "pypots is not installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "work",
    [
        "fit-width-128",
        "score-width-128",
        "score-stream",
        "score-stream-nearest",
        "vus-pr",
    ],
)
def test_detectors_are_timed(work):
    ready = competitors.build(work, "ours", Size(1, 200, 3), Steps(1, 1))
    assert ready(0) > 0


def _row(work, size, method, **figures):
    return {
        **dict.fromkeys(speed._store(speed.Path(), quick=True).columns, ""),
        "work": work,
        "size": size,
        "method": method,
        "date": "2026-01-02T03:04:05Z",
        **{name: str(value) for name, value in figures.items()},
    }


def _timed(work, size, method, ratio):
    milliseconds = dict.fromkeys(speed.MEASURED[:3], 10 * ratio)
    return _row(work, size, method, ratio=ratio, **milliseconds)


def test_report_says_which_marks_are_reached():
    sizes = {"16x65x4": 0.5, "16x100x6": 0.8}
    rows = [_timed("step", size, "plain", 1) for size in sizes]
    rows += [_timed("step", size, "ours", ratio) for size, ratio in sizes.items()]
    rows += [_timed("step", size, "ours-bfloat16", 0.25) for size in sizes]
    text = speed_report.markdown(rows)
    assert "ours / plain at most 0.70: NOT reached, at 1 of 2 sizes" in text
    assert "the largest is 0.80 at 16x100x6" in text
    assert "ours-bfloat16 / plain at most 0.50: reached, at 2 of 2 sizes" in text
    assert "16x65x4 (ERing) | 10.0 (10.0 to 10.0) | 5.0 (5.0 to 5.0)" in text
    assert "PyPOTS |" not in text


def test_report_adds_up_shares_and_rates():
    rows = [_timed("shares", "16x65x4", "step", 1)]
    rows += [_timed("shares", "16x65x4", piece, 0.1) for piece in speed_report.PIECES]
    rows += [_timed("encode", "4x9x1", "plain", 100)]
    text = speed_report.markdown(rows)
    assert "at most 0.20: NOT reached, at 0 of 1 sizes; the largest is 0.30" in text
    assert "| 10 % | 10 % | 10 % | 10 % | 10 % | 10 % |" in text
    assert "| 4x9x1 | 4 |  |  |" in text


def test_report_lists_memory_and_failures():
    failed = _row("step", "16x65x4", "plain", error="no memory left")
    memory = _row("memory-encode", "1x20x1", "ours", working_memory_mb=12.3)
    text = speed_report.markdown([failed, memory])
    assert "| encode | 1x20x1 | ours | 12 |" in text
    assert "failed: step, 16x65x4, plain: no memory left" in text


def test_rows_go_into_the_file_and_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "WORKS", ())
    store = speed._store(tmp_path, quick=True)
    keys = [{"work": "encode", "size": SIZE, "method": "plain"}]
    (row,) = timing.compute_times(keys, {"reference": "plain", **PARAMETERS})
    store.append([{**keys[0], **row, "date": "2026-01-02", "all_parameters": ""}])
    (file,) = speed.write_reports(tmp_path)
    assert file.name == "speed-quick.md"
    assert f"| {SIZE} |" in file.read_text(encoding="utf-8")
