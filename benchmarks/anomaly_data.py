"""Anomaly detection sets by name, one series at a time.

All lie under ``$TSREP_DATA/anomaly``, as DATA.md describes. A source knows the files of
a set and reads one series from them; `load_train` never opens the test part.
"""

import csv
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import VARIABLE, MissingDataError

Labels = np.ndarray
Part = tuple[np.ndarray, Labels]


@dataclass(frozen=True)
class Recording:
    """One series in two parts, to learn from and to score.

    X_train and X_test are float32 (n_timepoints, n_channels), NaN where a value is
    missing. Labels are one integer a time point, 1 where it is anomalous; y_train is
    None in a set that does not label its training part.
    """

    X_train: np.ndarray
    X_test: np.ndarray
    y_test: Labels
    y_train: Labels | None = None


class _Source:
    """The files of one set below the folder of anomaly data."""

    def files(self) -> list[Path]:
        """Return the files without which the set cannot be read."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """Return the names of the series, sorted."""
        raise NotImplementedError

    def train(self, series: str) -> np.ndarray:
        """Return what a detector learns from."""
        raise NotImplementedError

    def train_labels(self, series: str) -> Labels | None:
        """Return the labels of the training part, or None in a set without."""
        return None

    def test(self, series: str) -> Part:
        """Return what a detector scores, and its labels."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Archive(_Source):
    """A file ``.npz`` with keys such as ``A-1/train``, read member by member."""

    file: str

    def files(self) -> list[Path]:
        return [folder() / self.file]

    def names(self) -> list[str]:
        with self._open() as archive:
            return sorted({key.rpartition("/")[0] for key in archive.files})

    def train(self, series: str) -> np.ndarray:
        return self._read(f"{series}/train")

    def train_labels(self, series: str) -> Labels | None:
        with self._open() as archive:
            return archive.get(f"{series}/train_label")

    def test(self, series: str) -> Part:
        return self._read(f"{series}/test"), self._read(f"{series}/label")

    def _read(self, key: str) -> np.ndarray:
        with self._open() as archive:
            return archive[key]

    def _open(self) -> Any:
        return np.load(self.files()[0], allow_pickle=False)


@dataclass(frozen=True)
class _Joined(_Source):
    """All series of another set one after the other, as in much of the literature.

    Its channels then mean something else from series to series.
    """

    name: str
    parts: _Source

    def files(self) -> list[Path]:
        return self.parts.files()

    def names(self) -> list[str]:
        return [self.name]

    def train(self, series: str) -> np.ndarray:
        return np.concatenate([self.parts.train(one) for one in self.parts.names()])

    def test(self, series: str) -> Part:
        tests = [self.parts.test(one) for one in self.parts.names()]
        values, labels = zip(*tests, strict=True)
        return np.concatenate(values), np.concatenate(labels)


