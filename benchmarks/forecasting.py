"""Errors of forecasts of whole series, at several horizons.

From each step on, all channels of the next steps are forecast: the first origin is the
last step before the rows that a row is judged on, the last target their last step.
Errors are in units of each channel's standard deviation in the training part, means
over origins, steps and channels. Forecasters learn from the training and the validation
part, with the latter held out to choose by, and are judged on the test part, which is
read once a row. With --inside-training they learn from the training part alone, with
as large a share of it held out, and are judged on the validation part.

The horizons of a data set, method and seed are computed in one process, which trains
the encoder and encodes the rows to learn from once.
"""

import argparse
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from benchmarks import (
    errors,
    forecasting_data,
    paper,
    parts,
    report,
    running,
    tasks,
)
from benchmarks.forecasters import (
    METHODS,
    SharedEncoder,
    Spent,
    blocks,
    mean_errors,
)
from benchmarks.records import ROOT, Row, Store

HELP = "errors of forecasts at several horizons, with control, plain methods and cost"
KEY = ("dataset", "judged_on", "method", "seed", "horizon")
SECONDS = ("encoder_seconds", "encode_seconds", "fit_seconds", "predict_seconds")
MEASURED = ("mse", "mae", "n_forecasts", "chosen", *SECONDS)
QUICK_SETS = ["ETTh1"]
PAGES = tuple(ROOT / page for page in ("README.md", "docs/guide/forecasting.md"))
# What pages show; the report has the rest.
SHOWN_SETS = ("ETTh1", "ETTm1", "exchange_rate")
SHOWN_METHODS = (
    "last-value",
    "seasonal-naive",
    "raw-ridge",
    "raw-ridge-refitted",
    "none",
    "trep-untrained",
    "trep",
    "paper",
)
# What forecasters have chosen, where they have.
CHOSEN = ("season_", "n_lags_", "alpha_")
ERRORS = {"mse": "Mean squared error", "mae": "Mean absolute error"}
_store = partial(parts.store_of, "forecasting", KEY, MEASURED)


