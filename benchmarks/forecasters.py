"""The methods of the forecasting tables: name -> how forecasts are made.

A method builds an object with ``fit(X)``, ``update(X)`` and ``predict_rolling(X)``,
whose horizon is a parameter: RepresentationForecaster in some configuration, or a plain
one of this module. Series are (n_timepoints, n_channels). Another method joins by one
entry in METHODS.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler

from benchmarks.configurations import SETTINGS
from benchmarks.methods import Encoder, Method

# T-Rep's paper ends at 1,000, where raw lags at long horizons still want more.
ALPHAS = tuple(np.logspace(-1, 6, 15).tolist())
# Of an array that holds the forecasts of a block of origins: 32 MB.
MOST_VALUES = 4_000_000


class Naive(BaseEstimator):
    """The last season again and again; of one step the last value."""

    def __init__(self, *, horizon: int = 24, season: int = 1) -> None:
        self.horizon = horizon
        self.season = season

    def fit(self, X: np.ndarray) -> "Naive":
        """Keep the last season."""
        _require_rows(X, self.season)
        self.seen_ = X[-self.season :]
        return self

    def update(self, X: np.ndarray) -> "Naive":
        """Take in rows that follow."""
        self.seen_ = _last_rows(self.seen_, X)
        return self

    def predict_rolling(self, X: np.ndarray) -> np.ndarray:
        """Return forecasts (n_rows + 1 - horizon, horizon, n_channels)."""
        seasons = _last_seen(self.seen_, X, self.horizon)
        return seasons[..., np.arange(self.horizon) % self.season].swapaxes(1, 2)


class RidgeOnLags(BaseEstimator):
    """Ridge from the last values of all channels to the next ones of all channels.

    Channels are z-scored. Strength and number of lags are those of the lowest mean
    squared error on the last ``validation_fraction`` of the rows; scales and
    coefficients are learned on the rows before, coefficients with ``refit`` on all.
    """

    def __init__(
        self,
        *,
        horizon: int = 24,
        n_lags: Sequence[int] = (48, 96),
        alphas: Sequence[float] = ALPHAS,
        validation_fraction: float = 0.25,
        refit: bool = False,
    ) -> None:
        self.horizon = horizon
        self.n_lags = n_lags
        self.alphas = alphas
        self.validation_fraction = validation_fraction
        self.refit = refit

    def fit(self, X: np.ndarray) -> "RidgeOnLags":
        """Learn a model of each number of lags and strength, and keep the best."""
        n_train = len(X) - round(len(X) * self.validation_fraction)
        _require_rows(X[:n_train], max(self.n_lags) + self.horizon)
        self.scaler_ = StandardScaler().fit(X[:n_train])
        scaled = self.scaler_.transform(X)
        models = (
            model
            for n_lags in self.n_lags
            for model in _ridges(scaled[:n_train], n_lags, self.horizon, self.alphas)
        )
        # One after the other: together they would fill the memory.
        self.model_ = min(models, key=partial(_loss, scaled=scaled, n_train=n_train))
        self.n_lags_, self.alpha_ = self.model_.n_lags, self.model_.alpha
        if self.refit:
            (self.model_,) = _ridges(scaled, self.n_lags_, self.horizon, [self.alpha_])
        self.seen_ = X[-self.n_lags_ :]
        return self

    def update(self, X: np.ndarray) -> "RidgeOnLags":
        """Take in rows that follow."""
        self.seen_ = _last_rows(self.seen_, X)
        return self

    def predict_rolling(self, X: np.ndarray) -> np.ndarray:
        """Return forecasts (n_rows + 1 - horizon, horizon, n_channels)."""
        scale, mean = self.scaler_.scale_, self.scaler_.mean_
        lags = _last_seen((self.seen_ - mean) / scale, (X - mean) / scale, self.horizon)
        return self.model_.predict(lags).swapaxes(1, 2) * scale + mean


class _Linear(NamedTuple):
    """A linear model from lags (n_channels, n_lags) to (n_channels, horizon)."""

    n_lags: int
    alpha: float
    means: np.ndarray
    coefficients: np.ndarray

    def predict(self, lags: np.ndarray) -> np.ndarray:
        """Map lags (n, n_channels, n_lags) to values (n, n_channels, horizon)."""
        means, usual = np.split(self.means, [self.n_lags], axis=1)
        changes = _flat(lags - means) @ self.coefficients
        return usual + changes.reshape(-1, *usual.shape)


def _ridges(
    scaled: np.ndarray, n_lags: int, horizon: int, alphas: Iterable[float]
) -> Iterator[_Linear]:
    """Yield the ridge model of each strength, all from one decomposition."""
    windows = sliding_window_view(scaled, n_lags + horizon, axis=0)
    means = windows.mean(axis=0)
    gram: Any = 0.0
    cross: Any = 0.0
    for block in blocks(*windows.shape):
        centred = windows[block] - means
        lags = _flat(centred[..., :n_lags])
        gram += lags.T @ lags
        cross += lags.T @ _flat(centred[..., n_lags:])
    sizes, directions = np.linalg.eigh(gram)
    projected = directions.T @ cross
    for alpha in alphas:
        shrunk = projected / (sizes + alpha)[:, np.newaxis]
        yield _Linear(n_lags, alpha, means, directions @ shrunk)


def _loss(model: _Linear, scaled: np.ndarray, n_train: int) -> float:
    """Return the mean squared error in the rows behind those it was learned on."""
    known = scaled[n_train - model.n_lags :]
    windows = sliding_window_view(known, model.means.shape[1], axis=0)
    squared, _ = mean_errors(
        model.predict(windows[block, :, : model.n_lags])
        - windows[block, :, model.n_lags :]
        for block in blocks(*windows.shape)
    )
    return squared


def mean_errors(differences: Iterable[np.ndarray]) -> tuple[float, float]:
    """Return the mean of all squares and of all absolute values."""
    squared, absolute, n_values = 0.0, 0.0, 0
    for block in differences:
        squared += float(np.square(block).sum())
        absolute += float(np.abs(block).sum())
        n_values += block.size
    return squared / n_values, absolute / n_values


def blocks(n_origins: int, *shape: int) -> Iterator[slice]:
    """Yield ranges of origins whose forecasts of this shape fit into MOST_VALUES."""
    size = max(1, MOST_VALUES // int(np.prod(shape)))
    for start in range(0, n_origins, size):
        yield slice(start, min(start + size, n_origins))


def _last_seen(seen: np.ndarray, X: np.ndarray, horizon: int) -> np.ndarray:
    """Return the rows last seen at each origin, (n_origins, n_channels, len(seen))."""
    windows = sliding_window_view(np.concatenate([seen, X]), len(seen), axis=0)
    return windows[: len(X) + 1 - horizon]


def _last_rows(seen: np.ndarray, X: np.ndarray) -> np.ndarray:
    return np.concatenate([seen, X])[-len(seen) :]


def _require_rows(X: np.ndarray, n_rows: int) -> None:
    if len(X) < n_rows:
        raise ValueError(f"{n_rows} rows are needed to learn from, got {len(X)}")


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


@dataclass(frozen=True)
class Forecaster:
    """Builds a forecaster; ``fixed`` holds whatever else is given.

    ``encoder`` is one of ENCODERS whose libraries a fit loads, or empty. The parameters
    ``of_set`` are those of the data set unless they are given.
    """

    make: Callable[[], Any]
    encoder: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    of_set: Sequence[str] = ("validation_fraction",)

    def __call__(self, seed: int, parameters: Mapping[str, Any]) -> Any:
        """Return it with this seed, after loading what a fit loads."""
        if self.encoder:
            Encoder(self.encoder)(seed, {})
        names = self.make().get_params()
        seeds = [name for name in names if name.endswith("random_state")]
        return self._with({**dict.fromkeys(seeds, seed), **parameters})

    def resolve(self, parameters: Mapping[str, Any]) -> str:
        """Return all of its parameters, as rows record them."""
        given = self._with(parameters).get_params()
        left_out = {"horizon", *self.of_set} - {*parameters}
        kept = {
            name: value
            for name, value in given.items()
            if name not in left_out and not name.endswith("random_state")
        }
        return json.dumps(kept, sort_keys=True, default=_named)

    @property
    def free_parameters(self) -> list[str]:
        """Names of its parameters that are not fixed, with those of its encoder."""
        decided = {*self.fixed, "horizon", "transformer"}
        return [name for name in self.make().get_params() if name not in decided]

    def _with(self, parameters: Mapping[str, Any]) -> Any:
        return self.make().set_params(**{**parameters, **self.fixed})


def _named(value: Any) -> str:
    """Return the class of an estimator, whose parameters stand beside it."""
    return type(value).__name__ if hasattr(value, "get_params") else repr(value)


@dataclass
class Spent:
    """Seconds in an encoder: in training, with what it encoded first, and in all."""

    training: float = 0.0
    history: float = 0.0
    total: float = 0.0


class SharedEncoder(FrozenEstimator):
    """An encoder that the forecasters of several horizons share.

    It is trained once, and remembers what it encoded first, the rows that all of them
    learn from. Its clone is itself.
    """

    def __init__(self, estimator: Any, spent: Spent) -> None:
        super().__init__(estimator)
        self.spent = spent
        self._learned_from = ""
        self._first: tuple[str, np.ndarray] | None = None

    def fit(self, X: np.ndarray, y: Any = None) -> "SharedEncoder":
        """Train it if nobody has."""
        if not self._learned_from:
            start = time.perf_counter()
            self.estimator.fit(X)
            self._learned_from = joblib.hash(X)
            self.spent.training = time.perf_counter() - start
            self.spent.total += self.spent.training
        elif joblib.hash(X) != self._learned_from:
            raise ValueError("the forecasters train their encoder on different series")
        return self

    def encode_causal(self, X: np.ndarray, **given: Any) -> np.ndarray:
        """Return the representation of each time step from those up to it alone."""
        asked = joblib.hash((X, given))
        if self._first is not None and self._first[0] == asked:
            return self._first[1]
        start = time.perf_counter()
        latents = self.estimator.encode_causal(X, **given)
        seconds = time.perf_counter() - start
        self.spent.total += seconds
        if self._first is None:
            self._first, self.spent.history = (asked, latents), seconds
        return latents


@dataclass(frozen=True)
class ForecastingMethod(Method):
    """A method that is built by a `Forecaster`."""

    build: Forecaster

    def resolve(self, parameters: Mapping[str, Any]) -> str:
        """Return what rows record as all parameters."""
        return self.build.resolve(parameters)

    @property
    def free_parameters(self) -> list[str]:
        """Names of the parameters that may be set from outside."""
        return self.build.free_parameters if self.takes_parameters else []


def _on_representation(encoder: str = "") -> Any:
    """Return a forecaster on an encoder with its defaults, or on none."""
    import sklearn_tsrep
    from sklearn_tsrep.forecasting import RepresentationForecaster

    if not encoder:
        return RepresentationForecaster(transformer=None)
    transformer = getattr(sklearn_tsrep, Encoder(encoder).class_name)()
    return RepresentationForecaster(transformer=transformer)


def _as_in_the_paper() -> Any:
    from sklearn_tsrep.forecasting import paper_forecaster

    return paper_forecaster(24)


def _pair(
    name: str,
    encoder: str,
    summary: str,
    seconds: tuple[float, float],
    *,
    make: Callable[[], Any] | None = None,
    **given: Any,
) -> dict[str, ForecastingMethod]:
    """Return a method and its control, whose encoder keeps its random weights.

    ``seconds`` are those that they are expected to take.
    """
    build = Forecaster(make or partial(_on_representation, encoder), encoder)
    trained = ForecastingMethod(
        build, summary, takes_parameters=True, expected_seconds=seconds[0], **given
    )
    control = replace(
        trained,
        build=replace(build, fixed={"transformer__max_epochs": 0}),
        summary=f"the forecaster of {name} on random weights (`max_epochs=0`)",
        expected_seconds=seconds[1],
        most_seeds=None,
    )
    return {name: trained, f"{name}-untrained": control}


def _ts2vec(results: Path) -> dict[str, Any]:
    given = SETTINGS["ts2vec"]
    return {f"transformer__{name}": value for name, value in given.items()}


METHODS: dict[str, ForecastingMethod] = {
    "last-value": ForecastingMethod(
        Forecaster(Naive, of_set=()),
        "the last value of each channel, again and again",
        most_seeds=1,
        expected_seconds=5,
    ),
    "seasonal-naive": ForecastingMethod(
        Forecaster(Naive, of_set=("season",)),
        "the last season again and again: a day of ETT, a week of exchange_rate, a "
        "year of illness",
        most_seeds=1,
        expected_seconds=5,
    ),
    "raw-ridge": ForecastingMethod(
        Forecaster(RidgeOnLags),
        "ridge on the last 48 or 96 values of all channels, z-scored",
        most_seeds=1,
        expected_seconds=15,
    ),
    "raw-ridge-refitted": ForecastingMethod(
        Forecaster(RidgeOnLags, fixed={"refit": True}),
        "the same, fitted to the validation part as well when all is chosen",
        most_seeds=1,
        is_quick=False,
        expected_seconds=40,
    ),
    "none": ForecastingMethod(
        Forecaster(_on_representation),
        "RepresentationForecaster without a representation (`transformer=None`)",
        takes_parameters=True,
        most_seeds=1,
        expected_seconds=12,
    ),
    **_pair("trep", "trep", "RepresentationForecaster on TRepTransformer", (60, 20)),
    **_pair(
        "ts2vec",
        "trep",
        "RepresentationForecaster on TRepTransformer without its time-embedding, in "
        "the setting of TS2Vec",
        (180, 60),
        parameters=_ts2vec,
        is_quick=False,
    ),
    **_pair("dmae", "dmae", "RepresentationForecaster on DMAETransformer", (90, 60)),
    **_pair(
        "paper",
        "trep",
        "paper_forecaster, the setting of T-Rep's paper, except that training ends "
        "after 200 steps (paper: up to 200 epochs); one seed",
        (600, 60),
        make=_as_in_the_paper,
        is_quick=False,
        most_seeds=1,
    ),
}
