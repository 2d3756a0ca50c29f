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
        {"error": "squared", "temperature": 0.0, "smoothing": 1},
    ),
    "amad": Method("amad", amad(), "AMADDetector, defaults"),
    "amad-paper-score": Method(
        "amad",
        amad(),
        "the same network with the score of the paper",
        {"error": "squared", "temperature": 1.0, "smoothing": 1},
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
ABLATIONS = {
    "transformer": amad(automask=False),
    "automask-alone": amad(min_phase=False, max_phase=False, contrast=False),
    "no-min": amad(min_phase=False),
    "no-max": amad(max_phase=False),
    "no-contrast": amad(contrast=False),
    "no-phases": amad(min_phase=False, max_phase=False),
    "other-sign": amad(divergence_weight=-3.0),
    "own-projections": amad(automask_projection="own"),
    "printed-scale": amad(attention_scale="model"),
    "frequencies-of-1": amad(frequency_init="ones"),
    "sums": amad(reduction="sum"),
    "alpha-0.3": amad(alpha=0.3),
    "alpha-0.9": amad(alpha=0.9),
}
METHODS |= {name: Method(name, build, "ablation") for name, build in ABLATIONS.items()}
