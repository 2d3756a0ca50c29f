"""Detection of anomalies in time series, and how well it is done."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

__all__ = [
    "affiliation_f1",
    "affiliation_precision",
    "affiliation_recall",
    "best_f1",
    "delay_adjust",
    "delay_tolerant_f1",
    "pa_k_auc",
    "pa_k_f1",
    "point_adjust",
    "point_adjusted_f1",
    "range_f1",
    "range_precision",
    "range_recall",
    "vus_pr",
    "vus_roc",
]

_METRICS = "sklearn_tsrep.detection.metrics"
_MODULES = {
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
