"""The page of the API names what can be imported, and nothing else."""

import importlib
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
MODULES = (
    "sklearn_tsrep",
    "sklearn_tsrep.adapters",
    "sklearn_tsrep.data",
    "sklearn_tsrep.detection",
    "sklearn_tsrep.forecasting",
    "sklearn_tsrep.plotting",
)


def names_on_the_page():
    """Return "module.name" of each entry."""
    text = PAGE.read_text(encoding="utf-8")
    _, *parts = text.split(".. currentmodule:: ")
    return {
        f"{part.splitlines()[0]}.{name}"
        for part in parts
        for name in re.findall(r"(?m)^   (\w+)$", part)
    }


def test_each_name_on_the_page_can_be_imported():
    names = names_on_the_page()
    assert len(names) > 40
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_each_public_name_is_on_the_page():
    public = {
        f"{module}.{name}"
        for module in MODULES
        for name in importlib.import_module(module).__all__
        if not name.startswith("__")
    }
    assert public - names_on_the_page() == set()
