"""Errors of each method's features on regression sets.

Features are made without targets: the encoder is fitted once on the series that are
learned from, and a regressor with its strength is chosen by cross-validation of their
features (benchmarks/regressors.py), for encoders together with one of POOLINGS. The
encoder has then seen the series of every fold, if without targets. Where series follow
one another in time so do the folds, and their windows overlap by some steps where folds
meet. The test part is read once a row.

A series without any value has no features, for which the means of the training
features stand in.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import errors, parts, regression_data, report, running, tasks
from benchmarks.configurations import pooling_parameters
from benchmarks.imputers import Interpolated
from benchmarks.methods import Encoder, Method, describe
from benchmarks.peers import FlatSeries, MiniRocketFeatures
from benchmarks.records import Row
from benchmarks.regressors import MEAN, RBF, RIDGE, Candidate, fit_best, setting

HELP = "test errors on regression sets, with control, peers and cost"
KEY = ("dataset", "judged_on", "method", "seed")
SECONDS = ("fit_seconds", "transform_seconds", "regressor_seconds")
MEASURED = ("rmse", "mae", "cv_rmse", "chosen", "n_features", *SECONDS)
QUICK_SETS = ["Covid3Month"]

_store = partial(parts.store_of, "regression", KEY, MEASURED)


# That of the defaults, and some that tell better when something was.
POOLINGS = ("max+segments2", "max+last+segments2", "last+segments6")
AS_IT_IS = ""


@dataclass(frozen=True)
class RegressionMethod(Method):
    """A method whose features are read by one of these regressors.

    ``poolings`` are those to choose from.
    """

    candidates: Sequence[Candidate] = (RIDGE, RBF)
    poolings: Sequence[str] = (AS_IT_IS,)


class NoFeatures:
    """One feature that says nothing of a series."""

    def fit(self, X: np.ndarray) -> "NoFeatures":
        """Learn nothing."""
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return an array (n_instances, 1)."""
        return np.zeros((len(X), 1))


def _flat(seed: int, parameters: Mapping[str, Any]) -> Interpolated:
    return Interpolated(FlatSeries())


def _encoder(
    name: str, summary: str, expected_seconds: float, **fixed: Any
) -> RegressionMethod:
    return RegressionMethod(
        Encoder(name, {"on_empty": "nan", **fixed}),
        summary,
        takes_parameters=True,
        expected_seconds=expected_seconds,
        poolings=POOLINGS,
    )


