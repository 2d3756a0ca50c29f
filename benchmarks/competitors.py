"""What the task "speed" times: ours, the plain formulation, PyPOTS, matrix products.

A competitor is called with the number of a round and returns seconds. In one round
all of them train on the same crops, which differ from round to round, as they do in
training: what a library prepares for a shape that it has not seen belongs to a step.
A step lasts from its begin to the begin of the next one, so that drawing the batch,
losses, optimiser, averaging and what a training loop does besides are in it.

PyPOTS's TS2Vec is trained by its own `fit`: Adam, no average of the weights, float32,
a data loader. Its loop also encodes the whole series once a step, without gradient,
and throws the result away; "pypots-lean" is the same loop without that pass.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from itertools import chain, islice, repeat
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import causal, plain
from benchmarks.detectors import PyODAnomalyTransformer
from benchmarks.speed_report import DETECTOR_WIDTHS
from benchmarks.timed import Competitor, Size, Steps, noise, seconds_of, time_points
from sklearn_tsrep import AMADDetector, DMAETransformer, TRepTransformer
from sklearn_tsrep.data import batches
from sklearn_tsrep.data.crops import CropPairs, draw_crop_pairs
from sklearn_tsrep.detection import RepresentationDetector, vus_pr

MIN_OVERLAP = 2
PRODUCT_SIZE = 2048
PRODUCT_GFLOP = 2 * PRODUCT_SIZE**3 / 1e9
PRODUCTS_A_ROUND = 3
TS2VEC = {"time_embedding": None, "hidden_channels": 64, "n_latents": 320}
BFLOAT16 = {"precision": "bfloat16"}
# Of both detectors; windows of 100 time points, three layers, batches of 32.
_HEADS, _STRIDE = 8, 10
_FITTED_TO = 1000
# Of RepresentationDetector, whose scores take longer the more it remembers.
_FILLS_THE_MEMORY = 4000


def build(work: str, method: str, size: Size, steps: Steps) -> Competitor:
    """Return a method that is ready to do a work."""
    return COMPETITORS[work][method](size, steps)


def crops_of_round(size: Size, steps: Steps, number: int) -> Iterator[CropPairs]:
    """Draw the crops of each step of a round, the untimed ones apart.

    The timed steps then have the same crops after any number of untimed ones.
    """
    untimed = islice(_crops(size, (number, 0)), steps.n_untimed)
    return chain(untimed, _crops(size, (number, 1)))


def _crops(size: Size, seed: tuple[int, int]) -> Iterator[CropPairs]:
    rng = np.random.default_rng(seed)
    starts = np.zeros(size.n_instances, dtype=np.int64)
    while True:
        yield draw_crop_pairs(starts, starts + size.n_timepoints, MIN_OVERLAP, rng)


def gflop(work: str, method: str, size: Size, steps: Steps, number: int) -> float:
    """Return the GFLOP of what a competitor does in a round, NaN where not known.

    For a training step, whoever takes it, those of the plain encoder with all taps.
    """
    if method.startswith("product"):
        return PRODUCT_GFLOP
    return step_gflop(size, steps, number) if work == "step" else np.nan


def step_gflop(size: Size, steps: Steps, number: int) -> float:
    """Return the GFLOP of training the plain encoder on a round's mean step."""
    crops = list(islice(crops_of_round(size, steps, number), steps.total - 1))
    n_encoded = [
        one.first_stops - one.first_starts + one.second_stops - one.second_starts
        for one in crops[steps.n_untimed :]
    ]
    return gflop_a_time_step(size.n_channels) * float(np.sum(n_encoded, axis=1).mean())


@cache
def gflop_a_time_step(n_channels: int, n_timepoints: int = 16) -> float:
    """Return the GFLOP of both passes of the plain encoder over one time step."""
    encoder = plain.Encoder(n_channels, time_scale=float(n_timepoints))
    values = torch.zeros(1, n_timepoints, n_channels)
    with FlopCounterMode(display=False) as counter:
        latents, _ = encoder(values, torch.arange(float(n_timepoints)).unsqueeze(0))
        latents.sum().backward()
    return counter.get_total_flops() / n_timepoints / 1e9


# Training steps


