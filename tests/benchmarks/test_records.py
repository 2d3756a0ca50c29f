"""Tests of the store of result rows."""

import pytest

from benchmarks import records

KEY = ("dataset", "seed")


@pytest.fixture
def store(tmp_path):
    return records.Store(tmp_path / "results" / "some.csv", KEY, ("accuracy",))


def _row(seed, **columns):
    return {"dataset": "A", "seed": seed, **columns}


def test_rows_come_back_with_the_newest_of_each_key(store):
    store.append([_row(0, accuracy=0.5), _row(1, accuracy=0.6)])
    store.append([_row(0, accuracy=0.7)])
    assert [row["accuracy"] for row in store.rows()] == ["0.7", "0.6"]


def test_failed_rows_are_not_done_and_never_hide_good_ones(store):
    store.append([_row(0, accuracy=0.5), _row(1, error="boom")])
    store.append([_row(0, error="boom")])
    assert [row["seed"] for row in store.done()] == ["0"]
    store.append([_row(1, accuracy=0.9)])
    assert len(store.done()) == 2


def test_a_line_cut_short_is_no_row_and_spoils_none(store):
    store.append([_row(0, accuracy=0.5)])
    with store.path.open("a", encoding="utf-8") as file:
        file.write("A,1,0.")
    store.append([_row(2, accuracy=0.9)])
    assert [row["seed"] for row in store.rows()] == ["0", "2"]


def test_other_columns_are_refused(store):
    store.append([_row(0)])
    other = records.Store(store.path, KEY, ("error_rate",))
    with pytest.raises(SystemExit, match="other columns"):
        other.rows()


def test_provenance_leaves_out_the_place_of_results():
    argv = ["classification", "--results", "/some/where", "--seeds", "2"]
    found = records.provenance(argv, n_threads=3)
    assert found["command"] == "python -m benchmarks classification --seeds 2"
    assert found["n_threads"] == 3
    assert found["numpy"]
    assert set(found) <= set(records.PROVENANCE)


def test_thread_count_follows_argument_then_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert records.thread_count(None) == 3
    assert records.thread_count(2) == 2
