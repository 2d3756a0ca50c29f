"""Tests of reading anomaly detection sets, on small made-up copies of their files."""

import numpy as np
import pytest

from benchmarks import anomaly_data
from benchmarks.anomaly_data import CHOICE_SERIES, SETS, load, load_train
from benchmarks.datasets import MissingDataError

LABELED_ANOMALIES = """chan_id,spacecraft,anomaly_sequences,class,num_values
T-1,SMAP,"[[1, 2], [5, 5]]","[point, contextual]",6
P-2,SMAP,"[[2, 4]]",[point],6
M-1,MSL,"[[0, 0]]",[point],6
P-2,SMAP,"[[1, 3]]",[point],6
"""


@pytest.fixture
def folder(data):
    """Return an empty folder of anomaly data under TSREP_DATA."""
    folder = data.parent / "anomaly"
    folder.mkdir()
    return folder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def _write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


class TestArchive:
    def test_parts_of_a_series(self, folder, rng):
        parts = {"train": rng.normal(size=(4, 2)), "test": rng.normal(size=(3, 2))}
        arrays = {f"A-1/{part}": values for part, values in parts.items()}
        np.savez(folder / "SMAP.npz", **arrays, **{"A-1/label": np.uint8([0, 1, 0])})
        found = load("SMAP", "A-1")
        assert found.X_train.dtype == found.X_test.dtype == np.float32
        np.testing.assert_array_equal(found.X_train, parts["train"].astype("float32"))
        np.testing.assert_array_equal(found.X_test, parts["test"].astype("float32"))
        assert found.y_test.tolist() == [0, 1, 0]
        assert found.y_test.dtype == int
        assert found.y_train is None

    def test_univariate_series_with_labels_of_the_training_part(self, folder):
        arrays = {"train": [1.0, 2], "test": [3.0, 4, 5], "label": [1, 0, 0]}
        arrays = {f"7/{part}": values for part, values in arrays.items()}
        np.savez(folder / "WSD.npz", **arrays, **{"7/train_label": [0, 1]})
        found = load("WSD", "7")
        np.testing.assert_array_equal(found.X_train, [[1], [2]])
        np.testing.assert_array_equal(found.X_test, [[3], [4], [5]])
        assert found.y_train.tolist() == [0, 1]

    def test_halves_of_a_training_part_need_no_test_part(self, folder):
        train, label = np.arange(5.0), [0, 1, 0, 1, 0]
        arrays = {"7/train": train, "7/train_label": label}
        calm = {"8/train": train, "8/train_label": [1, 1, 0, 0, 0]}
        np.savez(folder / "WSD.npz", **arrays, **calm)
        assert anomaly_data.series_names("WSD-training") == ["7"]
        found = load("WSD-training", "7")
        np.testing.assert_array_equal(found.X_train, [[0], [1]])
        np.testing.assert_array_equal(found.X_test, [[2], [3], [4]])
        assert (found.y_train.tolist(), found.y_test.tolist()) == ([0, 1], [0, 1, 0])

    def test_training_needs_no_test_part(self, folder, rng):
        np.savez(folder / "SMD.npz", **{"a/train": rng.normal(size=(4, 2))})
        assert load_train("SMD", "a").shape == (4, 2)
        with pytest.raises(KeyError):
            load("SMD", "a")

    def test_choices_are_made_on_series_apart_from_the_others(self, folder):
        names = ["machine-3-9", "machine-1-2", "machine-1-1"]
        np.savez(folder / "SMD.npz", **{f"{name}/train": [1.0] for name in names})
        assert anomaly_data.series_names("SMD") == sorted(names)
        assert anomaly_data.report_series("SMD") == ["machine-1-1", "machine-3-9"]


def test_choices_are_made_on_half_of_the_series_or_none():
    counts = {name: len(set(series)) for name, series in CHOICE_SERIES.items()}
    assert counts == {"SMAP": 27, "SMAP-NASA": 27, "SMD": 4, "SMD-28": 4}
    assert all(list(series) == sorted(series) for series in CHOICE_SERIES.values())
    assert set(CHOICE_SERIES["SMD-28"]) < set(SETS["SMD-28"].names())


