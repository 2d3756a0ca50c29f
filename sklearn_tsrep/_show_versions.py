"""What a bug report needs to know about a machine."""

import platform
import sys
from importlib import metadata

_DISTRIBUTIONS = (
    "sklearn-tsrep",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "skorch",
    "sktime",
    "pandas",
    "polars",
    "skops",
    "numba",
    "matplotlib",
)


def show_versions() -> None:
    """Print the versions that matter in a bug report.

    Versions are read from the metadata of the installed packages, so that
    nothing is imported. The number of torch's threads and its accelerator are
    printed only where torch is loaded already.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn.

    Examples
    --------
    >>> from sklearn_tsrep import show_versions
    >>> show_versions()
    <BLANKLINE>
    System:
    ...
    """
    _print_section("System", _system())
    _print_section("Python packages", _packages())
    if "torch" in sys.modules:
        _print_section("torch", _torch_runtime())


def _system() -> dict[str, str]:
    return {
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
    }


def _packages() -> dict[str, str]:
    return {name: _version_of(name) for name in _DISTRIBUTIONS}


def _version_of(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _torch_runtime() -> dict[str, str]:
    torch = sys.modules["torch"]
    return {
        "threads": str(torch.get_num_threads()),
        "CUDA": str(torch.version.cuda if torch.cuda.is_available() else None),
        "MPS": str(torch.backends.mps.is_available()),
    }


def _print_section(title: str, entries: dict[str, str]) -> None:
    print(f"\n{title}:")
    width = max(len(name) for name in entries)
    for name, value in entries.items():
        print(f"{name:>{width}}: {value}")
