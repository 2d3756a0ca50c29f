"""Settings of sphinx."""

import re
from pathlib import Path

# The gallery looks up the names that an example uses, before it runs it.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sphinx.application import Sphinx

from sklearn_tsrep._html import DisplayedEstimator
from sklearn_tsrep._version import __version__

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"

project = "sklearn-tsrep"
author = "The sklearn-tsrep developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "sg_execution_times.rst"]
templates_path = ["_templates"]

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",
    "ignore_pattern": "quickstart",
    "download_all_examples": False,
    "show_signature": False,
}

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = project
html_sidebars = {
    page: [] for page in ("index", "quickstart", "benchmarks/results", "changelog")
}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}


# Estimators that the gallery shows link to their own page.
DisplayedEstimator._doc_link_template = (
    "../generated/{estimator_module}.{estimator_name}.html"
)


def result_tables() -> str:
    """Join the tables of `benchmarks/results`, their headings one level down."""
    tables = sorted(RESULTS.glob("*.md"))
    if not tables:
        return "No table has been written yet."
    texts = (table.read_text(encoding="utf-8") for table in tables)
    return "\n\n".join(re.sub(r"(?m)^#", "##", text) for text in texts)


def insert_result_tables(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "benchmarks/results":
        source[0] = source[0].replace("%% result tables %%", result_tables())


def is_request(app: Sphinx, kind: str, name: str, *rest: object) -> bool | None:
    """Leave out what scikit-learn generates for the routing of metadata."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Sphinx) -> None:
    app.connect("autodoc-skip-member", is_request)
    app.connect("source-read", insert_result_tables)
