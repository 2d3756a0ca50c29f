"""
A log of experiments
====================

Which settings were tried, and how did each training go? A callback of skorch sees every
epoch and can write it down. This one appends a line of JSON, which any tool reads; a
tracking server would get the same values by a call in the same place.
"""

# %%
# The estimator clones its callbacks before training and leaves the given ones as they
# are, so the file is opened by name, in each epoch anew. An appended line does not harm
# those of other processes, as long as it is short.
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import Callback
from sktime.datasets import load_basic_motions

from sklearn_tsrep import TRepTransformer


class JsonLines(Callback):
    """Append the numbers of each epoch to a file, with the name of a run."""

    def __init__(self, path, run):
        self.path = path
        self.run = run

    def on_train_begin(self, net, **kwargs):
        weights = sum(weight.numel() for weight in net.module_.parameters())
        self.write({"event": "begin", "weights": weights})

    def on_epoch_end(self, net, **kwargs):
        last = net.history[-1]
        numbers = {name: last[name] for name in last if isinstance(last[name], float)}
        self.write({"event": "epoch", "epoch": last["epoch"], **numbers})

    def write(self, entry):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"run": self.run, **entry}) + "\n")


# %%
# Recordings of ten seconds, six channels, four movements. Three runs differ in one
# parameter; a search would set ``callbacks`` in the same way.
X, y = load_basic_motions(split="train", return_type="numpy3D")
log = Path(tempfile.mkdtemp()) / "runs.jsonl"

base = TRepTransformer(
    n_latents=16, hidden_channels=16, n_blocks=4, max_epochs=8, random_state=0
)
runs = {
    "all tasks": {},
    "no time-embedding": {"time_embedding": None},
    "high rate": {"lr": 0.03},
}
for name, parameters in runs.items():
    encoder = clone(base).set_params(**parameters, callbacks=[JsonLines(log, name)])
    encoder.fit(X)

# %%
# The log is a table: one row an epoch, one column a loss term or spread. What a run
# does not have is missing.
entries = pd.read_json(log, lines=True)
epochs = entries[entries["event"] == "epoch"]
print(log.read_text(encoding="utf-8").splitlines()[0])
last = epochs.drop(columns=["event", "weights"]).groupby("run", sort=False).last()
print(last.round(3).T.to_string())

# %%
# Losses of different tasks have different scales. The spread of the latents can be
# compared: a network that maps everything to the same point has none.
columns = {"temporal_loss": "contrast along time", "latent_spread": "spread of latents"}
figure, panels = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for panel, (column, title) in zip(panels, columns.items(), strict=True):
    for name, own in epochs.groupby("run", sort=False):
        panel.plot(own["epoch"], own[column], label=name)
    panel.set(xlabel="epoch", ylim=(0, None))
    panel.set_title(title, loc="left", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)
_ = panels[1].legend(frameon=False, fontsize="small")
plt.show()

# %%
# What counts is not in the log of a training: how well a classifier does on the
# features. It goes into the same file, beside the encoder without training.
for name, parameters in {**runs, "untrained": {"max_epochs": 0}}.items():
    encoder = clone(base).set_params(**parameters)
    model = make_pipeline(encoder, StandardScaler(), SVC())
    accuracy = cross_val_score(model, X, y, cv=2).mean()
    JsonLines(log, name).write({"event": "result", "accuracy": round(accuracy, 3)})

entries = pd.read_json(log, lines=True)
results = entries[entries["event"] == "result"]
print(results[["run", "accuracy"]].to_string(index=False))

# %%
# Losses are far apart, and the accuracies are one: movements are told apart with random
# weights already. After a fit the numbers of each epoch are in ``history_``, without a
# callback: a log is for trainings that take long, for those that fail, and for many of
# them at once.
