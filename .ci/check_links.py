"""Looks for links within the built documentation that lead nowhere.

``check_links.py SITE``: every ``href`` and ``src`` of every page that names no other
host must name a file of the site, and an anchor that it has.
"""

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a tag names."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")


@cache
def read(file: Path) -> Page:
    """Return a page of the site."""
    return Page(file.read_text(encoding="utf-8"))


def is_broken(link: str, file: Path, site: Path) -> bool:
    """Return whether a link of a file of the site leads nowhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    place = unquote(parts.path)
    folder = site if place.startswith("/") else file.parent
    target = folder / place.lstrip("/") if place else file
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return True
    # What stands behind `:~:` is a text to scroll to, which browsers look for.
    anchor = unquote(parts.fragment).partition(":~:")[0]
    is_page = target.suffix == ".html"
    return bool(is_page and anchor and anchor not in read(target).anchors)


def main(site: Path) -> None:
    """Exit with the broken links, if there is any."""
    files = sorted(file for file in site.rglob("*.html") if "_static" not in file.parts)
    links = [(file, link) for file in files for link in read(file).links]
    broken = [
        f"{file.relative_to(site)}: {link}"
        for file, link in links
        if is_broken(link, file, site)
    ]
    if broken or not links:
        sys.exit("\n".join(["broken links:", *dict.fromkeys(broken)]))
    print(f"{len(links)} links on {len(files)} pages lead somewhere")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
