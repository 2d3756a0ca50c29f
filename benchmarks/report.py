"""Markdown tables from result rows."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.records import DISTRIBUTIONS, RESULTS, Row, Store

_SEED = re.compile(r"random_state=\d+")
# (line, column) -> seed -> value
Seeds = Mapping[tuple[str, str], Mapping[str, float]]


@dataclass(frozen=True)
class Column:
    """A column of given figures, such as a paper's."""

    title: str
    figures: Mapping[str, float]


def write(stores: Iterable[Store], markdown: Callable[[list[Row]], str]) -> list[Path]:
    """Write the report of each store that there is beside its CSV file."""
    written = []
    for store in stores:
        if store.path.exists():
            target = store.path.with_suffix(".md")
            target.write_text(markdown(store.rows()), encoding="utf-8")
            written.append(target)
    return written


def fill_pages(
    store: Store,
    pages: Iterable[Path],
    table: Callable[[list[Row]], str],
    name: str = "results",
) -> None:
    """Put a table of the project's own results, if it is of these, on pages."""
    if store.path.parent == RESULTS and store.path.exists():
        text = table(store.rows())
        for page in pages:
            fill_between_markers(page, text, name)


def fill_between_markers(page: Path, text: str, name: str = "results") -> None:
    """Put a text between the two markers of a name on a page."""
    begin, end = (f"<!-- {name}: {edge} -->" for edge in ("begin", "end"))
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def table(
    rows: Sequence[Row],
    down: str,
    across: str,
    value: str,
    *,
    extra: Column | None = None,
    mean_row: bool = True,
) -> str:
    """Return mean ± deviation over seeds as a table, the best of a line in bold.

    The last line is the mean over those lines that have a figure in every column.
    """
    seeds = _collect(rows, down, across, value)
    columns, names = in_order(rows, across), in_order(rows, down)
    names = sorted(names) if down == "dataset" else names
    lines = [[down, *columns, *([extra.title] if extra else [])]]
    for name in names:
        cells = highest_in_bold([_values(seeds, name, column) for column in columns])
        lines.append([name, *cells, *_extra_cell(extra, name)])
    if mean_row:
        lines.append(_mean_line(seeds, names, columns, extra))
    return grid(lines)


