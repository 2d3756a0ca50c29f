"""Test accuracy of each method's features on classification sets.

Features are made without labels: the encoder is fitted once on the whole training
part, and the cross-validation that chooses C runs on its features, so the encoder has
seen the (unlabelled) series of every fold. The test part is read once, for the
accuracy that the row reports. The recipe is in benchmarks/recipe.py. It is the same
for all methods but MiniRocket, which comes with its own usual classifier.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, report, running
from benchmarks.methods import METHODS
from benchmarks.paper import SOURCE, TREP_UEA_ACCURACY
from benchmarks.records import RESULTS, ROOT, Row, Store

HELP = "test accuracy on classification sets, with control, peers and cost"
KEY = ("dataset", "method", "seed")
MEASURED = (
    "accuracy",
    "cv_accuracy",
    "chosen",
    "n_features",
    "fit_seconds",
    "transform_seconds",
    "classifier_seconds",
)
QUICK_SETS = ["BasicMotions", "JapaneseVowels"]
README = ROOT / "README.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    parser.add_argument(
        "--methods",
        type=running.comma_separated,
        default=list(METHODS),
        metavar="NAME,...",
        help=f"of {', '.join(METHODS)} (default: all)",
    )
    parser.add_argument(
        "--datasets",
        type=running.comma_separated,
        metavar="NAME,...",
        help="any UEA set whose files are there (default: the eight of DATA.md)",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="default: 3")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the encoder, its value as JSON or plain text; repeatable",
    )
    parser.add_argument(
        "--label", default="", help="name of the rows with --set: METHOD:LABEL"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    parameters = parse_parameters(arguments.set)
    _check(arguments, parameters)
    names = arguments.datasets or _default_sets(arguments)
    datasets.require(names)
    store = _store(arguments.results, quick=arguments.quick)
    jobs = list(_jobs(names, arguments, parameters, store))
    failures = running.run_jobs(jobs, store, arguments)
    for file in write_reports(arguments.results):
        running.say(f"wrote {file}")
    return 1 if failures else 0


def parse_parameters(settings: list[str]) -> dict[str, Any]:
    """Turn ["name=value", ...] into parameters; a value that is no JSON is a text."""
    parameters = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.isidentifier():
            raise SystemExit(f"error: --set wants NAME=VALUE, got {setting!r}")
        try:
            parameters[name] = json.loads(value)
        except json.JSONDecodeError:
            parameters[name] = value
    return parameters


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit, transform, choose C and read the test accuracy once, for a single key."""
    (key,) = keys
    method = METHODS[_plain_name(key["method"])]
    X, y = datasets.load_train(key["dataset"])
    X_test, y_test = datasets.load_test(key["dataset"])
    model = method.build(key["seed"], parameters)
    if hasattr(model, "warm_up"):
        model.warm_up(X)
    start = time.perf_counter()
    model.fit(X)
    fitted = time.perf_counter()
    features, features_test = np.asarray(model.transform(X)), model.transform(X_test)
    transformed = time.perf_counter()
    classifier = method.fit_classifier(features, y, key["seed"])
    ended = time.perf_counter()
    row = {
        "accuracy": float(classifier.model.score(np.asarray(features_test), y_test)),
        "cv_accuracy": classifier.cv_accuracy,
        "chosen": classifier.setting,
        "n_features": features.shape[1],
        "fit_seconds": round(fitted - start, 3),
        "transform_seconds": round(transformed - fitted, 3),
        "classifier_seconds": round(ended - transformed, 3),
        "all_parameters": describe(model),
    }
    return [row]


