"""Tests of judging a training at several steps."""

import numpy as np
import pytest

from benchmarks import budget, datasets
from benchmarks.__main__ import main
from benchmarks.configurations import SETTINGS

SMALL = {"hidden_channels": 8, "n_latents": 4, "n_blocks": 1, "lr": 0.003}
# The twelve series of the set are two batches.
BATCHES = {"batch_size": 6}


def _keys(*steps, poolings=("max",)):
    return [
        {
            "dataset": "Tiny",
            "setting": "default",
            "seed": 0,
            "n_steps": n_steps,
            "pooling": pooling,
        }
        for n_steps in steps
        for pooling in poolings
    ]


def _model(**parameters):
    from sklearn_tsrep import TRepTransformer

    return TRepTransformer(**SMALL, **BATCHES, random_state=0, **parameters)


def _optimizer_steps(model):
    states = model._training_state["optimizer"].values()
    return {int(np.ravel(state["step"])[0]) for state in states}


def test_training_goes_on_from_halt_to_halt():
    X = np.random.default_rng(0).normal(size=(12, 2, 20))
    model = _model(warm_start=True)
    halts, seconds = [], [0.0]
    for n_steps, so_far in budget._halts(model, X, [4, 2, 7]):
        halts.append(n_steps)
        assert _optimizer_steps(model) == ({n_steps} if n_steps else set())
        assert so_far > seconds[-1]
        seconds.append(so_far)
    assert halts == [0, 2, 4, 7]


def test_halts_between_epochs_change_nothing():
    X = np.random.default_rng(0).normal(size=(12, 2, 20))
    halted = _model(warm_start=True)
    for n_steps, _ in budget._halts(halted, X, [2, 6]):
        straight = _model(**({"max_steps": n_steps} if n_steps else {"max_epochs": 0}))
        np.testing.assert_array_equal(halted.transform(X), straight.fit(X).transform(X))


@pytest.mark.usefixtures("few_folds")
def test_rows_are_those_of_their_keys_and_the_test_part_is_not_needed(
    tiny, monkeypatch
):
    tiny(test=False)
    monkeypatch.setattr(datasets, "load_test", None)
    keys = _keys(0, 2, 3, poolings=("max", "max+mean"))
    rows = budget.compute(keys, SMALL | BATCHES)
    assert [row["n_features"] for row in rows] == [4, 8] * 3
    assert [row["n_epochs"] for row in rows] == [0, 0, 2, 2, 3, 3]
    assert all(0 <= row["cv_accuracy"] <= 1 for row in rows)
    (last,) = budget.compute(_keys(2), SMALL | BATCHES)
    assert last["cv_accuracy"] == rows[2]["cv_accuracy"]


@pytest.fixture
def rows(result_row):
    accuracies = {
        ("default", "max+segments2"): [0.5, 0.7],
        ("paper", "segments10"): [0.8, 0.9],
        ("paper", "max+segments2"): [0.6, 0.6],
    }
    return [
        result_row(
            dataset=dataset,
            setting=setting,
            pooling=pooling,
            seed=0,
            n_steps=n_steps,
            cv_accuracy=accuracy,
            fit_seconds=n_steps / 10,
        )
        for dataset in ("A", "B")
        for (setting, pooling), values in accuracies.items()
        for n_steps, accuracy in zip((100, 0), reversed(values), strict=True)
    ]


def test_report_shows_accuracy_and_seconds_by_steps(rows):
    report = budget.markdown([row for row in rows if row["dataset"] == "A"] + rows[-6:])
    accuracies = (
        "| steps | default, max+segments2 | paper, segments10 | paper, max+segments2 |"
        "\n| --- | --- | --- | --- |\n"
        "| 0 (untrained) | 0.500 | **0.800** | 0.600 |\n"
        "| 100 | 0.700 | **0.900** | 0.600 |"
    )
    assert report.count(accuracies) == 3
    for setting in ("default", "paper", "default, paper"):
        assert f"## Mean of {setting}\n\nOver 2 data sets: A, B." in report
    assert (
        "| steps | default | paper |\n| --- | --- | --- |\n"
        "| 0 (untrained) | 0.0 | 0.0 |\n| 100 | 10.0 | 10.0 |"
    ) in report


def test_report_without_a_complete_set_has_the_tables_of_sets(rows):
    report = budget.markdown([rows[0], *[r for r in rows if r["dataset"] == "B"][1:]])
    assert "Over 2 data sets" not in report
    assert "## A" in report
    assert "## B" in report


@pytest.mark.usefixtures("data")
def test_each_setting_has_its_own_pooling_and_number_of_seeds(planned, tmp_path):
    arguments = ["budget", "--results", str(tmp_path), "--steps", "0,10"]
    assert main([*arguments, "--datasets", "BasicMotions"]) == 0
    titles = sorted(job.title.removeprefix("BasicMotions ") for job in planned)
    assert titles == [
        "default seed 0",
        "default seed 1",
        "default seed 2",
        "paper seed 0",
        "ts2vec seed 0",
    ]
    poolings = {
        job.title.split()[1]: list(dict.fromkeys(key["pooling"] for key in job.keys))
        for job in planned
    }
    assert poolings == {
        "default": ["max+segments2"],
        "paper": ["segments10", "max+segments2"],
        "ts2vec": ["max", "max+segments2"],
    }


@pytest.mark.usefixtures("data")
def test_quick_form_is_expected_to_take_at_most_five_minutes(planned, tmp_path):
    assert main(["budget", "--results", str(tmp_path), "--quick"]) == 0
    assert {job.keys[0]["setting"] for job in planned} == set(SETTINGS)
    assert 0 < sum(job.expected_seconds for job in planned) <= 300
