"""Run jobs one after another, each in a fresh process, and store their rows."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.records import RESULTS, ROOT, Row, Store, provenance, thread_count

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

# The figure that a line of progress shows: the first of these that a row has.
SHOWN = (
    "accuracy",
    "cv_accuracy",
    "average_precision",
    "rmse",
    "mse",
    "milliseconds",
    "working_memory_mb",
)


@dataclass(frozen=True)
class Job:
    """A function to call in a fresh process and the rows that it gives.

    ``function`` is "module:name", called with ``keys`` and ``parameters``; it returns
    one dict of measured columns for each dict of ``keys``, in their order.
    ``all_parameters`` is what they record in the column of that name, defaults
    included, where it is known beforehand.
    """

    title: str
    keys: Sequence[Mapping[str, Any]]
    function: str
    parameters: Mapping[str, Any]
    expected_seconds: float
    all_parameters: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every task understands."""
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="folder of the CSV and Markdown files (default: benchmarks/results)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of one row (default: OMP_NUM_THREADS, else all cores)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="about 5 minutes, into a CSV of its own"
    )


def comma_separated(text: str) -> list[str]:
    """Split "a,b" into its names (an argparse type)."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("expected at least one name")
    return names


def run_jobs(jobs: Sequence[Job], store: Store, arguments: argparse.Namespace) -> int:
    """Run what is not yet in the store; return the number of jobs that failed."""
    waiting = _without_done(jobs, store)
    seconds = sum(job.expected_seconds for job in waiting)
    say(
        f"{len(jobs) - len(waiting)} of {len(jobs)} jobs are in {store.path} already; "
        f"{len(waiting)} to run, about {seconds / 60:.0f} minutes"
    )
    failures, started = 0, time.perf_counter()
    for number, job in enumerate(waiting, start=1):
        rows = _run(job, arguments)
        store.append(rows)
        failures += any(row.get("error") for row in rows)
        left = _seconds_left(waiting, number, time.perf_counter() - started)
        say(f"[{number}/{len(waiting)}] {job.title}: {_outcome(job, rows)}; {left}")
    return failures


def say(text: str) -> None:
    """Print a line of progress, in colour where rich is installed."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        print(text, flush=True)
    else:
        Console(soft_wrap=True).print(text, markup=False)


def _without_done(jobs: Sequence[Job], store: Store) -> list[Job]:
    done = {store.key_of(row): row for row in store.done()}
    waiting = []
    for job in jobs:
        keys = [store.key_of(key) for key in job.keys]
        _check_parameters(job, [done[key] for key in keys if key in done], store.path)
        missing = [key for key in job.keys if store.key_of(key) not in done]
        if missing:
            waiting.append(replace(job, keys=missing))
    return waiting


def _check_parameters(job: Job, rows: Sequence[Row], path: Path) -> None:
    """Raise if rows of this job were computed with others, or with other defaults."""
    if {row["parameters"] for row in rows} - {_as_json(job.parameters)}:
        raise SystemExit(
            f"error: {path} holds {job.title} with other parameters; give these "
            "another name (--label, or a configuration's name) or remove the old rows"
        )
    recorded = {row["all_parameters"] for row in rows}
    if job.all_parameters and recorded - {job.all_parameters}:
        raise SystemExit(
            f"error: {path} holds {job.title} with defaults that have changed since; "
            "remove the old rows"
        )


def _run(job: Job, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    n_threads = thread_count(arguments.threads)
    measured, error = _call_in_child(job, n_threads)
    shared = {
        **provenance(arguments.argv, n_threads),
        "parameters": _as_json(job.parameters),
    }
    if error:
        return [{**key, **shared, "error": error} for key in job.keys]
    return [
        {**key, **shared, **values}
        for key, values in zip(job.keys, measured, strict=True)
    ]


def _call_in_child(job: Job, n_threads: int) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of the child and an empty text, or no rows and the error."""
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder, "job.json"), Path(folder, "result.json")
        arguments = {"keys": job.keys, "parameters": job.parameters}
        call = {"function": job.function, "arguments": arguments}
        request.write_text(json.dumps(call), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", str(request), str(answer)],
            env=_environment(n_threads),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            return [], _last_line(done.stdout, done.returncode)
        return json.loads(answer.read_text(encoding="utf-8")), ""


def _environment(n_threads: int) -> dict[str, str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(n_threads)),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def _last_line(output: str, status: int) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"exit status {status}: {lines[-1] if lines else 'no output'}"[:500]


def _outcome(job: Job, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a figure of each row, named by the columns in which the rows differ."""
    first = job.keys[0]
    names = [n for n in first if any(key[n] != first[n] for key in job.keys)]
    return ", ".join(_outcome_of_row(row, names) for row in rows)


def _outcome_of_row(row: Mapping[str, Any], names: Sequence[str]) -> str:
    if row.get("error"):
        return f"FAILED ({row['error']})"
    which = [str(row[name]) for name in names]
    figure = next((f"{n} {float(row[n]):.3f}" for n in SHOWN if n in row), "done")
    return " ".join([*which, figure])


def _seconds_left(jobs: Sequence[Job], n_done: int, elapsed: float) -> str:
    """Say how long the rest takes, if it is as wrongly estimated as what is done."""
    expected = sum(job.expected_seconds for job in jobs[:n_done])
    rest = sum(job.expected_seconds for job in jobs[n_done:])
    return f"about {rest * elapsed / expected / 60:.1f} minutes left"


def _as_json(parameters: Mapping[str, Any]) -> str:
    return json.dumps(parameters, sort_keys=True)
