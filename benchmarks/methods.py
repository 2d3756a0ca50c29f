"""The methods of the classification tables: name -> how features are made.

A method builds an object with ``fit(X)`` and ``transform(X)``; labels are not given to
it. Another method joins by one entry in METHODS, another encoder of this package by
one in ENCODERS.
"""

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import FeatureUnion

from benchmarks.configurations import SETTINGS, pooling_name, pooling_parameters
from benchmarks.peers import (
    Catch22Features,
    FlatSeries,
    MiniRocketFeatures,
    PyPOTSTS2Vec,
)
from benchmarks.recipe import Chosen, fit_ridge, fit_svm
from benchmarks.records import RESULTS

# Name -> class in sklearn_tsrep, and parameters of its smallest network.
ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "trep": ("TRepTransformer", {"n_blocks": 1}),
    "dmae": ("DMAETransformer", {"n_layers": 1}),
}


class NotAvailableError(Exception):
    """A method lacks a package or a choice; the message says how to come by it."""


def no_parameters(results: Path) -> dict[str, Any]:
    """Return no parameters, wherever the results are."""
    return {}


@dataclass(frozen=True)
class Encoder:
    """Builds an encoder of this package, or puts features of several side by side.

    ``name`` is one of ENCODERS, or some of them joined by "+"; then a parameter carries
    the name of its encoder, as in "dmae__lr". ``fixed`` holds whatever else is given.
    """

    name: str
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        """Name of its class."""
        return ENCODERS[self.name][0]

    def __call__(self, seed: int, parameters: Mapping[str, Any]) -> Any:
        """Return it with this seed, after loading what a fit loads."""
        for name in self.name.split("+"):
            _warm_up(name)
        names = _unfitted(self.name).get_params()
        seeds = {name: seed for name in names if name.endswith("random_state")}
        return self._with({**seeds, **parameters})

    def resolve(self, parameters: Mapping[str, Any]) -> str:
        """Return all of its parameters, as rows record them."""
        return describe(self._with(parameters))

    @property
    def free_parameters(self) -> list[str]:
        """Names of its parameters that are not fixed, with those of its parts."""
        names = _unfitted(self.name).get_params()
        own = [name for name in names if "+" not in self.name or "__" in name]
        return [name for name in own if name not in self.fixed]

    def pooling(self, parameters: Mapping[str, Any]) -> str:
        """Return the name of its pooling."""
        return pooling_name(self._with(parameters).get_params())

    def _with(self, parameters: Mapping[str, Any]) -> Any:
        return _unfitted(self.name).set_params(**{**parameters, **self.fixed})


def _unfitted(name: str) -> Any:
    """Return an encoder with its defaults, or the union of several."""
    if "+" in name:
        return FeatureUnion([(one, _unfitted(one)) for one in name.split("+")])
    import sklearn_tsrep

    return getattr(sklearn_tsrep, ENCODERS[name][0])()


@cache
def _warm_up(name: str) -> None:
    """Train for a step, which loads what a fit loads: the clock is for fitting."""
    smallest = {**ENCODERS[name][1], "max_steps": 1, "random_state": 0}
    noise = np.random.default_rng(0).normal(size=(4, 1, 8))
    _unfitted(name).set_params(**smallest).fit_transform(noise)


@dataclass(frozen=True)
class Method:
    """How one method makes features and which classifier reads them.

    ``parameters`` finds what the method itself gives to ``build``, from the folder of
    results. ``package`` is the distribution that it needs, named as its module, and
    ``extra`` what installs it. ``most_seeds`` keeps costly methods to fewer seeds.
    """

    build: Callable[[int, Mapping[str, Any]], Any]
    summary: str
    fit_classifier: Callable[[np.ndarray, np.ndarray, int], Chosen] = fit_svm
    parameters: Callable[[Path], Mapping[str, Any]] = no_parameters
    takes_parameters: bool = False
    package: str = ""
    extra: str = "benchmarks"
    most_seeds: int | None = None
    is_quick: bool = True
    expected_seconds: float = 10.0

    def resolve(self, parameters: Mapping[str, Any]) -> str:
        """Return what rows record as all parameters, where it is known beforehand."""
        if isinstance(self.build, Encoder):
            return self.build.resolve(parameters)
        return ""

    @property
    def free_parameters(self) -> list[str]:
        """Names of the parameters that may be set from outside."""
        if self.takes_parameters and isinstance(self.build, Encoder):
            return self.build.free_parameters
        return []

    def prepare(self, results: Path) -> dict[str, Any]:
        """Return its own parameters; NotAvailableError if it cannot be computed."""
        if self.package and find_spec(self.package) is None:
            raise NotAvailableError(
                f"needs the package {self.package}; install it by "
                f'pip install "sklearn-tsrep[{self.extra}]"'
            )
        return dict(self.parameters(results))


def build_catch22(seed: int, parameters: Mapping[str, Any]) -> Any:
    """Return the features of catch22, which have neither seed nor parameters."""
    _load("pycatch22")
    return Catch22Features()


def build_pypots_ts2vec(seed: int, parameters: Mapping[str, Any]) -> Any:
    """Return PyPOTS's TS2Vec with these parameters."""
    _load("pypots.representation")
    return PyPOTSTS2Vec(random_state=seed, **parameters)


def _load(*libraries: str) -> None:
    """Import what fit would import when first used: the clock is for fitting."""
    for library in libraries:
        importlib.import_module(library)


