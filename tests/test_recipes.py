"""The recipes of CONTRIBUTING.md, each followed once: parts to copy from."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_param_validation,
    parametrize_with_checks,
)
from sktime.classification.base import BaseClassifier
from sktime.utils.estimator_checks import check_estimator
from torch import Tensor, nn

import sklearn_tsrep
import sklearn_tsrep.adapters
from sklearn_tsrep import thresholds
from sklearn_tsrep._sklearn import Interval
from sklearn_tsrep._transformer import RepresentationTransformer
from sklearn_tsrep.adapters._base import EstimatorAdapter
from sklearn_tsrep.adapters._transformers import tiny_transformers
from sklearn_tsrep.data.batches import PieceBatches, SeriesBatch
from sklearn_tsrep.detection import _kinds
from sklearn_tsrep.detection._scorers import Scorer
from sklearn_tsrep.features import names, pooling
from sklearn_tsrep.losses.amad import AMADObjective
from sklearn_tsrep.nn.dmae import shown_values
from tests.conftest import tiny_amad, tiny_representation_detector, tiny_trep
from tests.test_detectors import make_series

RECIPES = re.findall(
    r"(?m)^\*\*(.+?)\.\*\*",
    (Path(__file__).parents[1] / "CONTRIBUTING.md")
    .read_text(encoding="utf-8")
    .partition("\n## Where a new part goes\n")[2],
)


def test_there_are_recipes():
    assert "A pooling" in RECIPES
    assert "A method" in RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_is_followed_here(recipe):
    start = f"test_{recipe.lower().replace(' ', '_')}_"
    assert any(name.startswith(start) for name in globals()), f"no test {start}..."


# A pooling ---------------------------------------------------------------------


def min_pooling(piece: pooling.Piece) -> Tensor:
    """Return the minima over steps (batch, n_latents); those of pieces are compared."""
    return piece.values.amin(dim=1)


@pytest.fixture
def with_min_pooling(monkeypatch):
    monkeypatch.setitem(names.POOLINGS, "min", lambda n_segments, n_scales: ["min"])
    monkeypatch.setitem(
        pooling.FUNCTIONS,
        "min",
        lambda n_segments, n_scales: (min_pooling, torch.minimum),
    )


@pytest.mark.usefixtures("with_min_pooling")
def test_a_pooling_is_one_more_choice_of_a_transformer(waves):
    transformer = tiny_trep(pooling="min", n_latents=2).fit(waves)
    assert transformer.get_feature_names_out().tolist() == [
        "min_latent0",
        "min_latent1",
    ]
    minima = transformer.encode(waves).min(axis=2)
    np.testing.assert_array_equal(transformer.transform(waves), minima)
    both = transformer.set_params(pooling=["max", "min"]).transform(waves)
    np.testing.assert_array_equal(both[:, 2:], minima)


@pytest.mark.usefixtures("with_min_pooling")
@pytest.mark.parametrize("size", [1, 4, 9])
def test_a_pooling_is_the_same_in_any_pieces(size):
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 9, 2)))
    pooled = pooling.pool(values.split(size, dim=1), 9, "min", 1, 1)
    torch.testing.assert_close(pooled, values.amin(dim=1))


# A threshold -------------------------------------------------------------------


def normal_offset(scores: np.ndarray, share: float) -> float:
    """Return what a share of normally distributed scores lies below."""
    return float(scores.mean() - stats.norm.isf(share) * scores.std())


@pytest.fixture
def with_normal_offset(monkeypatch):
    monkeypatch.setitem(thresholds.THRESHOLDS, "normal", normal_offset)
    monkeypatch.setitem(thresholds.AUTO_CONTAMINATION, "normal", 0.01)


@pytest.mark.usefixtures("with_normal_offset")
@pytest.mark.parametrize("make", [tiny_amad, tiny_representation_detector])
def test_a_threshold_is_taken_by_all_detectors(make):
    series = make_series()
    detector = make(threshold="normal").fit(series)
    scores = detector.score_samples(series)
    assert detector.offset_ == pytest.approx(normal_offset(scores, 0.01), rel=1e-5)


@pytest.mark.usefixtures("with_normal_offset")
def test_a_threshold_has_a_known_offset():
    scores = np.array([-1.0, 1.0])  # mean 0, deviation 1
    assert thresholds.fit_offset(scores, "normal") == pytest.approx(-2.326, abs=1e-3)


# A loss ------------------------------------------------------------------------


def roughness(series: Tensor) -> Tensor:
    """Return the mean squared second difference along time of (batch, time, n)."""
    return series.diff(n=2, dim=1).square().mean()


class SmoothObjective(AMADObjective):
    """That of AMAD, and a reconstruction that is smooth."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.task_weights["roughness"] = 0.5

    def forward(self, network, outputs, generator) -> dict[str, Tensor]:
        terms = super().forward(network, outputs, generator)
        return {**terms, "roughness": roughness(outputs.values)}


