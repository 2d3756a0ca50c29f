"""The rows of the anomaly tables: name -> how scores are made.

Rows of one group are computed in one process. They share a detector unless each fits
its own: it is built and fitted once, then each row sets its own parameters and scores.
Another method joins by one entry in METHODS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.detectors import DETECTORS, PyODAnomalyTransformer
from benchmarks.methods import Encoder


@dataclass(frozen=True)
class Method:
    """How one row comes by its scores.

    ``build`` gives a detector for a seed; ``after_fit`` are parameters that are set
    once it is fitted.
    """

    group: str
    build: Callable[[int], Any]
    summary: str
    after_fit: Mapping[str, Any] = field(default_factory=dict)
    is_learned: bool = True
    fits_its_own: bool = False
    package: str = ""
    expected_seconds: float = 60.0


def amad(**parameters: Any) -> Callable[[int], Any]:
    """Return what builds an AMADDetector with these parameters."""

    def build(seed: int) -> Any:
        from sklearn_tsrep import AMADDetector

        return AMADDetector(**{"random_state": seed, **parameters})

    return build


def representation(
    encoder: Callable[[int], Any] | None = None, **parameters: Any
) -> Callable[[int], Any]:
    """Return what builds a RepresentationDetector, on an encoder of the seed if given.

    What the encoder loads is loaded before the clock starts.
    """

    def build(seed: int) -> Any:
        from sklearn_tsrep.detection import RepresentationDetector

        Encoder("trep")(seed, {})
        own = {} if encoder is None else {"transformer": encoder(seed)}
        return RepresentationDetector(**{"random_state": seed, **own, **parameters})

    return build


def small_trep(seed: int) -> Any:
    """Return a T-Rep like the random one of RepresentationDetector, which learns."""
    from sklearn_tsrep import TRepTransformer

    return TRepTransformer(
        n_latents=64,
        hidden_channels=32,
        n_blocks=4,
        time_embedding=None,
        max_train_length=200,
        max_steps=100,
        random_state=seed,
    )


def small_dmae(seed: int) -> Any:
    """Return a DMAE that looks at a hundred time points."""
    from sklearn_tsrep import DMAETransformer

    return DMAETransformer(
        n_latents=64, max_train_length=100, max_steps=150, random_state=seed
    )


def paper_trep(seed: int) -> Any:
    """Return a T-Rep with its embedding of time."""
    from sklearn_tsrep import TRepTransformer

    return TRepTransformer(max_train_length=200, random_state=seed)


def _plain(name: str, summary: str, seconds: float = 2.0) -> Method:
    return Method(
        "plain",
        DETECTORS[name],
        summary,
        is_learned=False,
        fits_its_own=True,
        expected_seconds=seconds,
    )


PAPER_SCORE = {"error": "squared", "temperature": 1.0, "smoothing": 1}

METHODS = {
    "random": _plain("random", "random scores"),
    "z-score": _plain("z-score", "the norm of the standardised time point"),
    "pca": _plain("pca", "what 90 % of the variance leaves of a time point"),
    "pca-windows": _plain(
        "pca-windows", "what 20 components leave of windows of 20 time points"
    ),
    "k-means-windows": _plain(
        "k-means-windows",
        "distance of windows of 20 time points to the nearest of 20 centres",
        seconds=5.0,
    ),
    "isolation-forest": _plain("isolation-forest", "scikit-learn's, on time points"),
    "untrained": Method(
        "untrained",
        amad(max_epochs=0),
        "AMADDetector with its random weights (`max_epochs=0`)",
        expected_seconds=10.0,
    ),
    "reconstruction": Method(
        "amad",
        amad(),
        "the squared reconstruction error of the row amad",
        {**PAPER_SCORE, "temperature": 0.0},
    ),
    "amad": Method("amad", amad(), "AMADDetector, defaults"),
    "amad-paper-score": Method(
        "amad",
        amad(),
        "the same network with the score of the paper",
        PAPER_SCORE,
    ),
    "amad-paper": Method(
        "amad-paper",
        amad(
            d_model=512,
            n_heads=8,
            batch_size=64,
            max_epochs=10,
            early_stopping=True,
            lr=1e-4,
            lr_schedule="exponential",
            stride=100,
            **PAPER_SCORE,
        ),
        "AMADDetector at the width of the paper, with its score: 10 epochs of windows "
        "that do not overlap, in batches of 64, early stopping on the last tenth",
        expected_seconds=1500.0,
    ),
    "pyod": Method(
        "pyod",
        lambda seed: PyODAnomalyTransformer(d_model=128, random_state=seed),
        "PyOD's AnomalyTransformer, 128 wide",
        package="pyod",
        expected_seconds=300.0,
    ),
}

_RAW = {"transformer": None, "window_length": 20}
# A summary of each, what it is built by, and the seconds that it is expected to take.
_REPRESENTATIONS: dict[str, tuple[str, Callable[[int], Any], float]] = {
    "representation": (
        "RepresentationDetector, defaults: nearest normal by random convolutions (by "
        "values of one channel), and what principal components leave of windows",
        representation(),
        10.0,
    ),
    "representation-trained": (
        "representation, with a T-Rep of that size trained for 100 steps",
        representation(small_trep),
        30.0,
    ),
    "representation-unsmoothed": (
        "representation, without averages over time points (`smoothing=1`)",
        representation(smoothing=1),
        10.0,
    ),
    "representation-unseen": (
        "representation, with the threshold of what it has not seen (`cross_fit=True`)",
        representation(cross_fit=True),
        10.0,
    ),
    "representation-minimum": (
        "representation, as strange as the least of both kinds of evidence finds "
        '(`combination="minimum"`)',
        representation(combination="minimum"),
        10.0,
    ),
    "representation-random": (
        "representation, by random convolutions of one channel too "
        '(`transformer="random"`)',
        representation(transformer="random"),
        10.0,
    ),
    "raw-windows": (
        "representation with windows of 20 values in place of representations",
        representation(**_RAW),
        10.0,
    ),
    "dmae": (
        "RepresentationDetector on DMAETransformer: nearest normal, and its "
        "reconstruction error",
        representation(small_dmae),
        60.0,
    ),
    "nearest": (
        "nearest normal alone, by random convolutions",
        representation(transformer="random", scores="nearest"),
        8.0,
    ),
    "nearest-trained": (
        "nearest normal alone, by the trained T-Rep",
        representation(small_trep, scores="nearest"),
        30.0,
    ),
    "nearest-raw": (
        "nearest normal alone, by windows of 20 values",
        representation(**_RAW, scores="nearest"),
        8.0,
    ),
    "components": (
        "what principal components leave of windows of 50 time points, alone",
        representation(scores="reconstruction"),
        5.0,
    ),
    "masked": (
        "T-Rep with its embedding of time; change of the representation when a time "
        "point is hidden, over the mean of the 21 before, as in its paper",
        representation(paper_trep, scores="masked", smoothing=1),
        60.0,
    ),
}
METHODS |= {
    name: Method(
        "representation", build, summary, fits_its_own=True, expected_seconds=seconds
    )
    for name, (summary, build, seconds) in _REPRESENTATIONS.items()
}

# Each differs from the row amad in what it names.
_FITTED: dict[str, dict[str, Any]] = {
    "transformer": {"automask": False},
    "automask-alone": {"min_phase": False, "max_phase": False, "contrast": False},
    "no-min": {"min_phase": False},
    "no-max": {"max_phase": False},
    "no-contrast": {"contrast": False},
    "no-phases": {"min_phase": False, "max_phase": False},
    "other-sign": {"divergence_weight": -3.0},
    "own-projections": {"automask_projection": "own"},
    "printed-scale": {"attention_scale": "model"},
    "frequencies-of-1": {"frequency_init": "ones"},
    "sums": {"reduction": "sum"},
    "alpha-0.3": {"alpha": 0.3},
    "alpha-0.9": {"alpha": 0.9},
    "window-50": {"window_length": 50},
    "window-200": {"window_length": 200},
    "width-8": {"d_model": 8},
    "width-32": {"d_model": 32},
    "width-64": {"d_model": 64},
    "steps-50": {"max_steps": 50},
    "steps-400": {"max_steps": 400},
}
_SCORED: dict[str, dict[str, Any]] = {
    "unsmoothed": {"smoothing": 1},
    "smoothing-10": {"smoothing": 10},
    "smoothing-100": {"smoothing": 100},
    "squared": {"error": "squared"},
    "temperature-1": {"temperature": 1.0},
    "temperature-10": {"temperature": 10.0},
    "temperature-50": {"temperature": 50.0},
    "temperature-minus-10": {"temperature": -10.0},
}
ABLATIONS = {
    name: Method(name, amad(**parameters), f"`{parameters}`")
    for name, parameters in _FITTED.items()
} | {
    name: Method("amad", amad(), f"`{score}`", score) for name, score in _SCORED.items()
}
METHODS |= ABLATIONS
