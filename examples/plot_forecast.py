"""
Forecasts with an interval
==========================

An airline plans the seats of the next year, month by month. It knows how many flew in
the years before: more every year, and most of them in summer. A forecaster on top of a
representation says how many to expect, and between which ends four values of five
should lie. Is that better than what anyone can say who has last year's figures?
"""

# %%
# The data come with sktime: international passengers, in thousands a month. Summers
# grow with the whole, by a share of it rather than by a number: so everything below
# happens in logarithms, and comes back by ``exp`` for the pictures and the errors. Nine
# years are for training, three to judge by.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from sktime.datasets import load_airline

from sklearn_tsrep import TRepTransformer
from sklearn_tsrep.forecasting import RepresentationForecaster
from sklearn_tsrep.plotting import ForecastDisplay

passengers = load_airline().to_frame("passengers")
logs = np.log(passengers)
train, test = logs[:"1957"], logs["1958":]
train.shape, test.shape

# %%
# A forecaster sees the last months themselves, and what the encoder makes of them. The
# same without an encoder tells what the encoder is worth. Intervals come from errors on
# the last third of the training part, which is little more than two years: they are
# rough.
settings = {"horizon": 12, "context": 36, "validation_fraction": 1 / 3}
forecasters = {
    "lags alone": RepresentationForecaster(None, **settings),
    "T-Rep and lags": RepresentationForecaster(
        TRepTransformer(causal=True, random_state=0), **settings
    ),
}
for name, forecaster in forecasters.items():
    forecaster.fit(train)
    print(name, forecaster.alphas_)

# %%
# The strengths were chosen by those errors. An infinite one says that a representation
# adds nothing here: nine years are little to learn more from than lags tell.

# %%
# The forecast of 1960, made at the end of 1959. ``fit`` has seen what came before 1958,
# and gets the two years since then as rows that follow.
watched, next_year = test[:"1959"], test["1960":]
forecaster = forecasters["T-Rep and lags"]
_ = ForecastDisplay.from_estimator(
    forecaster, watched, truth=next_year, coverage=0.8, channel_names=["logarithm"]
)

# %%
# What it has to be better than: last year's figures, and last year's figures with the
# mean growth of the training years. Growth was not the same in all months, and its
# spread is an interval too.
growth = train.diff(12).dropna()
last_year = watched.to_numpy()[-12:]
forecasts = {
    "last year and growth": (
        last_year + growth.mean().to_numpy(),
        last_year + growth.quantile(0.1).to_numpy(),
        last_year + growth.quantile(0.9).to_numpy(),
    )
}
for name, forecaster in forecasters.items():
    interval = forecaster.predict_interval(watched, coverage=0.8)
    forecasts[name] = (forecaster.predict(watched), *interval)

# %%
# All of them in passengers. Ends of intervals are quantiles, which stay quantiles
# under ``exp``.
figure, panels = plt.subplots(
    3, 1, figsize=(7, 8), sharex=True, sharey=True, layout="constrained"
)
for panel, (name, in_logs) in zip(panels, forecasts.items(), strict=True):
    forecast, lower, upper = (np.exp(values) for values in in_logs)
    ForecastDisplay.from_predictions(
        passengers[:"1959"],
        forecast,
        lower=lower,
        upper=upper,
        truth=passengers["1960":],
        coverage=0.8,
        n_history=24,
        channel_names=["thousands a month"],
        ax=panel,
    )
    panel.get_legend().remove()
    panel.set_title(name, loc="left", fontsize="medium")
_ = figure.legend(
    *panels[0].get_legend_handles_labels(),
    loc="outside upper center",
    ncols=4,
    frameon=False,
    markerscale=0,
)
plt.show()

# %%
# One year is one draw. From 1958 to 1960 a year can be forecast 25 times, each time
# with all months before it. Errors are means over these forecasts and their twelve
# months, in thousands of passengers.
truth = sliding_window_view(test.to_numpy()[:, 0], 12)
before = sliding_window_view(logs.to_numpy()[len(train) - 12 : -12, 0], 12)
rolling = {
    "last year": before,
    "last year and growth": before + growth.mean().item(),
}
for name, forecaster in forecasters.items():
    rolling[name] = forecaster.predict_rolling(test)[:, :, 0]

errors = {
    name: np.abs(np.exp(values) - np.exp(truth)).mean()
    for name, values in rolling.items()
}
print(pd.Series(errors).round(1).to_string())

# %%
# Do the intervals hold what they promise? They should have four of five values inside,
# and one of ten above.
months = range(1, len(truth))
ends = {
    "last year and growth": (
        before[1:] + growth.quantile(0.1).item(),
        before[1:] + growth.quantile(0.9).item(),
    )
}
for name, forecaster in forecasters.items():
    intervals = [forecaster.predict_interval(test[:k], coverage=0.8) for k in months]
    ends[name] = np.stack(intervals, axis=1)[..., 0]

for name, (lower, upper) in ends.items():
    inside = ((lower <= truth[1:]) & (truth[1:] <= upper)).mean()
    above = (truth[1:] > upper).mean()
    print(f"{name}: {inside:.0%} inside, {above:.0%} above")

# %%
# Now the seats. Last year's are too few in every month of 1960. Those of a forecast are
# meant to be too few in half of the months, those of the upper end in one of ten: it is
# for an airline to which a passenger left behind costs as much as nine empty seats.
forecast, _, upper = forecasts["T-Rep and lags"]
plans = {"last year": last_year, "forecast": forecast, "upper end": upper}
came = passengers["1960":].to_numpy()
table = pd.DataFrame(
    {
        name: {
            "months with too few": (np.exp(plan) < came).sum(),
            "left behind": np.maximum(came - np.exp(plan), 0).sum().round(),
            "empty": np.maximum(np.exp(plan) - came, 0).sum().round(),
        }
        for name, plan in plans.items()
    }
)
print(table.astype(int).to_string())

# %%
# The decision: seats by the upper end, month by month, of whichever forecast has the
# smallest error above and an interval that held. If several are level, the simplest of
# them will do, and it need not have a network in it.
