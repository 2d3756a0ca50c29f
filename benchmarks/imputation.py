"""Errors of the values that each method puts into gaps.

A share of the known values is hidden in the series that are learned from and in those
that are judged: single values, or blocks along time in each channel on its own. The
method is fitted without the hidden values, fills the gaps of the other series, and is
judged by the values hidden there. A seed decides what is hidden and how an encoder is
drawn; all methods miss the same, and a larger share hides what a smaller one does and
more. Labels are not used.

Errors are in units of each channel's standard deviation in the series that are learned
from, before anything is hidden. The test part is read once a row.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, errors, parts, report, running, tasks
from benchmarks.datasets import Series
from benchmarks.gaps import remove_blocks, remove_values
from benchmarks.imputers import (
    IterativeSteps,
    WithinSeries,
    carried,
    interpolated,
    untouched,
)
from benchmarks.methods import Encoder, Method, describe
from benchmarks.peers import ChannelStatistics
from benchmarks.records import ROOT, Row

HELP = "errors of values put into gaps, with control, plain methods and cost"
KEY = ("dataset", "judged_on", "pattern", "share", "method", "seed")
SECONDS = ("fit_seconds", "impute_seconds")
MEASURED = ("rmse", "mae", "n_hidden", *SECONDS)
SETS = ("NATOPS", "UWaveGestureLibrary", "ArticularyWordRecognition")
QUICK_SETS = ["BasicMotions"]
SHARES = (0.1, 0.3, 0.5)
SHOWN = 0.3
PAGES = tuple(
    ROOT / page
    for page in ("README.md", "docs/guide/imputation.md", "docs/methods/dmae.md")
)
QUICK_SHARES = (0.3,)
# Mean length of a block, as a share of the mean length of a training series.
BLOCK = 0.2
# What the two parts are drawn by beside the row's seed.
LEARNED, JUDGED = 0, 1

Hide = Callable[[Series, int], Series]

METHODS = {
    "dmae": Method(
        Encoder("dmae"),
        "DMAETransformer, fitted on the damaged training part",
        takes_parameters=True,
        expected_seconds=30,
    ),
    "dmae-untrained": Method(
        Encoder("dmae", {"max_epochs": 0}),
        "DMAETransformer with its random weights (`max_epochs=0`)",
        takes_parameters=True,
    ),
    "linear": Method(
        lambda seed, parameters: WithinSeries(interpolated),
        "straight lines in time within each series and channel, their ends carried on; "
        "the training mean for a channel without values, as in last-value",
        expected_seconds=6,
    ),
    "last-value": Method(
        lambda seed, parameters: WithinSeries(carried),
        "the last value before the gap, or else the first one after it",
        expected_seconds=6,
    ),
    "iterative": Method(
        lambda seed, parameters: IterativeSteps(seed),
        "scikit-learn's IterativeImputer, whose rows are time steps of z-scored "
        "channels, with the steps before and after as further columns",
        expected_seconds=60,
    ),
    "channel-mean": Method(
        lambda seed, parameters: WithinSeries(untouched),
        "each channel's training mean",
        expected_seconds=6,
    ),
}


def hide_values(X: Series, share: float, seed: Sequence[int], length: float) -> Series:
    """Hide single values; the length of blocks is of no use to it."""
    return remove_values(X, share, seed)


PATTERNS = {"random": hide_values, "blocks": remove_blocks}

_store = partial(parts.store_of, "imputation", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_datasets(parser, ",".join(SETS))
    tasks.add_methods(parser, METHODS)
    parser.add_argument(
        "--patterns",
        type=tasks.names_of(PATTERNS),
        default=list(PATTERNS),
        metavar="NAME,...",
        help=f"of {', '.join(PATTERNS)} (default: all)",
    )
    parser.add_argument(
        "--shares",
        type=tasks.numbers(float, below=1, has_zero=False),
        metavar="SHARE,...",
        help=f"of the values to hide (default: {','.join(map(str, SHARES))})",
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
    """Hide, fit, fill and read the errors once, for a single key."""
    (key,) = keys
    method = METHODS[tasks.plain_name(key["method"])]
    (X, _), (X_test, _) = parts.load(
        datasets, key["dataset"], key["judged_on"], key["seed"]
    )
    hide = _hide(key, np.mean([one.shape[1] for one in X]))
    model = method.build(key["seed"], parameters)
    row = measure(model, hide, X, X_test)
    return [{**row, "all_parameters": describe(model, method.package)}]


def measure(model: Any, hide: Hide, X: Series, X_test: Series) -> dict[str, Any]:
    """Return the measured columns of a model that sees what is not hidden."""
    damaged, given = hide(X, LEARNED), hide(X_test, JUDGED)
    start = time.perf_counter()
    model.fit(damaged)
    fitted = time.perf_counter()
    filled = model.impute(given)
    ended = time.perf_counter()
    check_filled(given, filled)
    believed, true = hidden_values(ChannelStatistics(X), X_test, given, filled)
    return {
        **errors.measured(believed, true),
        "n_hidden": len(true),
        "fit_seconds": round(fitted - start, 3),
        "impute_seconds": round(ended - fitted, 3),
    }


def check_filled(given: Series, filled: Series) -> None:
    """Raise if a value that was given is not there any more, or a gap still is."""
    for number, (one, other) in enumerate(zip(given, filled, strict=True)):
        known = ~np.isnan(one)
        if not np.array_equal(one[known], other[known]):
            raise ValueError(f"given values of series {number} were changed")
        if np.isnan(other).any():
            raise ValueError(f"series {number} still has gaps")


def hidden_values(
    channels: ChannelStatistics, X: Series, given: Series, filled: Series
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is believed of the hidden values, and they, in channels' units."""
    believed, true = [], []
    for one, gappy, full in zip(X, given, filled, strict=True):
        hidden = np.isnan(gappy) & ~np.isnan(one)
        believed.append(channels.z_score(full)[hidden])
        true.append(channels.z_score(one)[hidden])
    return np.concatenate(believed), np.concatenate(true)


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder.

    Some of the project's own results stand on PAGES as well.
    """
    store = _store(results, judged_on=parts.TEST, quick=False)
    report.fill_pages(store, PAGES, page_table, "gaps")
    return parts.write_reports_of(_store, markdown, results)


def page_table(rows: list[Row]) -> str:
    """Return the root mean square errors of the share that pages show."""
    shown = [
        row
        for row in rows
        if float(row["share"]) == SHOWN
        and row["method"] in METHODS
        and not row["error"]
    ]
    return errors.table(_in_order(shown), ("dataset", "pattern"), "method", "rmse")


def markdown(rows: list[Row]) -> str:
    """Return the report: a section for each data set."""
    done = [row for row in rows if not row["error"]]
    report_parts = [
        "# Imputation",
        "Errors of values hidden from series, in standard deviations of their channel: "
        "mean ± standard deviation over seeds, the lowest in bold. "
        f"{parts.described(rows)} Shares of the known values are hidden there and in "
        "the series that are learned from: single values (random), or blocks along "
        f"time in each channel on its own, on average {BLOCK:.0%} of a series long and "
        "longer where they meet; the same for all methods, others for each seed.",
        tasks.legend(done, METHODS),
        *_sections(done),
        "## Cost",
        "Mean over patterns, shares and seeds: seconds to fit + to fill, and peak "
        "memory of the row's own process with data and libraries.",
        tasks.cost_table(done, SECONDS),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in report_parts if part) + "\n"


def _hide(key: Mapping[str, Any], mean_length: float) -> Hide:
    """Return a function of series and the number of their part."""

    def hide(X: Series, part: int) -> Series:
        remove = PATTERNS[key["pattern"]]
        length = max(1.0, BLOCK * mean_length)
        return remove(X, key["share"], [key["seed"], part], length)

    return hide


def _keys(
    arguments: argparse.Namespace, methods: Iterable[str]
) -> Iterator[dict[str, Any]]:
    names = tasks.chosen_sets(arguments, QUICK_SETS, SETS)
    shares = arguments.shares or (QUICK_SHARES if arguments.quick else SHARES)
    seeds = range(arguments.seeds or (1 if arguments.quick else 3))
    rows = itertools.product(seeds, names, arguments.patterns, shares, methods)
    for seed, name, pattern, share, method in rows:
        values = [name, arguments.judged_on, pattern, share, method, seed]
        yield dict(zip(KEY, values, strict=True))


def _sections(rows: list[Row]) -> Iterator[str]:
    for name in sorted(report.in_order(rows, "dataset")):
        own = _in_order([row for row in rows if row["dataset"] == name])
        yield f"## {name}"
        for column, title in (("rmse", "Root mean square"), ("mae", "Mean absolute")):
            yield f"{title} error:"
            yield errors.table(own, ("pattern", "share"), "method", column)


def _in_order(rows: Sequence[Row]) -> list[Row]:
    patterns = list(PATTERNS)

    def place(row: Row) -> tuple[str, int, float]:
        return row["dataset"], patterns.index(row["pattern"]), float(row["share"])

    return sorted(rows, key=place)
