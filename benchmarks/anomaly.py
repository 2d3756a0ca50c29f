"""Scores of anomaly detectors, one model a series, with and without thresholds.

A detector is fitted to the training part of a series, without labels, and scores its
test part once. Nothing is chosen by the test part; figures that look at its labels or
scores to find a threshold say so. Choices of ours were made on the first 27 channels of
SMAP and the first four servers of SMD by name; the reports keep the others apart.
"""

import argparse
import copy
import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import anomaly_data, report, running, tasks
from benchmarks.anomaly_methods import ABLATIONS, METHODS
from benchmarks.methods import describe
from benchmarks.records import ROOT, Row, Store

HELP = "figures of anomaly detectors, with random scores and plain methods beside"
KEY = ("dataset", "series", "method", "seed")
FIGURES = {
    "vus_pr": "VUS-PR",
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "f1": "F1, training threshold",
    "delay_tolerant_f1": "F1 within 7",
    "best_f1": "best F1",
    "pa_k_auc": "PA%K area",
    "point_adjusted_f1": "F1, point-adjusted",
}
COSTS = {"fit_seconds": "fit, s", "score_seconds": "score, s", "peak_memory_mb": "MiB"}
MEASURED = (*FIGURES, "fit_seconds", "score_seconds")
USUAL_SETS = ("SMAP", "SMD", "WSD")
# Alarms among all scores, by which the literature adjusts.
ALARM_RATIOS = {
    "SMAP": 0.01,
    "SMAP-joined": 0.01,
    "SMAP-NASA": 0.01,
    "MSL": 0.01,
    "PSM": 0.01,
    "SWaT": 0.01,
}
USUAL_ALARM_RATIO = 0.005
N_SEEDS = 3
# Rows that run only when they are named; the last is the default of several channels.
ON_REQUEST = ["amad-paper", "representation-random"]
# What an ablation is put beside.
SCORES_OF_ABLATION = ["untrained", "reconstruction", "amad-paper-score", "amad"]
REPORTED = [name for name in METHODS if name not in ABLATIONS]
MAIN = [name for name in REPORTED if name not in ON_REQUEST]
README, GUIDE = (ROOT / page for page in ("README.md", "docs/guide/detection.md"))
# What the README has room for.
README_METHODS = (
    "random",
    "z-score",
    "pca-windows",
    "k-means-windows",
    "untrained",
    "reconstruction",
    "amad",
    "amad-paper-score",
    "raw-windows",
    "representation",
    "nearest",
    "components",
)
README_SETS = ("SMAP", "SMD")
README_FIGURES = ("vus_pr", "average_precision", "point_adjusted_f1")
# What the guide has room for, also of methods that have not all sets.
GUIDE_METHODS = (
    "random",
    "z-score",
    "pca-windows",
    "k-means-windows",
    "amad",
    "raw-windows",
    "representation",
    "representation-minimum",
    "representation-trained",
    "nearest",
    "components",
)
GUIDE_FIGURES = ("vus_pr", "average_precision", "f1")
QUICK_METHODS = ["random", "z-score", "untrained", "reconstruction", "amad"]
QUICK_SERIES = 2

_store = partial(tasks.store_of, "anomaly", KEY, MEASURED)