METHODS: dict[str, RegressionMethod] = {
    "dmae": _encoder(
        "dmae", "DMAETransformer, fitted once on the training part without targets", 60
    ),
    "dmae-untrained": _encoder(
        "dmae",
        "DMAETransformer with its random weights (`max_epochs=0`)",
        10,
        max_epochs=0,
    ),
    "trep": _encoder(
        "trep", "TRepTransformer, fitted once on the training part without targets", 60
    ),
    "trep-untrained": _encoder(
        "trep",
        "TRepTransformer with its random weights (`max_epochs=0`)",
        15,
        max_epochs=0,
    ),
    "raw": RegressionMethod(
        _flat,
        "z-scored series, flattened, gaps filled by straight lines",
    ),
    "raw-ridge": RegressionMethod(
        _flat, "the features of raw, ridge alone", candidates=[RIDGE]
    ),
    "minirocket": RegressionMethod(
        lambda seed, parameters: Interpolated(MiniRocketFeatures(seed)),
        "sktime's MiniRocket, gaps filled by straight lines, ridge alone",
        candidates=[RIDGE],
        package="numba",
        expected_seconds=45,
    ),
    "training-mean": RegressionMethod(
        lambda seed, parameters: NoFeatures(),
        "the mean of the training targets",
        candidates=[MEAN],
        expected_seconds=5,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_methods(parser, METHODS)
    parser.add_argument(
        "--datasets",
        type=running.comma_separated,
        metavar="NAME,...",
        help=f"sets whose files are there (default: {','.join(regression_data.SETS)})",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="default: 3")
    tasks.add_parameters(parser)
    parts.add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    store = _store(
        arguments.results, judged_on=arguments.judged_on, quick=arguments.quick
    )
    keys = partial(_keys, arguments)
    jobs = tasks.jobs_of(__name__, METHODS, METHODS, arguments, store, keys)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit, transform, choose a regressor and read the errors once, for a single key."""
    (key,) = keys
    method = METHODS[tasks.plain_name(key["method"])]
    name, seed = key["dataset"], key["seed"]
    in_order = name in regression_data.IN_TIME_ORDER
    train, test = parts.load(
        regression_data, name, key["judged_on"], seed, in_order=in_order
    )
    model = method.build(seed, parameters)
    if hasattr(model, "warm_up"):
        model.warm_up(train[0])
    fit = partial(fit_best, candidates=method.candidates, seed=seed, in_order=in_order)
    poolings = [AS_IT_IS] if "pooling" in parameters else method.poolings
    # Of the model as it was built; the choice of a pooling stands in the row.
    described = describe(model, method.package)
    row = measure(model, fit, train, test, poolings)
    return [{**row, "all_parameters": described}]


def measure(
    model: Any,
    fit: Callable[[np.ndarray, np.ndarray], Any],
    train: Any,
    test: Any,
    poolings: Sequence[str] = (AS_IT_IS,),
) -> dict[str, Any]:
    """Return the measured columns, for which the last targets are read once."""
    (X, y), (X_test, y_test) = train, test
    times = [time.perf_counter()]
    model.fit(X)
    times.append(time.perf_counter())
    features = {pooling: _features(model, pooling, X) for pooling in poolings}
    times.append(time.perf_counter())
    searches = {pooling: fit(own, y) for pooling, own in features.items()}
    best = max(searches, key=lambda pooling: searches[pooling].best_score_)
    times.append(time.perf_counter())
    features_test = _features(model, best, X_test)
    times.append(time.perf_counter())
    fitting, transforming, searching, transforming_test = np.diff(times).tolist()
    return {
        **errors.measured(searches[best].predict(features_test), y_test),
        "cv_rmse": -float(searches[best].best_score_),
        "chosen": f"{best} {setting(searches[best])}".strip(),
        "n_features": features_test.shape[1],
        "fit_seconds": round(fitting, 3),
        "transform_seconds": round(transforming + transforming_test, 3),
        "regressor_seconds": round(searching, 3),
    }


def _features(model: Any, pooling: str, X: Any) -> np.ndarray:
    if pooling != AS_IT_IS:
        model.set_params(**pooling_parameters(pooling))
    return np.asarray(model.transform(X))


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    return parts.write_reports_of(_store, markdown, results)


def markdown(rows: list[Row]) -> str:
    """Return the report: a table for each data set."""
    done = [row for row in rows if not row["error"]]
    sections = [
        [f"## {name}", _table([row for row in done if row["dataset"] == name])]
        for name in sorted(report.in_order(done, "dataset"))
    ]
    parts_of_report = [
        "# Regression",
        "Root mean square error, mean absolute error, and the root mean square error "
        "of the cross-validation that chose the regressor: mean ± standard deviation "
        f"over seeds, the lowest in bold. {parts.described(rows)} Features are made "
        "without targets. The regressor is ridge or an SVM with an RBF kernel, unless "
        "a method has one alone; by the same cross-validation an encoder's pooling is "
        f"one of {', '.join(POOLINGS)}.",
        tasks.legend(done, METHODS),
        *itertools.chain.from_iterable(sections),
        "## Cost",
        "Mean over seeds: seconds to fit + to transform both parts + to choose and fit "
        "the regressor, and peak memory of the row's own process with data and "
        "libraries. Loading libraries and MiniRocket's compilation are not timed.",
        tasks.cost_table(done, SECONDS),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in parts_of_report if part) + "\n"


def _keys(
    arguments: argparse.Namespace, methods: Iterable[str]
) -> Iterator[dict[str, Any]]:
    usual = QUICK_SETS if arguments.quick else regression_data.SETS
    names = arguments.datasets or list(usual)
    regression_data.require(names)
    seeds = range(arguments.seeds or (1 if arguments.quick else 3))
    for seed, name, method in itertools.product(seeds, names, methods):
        yield dict(zip(KEY, [name, arguments.judged_on, method, seed], strict=True))


def _table(rows: Sequence[Row]) -> str:
    """Return methods x errors of one set, with what was chosen."""
    methods = report.in_order(rows, "method")
    own = [[row for row in rows if row["method"] == method] for method in methods]
    columns = [
        errors.cells([[float(row[column]) for row in group] for group in own])
        for column in ("rmse", "mae", "cv_rmse")
    ]
    chosen = [", ".join(report.in_order(group, "chosen")) for group in own]
    n_features = [", ".join(report.in_order(group, "n_features")) for group in own]
    head = ["method", "RMSE", "MAE", "cross-validated RMSE", "chosen", "features"]
    lines = zip(methods, *columns, chosen, n_features, strict=True)
    return report.grid([head, *map(list, lines)])