class TestTelemetry:
    @pytest.fixture(autouse=True)
    def channels(self, folder, rng):
        _write(folder / "NASA" / "labeled_anomalies.csv", LABELED_ANOMALIES)
        channels = {
            part: {name: rng.normal(size=(6, 3)) for name in ("T-1", "P-2", "M-1")}
            for part in ("train", "test")
        }
        for part, series in channels.items():
            (folder / "NASA" / part).mkdir()
            for name, values in series.items():
                np.save(folder / "NASA" / part / f"{name}.npy", values)
        return channels

    def test_series_are_those_of_the_spacecraft(self):
        assert anomaly_data.series_names("SMAP-NASA") == ["P-2", "T-1"]
        assert anomaly_data.series_names("MSL") == ["M-1"]

    def test_parts_are_the_channels_files(self, channels):
        found = load("MSL", "M-1")
        np.testing.assert_allclose(found.X_train, channels["train"]["M-1"], rtol=1e-6)
        np.testing.assert_allclose(found.X_test, channels["test"]["M-1"], rtol=1e-6)

    def test_anomalies_include_their_last_step(self):
        assert load("SMAP-NASA", "T-1").y_test.tolist() == [0, 1, 1, 0, 0, 1]
        assert load("MSL", "M-1").y_test.tolist() == [1, 0, 0, 0, 0, 0]

    def test_a_channel_in_two_rows_has_the_anomalies_of_both(self):
        assert load("SMAP-NASA", "P-2").y_test.tolist() == [0, 1, 1, 1, 1, 0]

    def test_an_anomaly_beyond_the_series_is_an_error(self, folder):
        text = LABELED_ANOMALIES.replace("[5, 5]", "[5, 6]")
        _write(folder / "NASA" / "labeled_anomalies.csv", text)
        with pytest.raises(ValueError, match=r"\[5, 6\] of T-1 is not within its 6"):
            load("SMAP-NASA", "T-1")

    def test_a_missing_channel_is_named(self, folder):
        (folder / "NASA" / "test" / "P-2.npy").unlink()
        with pytest.raises(MissingDataError, match=r"SMAP-NASA needs .*P-2\.npy$"):
            load_train("SMAP-NASA", "T-1")


class TestServers:
    @pytest.fixture(autouse=True)
    def _two(self, folder, monkeypatch):
        monkeypatch.setitem(SETS, "SMD-28", type(SETS["SMD-28"])((1, 1)))
        for name in ("machine-1-1", "machine-2-1"):
            place = folder / "ServerMachineDataset"
            _write(place / "train" / f"{name}.txt", "0.5,0\n1,0.25\n")
            _write(place / "test" / f"{name}.txt", "0,1\n0.125,1\n0,0\n")
            _write(place / "test_label" / f"{name}.txt", "0\n1\n1\n")

    def test_text_files_are_read(self):
        assert anomaly_data.series_names("SMD-28") == ["machine-1-1", "machine-2-1"]
        found = load("SMD-28", "machine-2-1")
        np.testing.assert_array_equal(found.X_train, [[0.5, 0], [1, 0.25]])
        np.testing.assert_array_equal(found.X_test, [[0, 1], [0.125, 1], [0, 0]])
        assert found.y_test.tolist() == [0, 1, 1]

    def test_all_servers_have_to_be_there(self, folder):
        (folder / "ServerMachineDataset" / "train" / "machine-2-1.txt").unlink()
        with pytest.raises(MissingDataError, match=r"train.machine-2-1\.txt$"):
            load_train("SMD-28", "machine-1-1")


def test_there_are_28_servers():
    names = SETS["SMD-28"].names()
    assert len(set(names)) == 28
    assert {"machine-1-8", "machine-2-9", "machine-3-11"} < set(names)


class TestPooledServerMetrics:
    @pytest.fixture(autouse=True)
    def _tables(self, folder):
        head = "timestamp_(min),feature_0,feature_1\n"
        _write(folder / "PSM" / "train.csv", f"{head}0.0,1,2\n1.0,,4\n")
        _write(folder / "PSM" / "test.csv", f"{head}9,5,6\n10,7,8\n")
        labels = "timestamp_(min),label\n9,0\n10,1\n"
        _write(folder / "PSM" / "test_label.csv", labels)

    def test_tables_without_timestamps_and_with_gaps(self):
        found = load("PSM", *anomaly_data.series_names("PSM"))
        np.testing.assert_array_equal(found.X_train, [[1, 2], [np.nan, 4]])
        np.testing.assert_array_equal(found.X_test, [[5, 6], [7, 8]])
        assert found.y_test.tolist() == [0, 1]

    def test_a_missing_column_is_named(self, folder):
        _write(folder / "PSM" / "test_label.csv", "time,anomaly\n9,0\n10,1\n")
        with pytest.raises(ValueError, match="no column 'label'; it has time, anomaly"):
            load("PSM", "PSM")


