"""What each choice is worth, by cross-validation inside the training parts.

For each set, configuration and seed the encoder is fitted without labels on the series
of each training fold, and each pooling of its latents is judged on the series held out
(benchmarks/judging.py). The folds are the same for all configurations and poolings.
The test parts are never opened. Configurations are named in
benchmarks/configurations.py and benchmarks/dmae_configurations.py; some take values
away from the training part first, each of them the same ones. By default those that
are the method's defaults under another name are left out. Each method has a CSV file of
its own, T-Rep's without a name.
"""

import argparse
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import (
    configurations,
    datasets,
    dmae_configurations,
    report,
    running,
    tasks,
)
from benchmarks.configurations import POOLINGS, Configuration, Groups, by_name
from benchmarks.gaps import remove_values
from benchmarks.judging import (
    MEASURED,
    RECIPE,
    expected_seconds,
    folds,
    judge,
    summary,
)
from benchmarks.methods import Encoder, describe
from benchmarks.records import Row, Store

HELP = "what each choice is worth, by cross-validation inside training parts"
KEY = ("dataset", "configuration", "seed", "pooling")
REMOVAL_SEED = 0
EXPECTED_FIT_SECONDS = 20.0
QUICK_SETS = ["BasicMotions", "JapaneseVowels"]
QUICK_POOLINGS = ["max"]
DIFFERENCE = (
    "A difference in brackets is that to `default` on the same sets with the same "
    "seeds, mean ± standard deviation over seeds."
)
REMOVED = (
    "`removed_values` is the share of single values that every series of the training "
    "part loses before anything else."
)


@dataclass(frozen=True)
class Ablated:
    """A method that is taken apart; ``task`` names its files."""

    task: str
    encoder: Encoder
    groups: Groups
    quick: Sequence[str]

    @property
    def configurations(self) -> dict[str, Configuration]:
        """Configurations of all groups by name."""
        return by_name(self.groups)

    @property
    def pooling(self) -> str:
        """Name of the pooling of the defaults."""
        return self.encoder.pooling({})

    @property
    def removes_values(self) -> bool:
        """Whether there are configurations with gaps."""
        return any(one.removed_values for one in self.configurations.values())

    def resolve(self, configuration: str) -> str:
        """Return what rows of a configuration record as all parameters."""
        return self.encoder.resolve(self.configurations[configuration].parameters)

    def distinct(self) -> list[str]:
        """Return the names of configurations but those that repeat the default."""
        default = self.resolve("default")
        return [
            name
            for name, one in self.configurations.items()
            if name == "default" or one.removed_values or self.resolve(name) != default
        ]

    def store(self, results: Path, *, quick: bool) -> Store:
        """Return the store of its rows."""
        return tasks.store_of(self.task, KEY, MEASURED, results, quick=quick)


