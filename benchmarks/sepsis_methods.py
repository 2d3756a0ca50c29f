"""The methods of the table of sepsis: name -> features of each hour, and classifier.

What makes features has ``fit(series)`` and ``encode_causal(series, context)``, as the
encoders of this package do: a list of (n_features, n_hours), in which each hour tells
of itself and the hours of the context before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.alarms import BOOSTING, LOGISTIC, NEVER, Candidates
from benchmarks.configurations import SETTINGS
from benchmarks.methods import Encoder, Method
from benchmarks.sepsis_data import LAST_HOURS, filled

Series = Sequence[np.ndarray]
# The paper's width for these data, and its length of series. The number of steps was
# chosen for T-Rep by cross-validation of the first split's training patients.
SETTING = {"n_latents": 32, "max_train_length": LAST_HOURS, "max_steps": 400}
UNTRAINED = {"max_epochs": 0}


def as_recorded(series: Series) -> list[np.ndarray]:
    """Return the series with their gaps."""
    return list(series)


class Windows:
    """The values of an hour and those of its context, NaN before the first hour."""

    def fit(self, series: Series) -> "Windows":
        """Learn nothing."""
        return self

    def encode_causal(self, series: Series, *, context: int) -> list[np.ndarray]:
        """Return (n_channels * (context + 1), n_hours) of each series."""
        return [_windows(one, context) for one in series]


class Nothing:
    """One feature that says nothing."""

    def fit(self, series: Series) -> "Nothing":
        """Learn nothing."""
        return self

    def encode_causal(self, series: Series, *, context: int) -> list[np.ndarray]:
        """Return (1, n_hours) of each series."""
        return [np.zeros((1, one.shape[1])) for one in series]


class Noise(Nothing):
    """A random number an hour."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def encode_causal(self, series: Series, *, context: int) -> list[np.ndarray]:
        """Return (1, n_hours) of each series."""
        return [self.rng.normal(size=(1, one.shape[1])) for one in series]


class Channel(Nothing):
    """One channel alone."""

    def __init__(self, place: int) -> None:
        self.place = place

    def encode_causal(self, series: Series, *, context: int) -> list[np.ndarray]:
        """Return (1, n_hours) of each series."""
        return [one[[self.place]] for one in series]


class BesideWindows:
    """The features of an encoder with the values of the window beside them."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    def fit(self, series: Series) -> "BesideWindows":
        """Fit the encoder."""
        self.encoder.fit(series)
        return self

    def encode_causal(self, series: Series, *, context: int) -> list[np.ndarray]:
        """Return (n_latents + n_channels * (context + 1), n_hours) of each series."""
        latents, windows = (
            one.encode_causal(series, context=context)
            for one in (self.encoder, Windows())
        )
        return [np.concatenate(pair) for pair in zip(latents, windows, strict=True)]


def alone(encoder: Any) -> Any:
    """Return what makes features as it is."""
    return encoder


@dataclass(frozen=True)
class AlarmMethod(Method):
    """A method whose features of hours are read by a classifier.

    ``prepared`` makes the series that it is given of those recorded, ``around`` what
    makes features of what is built.
    """

    candidates: Candidates = LOGISTIC
    prepared: Callable[[Series], list[np.ndarray]] = filled
    around: Callable[[Any], Any] = alone


def _windows(one: np.ndarray, context: int) -> np.ndarray:
    before = np.full((len(one), context), np.nan, dtype=one.dtype)
    windows = sliding_window_view(
        np.concatenate([before, one], axis=1), context + 1, axis=1
    )
    return windows.swapaxes(1, 2).reshape(-1, one.shape[1])


def _encoder(
    name: str,
    summary: str,
    parameters: Mapping[str, Any] | None = None,
    expected_seconds: float = 90,
    *,
    fixed: Mapping[str, Any] | None = None,
    **more: Any,
) -> AlarmMethod:
    own = {**(parameters or {}), **SETTING}
    return AlarmMethod(
        Encoder(name, fixed or {}),
        summary,
        parameters=lambda results: own,
        takes_parameters=True,
        expected_seconds=expected_seconds,
        **more,
    )


METHODS: dict[str, AlarmMethod] = {
    "trep": _encoder("trep", "TRepTransformer on filled values"),
    "trep-untrained": _encoder(
        "trep",
        "trep with its random weights (`max_epochs=0`)",
        expected_seconds=50,
        fixed=UNTRAINED,
    ),
    "ts2vec": _encoder(
        "trep",
        "TRepTransformer without its time-embedding, in the setting of TS2Vec but for "
        "width and steps, which are those of trep",
        SETTINGS["ts2vec"],
        is_quick=False,
    ),
    "ts2vec-untrained": _encoder(
        "trep",
        "ts2vec with its random weights (`max_epochs=0`)",
        SETTINGS["ts2vec"],
        fixed=UNTRAINED,
        is_quick=False,
    ),
    "dmae": _encoder("dmae", "DMAETransformer on filled values", is_quick=False),
    "dmae-untrained": _encoder(
        "dmae",
        "dmae with its random weights (`max_epochs=0`)",
        fixed=UNTRAINED,
        is_quick=False,
    ),
    "trep-gaps": _encoder(
        "trep",
        "trep on values as recorded, where an hour is hidden from the network when all "
        "of its values are missing, which none is (`missing='all'`)",
        prepared=as_recorded,
        is_quick=False,
    ),
    "trep-gaps-any": _encoder(
        "trep",
        "the same, where an hour is hidden when any of its values is missing, which "
        "nearly all are (`missing='any'`)",
        {"missing": "any"},
        prepared=as_recorded,
        is_quick=False,
    ),
    "trep+values": _encoder(
        "trep",
        "the representation of trep and the features of values side by side",
        around=BesideWindows,
        expected_seconds=120,
        is_quick=False,
    ),
    "values": AlarmMethod(
        lambda seed, parameters: Windows(),
        "the filled values of the window, and the training mean where nothing was yet",
        expected_seconds=50,
    ),
    "boosting": AlarmMethod(
        lambda seed, parameters: Windows(),
        "gradient boosting on the values of the window as recorded, gaps kept",
        candidates=BOOSTING,
        prepared=as_recorded,
        expected_seconds=200,
        is_quick=False,
    ),
    "hours-in-unit": AlarmMethod(
        lambda seed, parameters: Channel(-1),
        "gradient boosting on nothing but the number of hours in the unit",
        candidates=BOOSTING,
        prepared=as_recorded,
        expected_seconds=20,
    ),
    "random": AlarmMethod(
        lambda seed, parameters: Noise(seed),
        "a random number an hour",
        expected_seconds=20,
        is_quick=False,
    ),
    "always-healthy": AlarmMethod(
        lambda seed, parameters: Nothing(),
        "no alarm ever",
        candidates=NEVER,
        expected_seconds=10,
    ),
}
