"""
Filling gaps
============

A watch records acceleration and rotation of somebody who moves. For two seconds some
of its channels fall silent, and now and then a single value is lost. The dual-masked
autoencoder fills in what the other channels, and the time before and after, suggest.
Where is that better than a straight line, and where is it not?
"""

# %%
# The data come with sktime: recordings of ten seconds, three channels of acceleration
# and three of rotation, ten values a second, of four movements. Everything below is in
# units of a channel's standard deviation in the training part, so that channels can be
# compared.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sktime.datasets import load_basic_motions

from sklearn_tsrep import DMAEImputer, DMAETransformer

X_train, y_train = load_basic_motions(split="train", return_type="numpy3D")
X_test, y_test = load_basic_motions(split="test", return_type="numpy3D")
mean, deviation = (
    statistic(X_train, axis=(0, 2), keepdims=True) for statistic in (np.mean, np.std)
)
X_train, X_test = ((X - mean) / deviation for X in (X_train, X_test))
X_train.shape, X_test.shape

# %%
# Hide two seconds in three channels of each test series, always at the same time, and
# one in ten of all values besides.
rng = np.random.default_rng(0)
n_channels, n_timepoints = X_test.shape[1:]
in_block = np.zeros(X_test.shape, dtype=bool)
for hidden in in_block:
    start = rng.integers(10, n_timepoints - 30)
    hidden[rng.choice(n_channels, 3, replace=False), start : start + 20] = True
is_single = ~in_block & (rng.random(X_test.shape) < 0.1)
given = np.where(in_block | is_single, np.nan, X_test)

# %%
# The training part has no gaps, and needs none: in training the network hides values
# from itself. ``impute`` fills the gaps, and leaves every value that is there as it is.
dmae = DMAETransformer(random_state=0).fit(X_train)


def in_each_series(fill):
    """Fill each channel by itself, as a column of a frame whose rows are steps."""
    return np.stack([fill(pd.DataFrame(series.T)).to_numpy().T for series in given])


filled = {
    "DMAE": dmae.impute(given),
    "straight lines": in_each_series(lambda s: s.interpolate(limit_direction="both")),
    "last value": in_each_series(lambda s: s.ffill().bfill()),
    "channel mean": np.nan_to_num(given, nan=0.0),
}
is_there = ~np.isnan(given)
assert np.array_equal(filled["DMAE"][is_there], given[is_there])

# %%
# Somebody who runs. A straight line crosses two seconds of steps without noticing them.
# The network has seen others run and has the channels that went on: it puts most steps
# where steps were, though lower than they were, since it is asked for a mean of what
# might have been.
chosen = np.flatnonzero(y_test == "running")[0]
seconds = np.arange(n_timepoints) / 10
silent = np.flatnonzero(in_block[chosen].any(axis=1))
block = seconds[in_block[chosen, silent[0]]]

figure, panels = plt.subplots(3, 1, figsize=(5, 6), sharex=True, layout="constrained")
for panel, channel in zip(panels, silent, strict=True):
    panel.axvspan(block[0] - 0.1, block[-1] + 0.1, color="0.94", lw=0)
    panel.plot(seconds, X_test[chosen, channel], color="0.7", lw=3, label="truth")
    panel.plot(seconds, given[chosen, channel], color="black", lw=1.2, label="given")
    for name, style in (("straight lines", "#D55E00"), ("DMAE", "#0072B2")):
        # From the last value before a gap to the first one behind it.
        near = np.convolve(~is_there[chosen, channel], [1, 1, 1], "same") > 0
        values = np.where(near, filled[name][chosen, channel], np.nan)
        panel.plot(seconds, values, color=style, lw=1.8, label=name)
    kind = "acceleration" if channel < 3 else "rotation"
    panel.set_title(f"{kind}, channel {channel}", loc="left", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)
panels[1].set_ylabel("standard deviations from the channel's mean")
panels[-1].set_xlabel("time (s)")
panels[-1].set_xlim(block[0] - 2, block[-1] + 2)
_ = figure.legend(
    *panels[0].get_legend_handles_labels(),
    loc="outside upper center",
    ncols=4,
    handlelength=1.2,
    columnspacing=1.2,
    frameon=False,
)
plt.show()

# %%
# Now all test series: the root mean square error of the hidden values, in standard
# deviations of their channel.


def table(hidden):
    """Return the error of each way to fill, over all series and by movement."""
    groups = {"all": y_test == y_test}
    groups |= {name: y_test == name for name in np.unique(y_test)}
    squares = {name: (values - X_test) ** 2 for name, values in filled.items()}
    return pd.DataFrame(
        {
            group: {
                name: np.sqrt(square[own][hidden[own]].mean())
                for name, square in squares.items()
            }
            for group, own in groups.items()
        }
    )


print("two seconds of three channels", table(in_block).round(2), sep="\n")
print("single values", table(is_single).round(2), sep="\n")

# %%
# For two seconds, DMAE is ahead over all movements together, and far ahead for running,
# which repeats itself and of which all channels tell. A line is then worse than the
# mean of the channel: it draws out for two seconds whatever was there when the gap
# began. What a player does next nobody can know, and for badminton DMAE comes down to
# about the mean of the channel. Where next to nothing happens, as in standing, a line
# is as good or better.
#
# For single values it depends on how fast the signal is. Standing and walking hardly
# change within a tenth of a second; a line between the two neighbours is best there, by
# far, and free. Running turns back between two values, and there the network is level
# or ahead. The column for all movements hides that: lively ones weigh most in it.

# %%
# As a step of a pipeline, ``DMAEImputer`` fills gaps before what takes none. It learns
# from what it is fitted to, with gaps or without.
imputer = DMAEImputer(DMAETransformer(max_steps=20, random_state=0))
flat = FunctionTransformer(lambda X: X.reshape(len(X), -1))
model = make_pipeline(imputer, flat, StandardScaler(), SVC()).fit(X_train, y_train)
print(f"accuracy on the series with gaps: {model.score(given, y_test):.2f}")
