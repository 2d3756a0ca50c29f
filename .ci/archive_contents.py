"""Compares the files in the wheel and in the source archive with those of a checkout.

The checkout holds what is committed and nothing else: ``archive_contents.py CHECKOUT
DIST``.
"""

import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

PACKAGE = "sklearn_tsrep"
DIST_INFO = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
# What hatchling adds to any source archive.
ALWAYS = {".gitignore", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}


def main(checkout: Path, dist: Path) -> None:
    """Exit with what is missing and what is too many, if there is any."""
    (wheel,) = dist.glob("*.whl")
    (source,) = dist.glob("*.tar.gz")
    compare(wheel.name, files_of_wheel(wheel), {f"{PACKAGE}/"}, checkout)
    compare(source.name, files_of_source(source) - ALWAYS, included(checkout), checkout)


def compare(name: str, packed: set[str], places: set[str], checkout: Path) -> None:
    """Compare what is packed with the files of a checkout in some places."""
    wanted = {file for place in places for file in files_below(checkout, place)}
    if packed != wanted:
        sys.exit(f"{name}: lacks {wanted - packed}, should not have {packed - wanted}")
    print(f"{name}: {len(packed)} files as wanted")


def files_of_wheel(wheel: Path) -> set[str]:
    """Return the files of the package, and hold that the metadata are all there."""
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    packed = {file for file in files if file.startswith(f"{PACKAGE}/")}
    metadata = {file.split("/", 1)[1] for file in files - packed}
    if metadata != DIST_INFO:
        sys.exit(f"{wheel.name}: beside the package it has {metadata}")
    return packed


def files_of_source(source: Path) -> set[str]:
    """Return the files in a source archive, without the folder that all are in."""
    with tarfile.open(source) as archive:
        return {file.name.split("/", 1)[1] for file in archive if file.isfile()}


def included(checkout: Path) -> set[str]:
    """Return the places that the settings name."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    targets = settings["tool"]["hatch"]["build"]["targets"]
    return {place.removeprefix("/") for place in targets["sdist"]["include"]}


def files_below(checkout: Path, place: str) -> set[str]:
    """Return the files in a place, which may be one itself, as the archives name them.

    Not what runs of Python leave behind.
    """
    if (checkout / place).is_file():
        return {place}
    return {
        file.relative_to(checkout).as_posix()
        for file in (checkout / place).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
