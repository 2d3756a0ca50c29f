"""
In a benchmark of sktime
========================

sktime brings a benchmark for classifiers: estimators and tasks go in, a table comes
out. Adapters turn the transformers of this package into transformers of sktime, which
make a classifier with any of scikit-learn's. So T-Rep and DMAE stand beside two of
sktime's own classifiers here, and beside the encoder without training.
"""

# %%
# A method is an adapter times a classifier of scikit-learn. The networks are narrow, so
# that this page is quick. The third has random weights, and shows what training adds.
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sktime.benchmarking.classification import ClassificationBenchmark
from sktime.classification.distance_based import KNeighborsTimeSeriesClassifier
from sktime.classification.feature_based import SummaryClassifier
from sktime.datasets import (
    load_basic_motions,
    load_gunpoint,
    load_italy_power_demand,
)

from sklearn_tsrep import DMAETransformer, TRepTransformer
from sklearn_tsrep.adapters import SktimeFeatureExtractor


def classifier_on(transformer):
    """Return a classifier of sktime on the features of a transformer."""
    classifier = make_pipeline(StandardScaler(), SVC(C=10))
    return SktimeFeatureExtractor(transformer) * classifier


narrow = {"n_latents": 32, "hidden_channels": 32, "n_blocks": 6, "random_state": 0}
methods = {
    "T-Rep": classifier_on(TRepTransformer(**narrow)),
    "DMAE": classifier_on(DMAETransformer(n_latents=32, max_steps=50, random_state=0)),
    "T-Rep, untrained": classifier_on(TRepTransformer(max_epochs=0, **narrow)),
    "nearest neighbour": KNeighborsTimeSeriesClassifier(1, distance="euclidean"),
    "summaries and forest": SummaryClassifier(random_state=0),
}

# %%
# The encoder is part of the method: the benchmark has it learn from the training part
# alone. Missing values and unequal lengths would do as well, as the tags of the
# pipelines say; nearest neighbours and summaries take neither.
for tag in ("capability:missing_values", "capability:unequal_length"):
    print(tag)
    for name, method in methods.items():
        print(f"    {name}: {method.get_tag(tag)}")


# %%
# Three sets that come with sktime: movements in six channels of a sensor, the height of
# a hand that draws a gun or points, and days of electricity in winter and in summer.
# Each is split as its archive has it, the training part first.
def split_of_archive(load):
    """Return the one split into training and test part."""
    n_train, n_test = (len(load(split=part)[1]) for part in ("train", "test"))
    return PredefinedSplit(np.repeat([-1, 0], [n_train, n_test]))


benchmark = ClassificationBenchmark()
for name, method in methods.items():
    benchmark.add_estimator(method, estimator_id=name)
for load in (load_basic_motions, load_gunpoint, load_italy_power_demand):
    name = load.__name__.removeprefix("load_")
    benchmark.add_task(load, split_of_archive(load), [accuracy_score], task_id=name)

# A single split has no standard deviation, which numpy warns of.
with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
    results = benchmark.run(Path(tempfile.mkdtemp()) / "results.csv")

# %%
# What came out: accuracy, and the seconds of a fit.
for column in ("accuracy_score_mean", "fit_time_mean"):
    table = results.pivot(index="model_id", columns="validation_id", values=column)
    print(column)
    print(table.reindex(methods).astype(float).round(2).to_string(), end="\n\n")

# %%
# Three small sets are no ranking. But two things can be seen. Features of networks are
# ahead of summaries where the shape of a curve matters, and of the nearest neighbour
# where curves are shifted against each other. And random weights come as far here as
# trained ones: leave this row out, and the training gets the credit.
