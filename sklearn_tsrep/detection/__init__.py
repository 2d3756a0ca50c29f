"""Detection of anomalies in time series, and how well it is done."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn_tsrep.detection._representation_detector import RepresentationDetector
    from sklearn_tsrep.detection.evaluation import evaluate_detectors, judge_scores
    from sklearn_tsrep.detection.metrics import (
        affiliation_f1,
        affiliation_precision,
        affiliation_recall,
        best_f1,
        delay_adjust,
        delay_tolerant_f1,
        pa_k_auc,
        pa_k_f1,
        point_adjust,
        point_adjusted_f1,
        range_f1,
        range_precision,
        range_recall,
        vus_pr,
        vus_roc,
    )
    from sklearn_tsrep.detection.segments import from_segments, to_segments

__all__ = [
    "RepresentationDetector",
    "affiliation_f1",
    "affiliation_precision",
    "affiliation_recall",
    "best_f1",
    "delay_adjust",
    "delay_tolerant_f1",
    "evaluate_detectors",
    "from_segments",
    "judge_scores",
    "pa_k_auc",
    "pa_k_f1",
    "point_adjust",
    "point_adjusted_f1",
    "range_f1",
    "range_precision",
    "range_recall",
    "to_segments",
    "vus_pr",
    "vus_roc",
]

_METRICS = "sklearn_tsrep.detection.metrics"
_EVALUATION = "sklearn_tsrep.detection.evaluation"
_SEGMENTS = "sklearn_tsrep.detection.segments"
_MODULES = {
    "RepresentationDetector": "sklearn_tsrep.detection._representation_detector",
    "evaluate_detectors": _EVALUATION,
    "judge_scores": _EVALUATION,
    "from_segments": _SEGMENTS,
    "to_segments": _SEGMENTS,
    "affiliation_f1": _METRICS,
    "affiliation_precision": _METRICS,
    "affiliation_recall": _METRICS,
    "best_f1": _METRICS,
    "delay_adjust": _METRICS,
    "delay_tolerant_f1": _METRICS,
    "pa_k_auc": _METRICS,
    "pa_k_f1": _METRICS,
    "point_adjust": _METRICS,
    "point_adjusted_f1": _METRICS,
    "range_f1": _METRICS,
    "range_precision": _METRICS,
    "range_recall": _METRICS,
    "vus_pr": _METRICS,
    "vus_roc": _METRICS,
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
