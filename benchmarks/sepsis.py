"""Alarms of sepsis, hour by hour, learned from patients with labels.

A representation is learned without labels from the stays of the patients to learn from,
with their last known values carried on. It turns each hour and the five before it into
features, which a classifier (benchmarks/alarms.py) turns into a score and an alarm. The
classifier and its threshold come from the patients that are learned from alone. The
representation has seen the stays of every fold, if without labels. A seed draws the
patients that are judged, who are read once a row.

As in the paper, the last 45 hours of a stay count. Hours before them are context, and
time counts from the beginning of the stay: an hour's place among the last 45 would tell
how long the stay goes on, which nobody knows at that time.
"""

import argparse
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import alarms, paper, parts, report, running, sepsis_data, tasks
from benchmarks.methods import describe
from benchmarks.records import ROOT, Row
from benchmarks.sepsis_data import Stays, last_hours, patient_of_rows
from benchmarks.sepsis_methods import METHODS, AlarmMethod

HELP = "alarms of sepsis from labelled stays, with controls, plain methods and cost"
KEY = ("dataset", "judged_on", "method", "seed")
FIGURES = {
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "f1": "F1, training threshold",
    "patient_f1": "F1 by patient",
}
SECONDS = ("fit_seconds", "encode_seconds", "classifier_seconds")
MEASURED = (
    *FIGURES,
    "alarm_share",
    "cv_average_precision",
    "chosen",
    "n_features",
    *SECONDS,
)
DATASET = "sepsis"
CONTEXT = 5
GUIDE = ROOT / "docs/guide/labels.md"

