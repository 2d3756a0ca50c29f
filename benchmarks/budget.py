"""How many steps training is worth, by cross-validation inside the training parts.

For each set, setting and seed one encoder a fold is fitted on the series of the other
folds, without labels. Training halts at each number of steps, the latents are judged on
the series held out (benchmarks/judging.py), and training goes on: by warm_start, which
takes up weights, their average, the optimiser and the random draws. Each setting is
judged in its own pooling and in one that all share. The test parts are never opened.

A halt inside an epoch ends it: training goes on with a new epoch in a new order, and
the series that were left in the old one are not made up for. Where halts fall between
epochs the weights are, to the bit, those of a training without halts. Seconds are those
of fitting alone, the short work of taking up included.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, report, running, tasks
from benchmarks.configurations import COMMON_POOLING, SETTINGS
from benchmarks.judging import (
    MEASURED,
    RECIPE,
    expected_seconds,
    folds,
    judge,
    summary,
)
from benchmarks.methods import TREP, describe
from benchmarks.records import Row, Store

HELP = "accuracy by steps and seconds, by cross-validation inside training parts"
KEY = ("dataset", "setting", "seed", "n_steps", "pooling")
STEPS = (0, 25, 50, 100, 200, 400)
QUICK_STEPS = (0, 10, 20)
QUICK_SETS = ["BasicMotions", "JapaneseVowels"]
# A step of the paper's setting costs about five of the others.
N_SEEDS = {"default": 3, "paper": 1, "ts2vec": 1}
EXPECTED_STEP_SECONDS = {"default": 0.25, "paper": 1.25, "ts2vec": 0.2}

_store = partial(tasks.store_of, "budget", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_datasets(parser, "the eight of DATA.md")
    parser.add_argument(
        "--settings",
        type=tasks.names_of(SETTINGS),
        default=list(SETTINGS),
        metavar="NAME,...",
        help=f"of {', '.join(SETTINGS)} (default: all)",
    )
    parser.add_argument(
        "--steps",
        type=tasks.numbers(int),
        metavar="N,...",
        help=f"where to judge (default: {','.join(map(str, STEPS))})",
    )
    seeds = ", ".join(f"{number} for {name}" for name, number in N_SEEDS.items())
    parser.add_argument("--seeds", type=int, metavar="N", help=f"default: {seeds}")


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    names = tasks.chosen_sets(arguments, QUICK_SETS, datasets.EIGHT_SETS)
    store = _store(arguments.results, quick=arguments.quick)
    jobs = _jobs(names, arguments, store)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Train once a fold, and judge the poolings and steps of these keys."""
    seed = keys[0]["seed"]
    X, y = datasets.load_train(keys[0]["dataset"])
    judgements: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for fold in folds(X, y, seed):
        model = TREP(seed, {**parameters, "warm_start": True})
        all_parameters = describe(model)
        for n_steps, seconds in _halts(model, fold.X, [key["n_steps"] for key in keys]):
            fitted = {"fit_seconds": seconds, "n_epochs": int(model.n_iter_)}
            for pooling in [k["pooling"] for k in keys if k["n_steps"] == n_steps]:
                judged = judge(model, fold, pooling, seed)
                judgements[n_steps, pooling].append({**fitted, **judged})
    return [
        {
            **summary(judgements[key["n_steps"], key["pooling"]]),
            "all_parameters": all_parameters,
        }
        for key in keys
    ]


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    return tasks.write_reports_of(_store, markdown, results)


