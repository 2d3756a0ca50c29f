"""Tests of the ablation, most with a stand-in for the encoder."""

import numpy as np
import pytest

from benchmarks import ablation, datasets
from benchmarks.__main__ import main
from benchmarks.configurations import Configuration
from benchmarks.methods import Encoder
from benchmarks.records import RESULTS

TREP = ablation.METHODS["trep"]
DMAE = ablation.METHODS["dmae"]


class StandIn:
    """An encoder that pools the raw series."""

    n_iter_ = 1
    seen: list = []  # noqa: RUF012  each test starts with an empty one

    def fit(self, X):
        """Keep what it is fitted on."""
        StandIn.seen.append(X)
        return self

    def set_params(self, pooling):
        """Keep the pooling."""
        self.pooling = pooling
        return self

    def transform(self, X):
        """Pool the raw series."""
        names = [self.pooling] if isinstance(self.pooling, str) else self.pooling
        return np.hstack([getattr(np, f"nan{name}")(X, axis=2) for name in names])


@pytest.fixture
def stand_in(monkeypatch, few_folds):
    monkeypatch.setattr(StandIn, "seen", [])
    return StandIn


def _compute(keys, parameters):
    return ablation.compute(lambda seed, parameters: StandIn(), keys, parameters)


def _keys(*poolings, seed=0):
    shared = {"dataset": "Tiny", "seed": seed}
    return [{**shared, "pooling": pooling} for pooling in poolings]


def test_one_fit_a_fold_serves_all_poolings_and_no_test_part_is_needed(tiny, stand_in):
    tiny(test=False)
    rows = _compute(_keys("max", "mean", "max+mean"), {})
    assert [len(X) for X in stand_in.seen] == [6, 6]
    assert [row["n_features"] for row in rows] == [2, 2, 4]
    assert all(row["cv_accuracy"] == 1.0 for row in rows)


@pytest.mark.usefixtures("stand_in")
def test_the_test_part_is_never_asked_for(tiny, monkeypatch):
    tiny()
    monkeypatch.setattr(datasets, "load_test", None)
    assert len(_compute(_keys("max"), {})) == 1


def test_all_seeds_and_configurations_with_gaps_lose_the_same_values(tiny, stand_in):
    tiny()
    for seed, name in enumerate(["gaps-all", "gaps-any", "gaps-untrained", "default"]):
        _compute(_keys("max", seed=seed), TREP.configurations[name].described())
    lost = [np.isnan(X).sum() for X in stand_in.seen]
    assert lost == [6 * round(0.3 * 40)] * 6 + [0, 0]


@pytest.fixture
def rows(result_row):
    figures = {
        ("A", "default"): [0.6, 0.8],
        ("A", "mlp"): [0.5, 0.6],
        ("B", "default"): [1.0, 1.0],
        ("B", "mlp"): [1.0, 1.0],
        ("C", "default"): [0.1],
    }
    return [
        result_row(
            dataset=dataset,
            configuration=configuration,
            pooling="max+segments2",
            seed=seed,
            cv_accuracy=accuracy,
        )
        for (dataset, configuration), values in figures.items()
        for seed, accuracy in enumerate(values)
    ]


def test_report_compares_with_default_over_complete_sets_only(rows):
    report = ablation.markdown(TREP, rows)
    assert "Mean over 2 data sets (A, B), first seed, by pooling:" in report
    assert "| default | **0.800** |" in report
    assert (
        "| configuration | A | B | C | mean of 2 | seconds to fit |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| default | 0.700 | 1.000 | 0.100 | 0.850 ± 0.071 | 2.0 |\n"
        "| mlp | 0.550 | 1.000 |  | 0.775 ± 0.035 (-0.075 ± 0.035) | 2.0 |"
    ) in report


def test_a_seed_that_only_some_sets_have_takes_none_from_the_mean(rows):
    kept = [row for row in rows if (row["dataset"], row["seed"]) != ("B", "1")]
    assert len(kept) == len(rows) - 2
    report = ablation.markdown(TREP, kept)
    assert "| mlp | 0.550 | 1.000 |  | 0.750 (-0.050) | 2.0 |" in report


