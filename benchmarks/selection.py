"""Choosing defaults by cross-validation inside the training parts.

For each set, configuration and seed the encoder is fitted once on the whole training
part, without labels. Each pooling of its latents is then judged by repeated stratified
cross-validation of the recipe (benchmarks/recipe.py), C chosen again inside each
training fold. The splits are the same for all configurations, seeds and poolings. The
test parts are never opened.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, report, running
from benchmarks.classification import describe
from benchmarks.configurations import CONFIGURATIONS, POOLINGS
from benchmarks.methods import build_trep
from benchmarks.recipe import nested_accuracy
from benchmarks.records import Row, Store

HELP = "cross-validation inside training parts, for choosing defaults"
KEY = ("dataset", "configuration", "seed", "pooling")
MEASURED = (
    "cv_accuracy",
    "cv_sd",
    "n_features",
    "n_epochs",
    "fit_seconds",
    "transform_seconds",
    "evaluate_seconds",
)
REPEATS = 3
EXPECTED_FIT_SECONDS = 60.0
EXPECTED_POOLING_SECONDS = 10.0
QUICK_SETS = ["BasicMotions", "JapaneseVowels"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    parser.add_argument(
        "--datasets",
        type=running.comma_separated,
        metavar="NAME,...",
        help="default: the eight of DATA.md",
    )
    parser.add_argument(
        "--configs",
        type=running.comma_separated,
        default=["default", "untrained"],
        metavar="NAME,...",
        help="names in benchmarks/configurations.py (default: default,untrained)",
    )
    parser.add_argument(
        "--config-file",
        type=Path,
        metavar="FILE.json",
        help="more configurations: {name: {parameter: value}}",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="default: 2")
    parser.add_argument(
        "--poolings",
        type=running.comma_separated,
        metavar="NAME,...",
        help=(
            "several at once by '+', the number of segments behind their name, as "
            f"in max+segments2 (default: {','.join(POOLINGS)})"
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    configurations = _configurations(arguments)
    names = arguments.datasets or _default_sets(arguments)
    datasets.require(names)
    store = _store(arguments.results, quick=arguments.quick)
    jobs = list(_jobs(names, configurations, arguments, store))
    failures = running.run_jobs(jobs, store, arguments)
    for file in write_reports(arguments.results):
        running.say(f"wrote {file}")
    return 1 if failures else 0


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit once for keys that differ in their pooling only, then judge each pooling."""
    X, y = datasets.load_train(keys[0]["dataset"])
    model = build_trep(keys[0]["seed"], parameters)
    all_parameters = describe(model)
    start = time.perf_counter()
    model.fit(X)
    shared = {
        "fit_seconds": round(time.perf_counter() - start, 3),
        "n_epochs": int(model.n_iter_),
        "all_parameters": all_parameters,
    }
    return [{**shared, **_judge(model, X, y, key["pooling"])} for key in keys]


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    stores = [_store(results, quick=quick) for quick in (False, True)]
    return report.write(stores, markdown)


