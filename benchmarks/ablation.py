"""What each choice is worth, by cross-validation inside the training parts.

For each set, configuration and seed the encoder is fitted without labels on the series
of each training fold, and each pooling of its latents is judged on the series held out
(benchmarks/judging.py). The folds are the same for all configurations and poolings.
The test parts are never opened. Configurations are named in
benchmarks/configurations.py; some take values away from the training part first, each
of them the same ones.
"""

import argparse
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, report, running, tasks
from benchmarks.configurations import (
    COMMON_POOLING,
    CONFIGURATIONS,
    GROUPS,
    POOLINGS,
    Configuration,
)
from benchmarks.gaps import remove_values
from benchmarks.judging import (
    MEASURED,
    RECIPE,
    expected_seconds,
    folds,
    judge,
    summary,
)
from benchmarks.methods import build_trep, describe, resolved_trep
from benchmarks.records import Row, Store

HELP = "what each choice is worth, by cross-validation inside training parts"
KEY = ("dataset", "configuration", "seed", "pooling")
REMOVAL_SEED = 0
EXPECTED_FIT_SECONDS = 20.0
QUICK_SETS = ["BasicMotions", "JapaneseVowels"]
QUICK_CONFIGURATIONS = ["default", "untrained", "gaps-untrained"]
QUICK_POOLINGS = ["max", COMMON_POOLING]

