"""Tests of the task of alarms with labels, on made-up patients."""

import csv
import json

import numpy as np
import pytest

from benchmarks import alarms, sepsis, sepsis_data
from benchmarks.__main__ import main
from benchmarks.records import RESULTS
from benchmarks.sepsis_data import Stays, last_hours, patient_of_rows
from benchmarks.sepsis_methods import METHODS, BesideWindows, Windows

N_PATIENTS = 40
SMALL = {"max_steps": 2, "hidden_channels": 8, "n_latents": 4}


@pytest.fixture(autouse=True)
def file(data):
    """Write patients of whom every fourth is septic, which their heart rate tells."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(12, 50, size=N_PATIENTS)
    patients = np.repeat(np.arange(N_PATIENTS), lengths)
    hours = np.concatenate([np.arange(length) for length in lengths])
    label = (patients % 4 == 0) & (hours >= lengths[patients] - 8)
    values = rng.normal(size=(len(hours), 3)).astype("float32")
    values[:, 0] += 2 * label
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, -1] = hours + 1
    folder = data.parent / "anomaly"
    folder.mkdir()
    columns = {"values": values, "label": label, "lengths": lengths}
    np.savez(folder / "sepsis.npz", patient=np.arange(N_PATIENTS), **columns)
    return folder / "sepsis.npz"


@pytest.fixture(autouse=True)
def few_choices(monkeypatch):
    """Choose among less, which is quicker."""
    monkeypatch.setattr(alarms, "N_FOLDS", 2)
    for candidates, few in ((alarms.LOGISTIC, [1]), (alarms.BOOSTING, [0.1])):
        grid = candidates.grid
        for one in grid if isinstance(grid, list) else [grid]:
            for name in one.keys() & {"model__C", "learning_rate"}:
                monkeypatch.setitem(one, name, few)


@pytest.fixture
def start(tmp_path):
    """Return a function that runs the task and returns the rows of a file."""

    def run(*more, file="sepsis.csv"):
        place = tmp_path / "results"
        assert main(["sepsis", "--results", str(place), *more]) == 0
        with (place / file).open(encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    return run


def _rewrite(file, **changed):
    with np.load(file) as archive:
        columns = {name: archive[name] for name in archive.files}
    np.savez(file, **{**columns, **changed})


def _compute(method, judged_on="test", **parameters):
    key = {"dataset": "sepsis", "judged_on": judged_on, "method": method, "seed": 0}
    (row,) = sepsis.compute([key], parameters)
    return row


def _numbers(stays):
    """Return what tells the stays apart: their bytes."""
    return {one.tobytes() for one in stays.series}


def test_rows_and_report_are_written_and_resumed(start, tmp_path, capsys):
    more = ["--methods", "always-healthy", "--seeds", "2"]
    rows = start(*more)
    assert start(*more) == rows
    assert "0 to run" in capsys.readouterr().out
    assert [row["seed"] for row in rows] == ["0", "1"]
    shown = (tmp_path / "results" / "sepsis.md").read_text(encoding="utf-8")
    assert "| always-healthy | " in shown
    assert "On 30% of the patients" in shown


def test_patients_are_never_on_both_sides():
    learned, judged = sepsis_data.load("test", 0)
    assert not _numbers(learned) & _numbers(judged)
    assert len(learned.series) + len(judged.series) == N_PATIENTS
    assert sum(labels.any() for labels in judged.labels) == 3


def test_splits_are_drawn_by_the_seed():
    first, again, other = (
        _numbers(sepsis_data.load("test", seed)[1]) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_inside_training_test_patients_are_never_read():
    learned, held_out = sepsis_data.load("training", 0)
    training, _ = sepsis_data.load("test", 0)
    assert _numbers(learned) | _numbers(held_out) == _numbers(training)
    assert not _numbers(learned) & _numbers(held_out)


def test_values_are_carried_on_within_a_patient_alone(file):
    with np.load(file) as archive:
        values, (first, *_) = archive["values"].copy(), archive["lengths"]
    values[first - 1, 0] = 5
    values[first : first + 3, 0] = [np.nan, 1, np.nan]
    _rewrite(file, values=values)
    one, other = sepsis_data.filled(sepsis_data.read().series[:2])
    assert one[0, -1] == 5
    np.testing.assert_array_equal(other[0, :3], [np.nan, 1, 1])


@pytest.mark.parametrize("name", ["trep", "trep-gaps-any", "trep+values", "boosting"])
def test_features_of_an_hour_do_not_depend_on_later_ones(name):
    stays = sepsis_data.read()
    method = METHODS[name]
    parameters = SMALL if method.takes_parameters else {}
    model = method.around(method.build(0, parameters)).fit(stays.series)
    stay = stays.series[0]
    hour = stay.shape[1] - 6
    later = stay.copy()
    later[:, hour + 1 :] = 100

    def features(series):
        (of_hours,) = model.encode_causal(method.prepared([series]), context=5)
        return of_hours[:, hour]

    np.testing.assert_allclose(features(later), features(stay), atol=1e-5)


def test_windows_hold_the_hours_up_to_each():
    (windows,) = Windows().encode_causal(
        [np.array([[1.0, 2, 3], [4, 5, 6]])], context=1
    )
    gap = np.nan
    np.testing.assert_array_equal(
        windows.T, [[gap, 1, gap, 4], [1, 2, 4, 5], [2, 3, 5, 6]]
    )


def test_last_hours_of_each_stay_are_judged():
    lengths = [50, 3]
    hours = [np.arange(length) for length in lengths]
    rows = last_hours([one[np.newaxis] for one in hours])
    np.testing.assert_array_equal(rows[:, 0], [*range(5, 50), 0, 1, 2])
    np.testing.assert_array_equal(patient_of_rows(Stays([], hours)), [0] * 45 + [1] * 3)


def test_the_threshold_comes_from_training_patients():
    learned, judged = sepsis_data.load("test", 0)
    opposite = judged._replace(labels=[1 - labels for labels in judged.labels])
    first, second = (
        sepsis.measure(METHODS["values"], Windows(), learned, one, 0)
        for one in (judged, opposite)
    )
    assert 0 < first["alarm_share"] == second["alarm_share"] < 1
    assert first["f1"] > second["f1"]


def test_scores_of_folds_decide_the_threshold():
    scores, y = np.array([0.1, 0.2, 0.6, 0.8]), np.array([0, 0, 1, 1])
    assert 0.2 <= alarms.threshold_of(scores, y) < 0.6
    assert not (np.zeros(4) > alarms.threshold_of(np.zeros(4), y)).any()


def test_f1_by_patient_is_one_without_label_and_alarm():
    y = np.array([0, 0, 1, 1, 0, 1, 0, 0])
    has_alarm = np.array([0, 0, 1, 0, 0, 0, 1, 0], dtype=bool)
    patients = np.array([0, 0, 1, 1, 1, 2, 3, 3])
    # No label and no alarm, one of two found, missed, a false alarm.
    assert alarms.patient_f1(y, has_alarm, patients) == pytest.approx(
        (1 + 2 / 3 + 0 + 0) / 4
    )


def test_features_that_tell_lead_and_controls_do_not():
    rows = {name: _compute(name) for name in ("values", "random", "always-healthy")}
    quiet = rows["always-healthy"]
    assert rows["values"]["average_precision"] > 2 * quiet["average_precision"]
    assert (quiet["f1"], quiet["roc_auc"], quiet["patient_f1"]) == (0, 0.5, 0.75)
    assert rows["values"]["n_features"] == 18
    assert rows["values"]["chosen"].split()[0] in {"linear", "RBF"}


@pytest.mark.parametrize("method", ["trep", "ts2vec-untrained", "trep+values"])
def test_encoders_meet_gaps(method):
    row = _compute(method, "training", **SMALL)
    assert 0 < row["average_precision"] <= 1
    described = json.loads(row["all_parameters"])
    assert described["n_latents"] == 4
    assert (described["max_epochs"] == 0) is ("untrained" in method)


def test_windows_beside_latents():
    class Latents:
        def encode_causal(self, series, *, context):
            return [np.full((1, one.shape[1]), 7.0) for one in series]

    (features,) = BesideWindows(Latents()).encode_causal([np.ones((2, 3))], context=1)
    np.testing.assert_array_equal(features[:, -1], [7, 1, 1, 1, 1])


def test_a_file_with_a_patient_twice_is_refused(file):
    _rewrite(file, patient=np.zeros(N_PATIENTS, dtype=int))
    with pytest.raises(ValueError, match="a patient twice"):
        sepsis_data.read()


def test_a_file_with_other_lengths_is_refused(file):
    _rewrite(file, lengths=np.ones(N_PATIENTS, dtype=int))
    with pytest.raises(ValueError, match="lengths that sum to 40"):
        sepsis_data.read()


def test_a_missing_file_ends_with_a_clear_message(file, tmp_path, capsys):
    file.unlink()
    assert main(["sepsis", "--results", str(tmp_path)]) == 2
    assert "sepsis.npz is not there" in capsys.readouterr().err


def test_report_has_methods_by_figures(result_row):
    figures = {("trep", 0): 0.2, ("trep", 1): 0.3, ("always-healthy", 0): 0.1}
    rows = [
        result_row(
            dataset="sepsis",
            judged_on="test",
            method=method,
            seed=seed,
            average_precision=value,
            roc_auc=value,
            f1=value,
            patient_f1=1 - value,
            alarm_share=0.01,
            cv_average_precision=value,
            chosen="RBF C=1" if method == "trep" else "",
            n_features=32,
            encode_seconds=1,
            classifier_seconds=0.5,
            peak_memory_mb=200,
        )
        for (method, seed), value in figures.items()
    ]
    shown = sepsis.markdown(rows)
    assert (
        "| trep | **0.250** ± 0.071 | **0.250** ± 0.071 | **0.250** ± 0.071 "
        "| 0.750 ± 0.071 | **0.250** ± 0.071 | 1.0 % | RBF C=1 | 32 |\n"
        "| always-healthy | 0.100 | 0.100 | 0.100 | **0.900** | 0.100 | 1.0 % |  | 32 |"
    ) in shown
    assert "| sepsis | 2.0 + 1.0 + 0.5 s, 200 MiB |" in shown
    assert "average precision of folds" not in sepsis.page_table(rows)


def test_the_guide_holds_the_table_of_the_results():
    store = sepsis._store(RESULTS, judged_on="test", quick=False)
    text = sepsis.GUIDE.read_text(encoding="utf-8")
    assert sepsis.page_table(store.rows()) in text


def test_quick_form_is_expected_to_take_at_most_five_minutes(planned, tmp_path):
    assert main(["sepsis", "--results", str(tmp_path), "--quick"]) == 0
    assert {job.keys[0]["method"] for job in planned} <= set(METHODS)
    assert 0 < sum(job.expected_seconds for job in planned) <= 300
