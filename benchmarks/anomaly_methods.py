"""The rows of the anomaly tables: name -> how scores are made.

Rows of one group share a detector: it is built and fitted once, then each row sets its
own parameters and scores. Another method joins by one entry in METHODS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.detectors import DETECTORS, PyODAnomalyTransformer


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
    package: str = ""
    expected_seconds: float = 60.0


def amad(**parameters: Any) -> Callable[[int], Any]:
    """Return what builds an AMADDetector with these parameters."""

    def build(seed: int) -> Any:
        from sklearn_tsrep import AMADDetector

        return AMADDetector(**{"random_state": seed, **parameters})

    return build


def _plain(name: str, summary: str, seconds: float = 2.0) -> Method:
    return Method(
        "plain",
        DETECTORS[name],
        summary,
        is_learned=False,
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
