"""The estimators of this package as those of sktime.

One adapter for each kind; it takes any estimator of that kind. sktime is loaded with
the first name that is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn_tsrep.adapters._detector import SktimeDetector
    from sklearn_tsrep.adapters._forecaster import SktimeForecaster
    from sklearn_tsrep.adapters._transformers import (
        SktimeEncoder,
        SktimeFeatureExtractor,
        SktimeImputer,
    )

__all__ = [
    "SktimeDetector",
    "SktimeEncoder",
    "SktimeFeatureExtractor",
    "SktimeForecaster",
    "SktimeImputer",
]

_TRANSFORMERS = "sklearn_tsrep.adapters._transformers"
_MODULES = {
    "SktimeDetector": "sklearn_tsrep.adapters._detector",
    "SktimeEncoder": _TRANSFORMERS,
    "SktimeFeatureExtractor": _TRANSFORMERS,
    "SktimeForecaster": "sklearn_tsrep.adapters._forecaster",
    "SktimeImputer": _TRANSFORMERS,
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
