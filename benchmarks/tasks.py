"""What tasks share: arguments, timing, running until the report, and its parts."""

import argparse
import json
import math
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import datasets, report, running
from benchmarks.methods import Method, NotAvailableError
from benchmarks.records import Row, Store

# Of a row's key, what its title says in another way or not at all.
UNTITLED = ("method", "seed", "judged_on")


def add_datasets(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the argument that names the data sets."""
    parser.add_argument(
        "--datasets",
        type=running.comma_separated,
        metavar="NAME,...",
        help=f"any UEA set whose files are there (default: {default})",
    )


def chosen_sets(
    arguments: argparse.Namespace, quick: Sequence[str], usual: Sequence[str]
) -> list[str]:
    """Return the sets that are asked for, or those of the form; all are there."""
    names = arguments.datasets or list(quick if arguments.quick else usual)
    datasets.require(names)
    return names


def names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Return a type of argument: names among those known, separated by commas."""

    def names(text: str) -> list[str]:
        given = running.comma_separated(text)
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown name {unknown[0]!r}; there are {', '.join(known)}"
            )
        return given

    return names


def numbers(
    kind: type[int] | type[float], *, below: float = math.inf, has_zero: bool = True
) -> Callable[[str], list[Any]]:
    """Return a type of argument: numbers from 0 on, separated by commas."""

    def values(text: str) -> list[Any]:
        given = [kind(word) for word in running.comma_separated(text)]
        if not all(0 < value < below or (value == 0 and has_zero) for value in given):
            least = "of at least 0" if has_zero else "above 0"
            raise argparse.ArgumentTypeError(
                f"expected numbers {least} and below {below:g}, got {text}"
            )
        return given

    return values


def add_methods(
    parser: argparse.ArgumentParser, methods: Collection[str], usual: str = "all"
) -> None:
    """Add the argument that names the methods; None for the usual ones."""
    parser.add_argument(
        "--methods",
        type=names_of(methods),
        metavar="NAME,...",
        help=f"of {', '.join(methods)} (default: {usual})",
    )


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that change parameters of an encoder."""
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


def given_parameters(
    methods: Mapping[str, Method], chosen: Iterable[str], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Return what --set gives; all of the methods that are chosen must take it."""
    settings = parse_parameters(arguments.set)
    plain = [name for name in chosen if not methods[name].takes_parameters]
    if settings and plain:
        raise SystemExit(
            f"error: {plain[0]} takes no parameters; leave it out of --methods when "
            "using --set"
        )
    for name in chosen:
        refused = [one for one in settings if one not in methods[name].free_parameters]
        if refused:
            raise SystemExit(
                f"error: --set cannot give {refused[0]} to {name}; it takes "
                f"{', '.join(methods[name].free_parameters)}"
            )
    if arguments.label and not settings:
        raise SystemExit("error: --label names the rows of --set, which is not given")
    return settings


def available_methods(
    methods: Mapping[str, Method],
    usual: Iterable[str],
    arguments: argparse.Namespace,
) -> dict[str, dict[str, Any]]:
    """Return method -> its own parameters; one asked for by name must be there."""
    available = {}
    for name in arguments.methods or usual:
        try:
            available[name] = methods[name].prepare(arguments.results)
        except NotAvailableError as error:
            if arguments.methods:
                raise SystemExit(f"error: {name} {error}") from None
            running.say(f"left out: {name} {error}")
    return available


def shown_name(method: str, settings: Mapping[str, Any], label: str) -> str:
    """Return the name of a method's rows, with what is set or its label."""
    if not settings:
        return method
    listed = ";".join(f"{name}={settings[name]}" for name in sorted(settings))
    return f"{method}:{label or listed}"


def jobs_of(
    module: str,
    methods: Mapping[str, Method],
    usual: Iterable[str],
    arguments: argparse.Namespace,
    store: Store,
    keys: Callable[[Iterable[str]], Iterable[Mapping[str, Any]]],
) -> Iterator[running.Job]:
    """Yield one job a row of a task that compares methods.

    ``module`` computes the rows, ``keys`` finds their keys for the methods chosen.
    """
    own = available_methods(methods, usual, arguments)
    settings = given_parameters(methods, own, arguments)
    known = report.mean_seconds(store.done(), ("dataset", "method"))
    for key in keys(own):
        method = methods[key["method"]]
        shown = shown_name(key["method"], settings, arguments.label)
        parameters = {**own[key["method"]], **settings}
        others = [value for name, value in key.items() if name not in UNTITLED]
        yield running.Job(
            title=" ".join([*map(str, others), shown, f"seed {key['seed']}"]),
            keys=[{**key, "method": shown}],
            function=f"{module}:compute",
            parameters=parameters,
            all_parameters=method.resolve(parameters),
            expected_seconds=known.get(
                (key["dataset"], shown), method.expected_seconds
            ),
        )


def plain_name(shown: str) -> str:
    """Return the name of a method without what is set."""
    return shown.partition(":")[0]


def store_of(
    task: str,
    key: Sequence[str],
    measured: Sequence[str],
    results: Path,
    *,
    quick: bool,
) -> Store:
    """Return the store of a task in a folder of results, or of its quick form."""
    return Store(results / f"{task}{'-quick' if quick else ''}.csv", key, measured)


def write_reports_of(
    store: Callable[..., Store], markdown: Callable[[list[Row]], str], results: Path
) -> list[Path]:
    """Write the Markdown file of each CSV file of a task in the folder."""
    return report.write(
        [store(results, quick=quick) for quick in (False, True)], markdown
    )


def run_and_report(
    jobs: Iterable[running.Job],
    store: Store,
    write_reports: Callable[[Path], list[Path]],
    arguments: argparse.Namespace,
) -> int:
    """Compute the missing rows and write the reports; return the exit status."""
    failures = running.run_jobs(list(jobs), store, arguments)
    for file in write_reports(arguments.results):
        running.say(f"wrote {file}")
    return 1 if failures else 0


def legend(rows: Sequence[Row], methods: Mapping[str, Method]) -> str:
    """Return a list of the methods of rows, with what is set."""
    lines = []
    for shown in report.in_order(rows, "method"):
        settings = next(r["parameters"] for r in rows if r["method"] == shown)
        with_these = f", with `{settings}`" if settings != "{}" else ""
        lines.append(f"- {shown}: {methods[plain_name(shown)].summary}{with_these}")
    return "\n".join(lines)


def cost_table(rows: Sequence[Row], seconds: Sequence[str]) -> str:
    """Return sets x methods: the means of these columns of seconds, and of memory."""
    methods = report.in_order(rows, "method")
    lines = [["dataset", *methods]]
    for name in sorted(report.in_order(rows, "dataset")):
        cells = [
            _cost(
                [r for r in rows if (r["dataset"], r["method"]) == (name, method)],
                seconds,
            )
            for method in methods
        ]
        lines.append([name, *cells])
    return report.grid(lines)


def _cost(rows: Sequence[Row], seconds: Sequence[str]) -> str:
    if not rows:
        return ""
    *spent, memory = (
        float(np.mean([float(row[column]) for row in rows]))
        for column in (*seconds, "peak_memory_mb")
    )
    return f"{' + '.join(f'{one:.1f}' for one in spent)} s, {memory:.0f} MiB"