def test_a_loss_has_a_value_worked_out_by_hand():
    series = torch.tensor([[[0.0], [1.0], [4.0], [4.0]]])
    assert roughness(series).item() == (2**2 + 3**2) / 2


def test_a_loss_is_one_more_column_of_the_history(monkeypatch):
    monkeypatch.setattr("sklearn_tsrep.losses.amad.AMADObjective", SmoothObjective)
    history = tiny_amad().fit(make_series()).history_
    weights = SmoothObjective().task_weights
    assert (history["roughness_loss"] > 0).all()
    np.testing.assert_allclose(
        history["train_loss"],
        sum(weight * history[f"{name}_loss"] for name, weight in weights.items()),
        rtol=1e-5,
    )


# A kind of anomaly score -------------------------------------------------------


@dataclass
class Jump(Scorer):
    """How far a time point is from the one before, over what is usual."""

    usual: float = 1.0

    def reach(self, encoding):
        return 1, 0

    def learn(self, sequences):
        self.usual = float(np.mean([self.scores(one).mean() for one in sequences]))
        return [self.scores(one) for one in sequences]

    def learn_more(self, sequences):
        """Keep what was usual in the first ones."""

    def scores(self, sequence):
        return self.parts(sequence).sum(axis=1)

    def parts(self, sequence):
        jumps = np.diff(sequence.known, axis=0, prepend=sequence.known[:1])
        return np.abs(jumps) / self.usual


@pytest.fixture
def with_jumps(monkeypatch):
    monkeypatch.setitem(_kinds.SCORES, "jump", lambda given: [Jump()])
    monkeypatch.setitem(_kinds._SCORERS, "Jump", Jump)


@pytest.mark.usefixtures("with_jumps")
@pytest.mark.parametrize("scores", ["jump", ("nearest", "jump")])
def test_a_kind_of_anomaly_score_is_one_more_choice_of_the_detector(scores):
    series = make_series()
    detector = tiny_representation_detector(scores=scores).fit(series)
    odd = series.copy()
    odd[40:42, 2] += 8
    found = detector.score_samples(odd)
    assert 36 <= found.argmin() <= 46
    assert detector.contributions(odd)[40].argmax() == 2
    loaded = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(loaded.score_samples(odd), found)


@pytest.mark.usefixtures("with_jumps")
def test_a_kind_of_anomaly_score_has_the_transformer_to_ask():
    detector = tiny_representation_detector(scores="jump").fit(make_series())
    assert detector.transformer_ is not None


# An adapter --------------------------------------------------------------------


class SktimeRepresentationClassifier(EstimatorAdapter, BaseClassifier):
    """Classes of series by features, as a classifier of sktime."""

    _tags: ClassVar[dict[str, Any]] = {
        "X_inner_mtype": "numpy3D",
        "capability:multivariate": True,
        "capability:predict_proba": True,
    }

    @classmethod
    def _usual_estimator(cls):
        transformer = sklearn_tsrep.TRepTransformer()
        return make_pipeline(transformer, RandomForestClassifier())

    @classmethod
    def _small_parameters(cls):
        forest = RandomForestClassifier(3, random_state=0)
        return [
            {"estimator": make_pipeline(transformer, forest)}
            for transformer in tiny_transformers()
        ]

    def _fit(self, X, y):
        self._fit_clone(X, y)
        return self

    def _predict(self, X):
        return self.estimator_.predict(X)

    def _predict_proba(self, X):
        return self.estimator_.predict_proba(X)


CHECKS_OF_SKTIME = [
    "test_constructor",
    "test_get_test_params_coverage",
    "test_fit_updates_state",
    "test_persistence_via_pickle",
    "test_classifier_output",
    "test_multivariate_input_exception",
]


def test_an_adapter_passes_the_checks_of_sktime(monkeypatch):
    name = SktimeRepresentationClassifier.__name__
    monkeypatch.setitem(sklearn_tsrep.adapters._MODULES, name, __name__)
    adapter = getattr(sklearn_tsrep.adapters, name)
    results = check_estimator(adapter, tests_to_run=CHECKS_OF_SKTIME, verbose=False)
    assert len(results) >= len(CHECKS_OF_SKTIME)
    assert {name: found for name, found in results.items() if found != "PASSED"} == {}


