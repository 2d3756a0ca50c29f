"""The Python code on the pages runs from top to bottom, and links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Those that are read in the repository, or link to files of it.
LINKING_PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(ROOT / "docs" / "methods" / f"{name}.md" for name in ("trep", "dmae", "amad")),
]
# Shown on a page, but too large or too particular about versions for any extra.
IN_NO_EXTRA = {"aeon", "datasets"}


def _code_of(page: Path) -> str:
    """The page's Python blocks, each at its own line so that errors point there."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in re.finditer(r"(?ms)^```python\n(.*?)^```$", text):
        first = text.count("\n", 0, block.start(1))
        code = block.group(1).splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


def _with_code(pages: list[Path]) -> list[Path]:
    return [
        page for page in pages if "_build" not in page.parts and _code_of(page).strip()
    ]


@pytest.mark.parametrize(
    "page", _with_code(PAGES), ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_code_on_the_page_runs(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    try:
        exec(compile(_code_of(page), str(page), "exec"), {"__name__": "page"})
    except ModuleNotFoundError as error:
        if error.name not in IN_NO_EXTRA:
            raise
        pytest.skip(f"from its line on that imports {error.name}, which is missing")


@pytest.mark.parametrize("page", LINKING_PAGES, ids=lambda page: page.name)
def test_links_of_the_page_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if not link.startswith("http")]
    assert inside
    assert [link for link in inside if not (page.parent / link).exists()] == []
