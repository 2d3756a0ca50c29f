"""Tests of the forecasting task, through its command line and with stand-ins."""

import csv
import json
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from benchmarks import forecasters, forecasting
from benchmarks.__main__ import main
from benchmarks.forecasters import (
    METHODS,
    Forecaster,
    ForecastingMethod,
    Naive,
    Spent,
)
from benchmarks.forecasting import Split
from benchmarks.forecasting_data import USUAL_SETS
from benchmarks.records import RESULTS

SMALL = {
    "transformer__n_latents": 4,
    "transformer__hidden_channels": 8,
    "transformer__n_blocks": 2,
    "transformer__max_steps": 2,
}


@pytest.fixture(autouse=True)
def tiny(data):
    """Write a set whose channels repeat themselves every 24 steps, with noise."""
    rng = np.random.default_rng(0)
    steps = np.arange(400)[:, np.newaxis]
    values = np.sin(2 * np.pi * steps / 24 + [0, 1]) + 0.1 * rng.normal(size=(400, 2))
    folder = data.parent / "forecasting"
    folder.mkdir()
    np.savez(folder / "Tiny.npz", values=values * [1, 100])
    return folder / "Tiny.npz"


@pytest.fixture
def start(tmp_path):
    """Return a function that runs the task and returns the rows of a file."""

    def run(*more, file="forecasting.csv"):
        place = tmp_path / "results"
        words = ["forecasting", "--results", str(place), "--datasets", "Tiny"]
        assert main([*words, "--horizons", "2,30", *more]) == 0
        with (place / file).open(encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    return run


def _keys(method, *horizons, judged_on="training"):
    key = {"dataset": "Tiny", "judged_on": judged_on, "method": method, "seed": 3}
    return [{**key, "horizon": horizon} for horizon in horizons]


def test_rows_and_report_are_written_and_resumed(start, tmp_path, capsys):
    more = ["--methods", "last-value,seasonal-naive"]
    rows = start(*more)
    assert start(*more) == rows
    assert "0 to run" in capsys.readouterr().out
    assert [(row["method"], row["seed"], row["horizon"]) for row in rows] == [
        (method, "0", horizon)
        for method in ("last-value", "seasonal-naive")
        for horizon in ("2", "30")
    ]
    mse = {(row["method"], row["horizon"]): float(row["mse"]) for row in rows}
    assert mse["seasonal-naive", "30"] < mse["last-value", "30"]
    assert [row["n_forecasts"] for row in rows] == ["79", "51"] * 2
    shown = (tmp_path / "results" / "forecasting.md").read_text(encoding="utf-8")
    assert "| method | 2 | 30 |" in shown
    assert "on the test parts" in shown


def test_horizons_that_lack_are_added(start):
    rows = start("--methods", "last-value")
    more = start("--methods", "last-value", "--horizons", "2,7")
    assert more[:2] == rows
    assert [row["horizon"] for row in more] == ["2", "30", "7"]


def test_the_ridge_leads_where_lags_tell_of_the_next_steps():
    fits = {
        name: forecasting.compute(_keys(name, 4), {})[0]
        for name in ("last-value", "raw-ridge")
    }
    assert fits["raw-ridge"]["mse"] < fits["last-value"]["mse"] / 2
    assert fits["raw-ridge"]["chosen"].startswith("n_lags=48 alpha=")
    assert fits["last-value"]["chosen"] == ""
    assert json.loads(fits["raw-ridge"]["all_parameters"])["n_lags"] == [48, 96]


def test_errors_are_those_of_each_origin_in_units_of_the_training_part(tiny):
    (row,) = forecasting.compute(_keys("last-value", 5, judged_on="test"), {})
    with np.load(tiny) as archive:
        values = archive["values"]
    scaled = values / values[:280].std(axis=0)
    off = [
        scaled[origin : origin + 5] - scaled[origin - 1] for origin in range(320, 396)
    ]
    assert row["n_forecasts"] == len(off)
    assert row["mse"] == pytest.approx(np.square(off).mean())
    assert row["mae"] == pytest.approx(np.abs(off).mean())


@pytest.mark.parametrize("method", ["last-value", "raw-ridge"])
def test_blocks_of_origins_change_nothing(method, monkeypatch):
    keys = _keys(method, 4)
    (whole,) = forecasting.compute(keys, {})
    monkeypatch.setattr(forecasters, "MOST_VALUES", 60)
    (cut,) = forecasting.compute(keys, {})
    assert cut["mse"] == pytest.approx(whole["mse"])
    assert cut["mae"] == pytest.approx(whole["mae"])


def test_inside_training_nothing_depends_on_the_test_part(start, tiny):
    more = ["--methods=raw-ridge", "--inside-training"]
    file = "forecasting-inside-training.csv"
    first = start(*more, file=file)
    with np.load(tiny) as archive:
        values = archive["values"]
    values[320:] = np.nan
    np.savez(tiny, values=values)
    again = start(*more, "--results", str(tiny.parent), "--horizons", "2,30", file=file)
    assert {row["judged_on"] for row in first} == {"training"}
    assert [row["mse"] for row in again] == [row["mse"] for row in first]


def test_learned_from_are_the_rows_before_those_judged():
    inside = forecasting.load("Tiny", "training")
    test = forecasting.load("Tiny", "test")
    assert [len(inside.history), len(inside.future)] == [280, 40]
    assert [len(test.history), len(test.future)] == [320, 80]
    np.testing.assert_array_equal(
        test.history, np.concatenate([inside.history, inside.future])
    )
    np.testing.assert_array_equal(inside.scale, test.scale)
    assert inside.validation_fraction == test.validation_fraction == 40 / 320


class Encoder(BaseEstimator):
    """A transformer that counts its fits."""

    fits = 0

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        """Count."""
        type(self).fits += 1
        self.is_fitted_ = True
        return self


class StandIn(Naive):
    """A forecaster with an encoder, that remembers what it was given."""

    seen: ClassVar[list] = []

    def __init__(
        self, *, transformer=None, horizon=24, season=1, validation_fraction=0.2
    ):
        super().__init__(horizon=horizon, season=season)
        self.transformer = transformer
        self.validation_fraction = validation_fraction

    def fit(self, X):
        """Fit the encoder, and remember."""
        self.transformer_ = clone(self.transformer).fit(X)
        self.seen.append((self.horizon, self.season, self.validation_fraction))
        self.alphas_ = {"lags": 10.0, "latents": np.inf}
        return super().fit(X)


@pytest.fixture
def stand_in(monkeypatch):
    """Put a method on an encoder into METHODS."""
    monkeypatch.setattr(Encoder, "fits", 0)
    monkeypatch.setattr(StandIn, "seen", [])
    method = ForecastingMethod(
        Forecaster(
            lambda: StandIn(transformer=Encoder()),
            of_set=("season", "validation_fraction"),
        ),
        "a stand-in",
        takes_parameters=True,
    )
    monkeypatch.setitem(METHODS, "stand-in", method)


@pytest.mark.usefixtures("stand_in")
def test_all_horizons_share_an_encoder_trained_once():
    rows = forecasting.compute(_keys("stand-in", 2, 9, 5), {})
    assert Encoder.fits == 1
    assert [horizon for horizon, *_ in StandIn.seen] == [2, 9, 5]
    assert {one[1:] for one in StandIn.seen} == {(24, 40 / 320)}
    assert len({row["encoder_seconds"] for row in rows}) == 1
    assert rows[0]["chosen"] == "alpha_lags=10 alpha_latents=inf"


@pytest.mark.usefixtures("stand_in")
def test_what_is_set_counts_before_what_the_set_says():
    (row,) = forecasting.compute(_keys("stand-in", 2), {"season": 7})
    assert {one[1] for one in StandIn.seen} == {7}
    assert json.loads(row["all_parameters"])["season"] == 7


@pytest.mark.usefixtures("stand_in")
def test_what_is_set_names_the_rows(planned, tmp_path):
    words = ["forecasting", "--results", str(tmp_path), "--datasets", "Tiny"]
    more = ["--methods", "stand-in", "--set", "season=7", "--seeds", "1"]
    assert main([*words, *more]) == 0
    (job,) = planned
    assert {key["method"] for key in job.keys} == {"stand-in:season=7"}
    assert job.parameters == {"season": 7}
    assert json.loads(job.all_parameters)["season"] == 7
    with pytest.raises(SystemExit, match="cannot give horizon to stand-in"):
        main([*words, "--methods", "stand-in", "--set", "horizon=7"])


class Broken(Naive):
    """A forecaster whose forecasts are replaced."""

    def __init__(self, forecasts, horizon=2):
        super().__init__(horizon=horizon)
        self.forecasts = forecasts

    def predict_rolling(self, X):
        """Return what was given."""
        return self.forecasts


@pytest.mark.parametrize(
    "forecasts", [np.zeros((3, 2, 1)), np.full((4, 2, 1), np.nan)], ids=["few", "nan"]
)
def test_a_broken_promise_is_an_error(forecasts):
    rows = np.arange(5.0)[:, np.newaxis]
    split = Split(rows, rows, np.ones(1), 0.2)
    with pytest.raises(ValueError, match="expected finite forecasts of shape"):
        forecasting.measure(Broken(forecasts), split, Spent())


def test_a_horizon_beyond_the_rows_is_an_error():
    with pytest.raises(ValueError, match="a horizon of 41 is longer than the 40 rows"):
        forecasting.compute(_keys("last-value", 41), {})


def test_missing_sets_end_with_a_clear_message(tmp_path, capsys):
    words = ["forecasting", "--results", str(tmp_path), "--datasets", "Absent"]
    assert main([*words, "--methods", "last-value"]) == 2
    assert "forecasting sets not found under TSREP_DATA: Absent" in (
        capsys.readouterr().err
    )


def test_plain_methods_take_no_parameters(tmp_path):
    words = ["forecasting", "--results", str(tmp_path), "--methods", "last-value"]
    with pytest.raises(SystemExit, match="last-value takes no parameters"):
        main([*words, "--set", "season=1"])


def _row(result_row, method, seed, horizon, mse, **more):
    return result_row(
        dataset="ETTh1",
        judged_on="test",
        method=method,
        seed=seed,
        horizon=horizon,
        mse=mse,
        mae=mse / 2,
        encoder_seconds=1,
        encode_seconds=4,
        predict_seconds=0.5,
        peak_memory_mb=200,
    ) | {name: str(value) for name, value in more.items()}


def test_report_has_methods_by_horizons_with_the_papers_figures(result_row):
    rows = [
        _row(result_row, "last-value", 0, 168, 1.0),
        _row(result_row, "last-value", 0, 24, 0.5),
        _row(result_row, "trep", 0, 24, 0.3),
        _row(result_row, "trep", 1, 24, 0.5),
    ]
    shown = forecasting.markdown(rows)
    assert (
        "## ETTh1\n\nMean squared error:\n\n"
        "| method | 24 | 168 |\n"
        "| --- | --- | --- |\n"
        "| last-value | 0.500 | **1.00** |\n"
        "| trep | **0.400** ± 0.141 |  |\n"
        "| T-Rep, paper | 0.511 | 0.759 |\n\n"
        "Mean absolute error:\n\n"
    ) in shown
    assert "| T-Rep, paper | 0.496 | 0.649 |" in shown
    assert "Paper: Fraikin" in shown
    cost = "1.0 + 4.0 + 2.0 + 0.5 s, 200 MiB"
    assert f"| ETTh1 | {cost} | {cost} |" in shown


def test_the_papers_figures_stand_beside_those_of_test_parts_alone(result_row):
    inside = _row(result_row, "last-value", 0, 24, 0.5, judged_on="training")
    other = _row(result_row, "last-value", 0, 24, 0.5, dataset="illness")
    for row in (inside, other):
        assert "aper" not in forecasting.markdown([row])
    assert "Test parts are never read" in forecasting.markdown([inside])


@pytest.fixture
def usual_sets(tiny):
    """Write files of the usual sets, which a plan does not read."""
    for name in USUAL_SETS:
        (tiny.parent / f"{name}.npz").touch()


@pytest.mark.usefixtures("usual_sets")
class TestPlan:
    def test_quick_form_is_expected_to_take_at_most_five_minutes(
        self, planned, tmp_path
    ):
        assert main(["forecasting", "--results", str(tmp_path), "--quick"]) == 0
        keys = [key for job in planned for key in job.keys]
        assert {(key["dataset"], key["horizon"]) for key in keys} == {
            ("ETTh1", 24),
            ("ETTh1", 168),
        }
        assert {"none", "trep", "trep-untrained"} <= {key["method"] for key in keys}
        assert 0 < sum(job.expected_seconds for job in planned) <= 300

    def test_full_form_has_one_job_a_set_method_and_seed(self, planned, tmp_path):
        assert main(["forecasting", "--results", str(tmp_path)]) == 0
        n_seeds = [method.most_seeds or 3 for method in METHODS.values()]
        assert len(planned) == len(USUAL_SETS) * sum(n_seeds)
        horizons = [key["horizon"] for key in planned[0].keys]
        assert horizons == [24, 48, 168, 336, 720]


@pytest.mark.parametrize("method", ["none", "trep", "trep-untrained"])
def test_forecasters_on_representations_lead_the_last_value(method):
    parameters = {} if method == "none" else SMALL
    rows = forecasting.compute(_keys(method, 4, 9), parameters)
    last = forecasting.compute(_keys("last-value", 4, 9), {})
    for own, other in zip(rows, last, strict=True):
        assert own["mse"] < other["mse"]
        assert "alpha" in own["chosen"]


def test_pages_show_mean_squared_errors_by_set_and_horizon(result_row):
    rows = [
        result_row(
            dataset=name,
            judged_on="test",
            method=method,
            seed=0,
            horizon=horizon,
            mse=horizon / 100,
            mae=1,
        )
        for name in ("illness", "ETTm1", "ETTh1")
        for horizon in (168, 24)
        for method in ("trep", "ts2vec", "none")
    ]
    assert forecasting.page_table(rows) == (
        "| dataset horizon | none | trep |\n| --- | --- | --- |\n"
        "| ETTh1 24 | **0.240** | **0.240** |\n| ETTh1 168 | **1.68** | **1.68** |\n"
        "| ETTm1 24 | **0.240** | **0.240** |\n| ETTm1 168 | **1.68** | **1.68** |"
    )


@pytest.mark.parametrize("page", forecasting.PAGES, ids=lambda page: page.name)
def test_pages_hold_the_table_of_the_results(page):
    text = page.read_text(encoding="utf-8")
    for edge in ("begin", "end"):
        assert text.count(f"<!-- forecasts: {edge} -->") == 1
    store = forecasting._store(RESULTS, judged_on="test", quick=False)
    assert forecasting.page_table(store.rows()) in text
