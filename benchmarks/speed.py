"""Speed of training and encoding beside a plain formulation and PyPOTS.

Each job is a process of its own that times one work at one size: all methods in turn,
once without looking at the clock, then in as many rounds as asked for. A row holds a
method's median over the rounds, and the median of its ratio to the reference within a
round: a machine that is slow for a while is so for all of them. What is compared is
said in benchmarks/competitors.py, benchmarks/causal.py, benchmarks/plain.py and
benchmarks/shares.py. Series are noise in the shapes of known data sets; all runs on the
CPU.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any

from benchmarks import running, tasks
from benchmarks.speed_report import (
    BATCHES,
    CONTEXT,
    DETECTOR_WIDTHS,
    MEASURED_STEPS,
    PIECES,
    PUSHED_TOGETHER,
    markdown,
)

HELP = "time of training steps and of encoding, beside a plain formulation and PyPOTS"
KEY = ("work", "size", "method")
MEASURED = (
    "milliseconds",
    "fastest_milliseconds",
    "slowest_milliseconds",
    "reference",
    "ratio",
    "gflop_per_second",
    "working_memory_mb",
)
PANELS = ("256x128x6", "1000x100x6", "64x1000x6", "1x20000x7", "1x100000x7")
# What one epoch and what all scores are timed on; quick forms take the first.
SERIES = {"fit": "1x1500x25", "score": "1x10000x25"}
STREAMS = ("1x100000x25", "1x1000000x25")
LONG = ("1x100000x7", "1x1000000x7")
PEERS = ("pypots", "pyod")
START_SECONDS = 10.0
SECONDS_A_TRAINED_STEP = 5e-5
SECONDS_AN_ENCODED_STEP = 2e-5
SECONDS_A_FITTED_TIME_POINT = 1e-2
SECONDS_AN_IMPORT = 2.0
SECONDS_A_CAUSAL_STEP = {
    "causal-encoding": 1e-4,
    "causal-encoding-dmae": 4e-4,
    "causal-encoding-long": 1e-4,
}


@dataclass(frozen=True)
class Work:
    """What is done, by which methods, the first being the reference, at which sizes.

    ``parameters`` are what its rows record besides the numbers of rounds and steps.
    """

    name: str
    methods: tuple[str, ...]
    sizes: tuple[str, ...]
    quick_sizes: tuple[str, ...]
    function: str = "compute_times"
    parameters: Mapping[str, Any] = field(default_factory=dict)


WORKS = (
    Work(
        "step",
        ("plain", "ours", "ours-bfloat16", "product", "product-bfloat16"),
        tuple(BATCHES),
        ("16x65x4", "16x100x6"),
    ),
    Work(
        "step-ts2vec",
        ("pypots", "pypots-lean", "ours", "ours-bfloat16"),
        tuple(BATCHES),
        ("16x100x6",),
    ),
    Work("shares", ("step", *PIECES), tuple(BATCHES), ("16x100x6",), "compute_shares"),
    *(
        Work(work, ("all-visible", "half-hidden"), tuple(BATCHES), ("16x100x6",))
        for work in ("student", "step-dmae")
    ),
    Work("encode", ("plain", "ours"), PANELS, ("256x128x6", "1x20000x7")),
    Work("transform", ("plain", "ours"), PANELS, ("256x128x6",)),
    Work("encode-ts2vec", ("pypots", "ours"), PANELS, ("256x128x6",)),
    Work("transform-ts2vec", ("pypots", "ours"), PANELS, ("256x128x6",)),
    Work(
        "causal-encoding",
        ("windows", "ours", "causal-network", "stream"),
        ("1x20000x7",),
        ("1x2000x7",),
        parameters={"context": CONTEXT, "measured_steps": MEASURED_STEPS},
    ),
    Work(
        "causal-encoding-dmae",
        ("encode", "ours", "stream"),
        ("1x20000x7",),
        ("1x2000x7",),
        parameters={
            "context": CONTEXT,
            "measured_steps": {"stream": MEASURED_STEPS["stream"]},
        },
    ),
    Work(
        "causal-encoding-long",
        ("ours", "stream"),
        LONG[1:],
        ("1x20000x7",),
        parameters={"context": CONTEXT, "pushed_together": PUSHED_TOGETHER},
    ),
    *(
        Work(f"{work}-width-{width}", ("pyod", "ours"), (size,), (SERIES["fit"],))
        for work, size in SERIES.items()
        for width in DETECTOR_WIDTHS
    ),
    *(
        Work(work, ("ours",), STREAMS, STREAMS[:1])
        for work in ("score-stream", "score-stream-nearest")
    ),
    Work("vus-pr", ("ours",), ("1x8640x1",), ("1x8640x1",)),
    Work("import", ("scikit-learn", "ours"), ("1x1x1",), ("1x1x1",)),
)
# Works of which each method runs in a process of its own in the full form.
MEMORY_SIZES = {
    "step": ("16x100x6", "8x512x7"),
    "step-ts2vec": ("16x100x6", "8x512x7"),
    "encode": PANELS[1:],
    "encode-ts2vec": PANELS[1:],
    "transform": PANELS[1:],
    "transform-ts2vec": PANELS[1:],
    "causal-encoding-dmae": ("1x20000x7",),
    "causal-encoding-long": LONG,
    "score-stream": STREAMS,
    "score-stream-nearest": STREAMS,
}

_store = partial(tasks.store_of, "speed", KEY, MEASURED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this task's arguments to the parser."""
    running.add_arguments(parser)
    parser.add_argument(
        "--repeats",
        type=int,
        metavar="N",
        help="rounds of a job (default: 7; quick: 3)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compute the missing rows and write the report; return the exit status."""
    store = _store(arguments.results, quick=arguments.quick)
    works = [work for work in WORKS if _is_possible(work)]
    jobs = list(_jobs(works, arguments))
    return tasks.run_and_report(jobs, store, write_reports, arguments)


def write_reports(results: Path) -> list[Path]:
    """Write the Markdown file of each CSV file of this task in the folder."""
    return tasks.write_reports_of(_store, markdown, results)


def _is_possible(work: Work) -> bool:
    """Say what is left out, and why."""
    for peer in PEERS:
        if peer in work.methods and util.find_spec(peer) is None:
            running.say(f"{work.name} is left out: {peer} is not installed")
            return False
    return True


def _jobs(works: list[Work], arguments: argparse.Namespace) -> Iterator[running.Job]:
    """Yield a job for each work and size, and for the memory of each method."""
    shared = {
        "n_rounds": arguments.repeats or (3 if arguments.quick else 7),
        "n_untimed": 2,
        "n_timed": 4 if arguments.quick else 10,
    }
    parameters = {work.name: {**shared, **work.parameters} for work in works}
    for work in works:
        own = parameters[work.name]
        for size in work.quick_sizes if arguments.quick else work.sizes:
            yield _job(work.function, work.name, size, work.methods, own)
    if arguments.quick:
        return
    for work in works:
        own = parameters[work.name]
        for size in MEMORY_SIZES.get(work.name, ()):
            for method in work.methods:
                if not method.startswith("product"):
                    name = f"memory-{work.name}"
                    yield _job("compute_memory", name, size, (method,), own)


def _job(
    function: str,
    work: str,
    size: str,
    methods: tuple[str, ...],
    parameters: dict[str, Any],
) -> running.Job:
    return running.Job(
        title=" ".join([work, size, *methods[: len(methods) == 1]]),
        keys=[{"work": work, "size": size, "method": method} for method in methods],
        function=f"benchmarks.timing:{function}",
        parameters={"reference": methods[0], **parameters},
        expected_seconds=_expected_seconds(work, size, len(methods), parameters),
    )


def _expected_seconds(
    work: str, size: str, n_methods: int, parameters: dict[str, Any]
) -> float:
    n_rounds = 1 if work.startswith("memory") else parameters["n_rounds"] + 1
    per_round = _seconds_a_round(work, size, parameters)
    return START_SECONDS + n_rounds * n_methods * per_round


def _seconds_a_round(work: str, size: str, parameters: dict[str, Any]) -> float:
    n_instances, n_timepoints, _ = map(int, size.split("x"))
    work = work.removeprefix("memory-")
    if work == "import":
        return SECONDS_AN_IMPORT
    if work in SECONDS_A_CAUSAL_STEP:
        return n_timepoints * SECONDS_A_CAUSAL_STEP[work]
    if "width" in work:
        return n_timepoints * SECONDS_A_FITTED_TIME_POINT
    if work.startswith(("encode", "transform", "score-stream", "vus-pr")):
        return n_instances * n_timepoints * SECONDS_AN_ENCODED_STEP
    n_steps = parameters["n_untimed"] + parameters["n_timed"] + 1
    return n_instances * n_timepoints * n_steps * SECONDS_A_TRAINED_STEP
