"""Test accuracy when time steps are missing, as in T-Rep's paper.

A share of the time steps of each series, in all of its channels, is set to NaN in the
training part and in the test part. The encoder is fitted without labels on what is
left; the recipe is in benchmarks/recipe.py. A seed decides both what is removed and
how the encoder is drawn. All methods lose the same steps, and a larger share takes
those of a smaller one and more. The test part is read once a row.

To the encoder, steps missing at either end of a series are no part of it, and time
counts from the first step that is there.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import datasets, report, running, tasks
from benchmarks.classification import MEASURED, measure
from benchmarks.configurations import SETTINGS
from benchmarks.gaps import remove_steps
from benchmarks.methods import Encoder, describe
from benchmarks.recipe import fit_svm
from benchmarks.records import Row, Store

HELP = "test accuracy when a share of the time steps is missing"
KEY = ("dataset", "share", "method", "seed")
METHODS = {
    "trep": Encoder("trep", SETTINGS["default"]),
    "ts2vec": Encoder("trep", SETTINGS["ts2vec"]),
    "untrained": Encoder("trep", {**SETTINGS["default"], "max_epochs": 0}),
    "dmae": Encoder("dmae"),
    "dmae-untrained": Encoder("dmae", {"max_epochs": 0}),
    "union": Encoder("trep+dmae"),
}
PAPER_SET = "ArticularyWordRecognition"
PAPER_ACCURACY = {"0.0": 0.98, "0.9": 0.865}
PAPER_CHANGE = {"0.75": -0.013}
PAPER_TEXT = (
    "Paper: Fraikin, Bennetot and Allassonnière, T-Rep: Representation Learning for "
    "Time Series using Time-Embeddings, ICLR 2024, mean of 6 runs: accuracy of 98 % "
    "on complete data falls by 1.3 points with 75 % of the steps missing, and is "
    "86.5 % with 90 % missing (its TS2Vec: 82.7 %)."
)
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)
QUICK_SHARES = (0.0, 0.75)
PARTS = {"train": 0, "test": 1}
EXPECTED_SECONDS = {
    "trep": 20.0,
    "ts2vec": 40.0,
    "untrained": 10.0,
    "dmae": 20.0,
    "dmae-untrained": 10.0,
    "union": 40.0,
}

_store = partial(tasks.store_of, "missing", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_datasets(parser, PAPER_SET)
    parser.add_argument(
        "--shares",
        type=tasks.numbers(float, below=1),
        metavar="SHARE,...",
        help=f"of the steps to remove (default: {','.join(map(str, SHARES))})",
    )
    parser.add_argument(
        "--methods",
        type=tasks.names_of(METHODS),
        default=list(METHODS),
        metavar="NAME,...",
        help=f"of {', '.join(METHODS)} (default: all)",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="default: 6")


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    names = tasks.chosen_sets(arguments, ["BasicMotions"], [PAPER_SET])
    store = _store(arguments.results, quick=arguments.quick)
    jobs = _jobs(names, arguments, store)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit, transform, choose C and read the test accuracy once, for a single key."""
    (key,) = keys
    model = METHODS[key["method"]](key["seed"], parameters)
    train, test = (_damaged(part, key) for part in PARTS)
    row = measure(model, fit_svm, key["seed"], train, test)
    return [{**row, "all_parameters": describe(model)}]


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    return tasks.write_reports_of(_store, markdown, results)


def markdown(rows: list[Row]) -> str:
    """Return the report: a section for each data set."""
    done = [row for row in rows if not row["error"]]
    parts = [
        "# Missing time steps",
        "Accuracy on the archive's test part, mean ± standard deviation over runs. "
        "The share of the time steps is removed from every series of both parts, in "
        "all channels; the same steps for all methods, others in each run.",
        report.legend(done, "method"),
        *_sections(done),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _damaged(part: str, key: Mapping[str, Any]) -> datasets.Part:
    """Return a part of the set with its share of steps removed."""
    load = {"train": datasets.load_train, "test": datasets.load_test}[part]
    X, y = load(key["dataset"])
    return remove_steps(X, key["share"], [key["seed"], PARTS[part]]), y


def _jobs(
    names: list[str], arguments: argparse.Namespace, store: Store
) -> Iterator[running.Job]:
    """Yield one job a row."""
    quick = arguments.quick
    known = report.mean_seconds(store.done(), ("dataset", "method"))
    shares = arguments.shares or (QUICK_SHARES if quick else SHARES)
    seeds = range(arguments.seeds or (1 if quick else 6))
    for seed, *rest in itertools.product(seeds, names, shares, arguments.methods):
        name, share, method = rest
        yield running.Job(
            title=f"{name} {share:g} missing {method} seed {seed}",
            keys=[dict(zip(KEY, [*rest, seed], strict=True))],
            function=f"{__name__}:compute",
            parameters=METHODS[method].fixed,
            all_parameters=METHODS[method].resolve({}),
            expected_seconds=known.get((name, method), EXPECTED_SECONDS[method]),
        )


def _sections(rows: list[Row]) -> Iterator[str]:
    for name in sorted(report.in_order(rows, "dataset")):
        own = [row for row in rows if row["dataset"] == name]
        is_papers = name == PAPER_SET
        yield f"## {name}"
        yield _table(own, "accuracy", PAPER_ACCURACY if is_papers else {})
        yield "Change against the same run on complete data:"
        yield _table(_changes(own), "change", PAPER_CHANGE if is_papers else {})
        if is_papers:
            yield PAPER_TEXT


def _table(rows: list[Row], value: str, paper: Mapping[str, float]) -> str:
    rows = sorted(rows, key=lambda row: float(row["share"]))
    extra = report.Column("T-Rep, paper", paper) if paper else None
    return report.table(rows, "share", "method", value, extra=extra, mean_row=False)


def _changes(rows: list[Row]) -> list[Row]:
    """Return the rows with missing steps, beside each what it lost."""
    complete = {
        (row["method"], row["seed"]): float(row["accuracy"])
        for row in rows
        if float(row["share"]) == 0
    }
    return [
        {**row, "change": str(float(row["accuracy"]) - complete[run])}
        for row in rows
        if (run := (row["method"], row["seed"])) in complete and float(row["share"])
    ]
