"""Classification sets by name, each part loaded on its own.

A set is looked for as ``NAME.npz``, then as the archive's own ``NAME_TRAIN.ts`` and
``NAME_TEST.ts``, both under ``$TSREP_DATA/classification``, then among the sets that
sktime ships. `load_train` never opens the test part.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

VARIABLE = "TSREP_DATA"
EIGHT_SETS = (
    "ArticularyWordRecognition",
    "BasicMotions",
    "ERing",
    "FingerMovements",
    "JapaneseVowels",
    "NATOPS",
    "RacketSports",
    "UWaveGestureLibrary",
)
SHIPPED_BY_SKTIME = {
    "BasicMotions": "load_basic_motions",
    "JapaneseVowels": "load_japanese_vowels",
}

Series = np.ndarray | list[np.ndarray]
Part = tuple[Series, np.ndarray]


class MissingDataError(Exception):
    """A data set is not where it is looked for; the message says what and where."""


def load_train(name: str) -> Part:
    """Return the series and labels of the training part of the set ``name``.

    Series are an array (n_instances, n_channels, n_timepoints), or a list of arrays
    (n_channels, length) when lengths differ. Missing values are NaN.
    """
    return find(name)("train")


def load_test(name: str) -> Part:
    """Return the series and labels of the test part; for final tables only."""
    return find(name)("test")


def find(name: str) -> Callable[[str], Part]:
    """Return the loader of the set ``name``, a function of "train" or "test"."""
    for folder in _folders(name):
        archive = folder / f"{name}.npz"
        if archive.is_file():
            return partial(_load_npz, archive)
        files = {part: folder / f"{name}_{part.upper()}.ts" for part in PARTS}
        if all(file.is_file() for file in files.values()):
            return partial(_load_ts, files)
    if name in SHIPPED_BY_SKTIME:
        return partial(_load_from_sktime, name)
    raise MissingDataError(_explain([name]))


def require(names: Iterable[str]) -> None:
    """Raise MissingDataError, naming every set of ``names`` that is not there."""
    missing = [name for name in names if not _is_there(name)]
    if missing:
        raise MissingDataError(_explain(missing))


PARTS = ("train", "test")


def _root() -> Path | None:
    value = os.environ.get(VARIABLE, "")
    return Path(value) if value else None


def _folders(name: str) -> list[Path]:
    root = _root()
    if root is None:
        return []
    return [root / "classification", root / "classification" / name]


def _is_there(name: str) -> bool:
    try:
        find(name)
    except MissingDataError:
        return False
    return True


def _explain(missing: Sequence[str]) -> str:
    names = ", ".join(missing)
    if _root() is None:
        return (
            f"the environment variable {VARIABLE} is not set, so these data sets "
            f"cannot be found: {names}. Set it to the folder described in "
            "benchmarks/DATA.md."
        )
    first, own = (str(folder) for folder in _folders(missing[0]))
    return (
        f"not found under {VARIABLE}: {names}. For {missing[0]}, put "
        f"{missing[0]}.npz into {first}, or {missing[0]}_TRAIN.ts and "
        f"{missing[0]}_TEST.ts into {first} or {own} (see benchmarks/DATA.md)."
    )


def _load_npz(file: Path, part: str) -> Part:
    with np.load(file, allow_pickle=False) as archive:
        return archive[f"X_{part}"], archive[f"y_{part}"]


def _load_ts(files: dict[str, Path], part: str) -> Part:
    from sktime.datasets import load_from_tsfile

    return _from_nested(*load_from_tsfile(str(files[part])))


def _load_from_sktime(name: str, part: str) -> Part:
    import sktime.datasets

    load = getattr(sktime.datasets, SHIPPED_BY_SKTIME[name])
    return _from_nested(*load(split=part, return_X_y=True, return_type="nested_univ"))


def _from_nested(frame: object, labels: np.ndarray) -> Part:
    """Turn sktime's nested frame into an array, or a list for unequal lengths."""
    rows = frame.to_numpy()  # type: ignore[attr-defined]
    series = [_stack([np.asarray(cell, dtype=float) for cell in row]) for row in rows]
    labels = np.asarray(labels).astype(str)
    if len({one.shape for one in series}) == 1:
        return np.stack(series), labels
    return series, labels


def _stack(channels: list[np.ndarray]) -> np.ndarray:
    """Stack channels; one that ends earlier than the others ends in NaN."""
    stacked = np.full((len(channels), max(map(len, channels))), np.nan)
    for row, channel in zip(stacked, channels, strict=True):
        row[: len(channel)] = channel
    return stacked
