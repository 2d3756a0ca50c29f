"""Command line of the benchmarks: one sub-command a task."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from benchmarks import overview
from benchmarks.datasets import MissingDataError
from benchmarks.records import RESULTS

# A task is a module with HELP, add_arguments(parser), run(arguments), and
# write_reports(results), which returns the files written.
TASKS = {
    "classification": "benchmarks.classification",
    "ablation": "benchmarks.ablation",
    "budget": "benchmarks.budget",
    "missing": "benchmarks.missing",
    "imputation": "benchmarks.imputation",
    "regression": "benchmarks.regression",
    "forecasting": "benchmarks.forecasting",
    "anomaly": "benchmarks.anomaly",
    "sepsis": "benchmarks.sepsis",
    "speed": "benchmarks.speed",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the task named on the command line and return its exit status."""
    arguments = _parser().parse_args(argv)
    arguments.argv = list(sys.argv[1:] if argv is None else argv)
    try:
        return arguments.run(arguments)
    except MissingDataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def write_all_reports(arguments: argparse.Namespace) -> int:
    """Write the reports of all tasks that have results."""
    for task in _tasks().values():
        for file in task.write_reports(arguments.results):
            print(f"wrote {file}")
    if arguments.results == RESULTS:
        overview.fill_page()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="TASK")
    for name, task in _tasks().items():
        command = commands.add_parser(name, help=task.HELP, description=task.__doc__)
        task.add_arguments(command)
        command.set_defaults(run=task.run)
    report = commands.add_parser("report", help="write the Markdown files anew")
    report.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    report.set_defaults(run=write_all_reports)
    return parser


def _tasks() -> dict[str, ModuleType]:
    return {name: importlib.import_module(module) for name, module in TASKS.items()}


if __name__ == "__main__":
    sys.exit(main())
