"""Tiny data sets for the tests of the benchmarks."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty classification folder under TSREP_DATA."""
    folder = tmp_path / "data" / "classification"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TSREP_DATA", str(folder.parent))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


@pytest.fixture
def tiny(data: Path) -> Callable[..., Path]:
    """Return a function that writes a separable set of two classes."""

    def write(name: str = "Tiny", *, test: bool = True) -> Path:
        rng = np.random.default_rng(0)
        y = np.repeat(["a", "b"], 6)
        X = rng.normal(size=(12, 2, 20)) + 3.0 * (y == "b")[:, None, None]
        arrays = {"X_train": X.astype("float32"), "y_train": y}
        if test:
            arrays |= {"X_test": arrays["X_train"], "y_test": y}
        np.savez(data / f"{name}.npz", **arrays)
        return data / f"{name}.npz"

    return write


@pytest.fixture
def few_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recipe judge by few folds, which is quicker."""
    from benchmarks import judging, recipe

    monkeypatch.setattr(judging, "N_FOLDS", 2)
    monkeypatch.setattr(recipe, "MOST_FOLDS", 2)


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the list that takes the jobs of a task instead of running them."""
    from benchmarks import running

    jobs: list[Any] = []

    def plan(given: Sequence[Any], store: Any, arguments: Any) -> int:
        jobs.extend(given)
        return 0

    monkeypatch.setattr(running, "run_jobs", plan)
    return jobs


@pytest.fixture
def result_row() -> Callable[..., Mapping[str, str]]:
    """Return a function that writes a row as it is read from a CSV file."""

    def row(**columns: Any) -> Mapping[str, str]:
        empty = ("error", "sktime", "revision", "all_parameters")
        versions = ("python", "sklearn-tsrep", "torch", "scikit-learn", "numpy")
        shared = {
            **dict.fromkeys(empty, ""),
            **dict.fromkeys((*versions, "n_threads", "machine"), "1"),
            "date": "2026-01-02T03:04:05Z",
            "parameters": "{}",
            "fit_seconds": "2",
        }
        return shared | {name: str(value) for name, value in columns.items()}

    return row
