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
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
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
    "T-Rep": TRepTransformer(n_latents=32, max_train_length=100, random_state=0).fit(X),
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
print({name: own.shape for name, own in features.items()})

# %%
# Neighbouring time points resemble each other. If some of a stream were in training and
# others held out, any classifier would look good; ``GroupKFold`` keeps each stream in
# one fold. Its folds choose the strength of a logistic regression, and the scores of
# the time points that were held out choose the threshold. Gradient boosting, whose
# strength nobody chooses here, reads the same features. The test streams have no part
# in any of this.
streams = np.repeat(np.arange(len(X)), X.shape[2])
folds = list(GroupKFold(3).split(streams, groups=streams))
logistic = make_pipeline(
    StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
)
boosting = HistGradientBoostingClassifier(
    learning_rate=0.3,
    max_iter=20,
    max_leaf_nodes=15,
    max_bins=63,
    class_weight="balanced",
    random_state=0,
)
classifiers = {
    "logistic regression": GridSearchCV(
        logistic,
        {"logisticregression__C": np.logspace(-4, 0, 5)},
        scoring="average_precision",
        cv=folds,
    ),
    "gradient boosting": boosting,
}


def fit_alarms(classifier, rows, labels):
    """Return a fitted classifier, and the score above which there is an alarm."""
    fitted = clone(classifier).fit(rows, labels)
    chosen = getattr(fitted, "best_estimator_", fitted)
    held_out = cross_val_predict(
        chosen, rows, labels, cv=folds, method="decision_function"
    )
    return chosen, -best_f1_offset(-held_out, labels)


def judged(scores, threshold, labels):
    """Return what scores and alarms of labelled time points are worth."""
    return {
        "average precision": average_precision_score(labels, scores),
        "ROC AUC": roc_auc_score(labels, scores),
        "F1": f1_score(labels, scores > threshold),
    }


scores, thresholds, figures = {}, {}, {}
for name, classifier in classifiers.items():
    for method, rows in features.items():
        key = name, method
        fitted, thresholds[key] = fit_alarms(classifier, rows, y.ravel())
        scores[key] = fitted.decision_function(features_test[method])
        figures[key] = judged(scores[key], thresholds[key], y_test.ravel())
print(pd.DataFrame(figures).T.round(3))

# %%
# A quarter of the time points are badminton, which is the average precision of whoever
# guesses. In a linear classifier the representation is better than the raw values, and
# training has added to what random weights give. Gradient boosting finds in the raw
# values themselves what a linear classifier needs a representation for, and more: it is
# far ahead of all of them, and no better on representations. A comparison without it
# would have told half of the story.

# %%
# Scores of one test stream. Badminton is grey, the dashed line is the threshold.
shown = [
    ("logistic regression", "raw values"),
    ("logistic regression", "T-Rep"),
    ("gradient boosting", "raw values"),
]
stream, seconds = 0, np.arange(y_test.shape[1]) / 10
figure, panels = plt.subplots(
    len(shown), 1, figsize=(6, 5), sharex=True, layout="constrained"
)
for panel, key in zip(panels, shown, strict=True):
    panel.fill_between(
        seconds,
        *(0, 1),
        where=y_test[stream] == 1,
        transform=panel.get_xaxis_transform(),
        color="0.85",
        lw=0,
    )
    panel.plot(
        seconds, scores[key].reshape(y_test.shape)[stream], color="#0072B2", lw=1
    )
    panel.axhline(thresholds[key], color="black", lw=1, ls="--")
    panel.set_title(", ".join(reversed(key)), loc="left", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)
_ = panels[-1].set_xlabel("seconds")
plt.show()