def test_report_has_a_heading_for_each_group_with_rows(rows):
    report = ablation.markdown(TREP, rows)
    headings = [line for line in report.splitlines() if line.startswith("#")]
    assert headings == [
        "# What each choice of TRepTransformer is worth",
        "## Control",
        "## Rows of the paper",
    ]
    assert "removed_values" in report


def test_report_of_another_method_has_its_groups(rows):
    rows = [
        row | {"configuration": row["configuration"].replace("mlp", "alignment-only")}
        for row in rows
    ]
    report = ablation.markdown(DMAE, rows)
    assert "# What each choice of DMAETransformer is worth" in report
    assert "## Objectives" in report
    assert "| alignment-only | 0.550 |" in report
    assert "removed_values" not in report


@pytest.mark.parametrize(
    ("method", "name"), [("trep", "alignment-only"), ("dmae", "mlp")]
)
def test_a_configuration_of_another_method_is_named(tmp_path, method, name):
    arguments = ["ablation", "--results", str(tmp_path), "--method", method]
    with pytest.raises(SystemExit, match=f"{method} has no configuration '{name}'"):
        main([*arguments, "--configs", f"default,{name}"])


def test_what_repeats_the_default_is_left_out():
    groups = {
        "All": {
            "default": Configuration(),
            "untrained": Configuration({"max_epochs": 0}),
            "same": Configuration({"kernel_size": 3}),
            "gaps": Configuration(removed_values=0.3),
        }
    }
    method = ablation.Ablated("some", Encoder("trep"), groups, quick=())
    assert method.distinct() == ["default", "untrained", "gaps"]


def test_results_at_hand_can_be_read():
    rows = TREP.store(RESULTS, quick=False).rows()
    assert {row["configuration"] for row in rows} <= set(TREP.configurations)


def test_missing_data_ends_with_a_clear_message(data, tmp_path, capsys):
    arguments = ["ablation", "--results", str(tmp_path), "--datasets", "Tiny"]
    assert main(arguments) == 2
    assert "not found under TSREP_DATA: Tiny" in capsys.readouterr().err


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("method", ablation.METHODS)
def test_quick_form_is_expected_to_take_at_most_five_minutes(planned, tmp_path, method):
    arguments = ["ablation", "--results", str(tmp_path), "--method", method]
    assert main([*arguments, "--quick"]) == 0
    assert {job.keys[0]["seed"] for job in planned} == {0}
    assert 0 < sum(job.expected_seconds for job in planned) <= 300


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("method", ablation.METHODS)
def test_the_pooling_of_the_defaults_is_among_those_judged(planned, tmp_path, method):
    arguments = ["ablation", "--results", str(tmp_path), "--method", method]
    assert main([*arguments, "--quick", "--configs", "default"]) == 0
    for job in planned:
        poolings = [key["pooling"] for key in job.keys]
        assert ablation.METHODS[method].pooling in poolings
        assert len(set(poolings)) == len(poolings)


@pytest.mark.parametrize(
    ("method", "configuration", "file"),
    [("trep", "gaps-untrained", "ablation"), ("dmae", "untrained", "ablation-dmae")],
)
def test_rows_come_through_the_command_line(
    tiny, tmp_path, method, configuration, file
):
    tiny(test=False)
    arguments = ["ablation", "--results", str(tmp_path), "--datasets", "Tiny"]
    arguments += ["--method", method, "--configs", configuration, "--seeds", "1"]
    assert main([*arguments, "--poolings", "max"]) == 0
    (row,) = ablation.METHODS[method].store(tmp_path, quick=False).done()
    assert float(row["cv_accuracy"]) > 0.5
    assert sorted(path.name for path in tmp_path.glob("abl*")) == [
        f"{file}.csv",
        f"{file}.md",
    ]
    report = (tmp_path / f"{file}.md").read_text(encoding="utf-8")
    assert f"- {configuration}: `" in report