class TestWaterTreatment:
    HEAD = " Timestamp,FIT101, LIT101 ,Normal/Attack\n"
    NORMAL = "SWaT_Dataset_Normal_v1.csv"
    ATTACK = "SWaT_Dataset_Attack_v0.csv"

    @pytest.fixture(autouse=True)
    def _tables(self, folder):
        self.place = folder / "SWaT"
        rows = " 22/12/2015 4:00:00 PM,1,2.5,Normal\n22/12/2015 4:00:01 PM,3,4,Normal\n"
        _write(self.place / self.NORMAL, f",P1,,\n{self.HEAD}{rows}")
        rows = "28/12/2015,5,6,Normal\n28/12/2015,7,8,Attack\n28/12/2015,9,0,A ttack\n"
        _write(self.place / self.ATTACK, f"{self.HEAD}{rows}")

    def test_stray_blanks_and_a_line_above_the_header(self):
        found = load("SWaT", "SWaT")
        np.testing.assert_array_equal(found.X_train, [[1, 2.5], [3, 4]])
        np.testing.assert_array_equal(found.X_test, [[5, 6], [7, 8], [9, 0]])
        assert found.y_test.tolist() == [0, 1, 1]

    def test_another_word_for_a_label_is_an_error(self):
        _write(self.place / self.ATTACK, f"{self.HEAD}28/12/2015,5,6,Unknown\n")
        with pytest.raises(ValueError, match="SWaT SWaT has labels that are neither"):
            load("SWaT", "SWaT")

    def test_a_text_among_the_values_is_an_error(self):
        _write(self.place / self.NORMAL, f"{self.HEAD}22/12/2015,?,6,Normal\n")
        with pytest.raises(ValueError, match=f"{self.NORMAL} has a value that is no"):
            load_train("SWaT", "SWaT")


class TestErrors:
    def test_unset_variable(self, monkeypatch):
        monkeypatch.delenv("TSREP_DATA", raising=False)
        with pytest.raises(MissingDataError, match="TSREP_DATA is not set"):
            anomaly_data.series_names("SMAP")

    def test_all_sets_that_lack_files_are_named_with_their_place(self, folder):
        np.savez(folder / "SMD.npz")
        with pytest.raises(MissingDataError, match=r"train\.csv and 2 more") as error:
            anomaly_data.require(["SMD", "PSM", "MSL"])
        assert str(folder / "NASA" / "labeled_anomalies.csv") in str(error.value)
        assert "SMD" not in str(error.value)
        anomaly_data.require(["SMD"])

    def test_unknown_names(self, folder):
        with pytest.raises(ValueError, match="unknown set 'SMOP'; there are SMAP, "):
            anomaly_data.require(["SMOP"])
        np.savez(folder / "SMAP.npz", **{"A-1/train": [1.0], "A-2/train": [1.0]})
        with pytest.raises(ValueError, match="no series 'A-3'; it has A-1, A-2"):
            load_train("SMAP", "A-3")

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"test": np.ones((3, 1))}, "different channels: 2 in training, 1 in test"),
            ({"label": np.zeros(2)}, r"test part of SMAP A-1 has 3 steps and labels"),
            ({"label": np.array([0, 1, 2])}, "labels that are neither 0 nor 1"),
            ({"label": np.array([0, 1, np.nan])}, "labels that are neither 0 nor 1"),
            ({"train_label": np.zeros(3)}, "training part of SMAP A-1 has 4 steps"),
            ({"train": np.ones((1, 2, 3))}, r"training part .* shape \(1, 2, 3\)"),
            ({"test": np.ones((0, 2))}, r"test part .* shape \(0, 2\)"),
        ],
    )
    def test_parts_that_do_not_fit(self, folder, changed, message):
        parts = {"train": np.ones((4, 2)), "test": np.ones((3, 2)), "label": np.ones(3)}
        arrays = {f"A-1/{part}": one for part, one in (parts | changed).items()}
        np.savez(folder / "SMAP.npz", **arrays)
        with pytest.raises(ValueError, match=message):
            load("SMAP", "A-1")


def test_joined_channels_lie_one_after_the_other(data):
    rng = np.random.default_rng(0)
    arrays = {
        f"{name}/{part}": rng.normal(size=(n_timepoints, 2)).astype("float32")
        for name in ("A-1", "B-1")
        for part, n_timepoints in (("train", 5), ("test", 7))
    }
    arrays |= {"A-1/label": np.zeros(7, dtype=int), "B-1/label": np.ones(7, dtype=int)}
    folder = data.parent / "anomaly"
    folder.mkdir()
    np.savez(folder / "SMAP.npz", **arrays)
    assert anomaly_data.series_names("SMAP-joined") == ["SMAP"]
    found = load("SMAP-joined", "SMAP")
    np.testing.assert_array_equal(
        found.X_train, np.concatenate([arrays["A-1/train"], arrays["B-1/train"]])
    )
    assert found.X_test.shape == (14, 2)
    np.testing.assert_array_equal(found.y_test, np.repeat([0, 1], 7))