@dataclass(frozen=True)
class _TrainingHalves(_Source):
    """The labelled training parts of another set, the second half in place of a test.

    Choices are made on it, and no test part is opened. Series whose second half has no
    anomaly are left out.
    """

    parts: _Source

    def files(self) -> list[Path]:
        return self.parts.files()

    def names(self) -> list[str]:
        return [name for name in self.parts.names() if self.test(name)[1].any()]

    def train(self, series: str) -> np.ndarray:
        values, _ = self._halves(series)
        return values[0]

    def train_labels(self, series: str) -> Labels | None:
        _, labels = self._halves(series)
        return labels[0]

    def test(self, series: str) -> Part:
        values, labels = self._halves(series)
        return values[1], labels[1]

    def _halves(self, series: str) -> tuple[list[np.ndarray], list[Labels]]:
        values, labels = self.parts.train(series), self.parts.train_labels(series)
        if labels is None:
            raise ValueError(f"The training part of {series} has no labels.")
        middle = [len(values) // 2]
        return np.split(values, middle), np.split(labels, middle)


@dataclass(frozen=True)
class _Telemetry(_Source):
    """NASA's files of one spacecraft, a channel of telemetry a series."""

    spacecraft: str

    def files(self) -> list[Path]:
        parts = ("train", "test")
        there = self.names() if self._table().is_file() else []
        channels = [self._channel(part, name) for name in there for part in parts]
        return [self._table(), *channels]

    def names(self) -> list[str]:
        return sorted({row["chan_id"] for row in self._rows()})

    def train(self, series: str) -> np.ndarray:
        return self._read("train", series)

    def test(self, series: str) -> Part:
        return self._read("test", series), self._labels(series)

    def _labels(self, series: str) -> Labels:
        """Mark the anomalies, whose last step is named too, of all rows of a series."""
        rows = [row for row in self._rows() if row["chan_id"] == series]
        labels = np.zeros(int(rows[0]["num_values"]), dtype=int)
        for row in rows:
            for first, last in json.loads(row["anomaly_sequences"]):
                if not 0 <= first <= last < len(labels):
                    raise ValueError(
                        f"{self._table()}: the anomaly [{first}, {last}] of {series} "
                        f"is not within its {len(labels)} steps"
                    )
                labels[first : last + 1] = 1
        return labels

    def _rows(self) -> list[dict[str, str]]:
        with self._table().open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            return [row for row in rows if row["spacecraft"] == self.spacecraft]

    def _read(self, part: str, series: str) -> np.ndarray:
        return np.load(self._channel(part, series), allow_pickle=False)

    @staticmethod
    def _table() -> Path:
        return folder() / "NASA" / "labeled_anomalies.csv"

    @staticmethod
    def _channel(part: str, series: str) -> Path:
        return folder() / "NASA" / part / f"{series}.npy"


@dataclass(frozen=True)
class _Servers(_Source):
    """The text files of the Server Machine Dataset, a server a series."""

    sizes: Sequence[int] = (8, 9, 11)

    def files(self) -> list[Path]:
        parts = ("train", "test", "test_label")
        return [self._file(part, name) for name in self.names() for part in parts]

    def names(self) -> list[str]:
        return sorted(
            f"machine-{group}-{number}"
            for group, size in enumerate(self.sizes, start=1)
            for number in range(1, size + 1)
        )

    def train(self, series: str) -> np.ndarray:
        return self._read("train", series)

    def test(self, series: str) -> Part:
        labels = self._read("test_label", series)
        return self._read("test", series), labels[:, 0]

    def _read(self, part: str, series: str) -> np.ndarray:
        file = self._file(part, series)
        return np.loadtxt(file, delimiter=",", dtype=np.float32, ndmin=2)

    @staticmethod
    def _file(part: str, series: str) -> Path:
        return folder() / "ServerMachineDataset" / part / f"{series}.txt"


class _PooledServerMetrics(_Source):
    """The tables of eBay's Pooled Server Metrics, one series."""

    timestamp = "timestamp_(min)"

    def files(self) -> list[Path]:
        return [self._file(part) for part in ("train", "test", "test_label")]

    def names(self) -> list[str]:
        return ["PSM"]

    def train(self, series: str) -> np.ndarray:
        return self._values("train")

    def test(self, series: str) -> Part:
        table = _read_table(self._file("test_label"), ["label"])
        return self._values("test"), table["label"].to_numpy()

    def _values(self, part: str) -> np.ndarray:
        file = self._file(part)
        return _numbers(_read_table(file, [self.timestamp]), [self.timestamp], file)

    @staticmethod
    def _file(part: str) -> Path:
        return folder() / "PSM" / f"{part}.csv"


class _WaterTreatment(_Source):
    """The tables of iTrust's Secure Water Treatment plant, one series.

    Headers and labels carry stray blanks, and above the header there may be a line
    that names the stages of the plant.
    """

    timestamp = "Timestamp"
    label = "Normal/Attack"

    def files(self) -> list[Path]:
        names = ("SWaT_Dataset_Normal_v1.csv", "SWaT_Dataset_Attack_v0.csv")
        return [folder() / "SWaT" / name for name in names]

    def names(self) -> list[str]:
        return ["SWaT"]

    def train(self, series: str) -> np.ndarray:
        normal, _ = self.files()
        return self._read(normal)[0]

    def test(self, series: str) -> Part:
        _, attack = self.files()
        return self._read(attack)

    def _read(self, file: Path) -> Part:
        others = [self.timestamp, self.label]
        table = _read_table(file, others, skiprows=self._lines_above_header(file))
        words = table[self.label].astype(str).str.replace(" ", "")
        labels = words.map({"Normal": 0, "Attack": 1}).fillna(-1)
        return _numbers(table, others, file), labels.to_numpy()

    def _lines_above_header(self, file: Path) -> int:
        with file.open(encoding="utf-8-sig") as lines:
            return 0 if self.timestamp in next(lines, "") else 1


SETS: dict[str, _Source] = {
    "SMAP": _Archive("SMAP.npz"),
    "SMD": _Archive("SMD.npz"),
    "WSD": _Archive("WSD.npz"),
    "WSD-training": _TrainingHalves(_Archive("WSD.npz")),
    "SMAP-joined": _Joined("SMAP", _Archive("SMAP.npz")),
    "SMAP-NASA": _Telemetry("SMAP"),
    "MSL": _Telemetry("MSL"),
    "SMD-28": _Servers(),
    "PSM": _PooledServerMetrics(),
    "SWaT": _WaterTreatment(),
}

_CHANNELS = (
    *(f"A-{number}" for number in range(1, 10)),
    "B-1",
    *("D-1", "D-11", "D-12", "D-13", *(f"D-{number}" for number in range(2, 10))),
    *("E-1", "E-10", "E-11", "E-12", "E-13"),
)
_SERVERS = ("machine-1-2", "machine-1-4", "machine-1-6", "machine-2-1")

# Whatever is chosen by labels is chosen on these series; all others are for reports.
CHOICE_SERIES: dict[str, tuple[str, ...]] = {
    "SMAP": _CHANNELS,
    "SMAP-NASA": _CHANNELS,
    "SMD": _SERVERS,
    "SMD-28": _SERVERS,
}


def series_names(name: str) -> list[str]:
    """Return the names of the series of the set ``name``, sorted."""
    require([name])
    return SETS[name].names()


def report_series(name: str) -> list[str]:
    """Return the names of the series on which nothing is chosen, sorted."""
    chosen = CHOICE_SERIES.get(name, ())
    return [series for series in series_names(name) if series not in chosen]


def load_train(name: str, series: str) -> np.ndarray:
    """Return the training part of a series, (n_timepoints, n_channels) in float32."""
    source = _source(name, series)
    return _as_series(source.train(series), f"the training part of {name} {series}")


def load(name: str, series: str) -> Recording:
    """Return all parts of a series; for scores and tables.

    Raises
    ------
    ValueError
        If shapes of the parts do not fit, or if labels are not 0 or 1.
    """
    X_train = load_train(name, series)
    source, where = SETS[name], f"of {name} {series}"
    X_test, y_test = source.test(series)
    X_test = _as_series(X_test, f"the test part {where}")
    _check_channels(X_train, X_test, where)
    y_train = source.train_labels(series)
    if y_train is not None:
        y_train = _as_labels(y_train, X_train, f"the training part {where}")
    y_test = _as_labels(y_test, X_test, f"the test part {where}")
    return Recording(X_train, X_test, y_test, y_train)


def require(names: Iterable[str]) -> None:
    """Raise MissingDataError, naming every set of ``names`` that lacks files."""
    lacking = [text for name in names if (text := _missing_files(name))]
    if lacking:
        raise MissingDataError(
            f"files are missing, see benchmarks/DATA.md: {'; '.join(lacking)}"
        )


def folder() -> Path:
    """Return the folder of anomaly data."""
    root = os.environ.get(VARIABLE, "")
    if not root:
        raise MissingDataError(
            f"the environment variable {VARIABLE} is not set, so no anomaly data can "
            "be found. Set it to the folder described in benchmarks/DATA.md."
        )
    return Path(root) / "anomaly"


def _known(name: str) -> _Source:
    if name not in SETS:
        raise ValueError(f"unknown set {name!r}; there are {', '.join(SETS)}")
    return SETS[name]


def _missing_files(name: str) -> str:
    """Say which files of a set are missing, or return an empty text."""
    missing = [file for file in _known(name).files() if not file.is_file()]
    more = f" and {len(missing) - 1} more" if missing[1:] else ""
    return f"{name} needs {missing[0]}{more}" if missing else ""


def _source(name: str, series: str) -> _Source:
    names = series_names(name)
    if series not in names:
        raise ValueError(f"{name} has no series {series!r}; it has {', '.join(names)}")
    return SETS[name]


def _as_series(values: np.ndarray, where: str) -> np.ndarray:
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"{where} has the shape {values.shape}, not (n_timepoints, n_channels)"
        )
    return values.astype(np.float32)


def _as_labels(labels: Labels, X: np.ndarray, where: str) -> Labels:
    if labels.shape != (len(X),):
        raise ValueError(
            f"{where} has {len(X)} steps and labels of shape {labels.shape}"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"{where} has labels that are neither 0 nor 1 (anomalous)")
    return labels.astype(int)


def _check_channels(X_train: np.ndarray, X_test: np.ndarray, where: str) -> None:
    n_train, n_test = X_train.shape[1], X_test.shape[1]
    if n_train != n_test:
        raise ValueError(
            f"the parts {where} have different channels: {n_train} in training, "
            f"{n_test} in test"
        )


def _read_table(file: Path, columns: Sequence[str], **options: Any) -> Any:
    """Return a frame whose names have no stray blanks and which has these columns."""
    import pandas as pd

    table = pd.read_csv(file, skipinitialspace=True, **options)
    table.columns = table.columns.str.strip()
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(
            f"{file} has no column {missing[0]!r}; it has {', '.join(table.columns)}"
        )
    return table


def _numbers(table: Any, others: Sequence[str], file: Path) -> np.ndarray:
    """Return all columns but some others as numbers."""
    try:
        return table.drop(columns=others).to_numpy(dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{file} has a value that is no number: {error}") from error
