"""What the tests share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback
from sktime.datasets import load_basic_motions, load_japanese_vowels

from sklearn_tsrep import AMADDetector, DMAETransformer, TRepTransformer
from sklearn_tsrep.data.batches import SeriesReader
from sklearn_tsrep.data.panel import Panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.detection import RepresentationDetector


def tiny_trep(**parameters: Any) -> TRepTransformer:
    """Return a T-Rep that trains in milliseconds."""
    small = {
        "n_latents": 4,
        "hidden_channels": 4,
        "n_blocks": 2,
        "n_time_latents": 3,
        "pooling": "max",
        "max_steps": 3,
        "device": "cpu",
        "random_state": 0,
    }
    return TRepTransformer(**{**small, **parameters})


def tiny_dmae(**parameters: Any) -> DMAETransformer:
    """Return a DMAE that trains in milliseconds."""
    small = {
        "n_latents": 4,
        "n_layers": 1,
        "n_heads": 1,
        "task_weights": {"value": 1.0, "latent": 1.0, "alignment": 1.0},
        "pooling": "max",
        "max_steps": 3,
        "device": "cpu",
        "random_state": 0,
    }
    return DMAETransformer(**{**small, **parameters})


TINY: dict[str, Callable[..., Any]] = {"trep": tiny_trep, "dmae": tiny_dmae}


def tiny_amad(**parameters: Any) -> AMADDetector:
    """Return an AMAD that trains in milliseconds."""
    small = {
        "window_length": 8,
        "smoothing": 3,
        "d_model": 4,
        "n_heads": 1,
        "n_layers": 1,
        "max_steps": 3,
        "batch_size": 4,
        "device": "cpu",
        "random_state": 0,
    }
    return AMADDetector(**{**small, **parameters})


def tiny_representation_detector(**parameters: Any) -> RepresentationDetector:
    """Return a detector with short windows and few of them."""
    small = {
        "window_length": 4,
        "reconstruction_length": 6,
        "n_components": 4,
        "memory_size": 200,
        "smoothing": 3,
        "context": 8,
        "random_state": 0,
    }
    return RepresentationDetector(**{**small, **parameters})


def make_waves(
    n_instances: int = 10, n_channels: int = 3, n_steps: int = 24, seed: int = 0
) -> np.ndarray:
    """Return noisy waves: slow ones first, then fast ones."""
    rng = np.random.default_rng(seed)
    speeds = np.repeat([0.3, 1.1], [n_instances // 2, n_instances - n_instances // 2])
    shifts = rng.uniform(0, 6, size=(n_instances, n_channels, 1))
    waves = np.sin(speeds[:, np.newaxis, np.newaxis] * np.arange(n_steps) + shifts)
    return waves + 0.1 * rng.normal(size=waves.shape)


def make_ragged(
    n_instances: int = 10, n_channels: int = 3, seed: int = 0
) -> list[np.ndarray]:
    """Return waves of unequal lengths, from 5 to 24 steps."""
    lengths = np.random.default_rng(seed).integers(5, 25, size=n_instances)
    waves = make_waves(n_instances, n_channels, seed=seed)
    return [wave[:, :length] for wave, length in zip(waves, lengths, strict=True)]


def with_gaps(values: np.ndarray, share: float = 0.3, seed: int = 0) -> np.ndarray:
    """Return a copy with missing values, gaps, and missing ends of all channels."""
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(values.shape) < share, np.nan, values)
    values[0, :, 4:9] = np.nan
    values[1, :, :5] = np.nan
    values[2, :, -6:] = np.nan
    values[3, 0] = np.nan
    return values


def network_output(transformer, part, series):
    """Return what a part of the network makes of one series at once."""
    scaler = ChannelScaler(transformer.mean_, transformer.scale_)
    panel = Panel.from_series([series])
    everything = np.array([0]), np.array([0]), np.array([series.shape[1]])
    batch = SeriesReader(panel, scaler).read(*everything)
    with torch.inference_mode():
        return part(batch)[0][0].numpy().T


def weights_of(transformer: Any) -> dict[str, np.ndarray]:
    """Return a copy of the weights by name."""
    return {
        name: weight.numpy().copy()
        for name, weight in transformer.module_.state_dict().items()
    }


def assert_same_weights(one: Any, other: Any) -> None:
    ours, theirs = weights_of(one), weights_of(other)
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


class Counter(Callback):
    """Counts in the history, which is all that a test can see of a clone."""

    def __init__(self, name: str = "n_seen") -> None:
        self.name = name

    def on_train_begin(self, net: Any, **parameters: Any) -> None:
        self.n_steps_ = 0

    def on_batch_end(self, net: Any, **parameters: Any) -> None:
        self.n_steps_ += 1

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        net.history.record(self.name, self.n_steps_)


class LearningRate(Callback):
    """Writes the learning rate after each epoch into the history."""

    def on_epoch_end(self, net: Any, **parameters: Any) -> None:
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])


@pytest.fixture(params=TINY)
def tiny(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what makes a small transformer, of each method in turn."""
    return TINY[request.param]


@pytest.fixture
def waves() -> np.ndarray:
    return make_waves()


@pytest.fixture
def labels() -> np.ndarray:
    return np.repeat(["slow", "fast"], 5)


@pytest.fixture
def ragged() -> list[np.ndarray]:
    return make_ragged()


@pytest.fixture(scope="session")
def basic_motions() -> tuple[np.ndarray, np.ndarray]:
    """Return 80 series of 6 channels and 100 steps, and their classes."""
    return load_basic_motions(return_type="numpy3D")


@pytest.fixture(scope="session")
def japanese_vowels() -> tuple[pd.DataFrame, np.ndarray]:
    """Return 60 series of 12 channels and 7 to 26 steps, and their classes."""
    X, y = load_japanese_vowels(split="train", return_X_y=True)
    return X.iloc[::5][:60], y[::5][:60]
