"""Tests of the imputation task, with stand-ins for the encoder."""

import csv

import numpy as np
import pytest

from benchmarks import imputation
from benchmarks.__main__ import main
from benchmarks.imputation import METHODS

METHOD_NAMES = "linear,last-value,iterative,channel-mean"


@pytest.fixture
def smooth(data):
    """Write a set of smooth series, whose channels differ in size."""
    rng = np.random.default_rng(0)
    walks = rng.normal(size=(20, 2, 50)).cumsum(axis=2).cumsum(axis=2)
    X = (walks * [[1.0], [100.0]]).astype("float32")
    np.savez(
        data / "Smooth.npz",
        X_train=X[:12],
        X_test=X[12:],
        y_train=np.zeros(12),
        y_test=np.zeros(8),
    )
    return X[:12], X[12:]


class StandIn:
    """Knows the values and is off by half of them, or breaks a promise."""

    def __init__(self, truth, off=0.0, change=0.0, leave=False):
        self.truth, self.off = truth, off
        self.change, self.leave = change, leave

    def fit(self, X):
        self.fitted = X
        return self

    def impute(self, X):
        self.given = X
        filled = np.where(np.isnan(X), self.truth + self.off, X + self.change)
        if self.leave:
            filled[0, 0] = np.nan
        return filled


def _hide(pattern="random", share=0.3, seed=0):
    key = {"pattern": pattern, "share": share, "seed": seed}
    return imputation._hide(key, mean_length=50)


def test_both_parts_lose_their_share_and_errors_are_in_deviations(smooth):
    X, X_test = smooth
    deviations = X.std(axis=(0, 2))
    model = StandIn(X_test, off=0.5 * deviations[:, None])
    row = imputation.measure(model, _hide(), X, X_test)
    assert row["rmse"] == pytest.approx(0.5, rel=1e-4)
    assert row["mae"] == pytest.approx(0.5, rel=1e-4)
    assert row["n_hidden"] == 8 * 30
    for part in (model.fitted, model.given):
        assert (np.isnan(part).sum(axis=(1, 2)) == 30).all()
    assert (np.isnan(model.fitted[:8]) != np.isnan(model.given)).any()


def test_values_that_were_missing_before_are_not_judged(smooth):
    X, X_test = smooth
    X_test[:, :, :10] = np.nan
    model = StandIn(np.nan_to_num(X_test, nan=1e6))
    row = imputation.measure(model, _hide(), X, X_test)
    assert row["n_hidden"] == 8 * 24
    assert row["rmse"] == 0


@pytest.mark.parametrize("pattern", ["random", "blocks"])
def test_all_methods_miss_the_same_and_each_seed_other_values(smooth, pattern):
    X, X_test = smooth
    models = [StandIn(X_test) for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        imputation.measure(model, _hide(pattern, seed=seed), X, X_test)
    first, same, other = (np.isnan(model.given) for model in models)
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_blocks_are_longer_than_random_gaps(smooth):
    X, _ = smooth
    starts = [
        (np.diff(np.isnan(_hide(pattern)(X, 0)).astype(int), axis=2) == 1).sum()
        for pattern in ("random", "blocks")
    ]
    assert starts[1] < starts[0] / 3


@pytest.mark.parametrize(
    ("broken", "message"),
    [({"change": 1.0}, "given values of series 0 were changed"), ({"leave": True}, "")],
)
def test_a_broken_promise_is_an_error(smooth, broken, message):
    X, X_test = smooth
    with pytest.raises(ValueError, match=message or "series 0"):
        imputation.measure(StandIn(X_test, **broken), _hide(), X, X_test)


def test_a_gap_that_is_left_is_an_error():
    gappy = [np.array([[1.0, np.nan]])]
    with pytest.raises(ValueError, match="series 0 still has gaps"):
        imputation.check_filled(gappy, gappy)
    imputation.check_filled(gappy, [np.array([[1.0, 7.0]])])


@pytest.mark.usefixtures("smooth")
class TestCommand:
    @pytest.fixture
    def start(self, tmp_path):
        """Return a function that runs the task and returns the rows of a file."""

        def run(*more, file="imputation.csv"):
            place = tmp_path / "results"
            words = ["imputation", "--results", str(place), "--datasets", "Smooth"]
            assert main([*words, "--seeds", "1", *more]) == 0
            with (place / file).open(encoding="utf-8") as stream:
                return list(csv.DictReader(stream))

        return run

    def test_rows_and_report_are_written_and_resumed(self, start, tmp_path, capsys):
        more = ["--methods=linear,channel-mean", "--patterns=random", "--shares=.3"]
        rows = start(*more)
        assert start(*more) == rows
        assert "0 to run" in capsys.readouterr().out
        found = {row["method"]: float(row["rmse"]) for row in rows}
        assert found["linear"] < found["channel-mean"]
        shown = (tmp_path / "results" / "imputation.md").read_text(encoding="utf-8")
        assert "| pattern share | linear | channel-mean |" in shown
        assert "| random 0.3 | **" in shown

    def test_inside_training_the_test_part_is_never_opened(self, start, data):
        file = data / "Smooth.npz"
        with np.load(file) as archive:
            train = {name: archive[name] for name in ("X_train", "y_train")}
        np.savez(file, **train)
        more = ["--methods=linear", "--patterns=blocks", "--shares=.3"]
        (row,) = start(
            *more, "--inside-training", file="imputation-inside-training.csv"
        )
        assert row["judged_on"] == "training"
        assert row["error"] == ""
        # Three tenths of 12 series, and of their 100 values.
        assert row["n_hidden"] == str(4 * 30)


def test_lengths_may_differ(monkeypatch):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(2, length)).cumsum(axis=1) for length in range(5, 25)]
    monkeypatch.setattr(
        imputation.parts, "load", lambda *args: ((X, None), (X[::2], None))
    )
    key = {"dataset": "", "judged_on": "test", "pattern": "blocks", "share": 0.3}
    for method in METHOD_NAMES.split(","):
        (row,) = imputation.compute([{**key, "method": method, "seed": 0}], {})
        assert np.isfinite(row["rmse"])


