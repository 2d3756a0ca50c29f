"""Tests of the anomaly task, on a small made-up set of servers."""

import csv

import numpy as np
import pytest

from benchmarks import anomaly, anomaly_data
from benchmarks.__main__ import main
from benchmarks.anomaly_methods import ABLATIONS, METHODS, Method
from benchmarks.detectors import DETECTORS


@pytest.fixture
def servers(data):
    """Write two servers and return the folder of the data."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name in ("machine-1-1", "machine-1-2"):
        X = rng.normal(size=(300, 2)).astype("float32")
        label = np.zeros(120, dtype=int)
        label[40:50] = 1
        test = X[:120] + 6 * label[:, None]
        arrays |= {
            f"{name}/train": X,
            f"{name}/test": test.astype("float32"),
            f"{name}/label": label,
        }
    folder = data.parent / "anomaly"
    folder.mkdir()
    np.savez(folder / "SMD.npz", **arrays)
    return folder


class StandIn:
    """A detector that counts its fits and keeps its parameters."""

    fits = 0

    def __init__(self):
        self.parameters = {}
        self.offset_ = -3.0

    def fit(self, X):
        """Count."""
        type(self).fits += 1
        return self

    def set_params(self, **parameters):
        """Keep them."""
        self.parameters |= parameters
        return self

    def set_threshold(self, X):
        """Keep the offset."""
        return self

    def score_samples(self, X):
        """Return norms to a power, turned round."""
        return -(np.linalg.norm(X, axis=1) ** self.parameters.get("power", 1.0))


@pytest.fixture
def stand_in(monkeypatch):
    """Put a group of two rows that share a detector into the methods."""
    monkeypatch.setattr(StandIn, "fits", 0)

    def build(seed):
        return StandIn()

    for name, after_fit in {"one": {}, "other": {"power": -1.0}}.items():
        method = Method("pair", build, "a stand-in", after_fit)
        monkeypatch.setitem(METHODS, name, method)
    return StandIn


def _rows(folder):
    with (folder / "anomaly.csv").open() as file:
        return list(csv.DictReader(file))


def _run(folder, *arguments):
    given = ["anomaly", "--datasets", "SMD", "--results", str(folder), *arguments]
    return main(given)


def test_rows_of_a_group_share_one_fit(servers, stand_in):
    keys = [
        {"dataset": "SMD", "series": "machine-1-1", "method": name, "seed": 0}
        for name in ("one", "other")
    ]
    one, other = anomaly.compute(keys, {})
    assert stand_in.fits == 1
    assert anomaly.compute(keys[::-1], {})[1]["average_precision"] == 1.0
    assert one["average_precision"] == 1.0
    assert other["average_precision"] < 0.2
    assert one["fit_seconds"] == other["fit_seconds"]


def test_plain_methods_are_fitted_each(servers):
    keys = [
        {"dataset": "SMD", "series": "machine-1-2", "method": name, "seed": 0}
        for name in DETECTORS
    ]
    rows = anomaly.compute(keys, {})
    assert len({row["average_precision"] for row in rows}) > 1
    for row in rows:
        for name in anomaly.MEASURED:
            assert np.isfinite(row[name])


def test_the_command_writes_rows_and_report(servers, tmp_path):
    assert _run(tmp_path, "--methods", "random,z-score", "--seeds", "2") == 0
    rows = _rows(tmp_path)
    # What draws nothing runs once.
    assert [row["seed"] for row in rows] == ["0"] * 4
    report = (tmp_path / "anomaly.md").read_text()
    assert "Means over 2 series" in report
    assert "| z-score | " in report
    assert "- random: random scores" in report
    assert "### Ablation" not in report
    before = _rows(tmp_path)
    assert _run(tmp_path, "--methods", "random,z-score") == 0
    assert _rows(tmp_path) == before


def test_a_real_detector_runs_in_its_process(servers, tmp_path, monkeypatch):
    assert (
        _run(
            tmp_path,
            "--methods",
            "untrained",
            "--series",
            "machine-1-2",
            "--seeds",
            "1",
        )
        == 0
    )
    (row,) = _rows(tmp_path)
    assert row["error"] == ""
    assert '"max_epochs": 0' in row["all_parameters"]


def test_ten_channels_of_smap_are_spread_over_those_of_choices(monkeypatch):
    monkeypatch.setattr(anomaly_data, "series_names", lambda name: ["X"])
    chosen = anomaly.seeded_series("SMAP")
    assert len(chosen) == len(set(chosen)) == 10
    assert set(chosen) <= set(anomaly_data.CHOICE_SERIES["SMAP"])
    assert anomaly.seeded_series("SMD") == ["X"]


def test_the_ablation_has_each_part_off():
    assert {"transformer", "no-min", "no-max", "no-contrast"} <= set(ABLATIONS)
    defaults = METHODS["amad"].build(0).get_params()
    for name, method in ABLATIONS.items():
        assert name not in anomaly.MAIN
        parameters = {**method.build(0).get_params(), **method.after_fit}
        assert parameters != defaults, name


def test_methods_of_fewer_series_have_a_table_of_their_own():
    figures = dict.fromkeys([*anomaly.FIGURES, *anomaly.COSTS], "0.5")
    rows = [
        {
            "dataset": "SMD",
            "series": series,
            "method": method,
            "seed": "0",
            "error": "",
            **figures,
        }
        for method, n_series in (("random", 3), ("amad", 3), ("pyod", 2))
        for series in ["a", "b", "c"][:n_series]
    ]
    text = "\n".join(anomaly._tables("All series", rows, below=()))
    whole, part = text.split("Means over 2 series (a, b)")
    assert "Means over 3 series" in whole
    assert "| random |" in whole
    assert "pyod" not in whole
    assert "| random |" in part
    assert "| pyod |" in part
    without = "\n".join(anomaly._tables("All series", rows, below=["a", "b"]))
    assert without.strip() == whole.strip()


def test_a_figure_that_older_rows_lack_is_left_blank_over_seeds():
    figures = dict.fromkeys(anomaly.FIGURES, "0.5")
    rows = [
        {"method": "amad", "seed": seed, **figures, "delay_tolerant_f1": ""}
        for seed in ("0", "1")
    ]
    assert "nan" not in anomaly._seed_grid(rows)
    assert "| amad | 0.500 ± 0.000 |" in anomaly._seed_grid(rows)


def test_missing_data_are_told(data, capsys):
    assert main(["anomaly", "--datasets", "SMAP"]) == 2
    assert "SMAP" in capsys.readouterr().err
