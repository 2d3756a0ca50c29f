"""Which series a row is judged on: the test part, or some of the training part.

Choices are made by rows of the second kind, for which the test part is never opened.
They stand in files of their own.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from sklearn.model_selection import train_test_split

from benchmarks import datasets, tasks
from benchmarks.records import Row, Store

TEST, INSIDE = "test", "training"
HELD_OUT = 0.3
SUFFIX = {TEST: "", INSIDE: "-inside-training"}


class Source(Protocol):
    """A module that loads sets by name."""

    def load_train(self, name: str) -> datasets.Part:
        """Return the training part."""

    def load_test(self, name: str) -> datasets.Part:
        """Return the test part."""


def add_argument(
    parser: argparse.ArgumentParser,
    help: str = f"judge on {HELD_OUT:.0%}% of the training part, which is held out",
) -> None:
    """Add the argument that chooses; it is read as ``arguments.judged_on``."""
    parser.add_argument(
        "--inside-training",
        dest="judged_on",
        action="store_const",
        const=INSIDE,
        default=TEST,
        help=help,
    )


def load(
    source: Source, name: str, judged_on: str, seed: int, *, in_order: bool = False
) -> tuple[datasets.Part, datasets.Part]:
    """Return the series to learn from and those to judge by, each with its targets.

    Inside the training part the seed draws those to judge by; with ``in_order`` they
    are the last ones.
    """
    train = source.load_train(name)
    if judged_on == TEST:
        return train, source.load_test(name)
    X, X_held_out, y, y_held_out = train_test_split(
        *train,
        test_size=HELD_OUT,
        shuffle=not in_order,
        random_state=None if in_order else seed,
    )
    return (X, y), (X_held_out, y_held_out)


def described(rows: Sequence[Row]) -> str:
    """Return a sentence on what the rows of a file are judged on."""
    if any(row["judged_on"] == INSIDE for row in rows):
        return (
            f"Inside the training parts: {HELD_OUT:.0%} of their series are held out "
            "to judge by, drawn by the seed, or the last ones where series follow one "
            "another in time. Test parts are never read."
        )
    return "On the archives' test parts, which are read once a row."


def store_of(
    task: str,
    key: Sequence[str],
    measured: Sequence[str],
    results: Path,
    *,
    judged_on: str,
    quick: bool,
) -> Store:
    """Return the store of a task with rows of one kind, or of its quick form."""
    return tasks.store_of(task + SUFFIX[judged_on], key, measured, results, quick=quick)


def write_reports_of(
    store: Callable[..., Store], markdown: Callable[[list[Row]], str], results: Path
) -> list[Path]:
    """Write the Markdown file of each CSV file of a task in the folder."""
    return [
        file
        for judged_on in SUFFIX
        for file in tasks.write_reports_of(
            partial(store, judged_on=judged_on), markdown, results
        )
    ]
