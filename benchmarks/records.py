"""Results as rows of a CSV file, written as they come, and where they come from."""

import csv
import os
import platform
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata, util
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
DISTRIBUTIONS = ("sklearn-tsrep", "torch", "scikit-learn", "sktime", "numpy")
PROVENANCE = (
    "peak_memory_mb",
    "n_threads",
    "parameters",
    "all_parameters",
    "python",
    *DISTRIBUTIONS,
    "machine",
    "revision",
    "command",
    "date",
    "error",
)

Row = dict[str, str]


class Store:
    """Rows of one CSV file; a row is known by the values of its key columns.

    A row that failed has a text in its column "error" and does not count as there. When
    a key occurs twice the later row holds.
    """

    def __init__(
        self, path: Path, key: Sequence[str], measured: Sequence[str] = ()
    ) -> None:
        self.path = Path(path)
        self.key = tuple(key)
        self.columns = (*key, *measured, *PROVENANCE)

    def rows(self) -> list[Row]:
        """Return the newest row of each key, in order of first appearance."""
        newest: dict[tuple[str, ...], Row] = {}
        for row in self._read():
            if row["error"] and self.key_of(row) in newest:
                continue
            newest[self.key_of(row)] = row
        return list(newest.values())

    def done(self) -> list[Row]:
        """Return the rows that did not fail."""
        return [row for row in self.rows() if not row["error"]]

    def key_of(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the key of a row as text."""
        return tuple(str(row[column]) for column in self.key)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows to the end of the file at once; unknown columns are refused."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists() or self.path.stat().st_size == 0
        with self.path.open("a", newline="", encoding="utf-8") as file:
            if not is_new and not _ends_with_newline(self.path):
                file.write("\n")
            writer = csv.DictWriter(file, self.columns, restval="", lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerows(rows)

    def _read(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames and tuple(reader.fieldnames) != self.columns:
                raise SystemExit(
                    f"error: {self.path} has other columns than this version writes; "
                    "move it away or give another --results folder"
                )
            # A line cut short by a crash lacks its last columns.
            return [row for row in reader if row["error"] is not None]


def provenance(argv: Sequence[str], n_threads: int) -> dict[str, Any]:
    """Return the columns that say with what, where and when a row was computed."""
    return {
        "n_threads": n_threads,
        "python": platform.python_version(),
        **{name: _version(name) for name in DISTRIBUTIONS},
        "machine": f"{platform.system()} {platform.machine()} {_processor()}".strip(),
        "revision": _revision(),
        "command": _command(argv),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _processor() -> str:
    """Return the name of the processor, on which the speed of bfloat16 depends."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def thread_count(wanted: int | None) -> int:
    """Return the threads a row may use: as asked, as OMP_NUM_THREADS says, or all."""
    if wanted:
        return wanted
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return _version_from_source(distribution)


def _version_from_source(distribution: str) -> str:
    """Return the version a package not installed gives itself, or an empty text."""
    name = distribution.replace("-", "_")
    if util.find_spec(name) is None:
        return ""
    return str(getattr(__import__(name), "__version__", ""))


def _revision() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    code = ("sklearn_tsrep", "benchmarks", ":!benchmarks/results")
    changed = bool(_git("status", "--porcelain", "--", *code))
    return f"{commit}-dirty" if commit and changed else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _command(argv: Sequence[str]) -> str:
    """Return the command without the place of its results, which is the reader's."""
    kept = list(argv)
    if "--results" in kept:
        place = kept.index("--results")
        del kept[place : place + 2]
    kept = [word for word in kept if not word.startswith("--results=")]
    return shlex.join(["python", "-m", "benchmarks", *kept])


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