def grid(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a Markdown table, the first line its head."""
    head, *body = [" | ".join(line) for line in lines]
    rule = " | ".join(["---"] * len(lines[0]))
    return "\n".join(f"| {line} |" for line in [head, rule, *body])


def in_order(rows: Iterable[Row], column: str) -> list[str]:
    """Return the values of a column in order of first appearance."""
    return list(dict.fromkeys(row[column] for row in rows))


def common(rows: Sequence[Row], column: str, others: Sequence[str]) -> set[str]:
    """Return the values of a column that occur with every combination of others."""
    wanted = {tuple(row[name] for name in others) for row in rows}
    found = defaultdict(set)
    for row in rows:
        found[row[column]].add(tuple(row[name] for name in others))
    return {value for value, seen in found.items() if seen == wanted}


def average(rows: Sequence[Row], over: str, others: Sequence[str]) -> list[Row]:
    """Return rows whose cv_accuracy is the mean over one column, others kept apart."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in others)].append(row)
    return [
        {**group[0], over: "", "cv_accuracy": str(_mean(group, "cv_accuracy"))}
        for group in groups.values()
    ]


def mean_and_deviation(values: Sequence[float], *, is_bold: bool = False) -> str:
    """Return "mean ± standard deviation" of at least one value."""
    mean = f"{np.mean(values):.3f}"
    shown = f"**{mean}**" if is_bold else mean
    return f"{shown} ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else shown


def highest_in_bold(seeds: Sequence[Sequence[float]]) -> list[str]:
    """Return "mean ± deviation" of each group; one without values is an empty cell."""
    means = [round(float(np.mean(values)), 3) if values else None for values in seeds]
    best = max((mean for mean in means if mean is not None), default=None)
    return [
        _cell(values, mean == best) for values, mean in zip(seeds, means, strict=True)
    ]


def mean_seconds(
    rows: Sequence[Row], columns: Sequence[str]
) -> dict[tuple[str, ...], float]:
    """Return the seconds that rows have taken so far, by the values of columns."""
    times = defaultdict(list)
    for row in rows:
        spent = (row[name] for name in row if name.endswith("_seconds"))
        key = tuple(row[column] for column in columns)
        times[key].append(sum(float(seconds or 0) for seconds in spent) + 5)
    return {key: float(np.mean(values)) for key, values in times.items()}


def provenance(rows: Sequence[Row]) -> str:
    """Return a paragraph on versions, threads and dates of these rows."""
    if not rows:
        return "No rows yet."
    names = ("python", *DISTRIBUTIONS, "n_threads", "machine", "revision")
    parts = [f"{name} {_spread(rows, name)}" for name in names if _spread(rows, name)]
    dates = sorted({row["date"][:10] for row in rows})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return f"Computed {when} with {', '.join(parts)}."


def legend(rows: Sequence[Row], label: str) -> str:
    """Return a list of names with the parameters that they stand for."""
    parameters = {row[label]: row["parameters"] for row in rows}
    return "\n".join(f"- {name}: `{text}`" for name, text in parameters.items())


def notes(rows: Sequence[Row], key: Sequence[str], label: str) -> str:
    """Return a list of failed rows and of names whose parameters have changed."""
    lines = [
        f"- failed: {', '.join(row[column] for column in key)}: {row['error']}"
        for row in rows
        if row["error"]
    ]
    for name in in_order(rows, label):
        own = [r for r in rows if r[label] == name and not r["error"]]
        changed = _changed_parameters([r["all_parameters"] for r in own])
        if changed:
            lines.append(f"- rows of {name} differ in their defaults of {changed}")
    return "\n".join(["## Notes\n", *lines]) if lines else ""


def _collect(rows: Sequence[Row], down: str, across: str, value: str) -> Seeds:
    """Return value by seed for each pair of line and column."""
    collected: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        collected[row[down], row[across]][row["seed"]] = float(row[value])
    return dict(collected)


def _values(seeds: Seeds, name: str, column: str) -> list[float]:
    return list(seeds.get((name, column), {}).values())


def _cell(values: Sequence[float], is_best: bool) -> str:
    return mean_and_deviation(values, is_bold=is_best) if values else ""


def _extra_cell(extra: Column | None, name: str) -> list[str]:
    if extra is None:
        return []
    return [f"{extra.figures[name]:.3f}" if name in extra.figures else ""]


def _mean_line(
    seeds: Seeds,
    names: Sequence[str],
    columns: Sequence[str],
    extra: Column | None,
) -> list[str]:
    """Average over lines without a hole, so that all columns mean the same sets."""
    full = [
        name for name in names if all((name, column) in seeds for column in columns)
    ]
    title = f"mean of {len(full)}"
    if not full:
        return [title, *[""] * len(columns), *([""] if extra else [])]
    line = [
        title,
        *highest_in_bold([_means(seeds, full, column) for column in columns]),
    ]
    if extra:
        known = all(name in extra.figures for name in full)
        figures = [extra.figures[name] for name in full] if known else []
        line.append(f"{np.mean(figures):.3f}" if known else "")
    return line


def _means(seeds: Seeds, names: Sequence[str], column: str) -> list[float]:
    """Return the mean over lines seed by seed, or just one where seeds differ."""
    lines = [seeds[name, column] for name in names]
    if all(line.keys() == lines[0].keys() for line in lines):
        return [float(np.mean([line[seed] for line in lines])) for seed in lines[0]]
    return [float(np.mean([np.mean(list(line.values())) for line in lines]))]


def _mean(rows: Sequence[Row], column: str) -> float:
    return float(np.mean([float(row[column]) for row in rows]))


def _spread(rows: Sequence[Row], column: str) -> str:
    return ", ".join(value for value in in_order(rows, column) if value)


def _changed_parameters(descriptions: Iterable[str]) -> str:
    """Name the parameters in which these JSON texts are not all alike.

    The seed of an estimator within another, which a row has beside, is none.
    """
    known = [json.loads(_SEED.sub("", text)) for text in descriptions if text]
    names = sorted({name for parameters in known for name in parameters})
    changed = [n for n in names if len({json.dumps(p.get(n)) for p in known}) > 1]
    return ", ".join(changed)
