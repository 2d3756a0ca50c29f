import subprocess
import sys

import pytest

from sklearn_tsrep._show_versions import show_versions
from sklearn_tsrep._version import __version__


def _output_of(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_names_the_system_and_the_core_dependencies(capsys):
    show_versions()
    printed = capsys.readouterr().out
    for name in ("python", "machine", "numpy", "scikit-learn", "torch", "sktime"):
        assert f" {name}: " in printed
    assert sys.executable in printed


def test_prints_the_version_of_this_package(capsys):
    show_versions()
    assert f"sklearn-tsrep: {__version__}" in capsys.readouterr().out


def test_a_missing_package_is_named_as_missing(capsys, monkeypatch):
    monkeypatch.setattr(
        "sklearn_tsrep._show_versions._DISTRIBUTIONS", ("no-such-distribution",)
    )
    show_versions()
    assert "no-such-distribution: not installed" in capsys.readouterr().out


def test_imports_nothing_heavy():
    printed = _output_of(
        "import sys\n"
        "from sklearn_tsrep._show_versions import show_versions\n"
        "show_versions()\n"
        "print('loaded', sorted({'torch', 'sktime', 'pandas'} & set(sys.modules)))\n"
    )
    assert printed.rstrip().endswith("loaded []")
    assert "threads:" not in printed


def test_tells_the_threads_once_torch_is_loaded(capsys):
    torch = pytest.importorskip("torch")
    show_versions()
    assert f"threads: {torch.get_num_threads()}" in capsys.readouterr().out