def markdown(rows: list[Row]) -> str:
    """Return the report: a table over all sets, then one a configuration."""
    done = [row for row in rows if not row["error"]]
    parts = [
        "# Choosing defaults inside training parts",
        f"Accuracy in {REPEATS} repeats of stratified cross-validation on the training "
        "parts (at most 5 folds, C chosen inside each training fold), mean ± standard "
        "deviation over seeds. The encoder is fitted once a seed on the whole training "
        "part, without labels. Test parts are never read.",
        "## Mean over data sets",
        *_mean_tables(done),
        "## Per data set",
        *_tables_of_configurations(done),
        report.provenance(done),
        report.notes(rows, KEY, label="configuration"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _configurations(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    known = dict(CONFIGURATIONS)
    if arguments.config_file:
        known.update(json.loads(arguments.config_file.read_text(encoding="utf-8")))
    unknown = [name for name in arguments.configs if name not in known]
    if unknown:
        raise SystemExit(
            f"error: unknown configuration {unknown[0]!r}; there are {', '.join(known)}"
        )
    return {name: known[name] for name in arguments.configs}


def _default_sets(arguments: argparse.Namespace) -> list[str]:
    return QUICK_SETS if arguments.quick else list(datasets.EIGHT_SETS)


def _poolings(arguments: argparse.Namespace) -> list[str]:
    return arguments.poolings or (
        ["max", "segments"] if arguments.quick else list(POOLINGS)
    )


def _store(results: Path, *, quick: bool) -> Store:
    name = "select-quick.csv" if quick else "select.csv"
    return Store(results / name, KEY, MEASURED)


def _jobs(
    names: list[str],
    configurations: Mapping[str, Mapping[str, Any]],
    arguments: argparse.Namespace,
    store: Store,
) -> Iterator[running.Job]:
    """Yield one job a set, configuration and seed, for all poolings."""
    known = report.mean_seconds(store.done(), ("dataset", "configuration"))
    for seed in range(arguments.seeds or (1 if arguments.quick else 2)):
        for name in names:
            for configuration, parameters in configurations.items():
                keys = [
                    {
                        "dataset": name,
                        "configuration": configuration,
                        "seed": seed,
                        "pooling": pooling,
                    }
                    for pooling in _poolings(arguments)
                ]
                fit = known.get((name, configuration), EXPECTED_FIT_SECONDS)
                yield running.Job(
                    title=f"{name} {configuration} seed {seed}",
                    keys=keys,
                    function=f"{__name__}:compute",
                    parameters=parameters,
                    expected_seconds=fit + EXPECTED_POOLING_SECONDS * len(keys),
                )


def pooling_parameters(pooling: str) -> dict[str, Any]:
    """Read a name such as "max+segments2": poolings by '+', the segments' number.

    >>> pooling_parameters("max+segments2")
    {'pooling': ['max', 'segments'], 'n_segments': 2}
    """
    names, n_segments = pooling.split("+"), None
    for place, name in enumerate(names):
        count = name.removeprefix("segments")
        if name != count and count:
            names[place], n_segments = "segments", int(count)
    parameters: dict[str, Any] = {"pooling": names if len(names) > 1 else names[0]}
    return parameters if n_segments is None else parameters | {"n_segments": n_segments}


def _judge(model: Any, X: Any, y: np.ndarray, pooling: str) -> dict[str, Any]:
    try:
        return _judge_or_raise(model, X, y, pooling)
    except Exception as error:  # one pooling must not lose the others
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def _judge_or_raise(model: Any, X: Any, y: np.ndarray, pooling: str) -> dict[str, Any]:
    model.set_params(**pooling_parameters(pooling))
    start = time.perf_counter()
    features = np.asarray(model.transform(X))
    transformed = time.perf_counter()
    accuracies = nested_accuracy(features, y, REPEATS)
    return {
        "cv_accuracy": float(np.mean(accuracies)),
        "cv_sd": float(np.std(accuracies, ddof=1)),
        "n_features": features.shape[1],
        "transform_seconds": round(transformed - start, 3),
        "evaluate_seconds": round(time.perf_counter() - transformed, 3),
    }


def _mean_tables(rows: list[Row]) -> Iterator[str]:
    """Yield configurations x poolings, each cell over the sets that all cells have."""
    sets = report.common(rows, "dataset", ("configuration", "pooling", "seed"))
    if not sets:
        yield (
            "No data set has all configurations, poolings and seeds yet; see the "
            "tables per data set."
        )
        return
    kept = report.average([row for row in rows if row["dataset"] in sets], "dataset")
    yield f"Over {len(sets)} data sets: {', '.join(sorted(sets))}."
    yield report.table(kept, "configuration", "pooling", "cv_accuracy", mean_row=False)


def _tables_of_configurations(rows: list[Row]) -> Iterator[str]:
    for configuration in report.in_order(rows, "configuration"):
        own = [row for row in rows if row["configuration"] == configuration]
        seconds = np.mean([float(row["fit_seconds"]) for row in own])
        yield f"### {configuration}: `{own[0]['parameters']}`"
        yield report.table(own, "dataset", "pooling", "cv_accuracy")
        yield f"Fitting took {seconds:.1f} s on average."