def markdown(rows: list[Row]) -> str:
    """Return the report: means over sets, seconds, and a table for each set."""
    done = _labelled([row for row in rows if not row["error"]])
    parts = [
        "# Accuracy by steps of training",
        RECIPE,
        "Training halts at each number of steps, is judged, and goes on; "
        f"`weight_averaging` averages all steps until then. {_seeds()} A step of the "
        "paper's setting costs about five of the others.",
        report.legend(done, "setting"),
        *_means(done),
        *_tables_of_sets(done),
        report.provenance(done),
        report.notes(rows, KEY, label="setting"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _halts(
    model: Any, X: datasets.Series, steps: Sequence[int]
) -> Iterator[tuple[int, float]]:
    """Train a model; halt at these steps, and yield them with the seconds of fitting.

    It halts at 0 first, where nothing is trained and the weights are random.
    """
    reached, seconds = 0, 0.0
    model.set_params(max_epochs=0)
    for wanted in sorted({0, *steps}):
        if wanted > reached:
            model.set_params(max_epochs="auto", max_steps=wanted - reached)
        start = time.perf_counter()
        model.fit(X)
        seconds += time.perf_counter() - start
        reached = wanted
        yield reached, seconds


def _jobs(
    names: list[str], arguments: argparse.Namespace, store: Store
) -> Iterator[running.Job]:
    """Yield one job a set, setting and seed, for all steps and poolings."""
    done = store.done()
    n_seeds = {
        setting: arguments.seeds or (1 if arguments.quick else N_SEEDS[setting])
        for setting in arguments.settings
    }
    for seed in range(max(n_seeds.values())):
        for name in names:
            for setting in arguments.settings:
                if seed < n_seeds[setting]:
                    yield _job(name, setting, seed, _steps(arguments), done)


def _job(
    name: str, setting: str, seed: int, steps: Sequence[int], done: Sequence[Row]
) -> running.Job:
    shared = {"dataset": name, "setting": setting}
    poolings = dict.fromkeys([TREP.pooling(SETTINGS[setting]), COMMON_POOLING])
    keys = [
        {**shared, "seed": seed, "n_steps": n_steps, "pooling": pooling}
        for n_steps in steps
        for pooling in poolings
    ]
    like = [row for row in done if shared.items() <= row.items()]
    expected_fit = EXPECTED_STEP_SECONDS[setting] * max(steps)
    return running.Job(
        title=f"{name} {setting} seed {seed}",
        keys=keys,
        function=f"{__name__}:compute",
        parameters=SETTINGS[setting],
        expected_seconds=expected_seconds(like, len(keys), expected_fit),
    )


def _steps(arguments: argparse.Namespace) -> Sequence[int]:
    return arguments.steps or (QUICK_STEPS if arguments.quick else STEPS)


def _labelled(rows: list[Row]) -> list[Row]:
    """Return the rows in the order of the tables, with names for lines and columns."""
    order = list(SETTINGS)
    rows = sorted(rows, key=lambda r: (int(r["n_steps"]), order.index(r["setting"])))
    return [
        {
            **row,
            "steps": row["n_steps"] if row["n_steps"] != "0" else "0 (untrained)",
            "way": f"{row['setting']}, {row['pooling']}",
        }
        for row in rows
    ]


def _seeds() -> str:
    numbers = ", ".join(f"{number} for {name}" for name, number in N_SEEDS.items())
    return f"Seeds, unless the command says otherwise: {numbers}."


def _means(rows: list[Row]) -> Iterator[str]:
    """Yield accuracy and seconds of each setting, over the sets that it is done on.

    Then those of all settings, over the sets and steps that they share.
    """
    settings = report.in_order(rows, "setting")
    for setting in settings:
        yield from _mean(setting, [row for row in rows if row["setting"] == setting])
    if len(settings) > 1:
        yield from _mean(", ".join(settings), _shared(rows))


def _mean(title: str, rows: list[Row]) -> Iterator[str]:
    others = ("setting", "pooling", "n_steps", "seed")
    sets = report.common(rows, "dataset", others)
    if not sets:
        return
    kept = [row for row in rows if row["dataset"] in sets]
    yield f"## Mean of {title}"
    yield f"Over {len(sets)} data sets: {', '.join(sorted(sets))}."
    yield _table(report.average(kept, "dataset", others))
    yield "Seconds of fitting until then, without judging:"
    yield _seconds_table(kept)


def _shared(rows: list[Row]) -> list[Row]:
    """Return the rows of the first seed, at the steps that all settings have."""
    steps = report.common(rows, "n_steps", ("setting",))
    return [row for row in rows if row["n_steps"] in steps and row["seed"] == "0"]


def _tables_of_sets(rows: list[Row]) -> Iterator[str]:
    for name in sorted(report.in_order(rows, "dataset")):
        yield f"## {name}"
        yield _table([row for row in rows if row["dataset"] == name])


def _table(rows: list[Row]) -> str:
    return report.table(rows, "steps", "way", "cv_accuracy", mean_row=False)


def _seconds_table(rows: list[Row]) -> str:
    settings = report.in_order(rows, "setting")
    lines = [["steps", *settings]]
    for steps in report.in_order(rows, "steps"):
        own = [row for row in rows if row["steps"] == steps]
        lines.append([steps, *[_mean_seconds(own, setting) for setting in settings]])
    return report.grid(lines)


def _mean_seconds(rows: list[Row], setting: str) -> str:
    values = [float(row["fit_seconds"]) for row in rows if row["setting"] == setting]
    return f"{np.mean(values):.1f}" if values else ""
