"""
Alarms from labelled series
===========================

Somebody has marked when it happened. Then there is more to do than to look for what is
unusual: a classifier can learn what to look for. It needs features of each time point,
made of what was known at that time alone, and it needs people that it has not seen, to
be judged by.
"""

# %%
# The data come with sktime: recordings of ten seconds, six channels, ten values a
# second. Those of the training part become ten streams here, each a row of four
# movements in random order, and so do those of the test part. Badminton is what an
# alarm should be raised at.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sktime.datasets import load_basic_motions

from sklearn_tsrep import TRepTransformer
from sklearn_tsrep.thresholds import best_f1_offset

movements = ["standing", "walking", "running", "badminton"]


def streams_of(split):
    """Return streams (10, 6, 400), and for each time point whether it is badminton."""
    X, y = load_basic_motions(split=split, return_type="numpy3D")
    by_movement = [X[y == movement] for movement in movements]
    rng = np.random.default_rng(0)
    streams, labels = [], []
    for recordings in zip(*by_movement, strict=True):
        order = rng.permutation(4)
        streams.append(np.concatenate([recordings[place] for place in order], axis=1))
        labels.append(np.repeat(order == 3, 100).astype(int))
    return np.stack(streams), np.stack(labels)


X, y = streams_of("train")
X_test, y_test = streams_of("test")
X.shape, y.mean()

# %%
# The encoder learns from the training streams without their labels. `encode_causal`
# then represents each time point by what was there in the last second, as one would
# have to when the stream comes in. The same encoder with random weights and the raw
# values of the same second are beside it.
context = 9
encoders = {
    "T-Rep": TRepTransformer(n_latents=32, random_state=0).fit(X),
    "untrained": TRepTransformer(n_latents=32, max_epochs=0, random_state=0).fit(X),
}


def features_of(X):
    """Return rows of features, a time point each, by method."""
    first = np.repeat(X[:, :, :1], context, axis=2)
    windows = sliding_window_view(
        np.concatenate([first, X], axis=2), context + 1, axis=2
    )
    panels = {
        "raw values": windows.swapaxes(2, 3).reshape(len(X), -1, X.shape[2]),
        **{
            name: encoder.encode_causal(X, context=context)
            for name, encoder in encoders.items()
        },
    }
    return {
        name: panel.swapaxes(1, 2).reshape(-1, panel.shape[1])
        for name, panel in panels.items()
    }


features, features_test = features_of(X), features_of(X_test)
{name: own.shape for name, own in features.items()}

# %%
# Neighbouring time points resemble each other. If some of a stream were in training and
# others held out, any classifier would look good; ``GroupKFold`` keeps each stream in
# one fold. Its folds choose the strength of a logistic regression, and the scores of
# the time points that were held out choose the threshold. The test streams have no part
# in either.
streams = np.repeat(np.arange(len(X)), X.shape[2])
folds = list(GroupKFold(5).split(features["T-Rep"], groups=streams))


def fit_alarms(rows, labels):
    """Return a classifier, and the score above which there is an alarm."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    search = GridSearchCV(
        model,
        {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1, 1]},
        scoring="average_precision",
        cv=folds,
    ).fit(rows, labels)
    best = search.best_estimator_
    held_out = cross_val_predict(
        best, rows, labels, cv=folds, method="decision_function"
    )
    return best, -best_f1_offset(-held_out, labels)


figures, scores, thresholds = {}, {}, {}
for name, rows in features.items():
    classifier, thresholds[name] = fit_alarms(rows, y.ravel())
    scores[name] = classifier.decision_function(features_test[name])
    figures[name] = {
        "average precision": average_precision_score(y_test.ravel(), scores[name]),
        "ROC AUC": roc_auc_score(y_test.ravel(), scores[name]),
        "F1": f1_score(y_test.ravel(), scores[name] > thresholds[name]),
    }
pd.DataFrame(figures).T.round(3)

# %%
# Scores of one test stream. Badminton is grey, the dashed line is the threshold.
stream, shape = 0, y_test.shape
figure, panels = plt.subplots(
    len(scores), 1, figsize=(6, 5), sharex=True, layout="constrained"
)
seconds = np.arange(shape[1]) / 10
for panel, (name, own) in zip(panels, scores.items(), strict=True):
    panel.fill_between(
        seconds,
        *(0, 1),
        where=y_test[stream] == 1,
        transform=panel.get_xaxis_transform(),
        color="0.85",
        lw=0,
    )
    panel.plot(seconds, own.reshape(shape)[stream], color="#0072B2", lw=1)
    panel.axhline(thresholds[name], color="black", lw=1, ls="--")
    panel.set_title(name, loc="left", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)
_ = panels[-1].set_xlabel("seconds")
