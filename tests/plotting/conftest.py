"""Draw without a screen, and leave no figure open."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