_store = partial(tasks.store_of, "ablation", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_datasets(parser, "the eight of DATA.md")
    parser.add_argument(
        "--configs",
        type=tasks.names_of(CONFIGURATIONS),
        metavar="NAME,...",
        help=f"of {', '.join(CONFIGURATIONS)} (default: all)",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="default: 3")
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
    names = tasks.chosen_sets(arguments, QUICK_SETS, datasets.EIGHT_SETS)
    store = _store(arguments.results, quick=arguments.quick)
    jobs = _jobs(names, arguments, store)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit once a fold for keys that differ in their pooling only, and judge each."""
    configuration = Configuration.from_description(parameters)
    seed = keys[0]["seed"]
    X, y = datasets.load_train(keys[0]["dataset"])
    X = remove_values(X, configuration.removed_values, REMOVAL_SEED)
    judgements: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fold in folds(X, y, seed):
        model = build_trep(seed, configuration.parameters)
        all_parameters = describe(model)
        start = time.perf_counter()
        model.fit(fold.X)
        fitted = {
            "fit_seconds": time.perf_counter() - start,
            "n_epochs": int(model.n_iter_),
        }
        for pooling in [key["pooling"] for key in keys]:
            judged = judge(model, fold, pooling, seed)
            judgements[pooling].append({**fitted, **judged})
    return [
        {**summary(judgements[key["pooling"]]), "all_parameters": all_parameters}
        for key in keys
    ]


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    return tasks.write_reports_of(_store, markdown, results)


def markdown(rows: list[Row]) -> str:
    """Return the report: a section for each group of configurations."""
    done = [row for row in rows if not row["error"]]
    parts = [
        "# What each choice is worth",
        RECIPE,
        "A difference in brackets is that to `default` on the same sets with the same "
        "seeds, mean ± standard deviation over seeds. "
        "`removed_values` is the share of single values that every series of the "
        "training part loses before anything else.",
        *_sections(done),
        report.provenance(done),
        report.notes(rows, KEY, label="configuration"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _jobs(
    names: list[str], arguments: argparse.Namespace, store: Store
) -> Iterator[running.Job]:
    """Yield one job a set, configuration and seed, for all poolings."""
    quick, done = arguments.quick, store.done()
    configurations = arguments.configs or (
        QUICK_CONFIGURATIONS if quick else list(CONFIGURATIONS)
    )
    poolings = arguments.poolings or (QUICK_POOLINGS if quick else list(POOLINGS))
    seeds = range(arguments.seeds or (1 if quick else 3))
    for seed, name, configuration in itertools.product(seeds, names, configurations):
        yield _job(name, configuration, seed, poolings, done)


def _job(
    name: str, configuration: str, seed: int, poolings: list[str], done: list[Row]
) -> running.Job:
    parameters = CONFIGURATIONS[configuration].described()
    shared = {"dataset": name, "configuration": configuration}
    like = [row for row in done if shared.items() <= row.items()]
    expected_fit = 0.0 if parameters.get("max_epochs") == 0 else EXPECTED_FIT_SECONDS
    return running.Job(
        title=f"{name} {configuration} seed {seed}",
        keys=[{**shared, "seed": seed, "pooling": pooling} for pooling in poolings],
        function=f"{__name__}:compute",
        parameters=parameters,
        all_parameters=resolved_trep(CONFIGURATIONS[configuration].parameters),
        expected_seconds=expected_seconds(like, len(poolings), expected_fit),
    )


def _sections(rows: list[Row]) -> Iterator[str]:
    for title, group in GROUPS.items():
        if any(row["configuration"] in group for row in rows):
            own = list(_of(["default", *group], rows))
            yield f"## {title}"
            yield report.legend(own, "configuration")
            yield from _mean_table(own)
            yield from _comparison_table(own)


def _of(configurations: list[str], rows: list[Row]) -> Iterator[Row]:
    for name in dict.fromkeys(configurations):
        yield from (row for row in rows if row["configuration"] == name)


def _mean_table(rows: list[Row]) -> Iterator[str]:
    """Yield configurations x poolings, each cell over the sets that all cells have."""
    others = ("configuration", "pooling", "seed")
    rows = [row for row in rows if row["seed"] == "0"]
    sets = report.common(rows, "dataset", others)
    if not sets:
        yield "No data set has all configurations, poolings and seeds yet."
        return
    kept = [row for row in rows if row["dataset"] in sets]
    means = report.average(kept, "dataset", others)
    names = ", ".join(sorted(sets))
    yield f"Mean over {len(sets)} data sets ({names}), first seed, by pooling:"
    yield report.table(means, "configuration", "pooling", "cv_accuracy", mean_row=False)


def _comparison_table(rows: list[Row]) -> Iterator[str]:
    """Yield configurations x sets in one pooling, with mean, difference and cost."""
    rows = [row for row in rows if row["pooling"] == COMMON_POOLING]
    if not rows:
        return
    full = report.common(rows, "dataset", ("configuration", "seed"))
    sets = sorted(report.in_order(rows, "dataset"))
    lines = [["configuration", *sets, f"mean of {len(full)}", "seconds to fit"]]
    for name in report.in_order(rows, "configuration"):
        own = [row for row in rows if row["configuration"] == name]
        cells = [_mean([r for r in own if r["dataset"] == one]) for one in sets]
        lines.append([name, *cells, *_summary(name, rows, full)])
    yield f"By data set, in the pooling {COMMON_POOLING}:"
    yield report.grid(lines)


def _summary(name: str, rows: list[Row], full: set[str]) -> list[str]:
    """Return the mean over full sets with its difference to default, and seconds."""
    kept = [row for row in rows if row["dataset"] in full]
    own = [row for row in kept if row["configuration"] == name]
    if not own:
        return ["", ""]
    seconds = np.mean([float(row["fit_seconds"]) for row in own])
    means = _means_over_sets(own)
    mean = report.mean_and_deviation(list(means.values()))
    default = _means_over_sets([r for r in kept if r["configuration"] == "default"])
    differences = [means[seed] - default[seed] for seed in means if seed in default]
    if differences and name != "default":
        mean += f" ({_signed(differences)})"
    return [mean, f"{seconds:.1f}"]


def _signed(differences: Sequence[float]) -> str:
    mean = f"{np.mean(differences):+.3f}"
    spread = f" ± {np.std(differences, ddof=1):.3f}" if len(differences) > 1 else ""
    return mean + spread


def _means_over_sets(rows: list[Row]) -> dict[str, float]:
    """Return the mean over sets by seed."""
    return {
        row["seed"]: float(row["cv_accuracy"])
        for row in report.average(rows, "dataset", ("seed",))
    }


def _mean(rows: list[Row]) -> str:
    values = [float(row["cv_accuracy"]) for row in rows]
    return f"{np.mean(values):.3f}" if values else ""