def ours(parameters: Mapping[str, Any], size: Size, steps: Steps) -> Competitor:
    """Time the estimator's own training."""
    train = _own_training(TRepTransformer, parameters, size, steps)

    def run(number: int) -> float:
        with crops_given(crops_of_round(size, steps, number)):
            return train(number)

    return run


def masked_training(token_mask_ratio: float, size: Size, steps: Steps) -> Competitor:
    """Time whole steps of DMAE: student, heads, loss, optimiser, and averages."""
    parameters = {"token_mask_ratio": token_mask_ratio}
    return _own_training(DMAETransformer, parameters, size, steps)


def masked_student(token_mask_ratio: float, size: Size, steps: Steps) -> Competitor:
    """Time both passes of DMAE's student alone, without its heads."""
    parameters = {"token_mask_ratio": token_mask_ratio}
    net, source = captured(DMAETransformer, parameters, size)
    # The end of its training took the gradients away.
    network = net.module_.requires_grad_(True).train()

    def run(number: int) -> float:
        batches = list(islice(chain.from_iterable(repeat(source)), steps.total))
        begins = []
        for batch in batches:
            begins.append(time.perf_counter())
            network.seen(batch, net.generator_).values.sum().backward()
        return steps.mean_seconds(begins)

    return run


def _own_training(
    encoder: type, parameters: Mapping[str, Any], size: Size, steps: Steps
) -> Competitor:
    X = _series(size, steps)

    def run(number: int) -> float:
        begins: list[float] = []
        listener = Listener(on_step=lambda: begins.append(time.perf_counter()))
        estimator(encoder, size, steps.total, [listener], parameters).fit(X)
        return steps.mean_seconds(begins)

    return run


def captured(encoder: type, parameters: Mapping[str, Any], size: Size) -> list[Any]:
    """Return the net of a training, and the source of its batches."""
    seen: list[Any] = []
    # A function, unlike a method, is not copied when the callback is cloned.
    listener = Listener(on_train=lambda net, source: seen.extend([net, source]))
    estimator(encoder, size, 1, [listener], parameters).fit(noise(size))
    return seen


