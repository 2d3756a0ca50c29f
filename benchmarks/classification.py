"""Test accuracy of each method's features on classification sets.

Features are made without labels: the encoder is fitted once on the whole training
part, and the cross-validation that chooses C runs on its features, so the encoder has
seen the (unlabelled) series of every fold. The test part is read once, for the
accuracy that the row reports. The recipe is in benchmarks/recipe.py. It is the same
for all methods but MiniRocket, which comes with its own usual classifier.

Without --methods, those that lack a package or a choice are left out with a note.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, report, running, tasks
from benchmarks.methods import METHODS, describe
from benchmarks.paper import SOURCE, TREP_UEA_ACCURACY
from benchmarks.recipe import Chosen
from benchmarks.records import ROOT, Row

HELP = "test accuracy on classification sets, with control, peers and cost"
KEY = ("dataset", "method", "seed")
SECONDS = ("fit_seconds", "transform_seconds", "classifier_seconds")
MEASURED = ("accuracy", "cv_accuracy", "chosen", "n_features", *SECONDS)
QUICK_SETS = ["BasicMotions", "JapaneseVowels"]
# Claims are about the first of a group minus each of the others, seed by seed.
COMPARED = (
    ("trep", "untrained-best", "minirocket"),
    ("dmae", "dmae-untrained", "dmae-untrained-best", "trep"),
    ("union", "trep", "dmae"),
)
README = ROOT / "README.md"
# What the README has room for.
README_METHODS = (
    "raw-svm",
    "minirocket",
    "untrained",
    "untrained-best",
    "trep",
    "dmae-untrained",
    "dmae",
)

Means = Mapping[str, float]

_store = partial(tasks.store_of, "classification", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_methods(parser, METHODS, "all; quick ones with --quick")
    tasks.add_datasets(parser, "the eight of DATA.md")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help=f"default: 3; {_seed_limits()}"
    )
    tasks.add_parameters(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    usual = [name for name in METHODS if METHODS[name].is_quick or not arguments.quick]
    store = _store(arguments.results, quick=arguments.quick)
    keys = partial(_keys, arguments)
    jobs = tasks.jobs_of(__name__, METHODS, usual, arguments, store, keys)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit, transform, choose C and read the test accuracy once, for a single key."""
    (key,) = keys
    method = METHODS[tasks.plain_name(key["method"])]
    X, y = datasets.load_train(key["dataset"])
    X_test, y_test = datasets.load_test(key["dataset"])
    model = method.build(key["seed"], parameters)
    if hasattr(model, "warm_up"):
        model.warm_up(X)
    row = measure(model, method.fit_classifier, key["seed"], (X, y), (X_test, y_test))
    return [{**row, "all_parameters": describe(model, method.package)}]


def measure(
    model: Any,
    fit_classifier: Callable[[np.ndarray, np.ndarray, int], Chosen],
    seed: int,
    train: datasets.Part,
    test: datasets.Part,
) -> dict[str, Any]:
    """Return the measured columns: fit, transform, choose, read the test part once."""
    (X, y), (X_test, y_test) = train, test
    start = time.perf_counter()
    model.fit(X)
    fitted = time.perf_counter()
    features, features_test = (
        np.asarray(model.transform(part)) for part in (X, X_test)
    )
    transformed = time.perf_counter()
    classifier = fit_classifier(features, y, seed)
    chosen = time.perf_counter()
    return {
        "accuracy": float(classifier.model.score(features_test, y_test)),
        "cv_accuracy": classifier.cv_accuracy,
        "chosen": classifier.setting,
        "n_features": features.shape[1],
        "fit_seconds": round(fitted - start, 3),
        "transform_seconds": round(transformed - fitted, 3),
        "classifier_seconds": round(chosen - transformed, 3),
    }


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder.

    The table of the project's own results goes into the README as well.
    """
    store = _store(results, quick=False)
    report.fill_pages(store, [README], readme_table)
    return tasks.write_reports_of(_store, markdown, results)


def readme_table(rows: list[Row]) -> str:
    """Return the table of accuracies with README_METHODS alone."""
    return accuracy_table([row for row in rows if row["method"] in README_METHODS])


def accuracy_table(rows: list[Row]) -> str:
    """Return sets x methods, with the figures of T-Rep's paper."""
    paper = report.Column("T-Rep, paper", TREP_UEA_ACCURACY)
    done = [row for row in rows if not row["error"]]
    return report.table(done, "dataset", "method", "accuracy", extra=paper)


