"""What is drawn of a series and its forecast."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_tsrep.plotting import ForecastDisplay

N, HORIZON = 30, 6
NAMES = ["load", "oil"]


def make_series() -> np.ndarray:
    """Return history and truth in one, two channels."""
    steps = np.arange(N + HORIZON)
    return np.column_stack([np.sin(steps), 5 + steps])


def make_frame(freq: str = "h", **dates) -> pd.DataFrame:
    """Return the same with names and dates."""
    index = pd.date_range("2024-01-31", periods=N + HORIZON, freq=freq, **dates)
    return pd.DataFrame(make_series(), columns=NAMES, index=index)


class Forecaster:
    """Forecasts the last row, and intervals as wide as the coverage."""

    def predict(self, X=None):
        return np.tile(np.asarray(X)[-1:], (HORIZON, 1))

    def predict_interval(self, X=None, *, coverage=0.9):
        return self.predict(X) - coverage, self.predict(X) + coverage


def draw(data=None, **arguments) -> ForecastDisplay:
    data = make_series() if data is None else data
    return ForecastDisplay.from_estimator(Forecaster(), data[:N], **arguments)


def labels_of(display):
    return [text.get_text() for text in display.axes_[0].get_legend().get_texts()]


def names_drawn(display):
    return [panel.get_ylabel() for panel in display.axes_]


def ends_of(band):
    """Return the lower and upper end of a band, step by step."""
    edges = np.asarray(band.get_paths()[0].vertices)
    steps = np.unique(edges[:, 0])
    heights = [edges[edges[:, 0] == step, 1] for step in steps]
    return steps, [own.min() for own in heights], [own.max() for own in heights]


def test_history_forecast_interval_and_truth_are_drawn_a_panel_a_channel():
    X = make_series()
    display = draw(X, truth=X[N:], coverage=0.8)
    assert names_drawn(display) == ["channel 0", "channel 1"]
    assert labels_of(display) == ["history", "forecast", "80 % interval", "truth"]
    for channel in (0, 1):
        last = X[N - 1, channel]
        history = display.history_lines_[channel]
        forecast = display.forecast_lines_[channel]
        truth = display.truth_lines_[channel]
        assert history.axes is display.axes_[channel]
        np.testing.assert_array_equal(history.get_xdata(), np.arange(N))
        np.testing.assert_array_equal(history.get_ydata(), X[:N, channel])
        np.testing.assert_array_equal(forecast.get_xdata(), np.arange(N - 1, N + 6))
        np.testing.assert_array_equal(forecast.get_ydata(), np.full(7, last))
        np.testing.assert_array_equal(truth.get_ydata(), X[N - 1 :, channel])
        steps, lower, upper = ends_of(display.intervals_[channel])
        np.testing.assert_array_equal(steps, np.arange(N - 1, N + 6))
        np.testing.assert_allclose(lower, last - 0.8 * (steps >= N))
        np.testing.assert_allclose(upper, last + 0.8 * (steps >= N))
    assert display.figure_ is display.axes_[0].figure
    assert display.axes_[1].get_xlabel() == "time point"


def test_interval_and_truth_may_be_left_out():
    class Plain:
        predict = Forecaster().predict

    display = ForecastDisplay.from_estimator(Plain(), make_series(), coverage=None)
    assert labels_of(display) == ["history", "forecast"]
    assert display.intervals_ == display.truth_lines_ == []


def test_an_interval_of_unknown_coverage_is_one_without_a_share():
    display = ForecastDisplay.from_predictions([1, 2], [3], lower=[2], upper=[4])
    assert labels_of(display) == ["history", "forecast", "interval"]


def test_truth_may_be_known_in_part():
    X = make_series()
    display = draw(X, truth=X[N : N + 2])
    np.testing.assert_array_equal(
        display.truth_lines_[1].get_xdata(), [N - 1, N, N + 1]
    )


def test_series_of_one_channel_may_come_without_its_axis():
    series = make_series()[:, 0]
    display = ForecastDisplay.from_predictions(
        series[:N], series[N:], truth=list(series[N:])
    )
    assert len(display.axes_) == 1
    np.testing.assert_array_equal(display.forecast, display.truth)


@pytest.mark.parametrize(
    ("channels", "drawn"),
    [
        (None, ["load", "oil"]),
        ("oil", ["oil"]),
        (np.int64(1), ["oil"]),
        (["oil", 0], ["oil", "load"]),
    ],
)
def test_channels_can_be_chosen_by_number_or_name(channels, drawn):
    X = make_frame()
    display = draw(X, truth=X[N:], channels=channels)
    assert names_drawn(display) == drawn
    np.testing.assert_array_equal(
        display.history_lines_[0].get_ydata(), X[drawn[0]].iloc[:N]
    )
    assert len(display.plot().axes_) == 2


def test_a_long_history_can_be_cut():
    X = make_series()
    display = draw(X, n_history=4)
    line = display.history_lines_[1]
    np.testing.assert_array_equal(line.get_xdata(), np.arange(N - 4, N))
    np.testing.assert_array_equal(line.get_ydata(), X[N - 4 : N, 1])
    assert len(display.plot(n_history=999).history_lines_[0].get_ydata()) == N


def test_missing_values_are_left_out_and_lone_ones_are_dots():
    X = make_series()
    X[[3, 5, N - 1], 0] = np.nan
    display = ForecastDisplay.from_predictions(X[:N], X[N : N + 1])
    history, forecast = display.history_lines_[0], display.forecast_lines_[0]
    assert np.flatnonzero(history.get_markevery()).tolist() == [4]
    # Nothing is left to join the forecast to.
    assert np.flatnonzero(forecast.get_markevery()).tolist() == [1]
    display.figure_.canvas.draw()


def test_inputs_stay_as_they_are():
    X = make_series()
    X.flags.writeable = False
    ForecastDisplay.from_predictions(
        X[:N], X[N:], lower=X[N:], upper=X[N:], truth=X[N:]
    )


def test_arrays_at_hand_can_be_drawn_by_the_constructor():
    X = make_series()
    display = ForecastDisplay(X[:N], X[N:], channel_names=NAMES).plot(channels=["oil"])
    assert names_drawn(display) == ["oil"]


# Names and steps -----------------------------------------------------------------


@pytest.mark.parametrize("freq", ["h", "MS", "B"])
def test_frames_name_channels_and_steps(freq):
    frame = make_frame(freq)
    without_frequency = frame.set_axis(pd.DatetimeIndex(frame.index.to_numpy()))
    for own in (frame, without_frequency):
        display = draw(own)
        assert names_drawn(display) == NAMES
        np.testing.assert_array_equal(display.index, frame.index)
    line = display.forecast_lines_[0]
    np.testing.assert_array_equal(line.get_xdata(orig=True), frame.index[N - 1 :])
    assert display.axes_[1].get_xlabel() == ""
    display.figure_.canvas.draw()


def test_times_of_a_zone_are_what_clocks_show():
    display = draw(make_frame("12h", tz="Europe/Berlin"))
    assert display.index[-1] == np.datetime64("2024-02-17T12:00")


def test_periods_are_drawn_where_they_start():
    frame = make_frame().set_axis(
        pd.period_range("2024-01", periods=N + HORIZON, freq="M")
    )
    for display in (draw(frame), draw(frame, truth=frame[N:])):
        assert display.index[-1] == np.datetime64("2026-12-01")
        assert display.index[N - 1] == np.datetime64("2026-06-01")


@pytest.mark.parametrize(
    ("index", "last"),
    [
        (np.arange(N) * 0.1, 3.5),
        (np.arange("2024-01", "2026-07", dtype="datetime64[M]"), "2026-12"),
        (np.arange(N + HORIZON) ** 2, 35**2),
        (pd.RangeIndex(100, 100 + N), 135),
    ],
    ids=["floats", "months", "with those of the forecast", "range"],
)
def test_steps_may_be_given(index, last):
    display = draw(make_frame(), index=index, channel_names=["a", "b"])
    assert len(display.index) == N + HORIZON
    if isinstance(last, str):
        assert display.index[-1] == np.datetime64(last)
    else:
        assert display.index[-1] == pytest.approx(last)
    assert names_drawn(display) == ["a", "b"]


def test_the_frame_of_the_truth_has_dates_where_history_is_not_even():
    frame = make_frame().drop(index=make_frame().index[3])
    history, truth = frame[: N - 1], frame[N - 1 :]
    display = ForecastDisplay.from_predictions(history, make_series()[N:], truth=truth)
    np.testing.assert_array_equal(display.index, frame.index)
    with pytest.raises(ValueError, match=r"not even\. Pass them in index .* holds 35"):
        ForecastDisplay.from_predictions(history, make_series()[N:])


def test_what_has_no_dates_goes_on_from_the_history():
    frame = make_frame()
    undated = frame[N:].reset_index(drop=True)
    display = ForecastDisplay.from_predictions(frame[:N], undated, truth=undated[:2])
    np.testing.assert_array_equal(display.index, frame.index)
    display = ForecastDisplay.from_predictions(make_series()[:N], frame[N:])
    np.testing.assert_array_equal(display.index, np.arange(N + HORIZON))


def test_an_index_of_other_things_counts_steps():
    frame = make_frame().set_axis([f"step {i}" for i in range(N + HORIZON)])
    np.testing.assert_array_equal(draw(frame).index, np.arange(N + HORIZON))
    with pytest.raises(TypeError, match="index must hold numbers or dates"):
        draw(frame, index=frame.index[:N])


def test_one_row_of_history_is_enough():
    row = pd.DataFrame([[1.0]], index=[7])
    assert ForecastDisplay.from_predictions(row, [2, 3]).index.tolist() == [7, 8, 9]
    dated = row.set_axis(pd.DatetimeIndex(["2024-01-01"]))
    with pytest.raises(ValueError, match="cannot be told"):
        ForecastDisplay.from_predictions(dated, [2, 3])


def test_series_of_pandas_and_frames_of_polars():
    series = make_frame()["oil"]
    display = ForecastDisplay.from_predictions(
        series[:N], series[N:].rename("forecast"), truth=series[N:]
    )
    assert names_drawn(display) == ["oil"]
    np.testing.assert_array_equal(display.index, series.index)
    display = draw(pl.DataFrame(make_series(), schema=NAMES))
    assert names_drawn(display) == NAMES
    nameless = ForecastDisplay.from_predictions(pd.Series([1.0]), pl.Series([2.0]))
    assert names_drawn(nameless) == ["channel 0"]


# Where it is drawn ---------------------------------------------------------------


def test_one_channel_is_drawn_in_the_axes_given():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure = plt.figure()
    ax = figure.add_axes((0, 0, 1, 1))
    display = draw(channels=0, ax=ax)
    assert display.axes_.tolist() == [ax]
    assert display.figure_ is figure


def test_a_single_axes_is_divided_for_several_channels():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, (left, right) = plt.subplots(1, 2)
    display = draw(ax=right)
    assert display.figure_ is figure
    assert not right.axison
    assert len(figure.axes) == 2 + 2
    assert not left.lines


def test_an_array_of_axes_is_used_as_it_is():
    plt = pytest.importorskip("matplotlib.pyplot")
    _, axes = plt.subplots(1, 2)
    display = draw(ax=axes)
    assert list(display.axes_) == list(axes)
    with pytest.raises(ValueError, match="ax must hold 1 axes, got 2"):
        display.plot(axes, channels=0)


def test_a_display_can_be_drawn_again():
    display = draw()
    first = display.figure_
    assert display.plot().figure_ is not first
    assert len(display.forecast_lines_) == 2


# Errors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"history": np.zeros((N, 2, 2))}, r"history must have the shape .* 2, 2\)"),
        ({"history": np.zeros((0, 2))}, r"history must have the shape .* \(0, 2\)"),
        ({"forecast": np.zeros((6, 3))}, r"forecast must have 2 channel\(s\).* got 3"),
        ({"lower": np.zeros((5, 2))}, r"lower must have the shape \(6, 2\)"),
        ({"upper": np.zeros((6, 1))}, r"upper must have 2 channel\(s\)"),
        ({"upper": None}, "lower and upper must come together"),
        (
            {"upper": np.eye(6, 2) - 1},
            "lower .* above upper, .* step 0 of channel 1",
        ),
        ({"truth": np.zeros((7, 2))}, r"truth must have at most 6 step\(s\).* got 7"),
        ({"coverage": 90}, "coverage must be between 0 and 1, got 90"),
        ({"channels": 2}, "channels must be from 0 to 1 or of .* got 2"),
        ({"channels": -1}, "channels must be from 0 to 1"),
        ({"channels": ["steam"]}, "channels must be .* got 'steam'"),
        ({"channels": []}, "channels must hold at least one"),
        ({"n_history": 0}, "n_history == 0, must be >= 1"),
        ({"channel_names": ["a"]}, r"channel_names must have the shape \(2,\)"),
        ({"index": np.ones(30)}, "index, .* must increase"),
        ({"index": np.arange(36)[::-1]}, "index, .* must increase"),
        ({"index": np.arange(7)}, "index must hold 30 steps, or 36 .* got 7"),
    ],
)
def test_bad_input_is_named(arguments, message):
    zeros = np.zeros((HORIZON, 2))
    good = {"history": np.zeros((N, 2)), "forecast": zeros}
    good |= {"lower": zeros, "upper": zeros}
    with pytest.raises(ValueError, match=message):
        ForecastDisplay.from_predictions(**{**good, **arguments})


def test_channels_are_not_rounded():
    with pytest.raises(TypeError, match="integer"):
        draw(channels=0.5)


def test_frames_must_have_the_same_channels():
    frame = make_frame()
    with pytest.raises(ValueError, match=r"channels of truth .* \['load', 'oil'\]"):
        draw(frame, truth=frame[N:][["oil", "load"]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (slice(N - 1, N + 2), "dates of truth must come after history"),
        (slice(N - 1, N + 5), "dates of truth must come after history"),
        (slice(N + 1, N + 3), "dates of truth must be those of the forecast"),
    ],
)
def test_dates_must_fit(rows, message):
    frame = make_frame()
    with pytest.raises(ValueError, match=message):
        draw(frame, truth=frame[rows])


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="from_estimator needs matplotlib"):
        draw()
    with pytest.raises(ImportError, match="plot needs matplotlib"):
        ForecastDisplay.from_predictions([1], [2])
