"""Errors of what is believed, and their tables, in which the lowest is best."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from benchmarks import report
from benchmarks.records import Row

DIGITS = 3


def measured(believed: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Return the columns of a row that say how far off the values are."""
    return {
        "rmse": float(root_mean_squared_error(true, believed)),
        "mae": float(mean_absolute_error(true, believed)),
    }


def table(rows: Sequence[Row], down: Sequence[str], across: str, value: str) -> str:
    """Return mean ± deviation over seeds as a table, the lowest of a line in bold.

    Several columns ``down`` name a line together.
    """
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    lines = dict.fromkeys(_line_of(row, down) for row in rows)
    for row in rows:
        found[_line_of(row, down), row[across]].append(float(row[value]))
    names = report.in_order(rows, across)
    head = [" ".join(down), *names]
    body = [
        [line, *cells([found.get((line, name), []) for name in names])]
        for line in lines
    ]
    return report.grid([head, *body])


def cells(values: Sequence[Sequence[float]]) -> list[str]:
    """Return "mean ± deviation" of each group, the lowest in bold.

    A mean has three digits that count, and a group without values is an empty cell.
    """
    shown = [_shown(group) for group in values]
    lowest = min((float(mean) for mean in shown if mean), default=None)
    return [
        _cell(group, mean, is_lowest=bool(mean) and float(mean) == lowest)
        for group, mean in zip(values, shown, strict=True)
    ]


def _line_of(row: Row, down: Sequence[str]) -> str:
    return " ".join(row[column] for column in down)


def _shown(values: Sequence[float]) -> str:
    if not len(values):
        return ""
    mean = float(np.mean(values))
    return f"{mean:.{_decimals(mean)}f}"


def _cell(values: Sequence[float], mean: str, *, is_lowest: bool) -> str:
    text = f"**{mean}**" if is_lowest else mean
    if len(values) < 2:
        return text
    return f"{text} ± {np.std(values, ddof=1):.{_decimals(float(mean))}f}"


def _decimals(mean: float) -> int:
    size = math.floor(math.log10(abs(mean))) if mean else 0
    return max(0, DIGITS - 1 - size)