@pytest.mark.usefixtures("data")
class TestPlan:
    def test_quick_form_is_expected_to_take_at_most_five_minutes(
        self, planned, tmp_path
    ):
        pytest.importorskip("sktime")
        assert main(["imputation", "--results", str(tmp_path), "--quick"]) == 0
        assert {job.keys[0]["method"] for job in planned} == set(METHODS)
        assert 0 < sum(job.expected_seconds for job in planned) <= 300

    def test_full_form_has_all_patterns_and_shares(self, planned, tmp_path, tiny):
        for name in imputation.SETS:
            tiny(name)
        assert main(["imputation", "--results", str(tmp_path)]) == 0
        assert len(planned) == 3 * 3 * 2 * 3 * len(METHODS)
        assert {job.keys[0]["share"] for job in planned} == {0.1, 0.3, 0.5}

    def test_what_is_set_names_the_rows(self, planned, tmp_path, tiny):
        tiny("Set")
        words = ["imputation", "--results", str(tmp_path), "--datasets", "Set"]
        more = ["--methods", "dmae", "--set", "lr=0.01", "--shares", ".1"]
        assert main([*words, *more]) == 0
        assert {job.keys[0]["method"] for job in planned} == {"dmae:lr=0.01"}
        assert planned[0].parameters == {"lr": 0.01}


def test_pages_show_the_errors_of_one_share(result_row):
    rows = [
        result_row(
            dataset=name,
            judged_on="test",
            pattern="blocks",
            share=share,
            method="linear",
            seed=0,
            rmse=share,
            mae=1,
        )
        for name in ("B", "A")
        for share in (0.1, 0.3)
    ]
    assert imputation.page_table(rows) == (
        "| dataset pattern | linear |\n| --- | --- |\n"
        "| A blocks | **0.300** |\n| B blocks | **0.300** |"
    )


@pytest.mark.parametrize("page", imputation.PAGES, ids=lambda page: page.name)
def test_pages_have_a_place_for_them(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- gaps: begin -->") == text.count("<!-- gaps: end -->") == 1


def test_report_has_lines_in_the_order_of_patterns_and_shares(result_row):
    rows = [
        result_row(
            dataset="Set",
            judged_on="test",
            pattern=pattern,
            share=share,
            method="linear",
            seed=0,
            rmse=share,
            mae=share / 2,
            impute_seconds=1,
            peak_memory_mb=100,
        )
        for pattern, share in [("blocks", 0.1), ("random", 0.5), ("random", 0.1)]
    ]
    shown = imputation.markdown(rows)
    assert (
        "Root mean square error:\n\n| pattern share | linear |\n| --- | --- |\n"
        "| random 0.1 | **0.100** |\n| random 0.5 | **0.500** |\n"
        "| blocks 0.1 | **0.100** |\n\nMean absolute error:\n\n"
    ) in shown
    assert "| Set | 2.0 + 1.0 s, 100 MiB |" in shown