@dataclass(frozen=True)
class BestUntrainedPooling:
    """Finds the pooling that the ablation of a method finds best for random weights.

    It has the best mean accuracy in cross-validation inside the training parts, over
    the sets and seeds with all poolings. Without an ablation in the folder, that in
    benchmarks/results counts.
    """

    file_name: str
    command: str

    def __call__(self, results: Path) -> dict[str, Any]:
        """Return it as parameters."""
        places = [folder / self.file_name for folder in (results, RESULTS)]
        file = next((place for place in places if place.exists()), None)
        if file is None:
            raise NotAvailableError(
                f"takes its pooling from {places[0]}, which is not there; run "
                f"{self.command}"
            )
        accuracies = _untrained_accuracies(file)
        if accuracies.empty:
            raise NotAvailableError(
                f"finds no data set in {file} with the configuration 'untrained' in "
                f"all poolings; run {self.command} --configs untrained"
            )
        return pooling_parameters(str(accuracies.mean().idxmax()))


def _untrained_accuracies(file: Path) -> Any:
    """Return a frame of (dataset, seed) x pooling, without lines that have a hole."""
    import pandas as pd

    rows = pd.read_csv(file)
    own = rows[(rows["configuration"] == "untrained") & rows["error"].isna()]
    return own.pivot_table("cv_accuracy", ["dataset", "seed"], "pooling").dropna()


def describe(model: Any, package: str = "") -> str:
    """Return all parameters of an estimator but its seed as JSON, or an empty text.

    Those of a union carry the names of its parts. The version of the package that the
    estimator comes from stands beside them.
    """
    parameters = _parameters(model)
    if package:
        parameters[package] = version(package)
    return json.dumps(parameters, sort_keys=True, default=repr) if parameters else ""


def _parameters(model: Any) -> dict[str, Any]:
    if isinstance(model, FeatureUnion):
        return {
            f"{part}__{name}": value
            for part, own in model.transformer_list
            for name, value in _parameters(own).items()
        }
    given = model.get_params(deep=False) if hasattr(model, "get_params") else {}
    return {name: given[name] for name in given if name != "random_state"}


TREP = Encoder("trep")
UNTRAINED = Encoder("trep", {"max_epochs": 0})

METHODS = {
    "trep": Method(
        TREP,
        "TRepTransformer, fitted once on the training part without labels",
        takes_parameters=True,
        expected_seconds=60,
    ),
    "untrained": Method(
        UNTRAINED,
        "TRepTransformer with its random weights (`max_epochs=0`)",
        takes_parameters=True,
    ),
    "untrained-best": Method(
        UNTRAINED,
        "TRepTransformer with its random weights in the pooling that suits them best "
        "by cross-validation inside the training parts",
        parameters=BestUntrainedPooling(
            "ablation.csv", "python -m benchmarks ablation"
        ),
    ),
    "trep-paper": Method(
        TREP,
        "TRepTransformer in the setting of T-Rep's paper, except that training ends "
        "after 200 steps (paper: up to 200 epochs); one seed",
        parameters=lambda results: SETTINGS["paper"],
        takes_parameters=True,
        most_seeds=1,
        is_quick=False,
        expected_seconds=150,
    ),
    "trep-ts2vec": Method(
        TREP,
        "TRepTransformer without its time-embedding, in the setting of TS2Vec",
        parameters=lambda results: SETTINGS["ts2vec"],
        takes_parameters=True,
        is_quick=False,
        expected_seconds=60,
    ),
    "dmae": Method(
        Encoder("dmae"),
        "DMAETransformer, fitted once on the training part without labels",
        takes_parameters=True,
        expected_seconds=30,
    ),
    "dmae-untrained": Method(
        Encoder("dmae", {"max_epochs": 0}),
        "DMAETransformer with its random weights (`max_epochs=0`)",
        takes_parameters=True,
    ),
    "dmae-untrained-best": Method(
        Encoder("dmae", {"max_epochs": 0}),
        "DMAETransformer with its random weights in the pooling that suits them best "
        "by cross-validation inside the training parts",
        parameters=BestUntrainedPooling(
            "ablation-dmae.csv", "python -m benchmarks ablation --method dmae"
        ),
        is_quick=False,
    ),
    "union": Method(
        Encoder("trep+dmae"),
        "the features of trep and dmae side by side; its cost is that of both",
        takes_parameters=True,
        is_quick=False,
        expected_seconds=90,
    ),
    "raw-svm": Method(
        lambda seed, parameters: FlatSeries(),
        "z-scored series, flattened and padded with zeros, in the same SVM",
        expected_seconds=3,
    ),
    "catch22": Method(
        build_catch22,
        "the 22 features of pycatch22, mean and deviation of each channel, in the same "
        "SVM; what cannot be computed is the feature's training mean",
        package="pycatch22",
        extra="peers",
        expected_seconds=4,
    ),
    "minirocket": Method(
        lambda seed, parameters: MiniRocketFeatures(seed),
        "sktime's MiniRocket with its ridge classifier",
        fit_classifier=fit_ridge,
        package="numba",
        expected_seconds=15,
    ),
    "pypots-ts2vec": Method(
        build_pypots_ts2vec,
        "TS2Vec of the package PyPOTS in its published widths, maximum over time "
        "(`encoding_window='full_series'`), in the same SVM; whole epochs that give "
        "200 steps or a few more; channels z-scored, shorter series filled with NaN, "
        "whose steps PyPOTS masks in encoding, takes for zeros in training, and "
        "counts in the maximum; it keeps the epoch of the lowest training loss and "
        "averages no weights; one seed",
        package="pypots",
        most_seeds=1,
        extra="peers",
        is_quick=False,
        expected_seconds=90,
    ),
}
