"""One table over all tasks: how far plain methods get, and what ours add to them.

Nothing is computed here: the figures are means of the rows that the other benchmarks
have written, over their sets, then over seeds and whatever else they vary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks import (
    anomaly,
    anomaly_data,
    classification,
    forecasting,
    imputation,
    regression,
    report,
    sepsis,
)
from benchmarks.records import RESULTS, ROOT, Row, Store

PAGE = ROOT / "docs/guide/choosing.md"
HEAD = ("task", "no skill", "plain methods", "random weights", "trained")


@dataclass(frozen=True)
class Task:
    """A line of the table.

    ``benchmark`` has written the rows, ``figure`` is a column of theirs, and ``where``
    the values of others. Methods stand where they do in the table.
    """

    title: str
    benchmark: ModuleType
    figure: str
    no_skill: Sequence[str]
    plain: Sequence[str]
    untrained: Sequence[str]
    trained: Sequence[str]
    where: Mapping[str, str] = field(default_factory=dict)
    is_error: bool = False

    @property
    def groups(self) -> tuple[Sequence[str], ...]:
        """The methods of each column."""
        return self.no_skill, self.plain, self.untrained, self.trained


def _forecasts(title: str, dataset: str) -> Task:
    return Task(
        title,
        forecasting,
        "mse",
        ["last-value"],
        ["seasonal-naive", "raw-ridge-refitted", "none"],
        ["trep-untrained"],
        ["trep"],
        {"dataset": dataset, "seed": "0"},
        is_error=True,
    )


def _gaps(title: str, pattern: str) -> Task:
    return Task(
        title,
        imputation,
        "rmse",
        ["channel-mean"],
        ["linear", "iterative"],
        ["dmae-untrained"],
        ["dmae"],
        {"pattern": pattern, "share": "0.3"},
        is_error=True,
    )


def _regression(title: str, dataset: str) -> Task:
    return Task(
        title,
        regression,
        "rmse",
        ["training-mean"],
        ["raw", "minirocket"],
        ["trep-untrained", "dmae-untrained"],
        ["trep", "dmae"],
        {"dataset": dataset},
        is_error=True,
    )


def _anomalies(title: str, dataset: str) -> Task:
    return Task(
        title,
        anomaly,
        "average_precision",
        ["random"],
        ["pca-windows", "k-means-windows", "raw-windows", "components"],
        ["nearest", "representation"],
        ["representation-trained", "amad"],
        {"dataset": dataset, "seed": "0"},
    )


TASKS = (
    Task(
        "accuracy of classes (8 sets of UEA)",
        classification,
        "accuracy",
        [],
        ["raw-svm", "minirocket"],
        ["untrained", "dmae-untrained"],
        ["trep", "dmae"],
    ),
    _regression("RMSE of numbers (AirQualityBenzene)", "AirQualityBenzene"),
    _regression("RMSE of numbers (Covid3Month)", "Covid3Month"),
    _gaps("RMSE of gaps, blocks", "blocks"),
    _gaps("RMSE of gaps, single values", "random"),
    _forecasts("MSE of forecasts, electricity (ETTh1)", "ETTh1"),
    _forecasts("MSE of forecasts, exchange rates", "exchange_rate"),
    _anomalies("AP of anomalies, telemetry (SMAP)", "SMAP"),
    _anomalies("AP of anomalies, servers (SMD)", "SMD"),
    _anomalies("AP of anomalies, one channel (WSD)", "WSD"),
    Task(
        "AP of alarms from labels (sepsis)",
        sepsis,
        "average_precision",
        ["random"],
        ["values", "boosting"],
        ["trep-untrained", "dmae-untrained"],
        ["trep", "dmae"],
    ),
)


def fill_page() -> None:
    """Put the table of the project's own results on its page."""
    report.fill_between_markers(PAGE, table(), "overview")


def table(results: Path = RESULTS, tasks: Sequence[Task] = TASKS) -> str:
    """Return tasks x kinds of methods, the best of a line in bold."""
    return report.grid([HEAD, *(_line(task, _rows(task, results)) for task in tasks)])


def _line(task: Task, rows: list[Row]) -> list[str]:
    means = {
        method: _mean(rows, task.figure, method)
        for methods in task.groups
        for method in methods
    }
    shown = {method: f"{mean:#.3g}" for method, mean in means.items()}
    choose = min if task.is_error else max
    best = f"{choose(means.values()):#.3g}"
    cells = [
        "<br>".join(
            f"**{shown[method]}** {method}"
            if shown[method] == best
            else f"{shown[method]} {method}"
            for method in methods
        )
        for methods in task.groups
    ]
    return [task.title, *cells]


def _rows(task: Task, results: Path) -> list[Row]:
    """Return its rows; of detectors those of series on which nothing was chosen."""
    benchmark = task.benchmark
    name = benchmark.__name__.rpartition(".")[2]
    store = Store(results / f"{name}.csv", benchmark.KEY, benchmark.MEASURED)
    return [
        row
        for row in store.done()
        if all(row[column] == value for column, value in task.where.items())
        and row.get("series") not in anomaly_data.CHOICE_SERIES.get(row["dataset"], ())
    ]


def _mean(rows: list[Row], figure: str, method: str) -> float:
    return float(
        np.mean([float(row[figure]) for row in rows if row["method"] == method])
    )