class Listener(Callback):
    """Tells of the begin of a training, and of each of its steps.

    Parameters
    ----------
    on_train : callable
        Gets the net and the source of its batches.

    on_step : callable
        Gets nothing.
    """

    def __init__(
        self,
        on_train: Callable[[Any, Any], None] = lambda net, source: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> None:
        self.on_train = on_train
        self.on_step = on_step

    def on_train_begin(self, net: Any, X: Any = None, **parameters: Any) -> None:
        """Tell of the training."""
        self.on_train(net, X)

    def on_batch_begin(self, net: Any, **parameters: Any) -> None:
        """Tell of a step."""
        self.on_step()


def estimator(
    encoder: type,
    size: Size,
    n_steps: int,
    callbacks: list[Callback],
    parameters: Mapping[str, Any],
) -> Any:
    """Return one of ours, for batches of a size."""
    return encoder(
        batch_size=size.n_instances,
        max_steps=n_steps,
        callbacks=callbacks,
        device="cpu",
        random_state=0,
        **parameters,
    )


def crops_given(crops: Iterator[CropPairs]) -> AbstractContextManager[Any]:
    """Let our batches take these crops instead of drawing their own."""

    def draw(*_: Any) -> CropPairs:
        return next(crops)

    return mock.patch.object(batches, "draw_crop_pairs", draw)


def plain_training(size: Size, steps: Steps) -> Competitor:
    """Time the plain formulation."""
    series = torch.from_numpy(_series(size, steps)).transpose(1, 2).contiguous()
    network = plain.Network(size.n_channels, time_scale=float(size.n_timepoints))
    training = plain.Training(network, series, size.n_instances)

    def run(number: int) -> float:
        begins = [time.perf_counter()]
        # At the end of a step the next one begins.
        for _ in training.epoch(crops_of_round(size, steps, number)):
            begins.append(time.perf_counter())
        return steps.mean_seconds(begins[:-1])

    return run


def pypots(is_lean: bool, size: Size, steps: Steps) -> Competitor:
    """Time one epoch of PyPOTS's TS2Vec."""
    from pypots.optim import Adam
    from pypots.representation.ts2vec import core

    begins: list[float] = []

    class ClockedAdam(Adam):
        def zero_grad(self) -> None:
            """Note the time: this is the first that a step does."""
            begins.append(time.perf_counter())
            super().zero_grad()

    model = _pypots_model(size, optimizer=ClockedAdam(), batch_size=size.n_instances)
    if is_lean:
        model.model.encoder.encode = lambda *_: None
    data = {"X": _series(size, steps).transpose(0, 2, 1)}

    def run(number: int) -> float:
        begins.clear()
        drawn = _pypots_draws(crops_of_round(size, steps, number))
        randint = SimpleNamespace(randint=lambda *_, **__: next(drawn))
        with mock.patch.object(core, "np", SimpleNamespace(random=randint)):
            model.fit(data)
        return steps.mean_seconds(begins)

    return run


def _pypots_model(size: Size, **parameters: Any) -> Any:
    from pypots.representation import TS2Vec

    return TS2Vec(
        n_steps=size.n_timepoints,
        n_features=size.n_channels,
        n_output_dims=320,
        d_hidden=64,
        n_layers=10,
        epochs=1,
        device="cpu",
        verbose=False,
        **parameters,
    )


def _pypots_draws(crops: Iterator[CropPairs]) -> Iterator[Any]:
    """Yield the five numbers that its model draws in each step for these crops."""
    for one in crops:
        origin = one.first_starts[0]
        yield one.first_stops[0] - one.second_starts[0]
        yield one.second_starts[0] - origin
        yield 0
        yield one.second_stops[0] - origin
        yield one.first_starts


def product(dtype: torch.dtype, size: Size, steps: Steps) -> Competitor:
    """Time a product of two square matrices, the fastest of a few."""
    matrix = torch.randn(PRODUCT_SIZE, PRODUCT_SIZE).to(dtype)

    def run(number: int) -> float:
        return min(seconds_of(lambda: matrix @ matrix) for _ in range(PRODUCTS_A_ROUND))

    return run


def _series(size: Size, steps: Steps) -> np.ndarray:
    """Return a panel of which one epoch has all steps of a round."""
    return noise(size._replace(n_instances=size.n_instances * steps.total))


# Encoding


def our_encoding(
    method: str, parameters: Mapping[str, Any], size: Size, steps: Steps
) -> Competitor:
    """Time `encode` or `transform` of the estimator with its random weights."""
    X = noise(size)
    call = getattr(TRepTransformer(max_epochs=0, **parameters).fit(X), method)
    return lambda number: seconds_of(lambda: call(X))


def plain_encoding(
    call: Callable[[plain.Encoder, torch.Tensor], np.ndarray], size: Size, steps: Steps
) -> Competitor:
    """Time the plain formulation of it."""
    series = torch.from_numpy(noise(size)).transpose(1, 2).contiguous()
    encoder = plain.Encoder(size.n_channels, time_scale=float(size.n_timepoints))
    return lambda number: seconds_of(lambda: call(encoder, series))


def pypots_encoding(window: str | None, size: Size, steps: Steps) -> Competitor:
    """Time `represent` of PyPOTS's TS2Vec, over each step or over whole series."""
    model = _pypots_model(size, batch_size=plain.ENCODED_AT_ONCE)
    data = {"X": noise(size).transpose(0, 2, 1)}
    return lambda number: seconds_of(
        lambda: model.represent(data, encoding_window=window)
    )


# Detectors


def our_detector(d_model: int, size: Size, steps: Steps) -> Any:
    """Return ours as PyOD's is below, to be trained for one epoch."""
    return AMADDetector(
        d_model=d_model,
        n_heads=_HEADS,
        stride=_STRIDE,
        max_epochs=1,
        device="cpu",
        random_state=0,
    )


def pyod_detector(d_model: int, size: Size, steps: Steps) -> Any:
    """Return PyOD's AnomalyTransformer, to be trained for one epoch."""
    return PyODAnomalyTransformer(
        d_model=d_model, n_heads=_HEADS, stride=_STRIDE, n_batches=1
    )


def detector_fit(
    detector: Callable[[Size, Steps], Any], size: Size, steps: Steps
) -> Competitor:
    """Time the training of a detector for one epoch."""
    X, new = time_points(size), detector(size, steps)
    return lambda number: seconds_of(lambda: clone(new).fit(X))


def detector_scores(
    detector: Callable[[Size, Steps], Any],
    size: Size,
    steps: Steps,
    n_fitted_to: int = _FITTED_TO,
) -> Competitor:
    """Time the scores of a detector that has hardly been trained."""
    X = time_points(size)
    fitted = detector(size, steps).fit(X[:n_fitted_to])
    return lambda number: seconds_of(lambda: fitted.score_samples(X))


def volume_under_surface(size: Size, steps: Steps) -> Competitor:
    """Time VUS-PR of noise, a tenth of which is anomalous in ten segments."""
    scores = noise(size).ravel()
    labels = np.zeros(len(scores), dtype=int)
    for segment in np.array_split(np.arange(len(scores)), 10):
        labels[segment[: len(segment) // 10]] = 1
    return lambda number: seconds_of(lambda: vus_pr(labels, scores))


def _detectors(time_of: Callable[..., Competitor], d_model: int) -> dict[str, Any]:
    """Return both detectors at one width, each timed at one work."""
    detectors = {"pyod": pyod_detector, "ours": our_detector}
    return {
        name: partial(time_of, partial(detector, d_model))
        for name, detector in detectors.items()
    }


# A fresh interpreter


def importing(code: str, size: Size, steps: Steps) -> Competitor:
    """Time a fresh interpreter from its start to its end; sizes do not matter."""
    command = [sys.executable, "-c", code]
    return lambda number: seconds_of(partial(subprocess.run, command, check=True))


COMPETITORS: dict[str, dict[str, Callable[[Size, Steps], Competitor]]] = {
    "step": {
        "ours": partial(ours, {}),
        "ours-bfloat16": partial(ours, BFLOAT16),
        "plain": plain_training,
        "product": partial(product, torch.float32),
        "product-bfloat16": partial(product, torch.bfloat16),
    },
    "step-ts2vec": {
        "ours": partial(ours, TS2VEC),
        "ours-bfloat16": partial(ours, TS2VEC | BFLOAT16),
        "pypots": partial(pypots, False),
        "pypots-lean": partial(pypots, True),
    },
    "student": {
        "all-visible": partial(masked_student, 0.0),
        "half-hidden": partial(masked_student, 0.5),
    },
    "step-dmae": {
        "all-visible": partial(masked_training, 0.0),
        "half-hidden": partial(masked_training, 0.5),
    },
    "encode": {
        "ours": partial(our_encoding, "encode", {}),
        "plain": partial(plain_encoding, plain.encode),
    },
    "transform": {
        "ours": partial(our_encoding, "transform", {}),
        "plain": partial(plain_encoding, plain.transform),
    },
    "encode-ts2vec": {
        "ours": partial(our_encoding, "encode", TS2VEC),
        "pypots": partial(pypots_encoding, None),
    },
    "transform-ts2vec": {
        "ours": partial(our_encoding, "transform", TS2VEC),
        "pypots": partial(pypots_encoding, "full_series"),
    },
    "causal-encoding": {
        "ours": partial(causal.causally, TRepTransformer),
        "causal-network": causal.in_one_pass,
        "stream": partial(causal.pushed_one_by_one, TRepTransformer),
        "windows": causal.window_by_window,
    },
    "causal-encoding-dmae": {
        "ours": partial(causal.causally, DMAETransformer),
        "stream": partial(causal.pushed_one_by_one, DMAETransformer),
        "encode": partial(causal.whole_series, DMAETransformer),
    },
    "causal-encoding-long": {
        "ours": partial(causal.causally, TRepTransformer),
        "stream": partial(causal.pushed_in_parts, TRepTransformer),
    },
    **{f"fit-width-{d}": _detectors(detector_fit, d) for d in DETECTOR_WIDTHS},
    **{f"score-width-{d}": _detectors(detector_scores, d) for d in DETECTOR_WIDTHS},
    "score-stream": {
        "ours": partial(detector_scores, lambda *_: AMADDetector(max_epochs=0)),
    },
    "score-stream-nearest": {
        "ours": partial(
            detector_scores,
            lambda *_: RepresentationDetector(random_state=0),
            n_fitted_to=_FILLS_THE_MEMORY,
        ),
    },
    "vus-pr": {"ours": volume_under_surface},
    "import": {
        "scikit-learn": partial(importing, "import sklearn.base"),
        "ours": partial(importing, "from sklearn_tsrep import TRepTransformer"),
    },
}
