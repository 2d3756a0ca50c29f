"""Regression sets by name, each part loaded on its own.

A set is looked for as ``NAME.npz`` under ``$TSREP_DATA/regression``, then among those
that sktime ships. `load_train` never opens the test part.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.datasets import VARIABLE, MissingDataError, Part

SETS = ("Covid3Month", "AirQualityBenzene")
# Their series follow one another in time, and overlap.
IN_TIME_ORDER = frozenset({"AirQualityBenzene"})
SHIPPED_BY_SKTIME = {"Covid3Month": "load_covid_3month"}


def load_train(name: str) -> Part:
    """Return the series and targets of the training part of the set ``name``.

    Series are an array (n_instances, n_channels, n_timepoints), NaN where a value is
    missing; targets are float64.
    """
    return _load(name, "train")


def load_test(name: str) -> Part:
    """Return the series and targets of the test part; for final tables only."""
    return _load(name, "test")


def require(names: Iterable[str]) -> None:
    """Raise MissingDataError, naming every set of ``names`` that is not there."""
    missing = [name for name in names if not _is_there(name)]
    if missing:
        raise MissingDataError(_explain(missing))


def _load(name: str, part: str) -> Part:
    if (file := _archive(name)) is not None:
        with np.load(file, allow_pickle=False) as archive:
            return archive[f"X_{part}"], archive[f"y_{part}"].astype(np.float64)
    if name in SHIPPED_BY_SKTIME:
        return _load_from_sktime(name, part)
    raise MissingDataError(_explain([name]))


def _load_from_sktime(name: str, part: str) -> Part:
    import sktime.datasets

    load = getattr(sktime.datasets, SHIPPED_BY_SKTIME[name])
    frame, y = load(split=part, return_X_y=True)
    X = np.array([[np.asarray(cell) for cell in row] for row in frame.to_numpy()])
    return X, np.asarray(y, dtype=np.float64)


def _folder() -> Path | None:
    root = os.environ.get(VARIABLE)
    return Path(root, "regression") if root else None


def _archive(name: str) -> Path | None:
    """Return the file of a set if it is there."""
    folder = _folder()
    file = folder / f"{name}.npz" if folder else None
    return file if file and file.is_file() else None


def _is_there(name: str) -> bool:
    return name in SHIPPED_BY_SKTIME or _archive(name) is not None


def _explain(missing: list[str]) -> str:
    names = ", ".join(missing)
    if _folder() is None:
        return (
            f"the environment variable {VARIABLE} is not set, so these regression sets "
            f"cannot be found: {names}. Set it to the folder described in "
            "benchmarks/DATA.md."
        )
    return (
        f"regression sets not found under {VARIABLE}: {names}. For {missing[0]}, put "
        f"{missing[0]}.npz into {_folder()} (see benchmarks/DATA.md)."
    )
