"""Self-supervised representations of time series as scikit-learn estimators."""

from typing import TYPE_CHECKING, Any

from sklearn_tsrep._version import __version__

if TYPE_CHECKING:
    from sklearn_tsrep._amad import AMADDetector
    from sklearn_tsrep._dmae import DMAETransformer
    from sklearn_tsrep._imputer import DMAEImputer
    from sklearn_tsrep._show_versions import show_versions
    from sklearn_tsrep._trep import TRepTransformer

__all__ = [
    "AMADDetector",
    "DMAEImputer",
    "DMAETransformer",
    "TRepTransformer",
    "__version__",
    "show_versions",
]

_MODULES = {
    "AMADDetector": "sklearn_tsrep._amad",
    "DMAEImputer": "sklearn_tsrep._imputer",
    "DMAETransformer": "sklearn_tsrep._dmae",
    "TRepTransformer": "sklearn_tsrep._trep",
    "show_versions": "sklearn_tsrep._show_versions",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
