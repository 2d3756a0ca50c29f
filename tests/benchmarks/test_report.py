"""Tests of the Markdown tables."""

from benchmarks import report


def _rows(**figures):
    return [
        {"dataset": name, "method": method, "seed": str(seed), "accuracy": str(value)}
        for method, sets in figures.items()
        for name, values in sets.items()
        for seed, value in enumerate(values)
    ]


def test_table_has_mean_and_deviation_and_the_paper_beside():
    rows = _rows(ours={"B": [0.5, 0.7], "A": [1.0, 1.0]}, raw={"A": [0.4], "B": [0.2]})
    paper = report.Column("paper", {"A": 0.9, "B": 0.7})
    lines = report.table(rows, "dataset", "method", "accuracy", extra=paper)
    assert lines.splitlines() == [
        "| dataset | ours | raw | paper |",
        "| --- | --- | --- | --- |",
        "| A | **1.000** ± 0.000 | 0.400 | 0.900 |",
        "| B | **0.600** ± 0.141 | 0.200 | 0.700 |",
        "| mean of 2 | **0.800** ± 0.071 | 0.300 | 0.800 |",
    ]


def test_mean_is_over_lines_without_a_hole():
    rows = _rows(ours={"A": [1.0], "B": [0.0]}, raw={"A": [0.4]})
    last = report.table(rows, "dataset", "method", "accuracy").splitlines()[-1]
    assert last == "| mean of 1 | **1.000** | 0.400 |"


def test_changed_defaults_and_failures_are_noted():
    rows = [
        {"m": "trep", "error": "", "all_parameters": '{"lr": 1}'},
        {"m": "trep", "error": "", "all_parameters": '{"lr": 2}'},
        {"m": "raw", "error": "boom", "all_parameters": ""},
    ]
    noted = report.notes(rows, ("m",), label="m")
    assert "rows of trep differ in their defaults of lr" in noted
    assert "failed: raw: boom" in noted


def test_seeds_of_parts_are_no_changed_defaults():
    rows = [
        {
            "m": "trep",
            "error": "",
            "all_parameters": f'{{"transformer": "TRep(random_state={seed})"}}',
        }
        for seed in (0, 1)
    ]
    assert report.notes(rows, ("m",), label="m") == ""


def test_common_values_occur_with_all_others():
    rows = _rows(ours={"A": [1.0], "B": [0.0]}, raw={"A": [0.4]})
    assert report.common(rows, "dataset", ("method", "seed")) == {"A"}
