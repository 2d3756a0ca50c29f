"""Tests of choosing inside training parts, with a stand-in for the encoder."""

import numpy as np
import pytest

from benchmarks import datasets, selection
from benchmarks.__main__ import main


class StandIn:
    """An encoder of which one pooling fails."""

    n_iter_ = 1
    fits = 0

    def fit(self, X):
        """Count the fits."""
        StandIn.fits += 1
        return self

    def set_params(self, pooling):
        """Keep the pooling."""
        self.pooling = pooling
        return self

    def transform(self, X):
        """Pool the raw series."""
        if self.pooling == "last":
            raise ValueError("no last")
        names = [self.pooling] if isinstance(self.pooling, str) else self.pooling
        return np.hstack([getattr(np, name)(X, axis=2) for name in names])


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(StandIn, "fits", 0)
    monkeypatch.setattr(selection, "build_trep", lambda seed, parameters: StandIn())


def _keys(*poolings):
    return [{"dataset": "Tiny", "seed": 0, "pooling": pooling} for pooling in poolings]


@pytest.mark.usefixtures("stand_in")
def test_one_fit_serves_all_poolings_and_the_test_part_is_not_needed(tiny):
    tiny(test=False)
    rows = selection.compute(_keys("max", "mean", "max+mean"), {})
    assert StandIn.fits == 1
    assert [row["n_features"] for row in rows] == [2, 2, 4]
    assert all(row["cv_accuracy"] == 1.0 for row in rows)


@pytest.mark.usefixtures("stand_in")
def test_a_pooling_that_fails_does_not_lose_the_others(tiny):
    tiny()
    failed, mean = selection.compute(_keys("last", "mean"), {})
    assert failed["error"] == "ValueError: no last"
    assert mean["cv_accuracy"] == 1.0


@pytest.mark.usefixtures("stand_in")
def test_the_test_part_is_never_asked_for(tiny, monkeypatch):
    tiny()
    monkeypatch.setattr(datasets, "load_test", None)
    assert len(selection.compute(_keys("max"), {})) == 1


def _row(dataset, configuration, pooling, seed, accuracy):
    return {
        **dict.fromkeys(("error", "sktime", "revision"), ""),
        **dict.fromkeys(("python", "sklearn-tsrep", "torch", "scikit-learn"), "1"),
        **dict.fromkeys(("numpy", "n_threads", "machine"), "1"),
        "date": "2026-01-02T03:04:05Z",
        "dataset": dataset,
        "configuration": configuration,
        "pooling": pooling,
        "seed": str(seed),
        "cv_accuracy": str(accuracy),
        "fit_seconds": "2",
        "parameters": "{}",
        "all_parameters": "",
    }


def test_report_averages_over_complete_sets_only():
    rows = [
        _row("A", "default", "max", 0, 0.6),
        _row("A", "default", "max", 1, 0.8),
        _row("A", "wide", "max", 0, 0.5),
        _row("A", "wide", "max", 1, 0.5),
        _row("B", "default", "max", 0, 0.0),
    ]
    report = selection.markdown(rows)
    assert "Over 1 data sets: A." in report
    assert "| default | **0.700** ± 0.141 |" in report


def test_unknown_configuration_is_named(tmp_path):
    with pytest.raises(SystemExit, match="unknown configuration 'huge'"):
        main(["select", "--results", str(tmp_path), "--configs", "huge"])


def test_missing_data_ends_with_a_clear_message(data, tmp_path, capsys):
    arguments = ["select", "--results", str(tmp_path), "--datasets", "Tiny"]
    assert main(arguments) == 2
    assert "not found under TSREP_DATA: Tiny" in capsys.readouterr().err


def test_configurations_from_a_file_join_the_others(tiny, tmp_path):
    sklearn_tsrep = pytest.importorskip("sklearn_tsrep")
    if not hasattr(sklearn_tsrep, "TRepTransformer"):
        pytest.skip("TRepTransformer is not there yet")
    tiny(test=False)
    file = tmp_path / "more.json"
    small = '{"max_steps": 2, "hidden_channels": 8, "n_latents": 4}'
    file.write_text(f'{{"small": {small}}}', encoding="utf-8")
    arguments = ["select", "--results", str(tmp_path), "--datasets", "Tiny"]
    arguments += ["--config-file", str(file), "--configs", "small", "--seeds", "1"]
    assert main([*arguments, "--poolings", "max,max+mean"]) == 0
    rows = selection._store(tmp_path, quick=False).done()
    assert [row["n_features"] for row in rows] == ["4", "8"]