def describe(model: Any) -> str:
    """Return all parameters of an estimator but its seed as JSON, or an empty text."""
    if not hasattr(model, "get_params"):
        return ""
    parameters = {**model.get_params(deep=False)}
    parameters.pop("random_state", None)
    return json.dumps(parameters, sort_keys=True, default=repr)


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder.

    The table of the project's own results goes into the README as well.
    """
    stores = [_store(results, quick=quick) for quick in (False, True)]
    if results == RESULTS and stores[0].path.exists():
        report.fill_between_markers(README, accuracy_table(stores[0].rows()))
    return report.write(stores, markdown)


def accuracy_table(rows: list[Row]) -> str:
    """Return sets x methods, with the figures of T-Rep's paper."""
    paper = report.Column("T-Rep, paper", TREP_UEA_ACCURACY)
    done = [row for row in rows if not row["error"]]
    return report.table(done, "dataset", "method", "accuracy", extra=paper)


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
        _legend(done),
        f"Paper: {SOURCE}.",
        "## Cost",
        "Mean over seeds: seconds to fit + to transform both parts + to choose and fit "
        "the classifier, and peak memory of the row's own process with data and "
        "libraries. Loading libraries and MiniRocket's compilation are not timed.",
        _cost_table(done),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _check(arguments: argparse.Namespace, parameters: Mapping[str, Any]) -> None:
    unknown = [name for name in arguments.methods if name not in METHODS]
    if unknown:
        known = ", ".join(METHODS)
        raise SystemExit(f"error: unknown method {unknown[0]!r}; there are {known}")
    plain = [name for name in arguments.methods if not METHODS[name].takes_parameters]
    if parameters and plain:
        raise SystemExit(
            f"error: {plain[0]} takes no parameters; leave it out of --methods when "
            "using --set"
        )
    if arguments.label and not parameters:
        raise SystemExit("error: --label names the rows of --set, which is not given")


def _default_sets(arguments: argparse.Namespace) -> list[str]:
    return QUICK_SETS if arguments.quick else list(datasets.EIGHT_SETS)


def _store(results: Path, *, quick: bool) -> Store:
    name = "classification-quick.csv" if quick else "classification.csv"
    return Store(results / name, KEY, MEASURED)


def _jobs(
    names: list[str],
    arguments: argparse.Namespace,
    parameters: Mapping[str, Any],
    store: Store,
) -> Iterator[running.Job]:
    known = report.mean_seconds(store.done(), ("dataset", "method"))
    for seed in range(arguments.seeds or (1 if arguments.quick else 3)):
        for name in names:
            for method in arguments.methods:
                shown = _shown_name(method, parameters, arguments.label)
                expected = METHODS[method].expected_seconds
                yield running.Job(
                    title=f"{name} {shown} seed {seed}",
                    keys=[{"dataset": name, "method": shown, "seed": seed}],
                    function=f"{__name__}:compute",
                    parameters=parameters,
                    expected_seconds=known.get((name, shown), expected),
                )


def _shown_name(method: str, parameters: Mapping[str, Any], label: str) -> str:
    if not parameters:
        return method
    settings = ";".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return f"{method}:{label or settings}"


def _plain_name(shown: str) -> str:
    return shown.partition(":")[0]


def _legend(rows: list[Row]) -> str:
    lines = []
    for shown in report.in_order(rows, "method"):
        settings = next(r["parameters"] for r in rows if r["method"] == shown)
        summary = METHODS[_plain_name(shown)].summary
        with_these = f", with `{settings}`" if settings != "{}" else ""
        lines.append(f"- {shown}: {summary}{with_these}")
    return "\n".join(lines)


def _cost_table(rows: list[Row]) -> str:
    methods = report.in_order(rows, "method")
    lines = [["dataset", *methods]]
    for name in sorted(report.in_order(rows, "dataset")):
        cells = [
            _cost([r for r in rows if (r["dataset"], r["method"]) == (name, method)])
            for method in methods
        ]
        lines.append([name, *cells])
    return report.grid(lines)


def _cost(rows: list[Row]) -> str:
    if not rows:
        return ""
    fit, transform, classifier, memory = (
        float(np.mean([float(row[column]) for row in rows]))
        for column in (
            "fit_seconds",
            "transform_seconds",
            "classifier_seconds",
            "peak_memory_mb",
        )
    )
    return f"{fit:.1f} + {transform:.1f} + {classifier:.1f} s, {memory:.0f} MiB"