_store = partial(parts.store_of, "sepsis", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_methods(parser, METHODS, "all; quick ones with --quick")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="splits (default: 3; 1 with --quick)"
    )
    tasks.add_parameters(parser)
    parts.add_argument(
        parser, f"judge on {parts.HELD_OUT:.0%}% of the patients that are learned from"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    sepsis_data.require()
    store = _store(
        arguments.results, judged_on=arguments.judged_on, quick=arguments.quick
    )
    usual = [name for name in METHODS if METHODS[name].is_quick or not arguments.quick]
    keys = partial(_keys, arguments)
    jobs = tasks.jobs_of(__name__, METHODS, usual, arguments, store, keys)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit, encode, choose a classifier and judge once, for a single key."""
    (key,) = keys
    method, seed = METHODS[tasks.plain_name(key["method"])], key["seed"]
    learned, judged = sepsis_data.load(key["judged_on"], seed)
    built = method.build(seed, parameters)
    row = measure(method, method.around(built), learned, judged, seed)
    return [{**row, "all_parameters": describe(built, method.package)}]


def measure(
    method: AlarmMethod, model: Any, learned: Stays, judged: Stays, seed: int
) -> dict[str, Any]:
    """Return the measured columns, for which the last labels are read once."""
    times = [time.perf_counter()]
    model.fit(method.prepared(learned.series))
    times.append(time.perf_counter())
    features, features_judged = (
        features_of(method, model, stays) for stays in (learned, judged)
    )
    times.append(time.perf_counter())
    fitted = alarms.fit_alarms(
        method.candidates,
        features,
        last_hours(learned.labels),
        patient_of_rows(learned),
        seed,
    )
    times.append(time.perf_counter())
    return {
        **alarms.figures(
            fitted.scores(features_judged),
            fitted.threshold,
            last_hours(judged.labels),
            patient_of_rows(judged),
        ),
        "cv_average_precision": fitted.cv_average_precision,
        "chosen": fitted.chosen,
        "n_features": features.shape[1],
        **dict(zip(SECONDS, np.diff(times).round(3).tolist(), strict=True)),
    }


def features_of(method: AlarmMethod, model: Any, stays: Stays) -> np.ndarray:
    """Return (n_rows, n_features) of the last hours of each stay."""
    return last_hours(
        model.encode_causal(method.prepared(stays.series), context=CONTEXT)
    )


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder.

    The table of the project's own results stands in the guide as well.
    """
    store = _store(results, judged_on=parts.TEST, quick=False)
    report.fill_pages(store, [GUIDE], page_table, DATASET)
    return parts.write_reports_of(_store, markdown, results)


def page_table(rows: Sequence[Row]) -> str:
    """Return methods x figures, without what was set by hand."""
    shown = [row for row in rows if row["method"] in METHODS and not row["error"]]
    return report.grid(_lines(shown, FIGURES, {}))


def markdown(rows: list[Row]) -> str:
    """Return the report: one table of figures, one of cost."""
    done = [row for row in rows if not row["error"]]
    parts_of_report = [
        "# Alarms of sepsis",
        INTRODUCTION,
        _judged(rows),
        tasks.legend(done, METHODS),
        _whole_table(done),
        "## Cost",
        "Mean over splits: seconds to fit the representation + to encode all hours + "
        "to choose and fit the classifier, and peak memory of the row's own process "
        "with data and libraries.",
        tasks.cost_table(done, SECONDS),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in parts_of_report if part) + "\n"


def _keys(
    arguments: argparse.Namespace, methods: Iterable[str]
) -> Iterator[dict[str, Any]]:
    n_seeds = arguments.seeds or (1 if arguments.quick else 3)
    for seed, method in itertools.product(range(n_seeds), methods):
        values = [DATASET, arguments.judged_on, method, seed]
        yield dict(zip(KEY, values, strict=True))


def _judged(rows: Sequence[Row]) -> str:
    if any(row["judged_on"] == parts.INSIDE for row in rows):
        return (
            f"Inside the training parts: {parts.HELD_OUT:.0%} of the patients that are "
            "learned from are held out to judge by. Test patients are never read."
        )
    return f"On {parts.HELD_OUT:.0%} of the patients, who are read once a row."


def _whole_table(rows: Sequence[Row]) -> str:
    """Return methods x figures, with those of the folds and what was chosen."""
    own = _by_method(rows)
    shares = [np.mean([float(row["alarm_share"]) for row in group]) for group in own]
    return report.grid(
        _lines(
            rows,
            {**FIGURES, "cv_average_precision": "average precision of folds"},
            {
                "hours with an alarm": [
                    f"{share:.1%}".replace("%", " %") for share in shares
                ],
                "chosen": [_listed(group, "chosen") for group in own],
                "features": [_listed(group, "n_features") for group in own],
            },
        )
    )


def _lines(
    rows: Sequence[Row],
    figures: Mapping[str, str],
    more: Mapping[str, Sequence[str]],
) -> list[list[str]]:
    """Return methods x figures, the highest of a column in bold, and more columns."""
    columns = [
        report.highest_in_bold(
            [[float(row[figure]) for row in group] for group in _by_method(rows)]
        )
        for figure in figures
    ]
    methods = report.in_order(rows, "method")
    lines = zip(methods, *columns, *more.values(), strict=True)
    return [["method", *figures.values(), *more], *map(list, lines)]


def _by_method(rows: Sequence[Row]) -> list[list[Row]]:
    return [
        [row for row in rows if row["method"] == method]
        for method in report.in_order(rows, "method")
    ]


def _listed(rows: Sequence[Row], column: str) -> str:
    return ", ".join(report.in_order(rows, column))


_PRINTED = " and ".join(
    f"{f1:.3f} for {name}" for name, f1 in paper.SEPSIS_PATIENT_F1.items()
)
INTRODUCTION = (
    "Each of the last 45 hours of a stay is judged: mean ± standard deviation over "
    "random splits by patient, the highest in bold. Average precision, ROC AUC and F1 "
    "are those of all hours together, about 1.6 % of which are septic; average "
    "precision is what a comparison should rest on. The threshold of F1 comes from "
    "training patients. F1 by patient is the paper's figure and a diagnostic: the mean "
    "over patients of their F1, which counts as 1 for a patient without septic hours "
    "and without an alarm, so that whoever never raises an alarm looks good. The paper "
    f"prints {_PRINTED}."
    "\n\nAll but gradient boosting have the same classifiers to choose from: logistic "
    "regression on standardised features, or on an approximation of their RBF kernel "
    "(Nystroem), each with several strengths. Cross-validation chooses, with all hours "
    "of a patient in one fold. Encoders have the paper's width and length of series; "
    "their number of steps was chosen for T-Rep, by cross-validation of the training "
    "patients of the first split, some of whom are judged in the others."
)
