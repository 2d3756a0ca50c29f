"""
A search that halves its candidates
===================================

How to train is best chosen by cross-validation; but each candidate of a search trains
its encoders anew. Successive halving gives every candidate a small budget at first, and
a larger one to those alone that did well. The budget may be the length of the training
itself.
"""

# %%
# The data come with sktime: recordings of nine speakers who say a vowel, in twelve
# channels, 7 to 29 time points long. Half of the training part is enough here.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    HalvingGridSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sktime.datasets import load_japanese_vowels

from sklearn_tsrep import TRepTransformer

X, y = load_japanese_vowels(split="train", return_type="df-list")
X, y = X[::2], y[::2]
len(X), len(np.unique(y))

# %%
# The pipeline is one of scikit-learn. Its first step trains, and takes the most time.
narrow = {"n_latents": 16, "hidden_channels": 16, "n_blocks": 4, "random_state": 0}
model = Pipeline(
    [
        ("encoder", TRepTransformer(**narrow)),
        ("scaler", StandardScaler()),
        ("classifier", SVC()),
    ]
)
grid = {
    "encoder__lr": [0.001, 0.003, 0.01],
    "encoder__mask_ratio": [0.2, 0.5, 0.8],
}

# %%
# The resource is ``max_steps`` of the encoder: all nine candidates train for 4 steps,
# the best three for 12, the best of these for 36. Seeds and folds are the same
# throughout, so that candidates differ in what the grid says alone.
search = HalvingGridSearchCV(
    model,
    grid,
    resource="encoder__max_steps",
    min_resources=4,
    max_resources=36,
    factor=3,
    cv=StratifiedKFold(2, shuffle=True, random_state=0),
    error_score="raise",
)
search.fit(X, y)
search.best_params_

# %%
# What it cost, in steps of training a fold, beside a search that trains all candidates
# to the end.
rounds = np.array([search.n_candidates_, search.n_resources_])
halving, full = rounds.prod(axis=0).sum(), rounds.max(axis=1).prod()
print(f"halving: {halving} steps, full grid: {full} steps")

# %%
# A line or a dot a candidate, from round to round, and in grey the encoder without
# training: the control that tells whether there was anything to choose.
untrained = clone(model).set_params(encoder__max_epochs=0)
control = cross_val_score(untrained, X, y, cv=search.cv).mean()

results = pd.DataFrame(search.cv_results_)
results["candidate"] = [
    f"rate {own['encoder__lr']}, masked {own['encoder__mask_ratio']}"
    for own in results["params"]
]
paths = results.pivot(
    index="n_resources", columns="candidate", values="mean_test_score"
)
n_rounds = paths.count()

figure, panel = plt.subplots(figsize=(6, 4), layout="constrained")
panel.axhline(control, color="0.6", lw=4, label="untrained")
panel.plot(paths.loc[:, n_rounds == 1], "o", color="0.3", ms=4)
panel.plot(paths.loc[:, n_rounds > 1], "o-", ms=4, label=paths.columns[n_rounds > 1])
panel.set(
    xscale="log", xlabel="steps of training", ylabel="accuracy on held-back folds"
)
panel.set_xticks(paths.index, paths.index)
panel.minorticks_off()
panel.spines[["top", "right"]].set_visible(False)
_ = panel.legend(frameon=False, fontsize="small")
plt.show()

# %%
# Halving trusts that who leads after few steps leads after many. What is seen here is
# mostly chance: one series of the 135 is 0.7 points, and random weights are as good as
# the winner. A choice that makes no difference was had at a third of the cost; without
# the grey line it would look like a success.
