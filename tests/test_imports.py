"""What importing loads, and the one direction in which modules import."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sklearn_tsrep

PACKAGE = Path(sklearn_tsrep.__file__).parent
HEAVY = ("torch", "skorch", "pandas", "polars", "sktime", "matplotlib")

# A module imports from its own level only inside its package, and otherwise from
# lower levels; what stands beside the base class imports from one another.
LEVELS = {
    "_version": 0,
    "data": 1,
    "nn": 2,
    "losses": 3,
    "training": 4,
    "features": 5,
    "thresholds": 6,
    "_sklearn": 7,
    "_html": 7,
    "_base": 7,
    "_transformer": 7,
    "_panels": 7,
    "_series": 7,
    "_stream": 7,
    "_detector": 7,
    "_window_detector": 7,
    "_callbacks": 7,
    "_trep": 8,
    "_dmae": 8,
    "_amad": 8,
    "_imputer": 9,
    "detection": 9,
    "forecasting": 9,
    "adapters": 10,
    "plotting": 10,
    "_show_versions": 11,
    "__init__": 12,
}
BESIDE_THE_BASE = 7
KNOWS_NO_SCIKIT_LEARN = ("nn", "losses", "training", "data")
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def run_python(code: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def newly_loaded(code: str, names: tuple[str, ...]) -> str:
    """Run code, and return which modules it loads that scikit-learn does not.

    scikit-learn loads pandas where it is installed.
    """
    return run_python(
        "import sys, sklearn.base, sklearn.callback; before = set(sys.modules)\n"
        f"{code}\n"
        f"print(*[name for name in {names} if name in {{*sys.modules}} - before])"
    )


@pytest.mark.parametrize(
    "code",
    [
        "from sklearn_tsrep import TRepTransformer",
        "from sklearn_tsrep import *",
        "import sklearn_tsrep.adapters; dir(sklearn_tsrep.adapters)",
        "from sklearn.base import clone\n"
        "from sklearn_tsrep import TRepTransformer\n"
        "estimator = clone(TRepTransformer(n_latents=3, pooling='mean'))\n"
        "estimator.get_params(), repr(estimator), estimator._repr_html_()\n"
        "estimator.__sklearn_tags__(), dir(estimator)\n"
        "import pickle; pickle.loads(pickle.dumps(estimator))",
    ],
    ids=["import", "import all", "import adapters", "use without fit"],
)
def test_nothing_heavy_is_loaded_before_fit(code):
    assert newly_loaded(code, HEAVY) == ""


def test_fit_and_transform_load_no_more_than_they_need():
    code = (
        "import numpy as np; from sklearn_tsrep import TRepTransformer\n"
        "X = np.random.default_rng(0).normal(size=(4, 2, 9))\n"
        "TRepTransformer(max_steps=1, n_blocks=1, device='cpu').fit_transform(X)"
    )
    assert newly_loaded(code, ("sktime", "matplotlib", "polars")) == ""


def test_the_public_names_are_there_and_others_are_not():
    for name in sklearn_tsrep.__all__:
        assert getattr(sklearn_tsrep, name) is not None
        assert name in dir(sklearn_tsrep)
    with pytest.raises(AttributeError, match="no attribute 'TReppTransformer'"):
        _ = sklearn_tsrep.TReppTransformer


def imported_modules(module: Path) -> Iterator[str]:
    """Yield the full name of all that a module imports, also inside functions."""
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            name = node.module or ""
            if name == "sklearn_tsrep":
                yield from (f"{name}.{alias.name}" for alias in node.names)
            else:
                yield name


def part_of(name: str) -> str:
    """Return the part of the package that a module inside it belongs to."""
    part = name.split(".")[1]
    return "_version" if part == "__version__" else part


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_import_only_from_those_above(module):
    part = Path(module.parts[0]).stem
    for name in imported_modules(module):
        if not name.startswith("sklearn_tsrep."):
            continue
        other = part_of(name)
        beside = LEVELS[other] == LEVELS[part] == BESIDE_THE_BASE
        assert other == part or beside or LEVELS[other] < LEVELS[part], (
            f"{module} imports {name}, which is not above it"
        )


@pytest.mark.parametrize("part", KNOWS_NO_SCIKIT_LEARN)
def test_torch_code_knows_nothing_of_scikit_learn(part):
    modules = [module for module in MODULES if module.parts[0] == part]
    assert modules
    for module in modules:
        imported = {name.split(".")[0] for name in imported_modules(module)}
        assert "sklearn" not in imported, module


def private_imports(module: Path) -> list[str]:
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [
        ast.unparse(node)
        for node in imports
        if (node.module or "").startswith("sklearn.")
        and any(
            part.startswith("_")
            for part in [*node.module.split("."), *(name.name for name in node.names)]
        )
    ]


def test_what_is_private_to_scikit_learn_is_imported_in_one_place():
    found = {module for module in MODULES if private_imports(module)}
    assert found == {Path("_sklearn.py")}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_files_are_short(module):
    lines = (PACKAGE / module).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 500