METHODS = {
    "trep": Ablated(
        "ablation",
        Encoder("trep"),
        configurations.GROUPS,
        quick=("default", "untrained", "gaps-untrained"),
    ),
    "dmae": Ablated(
        "ablation-dmae",
        Encoder("dmae"),
        dmae_configurations.GROUPS,
        quick=("default", "untrained"),
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    parser.add_argument(
        "--method", choices=METHODS, default="trep", help="default: trep"
    )
    tasks.add_datasets(parser, "the eight of DATA.md")
    known = (
        f"of {name}: {', '.join(METHODS[name].configurations)}" for name in METHODS
    )
    parser.add_argument(
        "--configs",
        type=running.comma_separated,
        metavar="NAME,...",
        help=f"{'; '.join(known)} (default: all that do not repeat the defaults)",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="default: 3")
    parser.add_argument(
        "--poolings",
        type=running.comma_separated,
        metavar="NAME,...",
        help=(
            "several at once by '+', the number of segments behind their name, as in "
            f"max+segments2 (default: {','.join(POOLINGS)} and that of the defaults)"
        ),
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    method = METHODS[arguments.method]
    chosen = _chosen(method, arguments)
    names = tasks.chosen_sets(arguments, QUICK_SETS, datasets.EIGHT_SETS)
    store = method.store(arguments.results, quick=arguments.quick)
    jobs = _jobs(method, names, chosen, arguments, store.done())
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    encoder: Encoder, keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Fit once a fold for keys that differ in their pooling only, and judge each."""
    configuration = Configuration.from_description(parameters)
    seed = keys[0]["seed"]
    X, y = datasets.load_train(keys[0]["dataset"])
    X = remove_values(X, configuration.removed_values, REMOVAL_SEED)
    judgements: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fold in folds(X, y, seed):
        model = encoder(seed, configuration.parameters)
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


# A job names a function of keys and parameters alone.
compute_trep = partial(compute, METHODS["trep"].encoder)
compute_dmae = partial(compute, METHODS["dmae"].encoder)


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    return [
        file
        for method in METHODS.values()
        for file in tasks.write_reports_of(
            method.store, partial(markdown, method), results
        )
    ]


def markdown(method: Ablated, rows: list[Row]) -> str:
    """Return the report: a section for each group of configurations."""
    done = [row for row in rows if not row["error"]]
    parts = [
        f"# What each choice of {method.encoder.class_name} is worth",
        RECIPE,
        " ".join([DIFFERENCE, *([REMOVED] if method.removes_values else [])]),
        *_sections(method, done),
        report.provenance(done),
        report.notes(rows, KEY, label="configuration"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _chosen(method: Ablated, arguments: argparse.Namespace) -> Sequence[str]:
    """Return the configurations that are asked for, or those of the form."""
    known = method.configurations
    for name in arguments.configs or ():
        if name not in known:
            raise SystemExit(
                f"error: {arguments.method} has no configuration {name!r}; there are "
                f"{', '.join(known)}"
            )
    return arguments.configs or (method.quick if arguments.quick else method.distinct())


def _jobs(
    method: Ablated,
    names: Sequence[str],
    chosen: Sequence[str],
    arguments: argparse.Namespace,
    done: Sequence[Row],
) -> Iterator[running.Job]:
    """Yield one job a set, configuration and seed, for all poolings."""
    usual = QUICK_POOLINGS if arguments.quick else POOLINGS
    poolings = arguments.poolings or list(dict.fromkeys([*usual, method.pooling]))
    seeds = range(arguments.seeds or (1 if arguments.quick else 3))
    for seed, name, configuration in itertools.product(seeds, names, chosen):
        shared = {"dataset": name, "configuration": configuration, "seed": seed}
        keys = [{**shared, "pooling": pooling} for pooling in poolings]
        yield _job(method, keys, done)


def _job(
    method: Ablated, keys: Sequence[Mapping[str, Any]], done: Sequence[Row]
) -> running.Job:
    name, configuration, seed = (keys[0][column] for column in KEY[:3])
    parameters = method.configurations[configuration].described()
    shared = {"dataset": name, "configuration": configuration}
    like = [row for row in done if shared.items() <= row.items()]
    expected_fit = 0.0 if parameters.get("max_epochs") == 0 else EXPECTED_FIT_SECONDS
    return running.Job(
        title=f"{name} {configuration} seed {seed}",
        keys=keys,
        function=f"{__name__}:compute_{method.encoder.name}",
        parameters=parameters,
        all_parameters=method.resolve(configuration),
        expected_seconds=expected_seconds(like, len(keys), expected_fit),
    )


def _sections(method: Ablated, rows: list[Row]) -> Iterator[str]:
    for title, group in method.groups.items():
        if any(row["configuration"] in group for row in rows):
            own = list(_of(["default", *group], rows))
            yield f"## {title}"
            yield report.legend(own, "configuration")
            yield from _mean_table(own)
            yield from _comparison_table(own, method.pooling)


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


def _comparison_table(rows: list[Row], pooling: str) -> Iterator[str]:
    """Yield configurations x sets in one pooling, with mean, difference and cost."""
    rows = [row for row in rows if row["pooling"] == pooling]
    if not rows:
        return
    first = [row for row in rows if row["seed"] == "0"]
    full = report.common(first, "dataset", ("configuration",))
    sets = sorted(report.in_order(rows, "dataset"))
    lines = [["configuration", *sets, f"mean of {len(full)}", "seconds to fit"]]
    for name in report.in_order(rows, "configuration"):
        own = [row for row in rows if row["configuration"] == name]
        cells = [_mean([r for r in own if r["dataset"] == one]) for one in sets]
        lines.append([name, *cells, *_summary(name, rows, full)])
    yield f"By data set, in the pooling {pooling}:"
    yield report.grid(lines)


def _summary(name: str, rows: list[Row], full: set[str]) -> list[str]:
    """Return the mean over full sets with its difference to default, and seconds.

    Seeds count with which a configuration has all of these sets.
    """
    kept = [row for row in rows if row["dataset"] in full]
    own, usual = (
        _with_all(full, [row for row in kept if row["configuration"] == configuration])
        for configuration in (name, "default")
    )
    if not own:
        return ["", ""]
    seconds = np.mean([float(row["fit_seconds"]) for row in own])
    means, default = _means_over_sets(own), _means_over_sets(usual)
    mean = report.mean_and_deviation(list(means.values()))
    differences = [means[seed] - default[seed] for seed in means if seed in default]
    if differences and name != "default":
        mean += f" ({_signed(differences)})"
    return [mean, f"{seconds:.1f}"]


def _with_all(sets: set[str], rows: list[Row]) -> list[Row]:
    """Return the rows of those seeds that have all sets."""
    known = {(row["seed"], row["dataset"]) for row in rows}
    return [row for row in rows if all((row["seed"], one) in known for one in sets)]


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
