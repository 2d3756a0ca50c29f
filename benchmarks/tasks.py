"""What tasks share: types of their arguments, and running until the report."""

import argparse
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import datasets, report, running
from benchmarks.records import Row, Store


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
    kind: type[int] | type[float], *, below: float = math.inf
) -> Callable[[str], list[Any]]:
    """Return a type of argument: numbers from 0 on, separated by commas."""

    def values(text: str) -> list[Any]:
        given = [kind(word) for word in running.comma_separated(text)]
        if not all(0 <= value < below for value in given):
            raise argparse.ArgumentTypeError(
                f"expected numbers of at least 0 and below {below:g}, got {text}"
            )
        return given

    return values


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