def differences_tables(rows: Sequence[Row]) -> str:
    """Return the table of each group of COMPARED that has one."""
    tables = [differences_table(rows, group) for group in COMPARED]
    return "\n\n".join(table for table in tables if table)


def differences_table(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """Return the means of some methods in every seed, and what the first has more.

    The means are over the sets that have all methods and seeds there are. The text is
    empty without such a set, without the first method, and without another.
    """
    compared = [r for r in rows if r["method"] in methods and not r["error"]]
    sets = report.common(compared, "dataset", ("method", "seed"))
    means = _means_by_seed([row for row in compared if row["dataset"] in sets])
    first, *others = methods
    others = [name for name in others if name in means]
    if first not in means or not others:
        return ""
    seeds = sorted({row["seed"] for row in compared}, key=int)
    differences = {
        f"{first} minus {name}": _minus(means[first], means[name]) for name in others
    }
    lines = [
        [f"mean of {len(sets)}", *(f"seed {seed}" for seed in seeds)],
        *(_seed_line(name, means[name], seeds, ".3f") for name in [first, *others]),
        *(_seed_line(name, differences[name], seeds, "+.3f") for name in differences),
    ]
    return report.grid(lines)


def markdown(rows: list[Row]) -> str:
    """Return the report on these rows."""
    done = [row for row in rows if not row["error"]]
    parts = [
        "# Classification accuracy",
        "Mean ± standard deviation over seeds on the archive's test parts. Features "
        "are made without labels on the training part; C is chosen by cross-validation "
        "of the features of the training part, which the encoder has seen as a whole; "
        "test accuracy is read once.",
        accuracy_table(rows),
        differences_tables(rows),
        tasks.legend(done, METHODS),
        f"Paper: {SOURCE}.",
        "## Cost",
        "Mean over seeds: seconds to fit + to transform both parts + to choose and fit "
        "the classifier, and peak memory of the row's own process with data and "
        "libraries. Loading libraries and MiniRocket's compilation are not timed.",
        tasks.cost_table(done, SECONDS),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _seed_limits() -> str:
    limits = {name: method.most_seeds for name, method in METHODS.items()}
    return ", ".join(f"at most {n} of {name}" for name, n in limits.items() if n)


def _keys(
    arguments: argparse.Namespace, methods: Iterable[str]
) -> Iterator[dict[str, Any]]:
    names = tasks.chosen_sets(arguments, QUICK_SETS, datasets.EIGHT_SETS)
    n_seeds = arguments.seeds or (1 if arguments.quick else 3)
    for seed, name, method in itertools.product(range(n_seeds), names, methods):
        if seed < (METHODS[method].most_seeds or n_seeds):
            yield {"dataset": name, "method": method, "seed": seed}


def _means_by_seed(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Return method -> seed -> mean accuracy."""
    accuracies: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        of_method = accuracies.setdefault(row["method"], {})
        of_method.setdefault(row["seed"], []).append(float(row["accuracy"]))
    return {
        method: {seed: float(np.mean(values)) for seed, values in of_method.items()}
        for method, of_method in accuracies.items()
    }


def _minus(means: Means, others: Means) -> Means:
    return {seed: means[seed] - others[seed] for seed in means if seed in others}


def _seed_line(title: str, values: Means, seeds: Sequence[str], form: str) -> list[str]:
    return [title, *(format(values[s], form) if s in values else "" for s in seeds)]
