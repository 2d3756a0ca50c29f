"""
Regression on features
======================

How much fat is in a piece of meat? A near-infrared spectrum tells. Spectra are not
series in time, but they are read from left to right as those are. Features that were
learned without targets go into ridge regression and a support vector machine here,
beside the same encoder without training, the raw values, what is known of spectra, and
the mean of the targets.
"""

# %%
# The data come with sktime: absorbance at 100 wavelengths between 850 and 1050 nm, and
# the share of fat as chemistry has measured it.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sktime.datasets import load_tecator

from sklearn_tsrep import DMAETransformer

X, y = load_tecator(split="train", return_type="numpy3D")
X.shape, (y.min(), y.max())

# %%
# One encoder is trained, the other keeps its random weights. How latents are pooled may
# be changed after fit, so two poolings cost one training. The default keeps the maximum
# over the spectrum and over each half of it; ten segments keep better where on the axis
# something was. Those who work with spectra take second differences, which are rid of
# slow trends, and standardise them within each spectrum: a line of code.
encoders = {
    "untrained": DMAETransformer(max_epochs=0, random_state=0).fit(X),
    "DMAE": DMAETransformer(random_state=0).fit(X),
}
poolings = {
    "halves": {"pooling": ["max", "segments"], "n_segments": 2},
    "tenths": {"pooling": "segments", "n_segments": 10},
}


def features_of(X):
    """Return all features by method and pooling."""
    curved = np.diff(X[:, 0], n=2)
    features = {
        ("raw values", "none"): X[:, 0],
        ("differences", "none"): curved / curved.std(axis=1, keepdims=True),
    }
    for name, encoder in encoders.items():
        for pooling, parameters in poolings.items():
            encoder.set_params(**parameters)
            features[name, pooling] = encoder.transform(X)
    return features


# %%
# Everything is chosen inside the training part: the strength of each regressor by its
# own cross-validation, pooling and regressor by the one around it. The encoder has seen
# the spectra of all folds, but no target.
regressors = {
    "ridge": RidgeCV(alphas=np.logspace(-3, 5, 17)),
    "SVR": GridSearchCV(SVR(), {"C": [10, 100, 1000]}),
}


def model_on(regressor):
    """Standardise features for a regressor."""
    return make_pipeline(StandardScaler(), regressors[regressor])


features = features_of(X)
validation = {
    (method, pooling, regressor): -cross_val_score(
        model_on(regressor),
        own,
        y,
        cv=KFold(5, shuffle=True, random_state=0),
        scoring="neg_root_mean_squared_error",
    ).mean()
    for (method, pooling), own in features.items()
    for regressor in regressors
}
names = ["method", "pooling", "regressor"]
table = pd.Series(validation).rename_axis(names).unstack(sort=False)
print("cross-validation: root mean square error, percentage points of fat")
print(table.round(2))

# %%
# In halves no feature comes near ridge regression on the raw values: fat is nearly a
# weighted sum of absorbances, and the maximum over half of a spectrum does not say at
# which wavelength it stood. Tenths say it, and with them features are ahead of raw
# values. Second differences are ahead of them all: to know what matters is better than
# to learn what is there. Ridge is better than a support vector machine throughout.
#
# And training does not help. The encoder learns to guess hidden parts of a spectrum
# from the others, fat is perhaps a small part of what that takes, and random weights
# lose no more of it. Whoever leaves out the untrained control will thank the training
# for what the pooling did; whoever leaves out the plain rows may be pleased with worse
# features.

# %%
# The best of each method is fitted to the whole training part. Now the test part is
# read, once.
X_test, y_test = load_tecator(split="test", return_type="numpy3D")
features_test = features_of(X_test)
predicted = {}
for method in table.index.unique("method"):
    own = {key: error for key, error in validation.items() if key[0] == method}
    _, pooling, regressor = min(own, key=own.get)
    model = model_on(regressor).fit(features[method, pooling], y)
    predicted[method] = model.predict(features_test[method, pooling])

constant = np.full(y_test.shape, y.mean())
for name, values in {**predicted, "training mean": constant}.items():
    print(f"{name}: {root_mean_squared_error(y_test, values):.1f}")

# %%
# Each dot is a test spectrum, which stands on the grey line if the prediction is right.
# The dotted line is the mean of the training part.
figure, grid = plt.subplots(
    2, 2, figsize=(5, 5.2), sharex=True, sharey=True, layout="constrained"
)
for panel, (name, values) in zip(grid.flat, predicted.items(), strict=True):
    panel.axline((0, 0), slope=1, color="0.7", lw=1)
    panel.axhline(y.mean(), color="black", lw=1, ls=":")
    panel.plot(y_test, values, "o", color="#0072B2", ms=4, alpha=0.6, mec="none")
    panel.set_title(name, loc="left", fontsize="medium")
    panel.set_aspect("equal")
    panel.spines[["top", "right"]].set_visible(False)
figure.supxlabel("true fat (%)", fontsize="medium")
_ = figure.supylabel("predicted fat (%)", fontsize="medium")
plt.show()

# %%
# The test spectra are few. They say that everything here is far from the mean; of two
# features that lie close in cross-validation they cannot say which is better.
