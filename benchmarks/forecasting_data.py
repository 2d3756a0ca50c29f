"""Forecasting sets by name, each part loaded on its own.

A set is looked for as ``NAME.npz`` and then as ``NAME.csv`` under
``$TSREP_DATA/forecasting``. Its parts follow one another in time; `load_train` and
`load_validation` return nothing of the test part.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets import VARIABLE, MissingDataError

USUAL_SETS = ("ETTh1", "ETTm1", "exchange_rate", "illness")
HOURS_OF_A_MONTH = 30 * 24


@dataclass(frozen=True)
class ForecastingSet:
    """Season and horizons of a set in steps, and the rows of its three parts.

    Rows behind the three parts are not used. Without ``parts`` these are 70, 10 and
    20 % of all rows.
    """

    season: int = 24
    horizons: tuple[int, ...] = (24, 96, 192, 336)
    parts: tuple[int, int, int] | None = None

    def sizes(self, n_rows: int) -> tuple[int, int, int]:
        """Return the rows of the training, validation and test part."""
        if self.parts is not None:
            return self.parts
        n_train, n_test = n_rows * 7 // 10, n_rows // 5
        return n_train, n_rows - n_train - n_test, n_test


def _ett(steps_an_hour: int, *horizons: int) -> ForecastingSet:
    """Return 12, 4 and 4 months of 30 days, with a season of a day."""
    month = HOURS_OF_A_MONTH * steps_an_hour
    return ForecastingSet(
        24 * steps_an_hour, horizons, (12 * month, 4 * month, 4 * month)
    )


SETS = {
    "ETTh1": _ett(1, 24, 48, 168, 336, 720),
    "ETTh2": _ett(1, 24, 48, 168, 336, 720),
    "ETTm1": _ett(4, 24, 48, 96, 288, 672),
    "ETTm2": _ett(4, 24, 48, 96, 288, 672),
    "exchange_rate": ForecastingSet(7, (24, 96, 192, 336)),
    "illness": ForecastingSet(52, (24, 36, 48, 60)),
}


def described(name: str) -> ForecastingSet:
    """Return what is known of a set, or the defaults."""
    return SETS.get(name, ForecastingSet())


def load_train(name: str) -> np.ndarray:
    """Return the training part of the set ``name``, (n_timepoints, n_channels) float64.

    Missing values are NaN.
    """
    return _load(name, 0)


def load_validation(name: str) -> np.ndarray:
    """Return the rows that follow the training part; choices are made on them."""
    return _load(name, 1)


def load_test(name: str) -> np.ndarray:
    """Return the rows that follow the validation part; for final tables only."""
    return _load(name, 2)


def require(names: Iterable[str]) -> None:
    """Raise MissingDataError, naming every set of ``names`` that is not there."""
    missing = [name for name in names if _file(name) is None]
    if missing:
        raise MissingDataError(_explain(missing))


def _load(name: str, part: int) -> np.ndarray:
    values = _read(name)
    sizes = described(name).sizes(len(values))
    if sum(sizes) > len(values):
        raise ValueError(
            f"{name} has {len(values)} rows, but its parts are {sizes} rows long"
        )
    start = sum(sizes[:part])
    return values[start : start + sizes[part]]


def _read(name: str) -> np.ndarray:
    file = _file(name)
    if file is None:
        raise MissingDataError(_explain([name]))
    if file.suffix == ".csv":
        import pandas as pd

        return pd.read_csv(file, index_col="date").to_numpy(np.float64)
    with np.load(file, allow_pickle=False) as archive:
        return archive["values"].astype(np.float64)


def _folder() -> Path | None:
    root = os.environ.get(VARIABLE)
    return Path(root, "forecasting") if root else None


def _file(name: str) -> Path | None:
    """Return the file of a set if it is there."""
    folder = _folder()
    if folder is None:
        return None
    files = [folder / f"{name}{suffix}" for suffix in (".npz", ".csv")]
    return next((file for file in files if file.is_file()), None)


def _explain(missing: list[str]) -> str:
    names = ", ".join(missing)
    if _folder() is None:
        return (
            f"the environment variable {VARIABLE} is not set, so these forecasting "
            f"sets cannot be found: {names}. Set it to the folder described in "
            "benchmarks/DATA.md."
        )
    return (
        f"forecasting sets not found under {VARIABLE}: {names}. For {missing[0]}, put "
        f"{missing[0]}.npz or {missing[0]}.csv into {_folder()} (see "
        "benchmarks/DATA.md)."
    )