class Split(NamedTuple):
    """Rows to learn from, and those that follow, by which forecasts are judged.

    ``scale`` is the unit of each channel's errors.
    """

    history: np.ndarray
    future: np.ndarray
    scale: np.ndarray
    validation_fraction: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    tasks.add_methods(parser, METHODS, "all; quick ones with --quick")
    usual = ",".join(forecasting_data.USUAL_SETS)
    parser.add_argument(
        "--datasets",
        type=running.comma_separated,
        metavar="NAME,...",
        help=f"sets whose files are there (default: {usual})",
    )
    parser.add_argument(
        "--horizons",
        type=tasks.numbers(int, has_zero=False),
        metavar="STEPS,...",
        help="default: those of the set; its first and third with --quick",
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="default: 3; one of plain methods"
    )
    tasks.add_parameters(parser)
    parts.add_argument(
        parser, "learn from the training part alone, and judge on the validation part"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    store = _store(
        arguments.results, judged_on=arguments.judged_on, quick=arguments.quick
    )
    jobs = _jobs(arguments, store)
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def compute(
    keys: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Train an encoder once, and forecast at the horizon of each key."""
    first = keys[0]
    build = METHODS[tasks.plain_name(first["method"])].build
    split = load(first["dataset"], first["judged_on"])
    of_set = {
        "season": forecasting_data.described(first["dataset"]).season,
        "validation_fraction": split.validation_fraction,
    }
    taken = {name: of_set[name] for name in build.of_set if name not in parameters}
    model = build(first["seed"], parameters).set_params(**taken)
    spent = Spent()
    if model.get_params().get("transformer") is not None:
        model.set_params(transformer=SharedEncoder(model.transformer, spent))
    rows = [
        measure(clone(model).set_params(horizon=key["horizon"]), split, spent)
        for key in keys
    ]
    described = build.resolve(parameters)
    return [{**row, "all_parameters": described} for row in rows]


def load(name: str, judged_on: str) -> Split:
    """Return the parts of a set; the test part is read to be judged on alone."""
    train = forecasting_data.load_train(name)
    validation = forecasting_data.load_validation(name)
    known = np.concatenate([train, validation])
    scale = StandardScaler().fit(train).scale_
    fraction = len(validation) / len(known)
    if judged_on == parts.INSIDE:
        return Split(train, validation, scale, fraction)
    return Split(known, forecasting_data.load_test(name), scale, fraction)


def measure(forecaster: Any, split: Split, spent: Spent) -> dict[str, Any]:
    """Return the measured columns, for which the future is read once.

    What other rows of the process have trained or encoded counts as if it were done
    for this one.
    """
    times = [(time.perf_counter(), spent.total)]
    forecaster.fit(split.history)
    times.append((time.perf_counter(), spent.total))
    differences = rolling_differences(forecaster, split.future)
    mse, mae = mean_errors(block / split.scale for block in differences)
    times.append((time.perf_counter(), spent.total))
    (fitting, in_fit), (forecasting, in_forecasts) = np.diff(times, axis=0).tolist()
    return {
        "mse": mse,
        "mae": mae,
        "n_forecasts": len(split.future) + 1 - forecaster.horizon,
        "chosen": _chosen(forecaster),
        "encoder_seconds": round(spent.training, 3),
        "encode_seconds": round(spent.history + in_forecasts, 3),
        "fit_seconds": round(fitting - in_fit, 3),
        "predict_seconds": round(forecasting - in_forecasts, 3),
    }


def rolling_differences(forecaster: Any, future: np.ndarray) -> Iterator[np.ndarray]:
    """Yield how far off the forecasts of each block of origins are.

    A block is (n_origins, horizon, n_channels). The forecaster takes in the rows of
    each block after it.
    """
    horizon = forecaster.horizon
    if len(future) < horizon:
        raise ValueError(
            f"a horizon of {horizon} is longer than the {len(future)} rows to judge by"
        )
    true = sliding_window_view(future, horizon, axis=0).swapaxes(1, 2)
    for block in blocks(*true.shape):
        believed = forecaster.predict_rolling(
            future[block.start : block.stop - 1 + horizon]
        )
        if believed.shape != true[block].shape or not np.isfinite(believed).all():
            raise ValueError(
                f"expected finite forecasts of shape {true[block].shape}, got shape "
                f"{believed.shape} with {np.isnan(believed).sum()} NaN"
            )
        yield believed - true[block]
        forecaster.update(future[block])


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder.

    Some of the project's own results stand on PAGES as well.
    """
    store = _store(results, judged_on=parts.TEST, quick=False)
    report.fill_pages(store, PAGES, page_table, "forecasts")
    return parts.write_reports_of(_store, markdown, results)


def page_table(rows: Sequence[Row]) -> str:
    """Return the mean squared errors of the methods that pages show."""
    shown = [
        row
        for row in rows
        if row["method"] in SHOWN_METHODS
        and row["dataset"] in SHOWN_SETS
        and not row["error"]
    ]
    return errors.table(
        sorted(shown, key=_place_on_page), ("dataset", "horizon"), "method", "mse"
    )


def _place_on_page(row: Row) -> tuple[str, int, int]:
    method = SHOWN_METHODS.index(row["method"])
    return row["dataset"], int(row["horizon"]), method


def markdown(rows: list[Row]) -> str:
    """Return the report: two tables for each data set."""
    done = [row for row in rows if not row["error"]]
    report_parts = [
        "# Forecasting",
        "Errors of the forecasts of all channels, in units of each channel's standard "
        "deviation in the training part: mean over origins, steps and channels, mean ± "
        f"standard deviation over seeds, the lowest in bold. {_judged(rows)} Columns "
        "are horizons in steps.",
        tasks.legend(done, METHODS),
        *_sections(done),
        _paper_source(done),
        "## Cost",
        "Mean over seeds and horizons: seconds to train the encoder + to encode all "
        "rows + to fit the forecaster + to forecast from all origins, each as for one "
        "horizon alone, and peak memory of the process of all horizons with data and "
        "libraries.",
        tasks.cost_table(done, SECONDS),
        report.provenance(done),
        report.notes(rows, KEY, label="method"),
    ]
    return "\n\n".join(part for part in report_parts if part) + "\n"


def _jobs(arguments: argparse.Namespace, store: Store) -> Iterator[running.Job]:
    """Yield one job a data set, method and seed, for all horizons."""
    usual = [name for name in METHODS if METHODS[name].is_quick or not arguments.quick]
    keys = partial(_keys, arguments)
    for job in tasks.jobs_of(__name__, METHODS, usual, arguments, store, keys):
        (key,) = job.keys
        horizons = _horizons(key["dataset"], arguments)
        yield replace(job, keys=[{**key, "horizon": horizon} for horizon in horizons])


def _keys(
    arguments: argparse.Namespace, methods: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Yield keys that lack their horizon."""
    usual = QUICK_SETS if arguments.quick else forecasting_data.USUAL_SETS
    names = arguments.datasets or list(usual)
    forecasting_data.require(names)
    n_seeds = arguments.seeds or (1 if arguments.quick else 3)
    for seed, name, method in itertools.product(range(n_seeds), names, methods):
        if seed < (METHODS[method].most_seeds or n_seeds):
            values = [name, arguments.judged_on, method, seed]
            yield dict(zip(KEY[:-1], values, strict=True))


def _horizons(name: str, arguments: argparse.Namespace) -> Sequence[int]:
    usual = forecasting_data.described(name).horizons
    return arguments.horizons or (usual[:3:2] if arguments.quick else usual)


def _chosen(forecaster: Any) -> str:
    """Return what the forecaster has chosen, as "n_lags=48 alpha=10"."""
    found = {name.rstrip("_"): getattr(forecaster, name, None) for name in CHOSEN}
    strengths = getattr(forecaster, "alphas_", {})
    found |= {f"alpha_{part}": alpha for part, alpha in strengths.items()}
    words = [f"{name}={one:g}" for name, one in found.items() if one is not None]
    return " ".join(words)


def _judged(rows: Sequence[Row]) -> str:
    if any(row["judged_on"] == parts.INSIDE for row in rows):
        return (
            "Forecasters learn from the training parts alone and are judged on the "
            "validation parts, which follow. Test parts are never read."
        )
    return (
        "Forecasters learn from the training parts, choose by the validation parts, "
        "and are judged on the test parts, which are read once a row."
    )


def _sections(rows: Sequence[Row]) -> Iterator[str]:
    for name in sorted(report.in_order(rows, "dataset")):
        own = [row for row in rows if row["dataset"] == name]
        yield f"## {name}"
        for place, (column, title) in enumerate(ERRORS.items()):
            yield f"{title}:"
            yield _table(own, column, _of_paper(own, place))


def _of_paper(rows: Sequence[Row], place: int) -> dict[str, float]:
    """Return horizon -> error of one kind; the paper's are those of the test part."""
    is_test = all(row["judged_on"] == parts.TEST for row in rows)
    known = paper.TREP_ETT_ERRORS.get(rows[0]["dataset"], {}) if is_test else {}
    return {horizon: figures[place] for horizon, figures in known.items()}


def _paper_source(rows: Sequence[Row]) -> str:
    is_shown = any(_of_paper([row], 0) for row in rows)
    return f"Paper: {paper.FORECASTING_SOURCE}." if is_shown else ""


def _table(rows: Sequence[Row], column: str, printed: Mapping[str, float]) -> str:
    """Return methods x horizons, with the paper's figures as the last line."""
    methods = report.in_order(rows, "method")
    horizons = sorted(report.in_order(rows, "horizon"), key=int)
    columns = [
        errors.cells([_values(rows, column, name, horizon) for name in methods])
        for horizon in horizons
    ]
    lines = [list(line) for line in zip(methods, *columns, strict=True)]
    figures = [f"{printed[h]:.3f}" if h in printed else "" for h in horizons]
    if any(figures):
        lines.append(["T-Rep, paper", *figures])
    return report.grid([["method", *horizons], *lines])


def _values(rows: Sequence[Row], column: str, method: str, horizon: str) -> list[float]:
    return [
        float(row[column])
        for row in rows
        if row["method"] == method and row["horizon"] == horizon
    ]