def seeded_series(dataset: str) -> list[str]:
    """Return the series on which what is learned runs with several seeds.

    Ten channels of SMAP, evenly spread by name over those on which choices are made;
    of other sets all.
    """
    names = anomaly_data.series_names(dataset)
    chosen = anomaly_data.CHOICE_SERIES.get(dataset, ())
    if len(chosen) <= 10:
        return names
    return [
        chosen[place]
        for place in np.linspace(0, len(chosen) - 1, 10).round().astype(int)
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    parser.add_argument(
        "--datasets",
        type=tasks.names_of(anomaly_data.SETS),
        metavar="NAME,...",
        help=f"of {', '.join(anomaly_data.SETS)} (default: {','.join(USUAL_SETS)})",
    )
    parser.add_argument(
        "--series",
        type=running.comma_separated,
        metavar="NAME,...",
        help="of the sets (default: all; for an ablation ten of SMAP and two of SMD)",
    )
    tasks.add_methods(parser, METHODS, ",".join(MAIN))
    parser.add_argument("--ablation", action="store_true", help="the ablation's rows")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"default: {N_SEEDS}")


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    sets = arguments.datasets or list(USUAL_SETS)
    anomaly_data.require(sets)
    store = _store(arguments.results, quick=arguments.quick)
    jobs = _jobs(sets, arguments, store)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit once a group of methods, score and judge each."""
    data = anomaly_data.load(keys[0]["dataset"], keys[0]["series"])
    fitted: dict[str, tuple[Any, float]] = {}
    rows = []
    for key in keys:
        method = METHODS[key["method"]]
        group = method.group
        if method.fits_its_own or group not in fitted:
            fitted[group] = _fitted(key, data.X_train)
        detector, fit_seconds = copy.deepcopy(fitted[group])
        rows.append({**_judged(key, detector, data), "fit_seconds": fit_seconds})
    return rows


def _fitted(key: Mapping[str, Any], X: np.ndarray) -> tuple[Any, float]:
    detector = METHODS[key["method"]].build(key["seed"])
    start = time.perf_counter()
    detector.fit(X)
    return detector, round(time.perf_counter() - start, 3)


def _judged(
    key: Mapping[str, Any], detector: Any, data: anomaly_data.Recording
) -> dict[str, Any]:
    from sklearn_tsrep.detection.evaluation import judge_scores

    after_fit = METHODS[key["method"]].after_fit
    if after_fit:
        detector.set_params(**after_fit).set_threshold(data.X_train)
    start = time.perf_counter()
    scores = detector.score_samples(data.X_test)
    seconds = time.perf_counter() - start
    ratio = ALARM_RATIOS.get(key["dataset"], USUAL_ALARM_RATIO)
    figures = judge_scores(
        data.y_test,
        scores,
        detector.score_samples(data.X_train),
        getattr(detector, "offset_", None),
        alarm_ratio=ratio,
    )
    described = describe(detector, METHODS[key["method"]].package)
    return {**figures, "score_seconds": round(seconds, 3), "all_parameters": described}


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder.

    Tables of the project's own results go into README and guide as well.
    """
    store = _store(results, quick=False)
    report.fill_pages(store, [README], readme_table, "anomalies")
    report.fill_pages(store, [GUIDE], guide_table, "anomalies")
    return tasks.write_reports_of(_store, markdown, results)


def readme_table(rows: list[Row]) -> str:
    """Return means over the series on which nothing was chosen, first seed."""
    return _page_table(rows, README_METHODS, README_SETS, README_FIGURES)


def guide_table(rows: list[Row]) -> str:
    """Return the same of all usual sets."""
    return _page_table(rows, GUIDE_METHODS, USUAL_SETS, GUIDE_FIGURES)


def _page_table(
    rows: list[Row],
    methods: Sequence[str],
    sets: Sequence[str],
    figures: Sequence[str],
) -> str:
    kept = [
        row
        for row in rows
        if row["seed"] == "0"
        and not row["error"]
        and row["series"] not in anomaly_data.CHOICE_SERIES.get(row["dataset"], ())
    ]
    kept = [row for name in sets for row in _of_all_series(kept, name)]
    columns = list(itertools.product(sets, figures))
    heads = [f"{dataset}: {FIGURES[figure]}" for dataset, figure in columns]
    lines = [["method", *heads]]
    for name in methods:
        means = [
            _mean(kept, figure, dataset=dataset, method=name)
            for dataset, figure in columns
        ]
        lines.append([name, *(_shown(mean, np.inf) for mean in means)])
    return report.grid(lines)


def _of_all_series(rows: list[Row], dataset: str) -> list[Row]:
    """Return the rows of the methods that have every series of a set."""
    own = [row for row in rows if row["dataset"] == dataset]
    return _complete(own, len(report.in_order(own, "series")))


