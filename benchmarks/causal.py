"""Each step from those up to it alone: window by window, ours, and as a stream.

The encoders have their random weights. A whole series window by window, or pushed
time point by time point, would take long: its time is that of `MEASURED_STEPS` of its
steps, scaled up to all of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.speed_report import CONTEXT, MEASURED_STEPS, PUSHED_TOGETHER
from benchmarks.timed import Competitor, Size, Steps, noise, seconds_of, time_points
from sklearn_tsrep import TRepTransformer
from sklearn_tsrep.data.batches import SeriesReader
from sklearn_tsrep.data.containers import as_panel
from sklearn_tsrep.data.scaling import ChannelScaler
from sklearn_tsrep.nn.causal import LastStepsOfWindows, last_steps_of_whole
from sklearn_tsrep.training.inference import encode_last_steps


def untrained(encoder: type, size: Size, **parameters: Any) -> Any:
    """Return an encoder with its random weights, for series of a size."""
    return encoder(max_epochs=0, device="cpu", random_state=0, **parameters).fit(
        noise(size)
    )


def whole_series(encoder: type, size: Size, steps: Steps) -> Competitor:
    """Time `encode`, whose representations depend on later steps too."""
    transformer, X = untrained(encoder, size), noise(size)
    return lambda number: seconds_of(lambda: transformer.encode(X))


def causally(encoder: type, size: Size, steps: Steps) -> Competitor:
    """Time `encode_causal`."""
    transformer, X = untrained(encoder, size), noise(size)
    return lambda number: seconds_of(
        lambda: transformer.encode_causal(X, context=CONTEXT)
    )


def in_one_pass(size: Size, steps: Steps) -> Competitor:
    """Time `encode_causal` of a causal network, which needs no windows."""
    transformer, X = untrained(TRepTransformer, size, causal=True), noise(size)
    return lambda number: seconds_of(lambda: transformer.encode_causal(X, context=None))


def window_by_window(size: Size, steps: Steps) -> Competitor:
    """Time the same encoder over each of the last windows, in batches of them."""
    transformer, X = untrained(TRepTransformer, size), noise(size)
    n_measured = measured_steps("windows", size)
    return lambda number: scaled_up(
        lambda: last_steps(transformer, X, n_measured), n_measured, size
    )


def last_steps(transformer: Any, X: np.ndarray, n_steps: int) -> np.ndarray:
    """Return (n_steps, n_latents): the last steps of a series, window by window."""
    panel = as_panel(X[:1, :, -(n_steps + CONTEXT) :])
    reader = SeriesReader(panel, ChannelScaler(transformer.mean_, transformer.scale_))
    encoder = LastStepsOfWindows(
        partial(last_steps_of_whole, transformer.module_.encoder), CONTEXT
    )
    return encode_last_steps(encoder, reader, "cpu", n_steps)


def pushed_one_by_one(encoder: type, size: Size, steps: Steps) -> Competitor:
    """Time a stream to which each time point is pushed by itself."""
    rows, n_measured = time_points(size), measured_steps("stream", size)
    stream = untrained(encoder, size).stream(context=CONTEXT)
    stream.push(rows[:CONTEXT])

    def push() -> None:
        for row in rows[:n_measured]:
            stream.push(row[np.newaxis])

    return lambda number: scaled_up(push, n_measured, size)


def pushed_in_parts(encoder: type, size: Size, steps: Steps) -> Competitor:
    """Time a stream to which a whole series is pushed part by part."""
    transformer, rows = untrained(encoder, size), time_points(size)

    def push() -> None:
        stream = transformer.stream(context=CONTEXT)
        for begin in range(0, len(rows), PUSHED_TOGETHER):
            stream.push(rows[begin : begin + PUSHED_TOGETHER])

    return lambda number: seconds_of(push)


def measured_steps(method: str, size: Size) -> int:
    """Return how many steps of a series are measured."""
    return min(MEASURED_STEPS[method], size.n_timepoints)


def scaled_up(call: Callable[[], Any], n_measured: int, size: Size) -> float:
    """Return the seconds of a whole series from a call that does some of its steps."""
    return seconds_of(call) * size.n_timepoints / n_measured
