"""Tests of the table over all tasks."""

from benchmarks import anomaly, overview
from benchmarks.anomaly_data import CHOICE_SERIES
from benchmarks.overview import Task
from benchmarks.records import Store


def _task(**others):
    return Task(
        "leaks",
        anomaly,
        "f1",
        ["random"],
        ["pca", "z-score"],
        [],
        ["amad"],
        {"dataset": "SMD", "seed": "0"},
        **others,
    )


def _write(folder, method, f1, series="machine-3-1", seed=0, error=""):
    store = Store(folder / "anomaly.csv", anomaly.KEY, anomaly.MEASURED)
    row = {"dataset": "SMD", "series": series, "method": method, "seed": seed}
    store.append([{**row, "f1": f1, "error": error}])


def _lines(folder, **others):
    _write(folder, "random", 0.1)
    _write(folder, "pca", 0.2)
    _write(folder, "pca", 0.3, series="machine-3-2")
    _write(folder, "z-score", 0.125)
    _write(folder, "amad", 0.5)
    _write(folder, "amad", 0.9, series=CHOICE_SERIES["SMD"][0])
    _write(folder, "amad", 0.9, seed=1)
    _write(folder, "amad", "", series="machine-3-2", error="out of memory")
    return overview.table(folder, [_task(**others)]).splitlines()


def test_means_are_of_series_on_which_nothing_was_chosen(tmp_path):
    assert _lines(tmp_path)[2:] == [
        "| leaks | 0.100 random | 0.250 pca<br>0.125 z-score |  | **0.500** amad |"
    ]


def test_of_errors_the_lowest_is_the_best(tmp_path):
    (line,) = _lines(tmp_path, is_error=True)[2:]
    assert "**0.100** random" in line
    assert "0.500 amad" in line


def test_the_guide_holds_the_table_of_the_results():
    assert overview.table() in overview.PAGE.read_text(encoding="utf-8")