def markdown(rows: list[Row]) -> str:
    """Return the report: for each set, the main rows and the ablation."""
    done = [row for row in rows if not row["error"]]
    parts = [
        "# Anomaly detection",
        INTRODUCTION,
        _summaries(done),
        *_sections(done),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _jobs(
    sets: Sequence[str], arguments: argparse.Namespace, store: Store
) -> Iterator[running.Job]:
    """Yield one job a series, seed, and group of methods."""
    known = report.mean_seconds(store.done(), ("dataset", "method"))
    for seed in range(arguments.seeds or (1 if arguments.quick else N_SEEDS)):
        for dataset in sets:
            for series in _series(dataset, seed, arguments):
                for names in _groups(_methods(arguments), seed):
                    yield _job(dataset, series, seed, names, known)


def _job(
    dataset: str,
    series: str,
    seed: int,
    names: Sequence[str],
    known: Mapping[tuple[str, ...], float],
) -> running.Job:
    seconds = [
        known.get((dataset, name), METHODS[name].expected_seconds) for name in names
    ]
    return running.Job(
        title=f"{dataset} {series} {METHODS[names[0]].group} seed {seed}",
        keys=[
            dict(zip(KEY, (dataset, series, name, seed), strict=True)) for name in names
        ],
        function=f"{__name__}:compute",
        parameters=_parameters(names[0]),
        expected_seconds=sum(seconds),
    )


def _parameters(name: str) -> dict[str, Any]:
    """Return those that a detector is fitted with, if the rows of a group share it."""
    method = METHODS[name]
    if method.fits_its_own:
        return {}
    return json.loads(describe(method.build(0), method.package))


def _methods(arguments: argparse.Namespace) -> list[str]:
    usual = QUICK_METHODS if arguments.quick else MAIN
    names = arguments.methods or ([*ABLATIONS] if arguments.ablation else usual)
    missing = {
        METHODS[name].package
        for name in names
        if METHODS[name].package and find_spec(METHODS[name].package) is None
    }
    for package in missing:
        running.say(f"rows of {package} are left out: it is not installed")
    return [name for name in names if METHODS[name].package not in missing]


def _series(dataset: str, seed: int, arguments: argparse.Namespace) -> list[str]:
    if arguments.series:
        known = anomaly_data.series_names(dataset)
        return [name for name in arguments.series if name in known]
    if arguments.quick:
        return anomaly_data.series_names(dataset)[:QUICK_SERIES]
    seeded = seeded_series(dataset)
    if arguments.ablation:
        return seeded if dataset == "SMAP" else seeded[:2]
    return seeded if seed else anomaly_data.series_names(dataset)


def _groups(names: Sequence[str], seed: int) -> list[list[str]]:
    """Return the names of each group; those that draw nothing once only."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if METHODS[name].is_learned or seed == 0:
            groups[METHODS[name].group].append(name)
    return list(groups.values())


def _summaries(rows: list[Row]) -> str:
    names = report.in_order(rows, "method")
    return "\n".join(
        f"- {name}: {METHODS[name].summary}"
        for name in METHODS
        if name in names and name not in ABLATIONS
    )


def _sections(rows: list[Row]) -> Iterator[str]:
    for dataset in report.in_order(rows, "dataset"):
        own = [row for row in rows if row["dataset"] == dataset]
        yield f"## {dataset}"
        choice = anomaly_data.CHOICE_SERIES.get(dataset, ())
        parts = {
            "All series": own,
            "Series on which choices were made": [
                row for row in own if row["series"] in choice
            ],
            "The other series": [row for row in own if row["series"] not in choice],
        }
        for title, part in parts.items():
            if title == "All series" or choice:
                below = choice if title == "All series" else ()
                yield from _tables(title, part, below)
        yield from _ablation(own)


def _tables(title: str, rows: list[Row], below: Sequence[str]) -> Iterator[str]:
    """Yield the tables of some rows, but for those of series that follow below."""
    reported = [row for row in rows if row["method"] in REPORTED]
    first = [row for row in reported if row["seed"] == "0"]
    if not first:
        return
    yield f"### {title}"
    extents = _extents(first)
    for series in extents:
        if series <= set(below):
            continue
        kept = [row for row in first if row["series"] in series]
        kept = _complete(kept, len(series))
        which = (
            f" ({', '.join(sorted(series))})" if len(series) < len(extents[0]) else ""
        )
        yield f"Means over {len(series)} series{which}, first seed."
        yield _grid(kept, REPORTED)
    seeded = _seeded(reported)
    if seeded:
        yield "Mean ± standard deviation over seeds, on the series that have all seeds:"
        yield _seed_grid(seeded)


def _extents(rows: list[Row]) -> list[set[str]]:
    """Return the series of most methods, and those that methods with fewer have."""
    by_method = {
        name: {row["series"] for row in rows if row["method"] == name}
        for name in report.in_order(rows, "method")
    }
    extents = sorted(by_method.values(), key=len, reverse=True)
    return [one for place, one in enumerate(extents) if one not in extents[:place]]


def _complete(rows: list[Row], n_series: int) -> list[Row]:
    """Return the rows of those methods that have all of the series."""
    counts = Counter(row["method"] for row in rows)
    return [row for row in rows if counts[row["method"]] == n_series]


def _ablation(rows: list[Row]) -> Iterator[str]:
    names = [*SCORES_OF_ABLATION, *ABLATIONS]
    own = [row for row in rows if row["method"] in names and row["seed"] == "0"]
    series = report.common(own, "series", ("method",))
    kept = [row for row in own if row["series"] in series]
    if any(row["method"] in ABLATIONS for row in kept):
        yield "### Ablation"
        yield f"Means over {len(series)} series, first seed."
        yield "\n".join(f"- {name}: {METHODS[name].summary}" for name in ABLATIONS)
        yield _grid(kept, names)


def _grid(rows: list[Row], order: Sequence[str]) -> str:
    """Return methods x figures and seconds, the best figure of a column in bold."""
    columns = {**FIGURES, **COSTS}
    names = [name for name in order if name in report.in_order(rows, "method")]
    means = {
        (name, column): _mean(rows, column, method=name)
        for name in names
        for column in columns
    }
    best = {
        column: np.nanmax([0.0, *(means[name, column] for name in names)])
        for column in FIGURES
    }
    lines = [["method", *columns.values()]]
    for name in names:
        cells = [_shown(means[name, column], best.get(column)) for column in columns]
        lines.append([name, *cells])
    return report.grid(lines)


def _mean(rows: list[Row], column: str, **values: str) -> float:
    """Return the mean of a column over the rows that have these values.

    NaN where one of them has no figure: it is older than the column.
    """
    own = [row[column] for row in rows if values.items() <= row.items()]
    return float(np.mean([float(figure or "nan") for figure in own or [""]]))


def _shown(value: float, best: float | None) -> str:
    """Return a figure beside the best one, or seconds, of which none is the best."""
    if np.isnan(value):
        return ""
    if best is None:
        return f"{value:.1f}"
    return f"**{value:.3f}**" if value == best else f"{value:.3f}"


def _seeded(rows: list[Row]) -> list[Row]:
    """Return the rows of methods with all seeds, on the series that have them all."""
    learned = [row for row in rows if METHODS[row["method"]].is_learned]
    seeds = set(report.in_order(learned, "seed"))
    if len(seeds) < 2:
        return []
    own = [
        row
        for row in learned
        if seeds == {r["seed"] for r in learned if r["method"] == row["method"]}
    ]
    series = report.common(own, "series", ("method", "seed"))
    return [row for row in own if row["series"] in series]


def _seed_grid(rows: list[Row]) -> str:
    seeds = sorted({row["seed"] for row in rows}, key=int)
    lines = [["method", *FIGURES.values()]]
    for name in report.in_order(rows, "method"):
        cells = [
            [_mean(rows, column, method=name, seed=seed) for seed in seeds]
            for column in FIGURES
        ]
        shown = (
            "" if np.isnan(cell).any() else report.mean_and_deviation(cell)
            for cell in cells
        )
        lines.append([name, *shown])
    return report.grid(lines)


INTRODUCTION = (
    "One model a series, fitted to its training part without labels. VUS-PR, average "
    "precision and ROC AUC need no threshold and are what a comparison should rest on; "
    "the training threshold comes from the training scores, and an F1 within 7 counts "
    "an anomaly as found if an alarm comes at most 7 time points after its start. The "
    "best F1 has looked at the labels. The PA%K area and the point-adjusted F1, at the "
    "ratio of alarms among all scores that the literature takes (1 %, for servers "
    "0.5 %), are diagnostics: see how a random score fares in them. Seconds are those "
    "of one process beside another."
)