# A method ----------------------------------------------------------------------


class StepEncoder(nn.Module):
    """Represents each time step by itself."""

    reach = (0, 0)

    def __init__(self, n_channels: int, n_latents: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_channels, n_latents)

    def forward(self, batch: SeriesBatch) -> tuple[Tensor, None]:
        return self.linear(batch.values).tanh(), None

    def causal(self, context: int | None) -> StepEncoder:
        return self


class Rebuilt(NamedTuple):
    """Series, and what the network makes of them (batch, time, n_channels)."""

    batch: SeriesBatch
    values: Tensor


class AutoencoderNetwork(nn.Module):
    """Rebuilds the values of time steps from few latents."""

    def __init__(self, n_channels: int, n_latents: int) -> None:
        super().__init__()
        self.encoder = StepEncoder(n_channels, n_latents)
        self.decoder = nn.Linear(n_latents, n_channels)

    def forward(
        self, batch: SeriesBatch, generator: torch.Generator | None = None
    ) -> Rebuilt:
        latents, _ = self.encoder(batch)
        return Rebuilt(batch, self.decoder(latents))


class AutoencoderObjective(nn.Module):
    """The squared error of values that are there."""

    task_weights: ClassVar[Mapping[str, float]] = {"rebuilding": 1.0}

    def forward(
        self, network: AutoencoderNetwork, rebuilt: Rebuilt, generator: torch.Generator
    ) -> dict[str, Tensor]:
        shown = shown_values(rebuilt.batch)
        errors = (rebuilt.values - rebuilt.batch.values).square() * shown
        return {"rebuilding": errors.sum() / shown.sum().clamp(min=1)}

    def monitors(self, rebuilt: Rebuilt) -> dict[str, Tensor]:
        return {"spread": rebuilt.values.detach().std(correction=0)}


class AutoencoderTransformer(RepresentationTransformer):
    """Latents of time steps from which their values can be rebuilt."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **RepresentationTransformer._parameter_constraints,
        "n_latents": [Interval(Integral, 1, 100, closed="both")],
    }

    def __init__(
        self,
        n_latents=3,
        *,
        pooling=("max", "mean"),
        n_segments=2,
        scale=True,
        on_empty="raise",
        max_train_length=512,
        max_epochs="auto",
        max_steps=50,
        batch_size=16,
        lr=1e-2,
        optimizer="AdamW",
        optimizer_params=None,
        lr_schedule=None,
        gradient_clip_value=None,
        weight_averaging=None,
        precision="float32",
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        callbacks=None,
        device="auto",
        warm_start=False,
        random_state=None,
        verbose=False,
    ):
        self.n_latents = n_latents
        self.pooling = pooling
        self.n_segments = n_segments
        self.scale = scale
        self.on_empty = on_empty
        self.max_train_length = max_train_length
        self.max_epochs = max_epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.lr_schedule = lr_schedule
        self.gradient_clip_value = gradient_clip_value
        self.weight_averaging = weight_averaging
        self.precision = precision
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.device = device
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _network_class(self):
        return AutoencoderNetwork

    def _network_parameters(self, panel):
        return {"n_channels": panel.n_channels, "n_latents": self.n_latents}

    def _objective(self):
        return AutoencoderObjective, {}

    def _batches(self, reader, pieces, seed, repeatable):
        return PieceBatches(reader, pieces, self.batch_size, seed, repeatable)


TINY_AUTOENCODER = AutoencoderTransformer(max_steps=3, device="cpu", random_state=0)


@parametrize_with_checks([TINY_AUTOENCODER])
def test_a_method_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_a_method_refuses_bad_parameters():
    check_param_validation("AutoencoderTransformer", TINY_AUTOENCODER)


def test_a_method_learns_and_represents_real_series(basic_motions, monkeypatch):
    name = AutoencoderTransformer.__name__
    monkeypatch.setitem(sklearn_tsrep._MODULES, name, __name__)
    X, _ = basic_motions
    method = getattr(sklearn_tsrep, name)(max_epochs=5, device="cpu", random_state=0)
    features = method.fit_transform(X)
    assert features.shape == (80, 6)
    assert method.get_feature_names_out()[-1] == "mean_latent2"
    assert method.encode(X).shape == (80, 3, 100)
    assert method.encode_causal(X).shape == (80, 3, 100)
    losses = method.history_["rebuilding_loss"]
    assert losses[-1] < losses[0]
    loaded = pickle.loads(pickle.dumps(method))
    np.testing.assert_array_equal(loaded.transform(X), features)
