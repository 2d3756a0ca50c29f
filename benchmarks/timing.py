"""Rows of the task "speed": methods timed in turn, and their memory."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.child import peak_memory_mb
from benchmarks.competitors import build, gflop, ours
from benchmarks.shares import TakenApart
from benchmarks.timed import Competitor, Size, Steps

Keys = Sequence[Mapping[str, Any]]

# oneDNN generates code for each new shape and keeps that of the last 1024. Methods that
# take turns would throw out one another's, as no method does that runs alone. It is
# read when the first convolution runs.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "65536")


def compute_times(keys: Keys, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Time the methods of one work at one size in turn."""
    work, size, steps = _task(keys, parameters)
    reference = parameters["reference"]
    methods = dict.fromkeys([reference, *(key["method"] for key in keys)])
    ready = {method: build(work, method, size, steps) for method in methods}
    seconds = in_turn(ready, parameters["n_rounds"])
    rows = []
    for key in keys:
        row = summary(seconds, key["method"], reference)
        operations = [
            gflop(work, key["method"], size, steps, number)
            for number in _rounds(parameters["n_rounds"])
        ]
        rate = float(np.median(operations / seconds[key["method"]]))
        rows.append(row if np.isnan(rate) else row | {"gflop_per_second": rate})
    return rows


def compute_shares(keys: Keys, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Time the pieces of our step beside the whole of it.

    The rest is what the whole has beside the pieces: the training loop, and the
    history of the losses. It is below 0 where the pieces alone happened to be slower.
    """
    _, size, steps = _task(keys, parameters)
    whole, parts = ours({}, size, steps), TakenApart(size, steps)
    seconds = defaultdict(list)
    for number in (0, *_rounds(parameters["n_rounds"])):
        pieces = parts.seconds(number)
        step = whole(number)
        rest = step - sum(pieces.values())
        for piece, spent in {**pieces, "rest": rest, "step": step}.items():
            seconds[piece].append(spent)
    # The first round has warmed up.
    timed = {piece: np.array(spent[1:]) for piece, spent in seconds.items()}
    return [summary(timed, key["method"], parameters["reference"]) for key in keys]


def compute_memory(keys: Keys, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return by how much one round of a work raises the peak memory of the process.

    A small round before has loaded all libraries.
    """
    (key,) = keys
    memory_of, size, steps = _task(keys, parameters)
    work = memory_of.removeprefix("memory-")
    small = size._replace(n_instances=2, n_timepoints=16)
    build(work, key["method"], small, steps)(0)
    ready = build(work, key["method"], size, steps)
    before = peak_memory_mb()
    ready(1)
    return [{"working_memory_mb": round(peak_memory_mb() - before, 1)}]


def in_turn(ready: Mapping[str, Competitor], n_rounds: int) -> dict[str, np.ndarray]:
    """Return seconds (n_rounds,) of each, after a round that is not looked at."""
    for run in ready.values():
        run(0)
    taken = [
        {method: run(number) for method, run in ready.items()}
        for number in _rounds(n_rounds)
    ]
    return {method: np.array([one[method] for one in taken]) for method in ready}


def summary(
    seconds: Mapping[str, np.ndarray], method: str, reference: str
) -> dict[str, Any]:
    """Return the columns of a method's times, and of their ratio to a reference."""
    own = seconds[method]
    return {
        "milliseconds": round(1e3 * float(np.median(own)), 3),
        "fastest_milliseconds": round(1e3 * float(own.min()), 3),
        "slowest_milliseconds": round(1e3 * float(own.max()), 3),
        "reference": reference,
        "ratio": round(float(np.median(own / seconds[reference])), 4),
    }


def _task(keys: Keys, parameters: Mapping[str, Any]) -> tuple[str, Size, Steps]:
    steps = Steps(parameters["n_untimed"], parameters["n_timed"])
    return keys[0]["work"], Size.parse(keys[0]["size"]), steps


def _rounds(n_rounds: int) -> range:
    return range(1, n_rounds + 1)
