"""What is drawn of a series, its scores and its alarms."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError

from sklearn_tsrep.plotting import AnomalyDisplay
from sklearn_tsrep.plotting._matplotlib import EXTRA

NAMES = ["slow", "wild", "flat"]


def make_series(n: int = 40) -> np.ndarray:
    """Return channels of which the second varies most."""
    steps = np.arange(n)
    return np.column_stack([np.sin(steps), 5 * np.cos(steps), np.full(n, 2.0)])


def make_scores(n: int = 40) -> np.ndarray:
    """Return scores below -1 at steps 10 to 14 and at step 30."""
    scores = np.linspace(-0.5, -0.1, n)
    scores[10:15] = -3
    scores[30] = -2
    return scores


class Detector:
    """Scores by what was put into it."""

    offset_ = -1.0

    def score_samples(self, X):
        return make_scores(len(X))


class ExplainingDetector(Detector):
    """Blames the first channel for the alarms, and the second for all else."""

    def contributions(self, X):
        is_alarm = self.score_samples(X) < self.offset_
        return np.where(is_alarm[:, np.newaxis], [3, 0, 1], [0, 99, 1])


def drawn(display, panel):
    """Return the values of the first line of a panel."""
    return display.axes_[panel].lines[0].get_ydata()


def spans(display, panel, which=-1):
    """Return where each span of a panel begins and ends."""
    paths = display.axes_[panel].collections[which].get_paths()
    edges = [np.asarray(path.vertices)[:, 0] for path in paths]
    return [(edge.min(), edge.max()) for edge in edges]


def labels_of(display):
    return [text.get_text() for text in display.axes_[0].get_legend().get_texts()]


def names_drawn(display):
    return [panel.get_ylabel() for panel in display.axes_[:-1]]


def test_channels_scores_threshold_and_alarms_are_drawn():
    X = make_series()
    display = AnomalyDisplay.from_estimator(Detector(), X)
    assert names_drawn(display) == ["channel 1", "channel 0", "channel 2"]
    for panel, channel in enumerate((1, 0, 2)):
        np.testing.assert_array_equal(drawn(display, panel), X[:, channel])
    np.testing.assert_array_equal(drawn(display, -1), -make_scores())
    np.testing.assert_array_equal(display.axes_[-1].lines[1].get_ydata(), [1, 1])
    for panel in range(4):
        assert spans(display, panel) == [(9.5, 14.5), (29.5, 30.5)]
        assert display.axes_[panel].get_xlim() == (-0.5, 39.5)
    assert labels_of(display) == ["anomaly score", "threshold", "alarm"]
    assert display.segments["peak"].tolist() == [10, 30]
    assert display.figure_ is display.axes_[0].figure


def test_channels_come_by_what_they_contribute_to_alarms():
    display = AnomalyDisplay.from_estimator(ExplainingDetector(), make_series())
    assert names_drawn(display) == ["channel 0", "channel 2", "channel 1"]


def test_without_alarms_channels_come_by_all_contributions():
    detector = ExplainingDetector()
    detector.offset_ = -100.0
    display = AnomalyDisplay.from_estimator(detector, make_series())
    assert names_drawn(display)[0] == "channel 1"
    assert all(not panel.collections for panel in display.axes_)
    assert labels_of(display) == ["anomaly score", "threshold"]


@pytest.mark.parametrize(("max_channels", "n_drawn"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_no_more_channels_than_asked_for_are_drawn(max_channels, n_drawn):
    display = AnomalyDisplay.from_estimator(
        Detector(), make_series(), max_channels=max_channels
    )
    assert len(display.axes_) == n_drawn + 1
    assert len(display.plot().axes_) == 4


def test_true_anomalies_are_drawn_where_they_are_known():
    y = np.zeros(40)
    y[12:20] = 1
    display = AnomalyDisplay.from_estimator(Detector(), make_series(), y)
    assert spans(display, -1, which=0) == [(11.5, 19.5)]
    assert spans(display, -1) == [(9.5, 14.5), (29.5, 30.5)]
    assert "true anomaly" in labels_of(display)


def test_the_scores_decide_as_the_detector_does():
    X = make_series(200).astype(np.float32)
    forest = IsolationForest(contamination=0.1, random_state=0).fit(X)
    display = AnomalyDisplay.from_estimator(forest, X)
    n_alarms = (display.segments["end"] - display.segments["start"]).sum()
    assert n_alarms == (forest.predict(X) == -1).sum()


def test_a_detector_must_be_fitted():
    with pytest.raises(NotFittedError):
        AnomalyDisplay.from_estimator(IsolationForest(), make_series())


# Containers ----------------------------------------------------------------------


def test_frames_name_channels_and_steps():
    index = pd.date_range("2024-01-01", periods=40, freq="h", name="hour")
    frame = pd.DataFrame(make_series(), columns=NAMES, index=index)
    display = AnomalyDisplay.from_estimator(Detector(), frame)
    assert names_drawn(display) == ["wild", "slow", "flat"]
    line = display.axes_[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(orig=True), index)
    begin = display.axes_[0].convert_xunits(np.datetime64("2024-01-01T09:30"))
    assert spans(display, 0)[0][0] == pytest.approx(begin)
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("index", "second"),
    [
        (pd.period_range("2024-01", periods=40, freq="M"), "2024-02-01"),
        (
            pd.date_range("2024-01-01", periods=40, freq="h", tz="Asia/Tokyo"),
            "2024-01-01T01",
        ),
        (np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]"), "2024-01-02"),
        (np.linspace(0, 39, 40), 1.0),
    ],
    ids=["periods", "time zone", "dates", "floats"],
)
def test_steps_may_be_dates_or_numbers(index, second):
    given = AnomalyDisplay.from_estimator(
        Detector(), make_series(), index=index, max_channels=1
    )
    assert given.index[1] == given.index.dtype.type(second)
    given.figure_.canvas.draw()
    frame = pd.DataFrame(make_series(), columns=NAMES, index=index)
    own = AnomalyDisplay.from_estimator(Detector(), frame, max_channels=0)
    np.testing.assert_array_equal(own.index, given.index)


def test_an_index_of_other_things_counts_steps():
    frame = pd.DataFrame(make_series(), index=[f"step {i}" for i in range(40)])
    display = AnomalyDisplay.from_estimator(Detector(), frame)
    np.testing.assert_array_equal(display.index, np.arange(40))
    with pytest.raises(TypeError, match="index must hold numbers or dates"):
        AnomalyDisplay.from_estimator(Detector(), frame, index=frame.index)


def test_frames_of_polars_and_frames_of_contributions():
    frame = pl.DataFrame(make_series(), schema=NAMES)
    shares = pd.DataFrame(np.tile([0, 1, 2], (40, 1)), columns=NAMES)
    display = AnomalyDisplay.from_predictions(
        frame, make_scores(), -1, contributions=shares
    )
    assert names_drawn(display) == ["flat", "wild", "slow"]


def test_one_channel_may_come_without_its_axis():
    series = make_series()[:, 0]
    display = AnomalyDisplay.from_predictions(series, make_scores(), -1)
    np.testing.assert_array_equal(drawn(display, 0), series)


def test_one_step_can_be_drawn():
    display = AnomalyDisplay.from_predictions([[1.0]], [-2.0], -1)
    assert spans(display, 0) == [(-0.5, 0.5)]


def test_missing_values_are_left_out_and_lone_ones_are_dots():
    X = make_series()
    X[:, 2] = np.nan
    X[5:8, 0] = np.nan
    X[6, 0] = 1
    display = AnomalyDisplay.from_predictions(X, make_scores(), -1)
    assert names_drawn(display) == ["channel 1", "channel 0", "channel 2"]
    line = display.axes_[1].lines[0]
    assert np.flatnonzero(line.get_markevery()).tolist() == [6]
    display.figure_.canvas.draw()


def test_long_names_are_shortened():
    frame = pd.DataFrame({"pump_of_the_second_basin_pressure": make_series()[:, 0]})
    display = AnomalyDisplay.from_predictions(frame, make_scores(), -1)
    assert names_drawn(display) == ["pump_of_t…n_pressure"]


def test_inputs_stay_as_they_are():
    X, scores = make_series(), make_scores()
    X.flags.writeable = scores.flags.writeable = False
    AnomalyDisplay.from_predictions(X, scores, -1, np.zeros(40), np.abs(X))


# Where it is drawn -------------------------------------------------------------------


def test_a_single_axes_is_divided():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, (left, right) = plt.subplots(1, 2)
    display = AnomalyDisplay.from_estimator(Detector(), make_series(), ax=right)
    assert display.figure_ is figure
    assert not right.axison
    assert len(figure.axes) == 2 + 4
    assert not left.lines


def test_an_array_of_axes_is_used_as_it_is():
    plt = pytest.importorskip("matplotlib.pyplot")
    _, axes = plt.subplots(3, 1)
    display = AnomalyDisplay.from_estimator(
        Detector(), make_series(), max_channels=2, ax=axes
    )
    assert list(display.axes_) == list(axes)
    with pytest.raises(ValueError, match="ax must hold 4 axes, got 3"):
        display.plot(axes)


def test_an_axes_outside_of_a_grid_cannot_be_divided():
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="ax must be of a grid"):
        AnomalyDisplay.from_estimator(Detector(), make_series(), ax=ax)


# Errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((40, 2, 2))}, r"X must have the shape .* got \(40, 2, 2\)"),
        ({"scores": np.zeros(39)}, r"scores must have the shape \(40,\), got \(39,\)"),
        ({"scores": np.full(40, np.nan)}, "scores must be finite"),
        ({"y_true": np.full(40, -1)}, "pass y == -1"),
        ({"y_true": np.zeros(3)}, "one label a time step"),
        ({"contributions": np.ones((40, 2))}, r"contributions .* shape \(40, 3\)"),
        ({"index": np.arange(3)}, r"index must have the shape \(40,\)"),
        ({"max_channels": -1}, "max_channels must not be negative"),
    ],
)
def test_bad_input_is_named(arguments, message):
    good = {"X": make_series(), "scores": make_scores(), "offset": -1}
    with pytest.raises(ValueError, match=message):
        AnomalyDisplay.from_predictions(**{**good, **arguments})


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=rf"pip install 'sklearn-tsrep\[{EXTRA}\]'"):
        AnomalyDisplay.from_estimator(Detector(), make_series())
    with pytest.raises(ImportError, match="plot needs matplotlib"):
        AnomalyDisplay.from_predictions(make_series(), make_scores(), -1)


def test_importing_displays_does_not_load_matplotlib():
    code = "import sys, sklearn_tsrep.plotting; print('matplotlib' in sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "False"


def test_the_extra_that_is_named_brings_matplotlib():
    project = tomllib.loads(
        (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    )
    extra = project["project"]["optional-dependencies"][EXTRA]
    assert any(requirement.startswith("matplotlib") for requirement in extra)
