"""Links, pictures and the index: nothing leads nowhere, and no page is out of reach."""

import posixpath
import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, read, without_code

LARGEST_PICTURE_BYTES = 200_000
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def _links(page: str) -> list[tuple[str, str]]:
    """File and anchor of each link of a page that leads into the checkout."""
    found = []
    for link in _LINK.findall(without_code(read(page))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), file)) if file else page
        found.append((target, anchor))
    return found


@pytest.mark.parametrize("page", _NAMES)
def test_relative_links_resolve(page: str) -> None:
    """A link leads to a file of the checkout, and its anchor to a heading there."""
    broken = [
        (file, anchor)
        for file, anchor in _links(page)
        if not (ROOT / file).exists() or (anchor and anchor not in anchors(read(file)))
    ]

    assert broken == []


def test_every_page_is_in_the_index() -> None:
    """The index of the documents links each of them."""
    indexed = {file for file, _ in _links("docs/README.md")}

    assert set(_NAMES) - indexed == {"README.md", "CHANGELOG.md", "docs/README.md"}


def test_decisions_are_numbered_without_a_gap() -> None:
    """Each decision is one file, and its heading carries its number."""
    files = sorted((ROOT / "docs/decisions").glob("*.md"))

    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    assert [int(file.read_text().split()[1].rstrip(".")) for file in files] == list(range(1, len(files) + 1))


def test_every_picture_is_shown_and_small() -> None:
    """Each picture of the folder is used, each one used is there, and all load quickly."""
    pictures = {file.relative_to(ROOT).as_posix() for file in (ROOT / "docs/pictures").iterdir()}
    shown = {
        posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        for page in _NAMES
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", read(page))
    }

    assert shown == pictures
    assert [name for name in pictures if (ROOT / name).stat().st_size > LARGEST_PICTURE_BYTES] == []


@pytest.mark.parametrize("folder", ["soccer_assets", "serving", "tests", "benchmarks", "."])
def test_pages_named_in_the_code_exist(folder: str) -> None:
    """A docstring, comment or configuration file that sends its reader to a page names one that exists."""
    suffixes = {".py", ".toml", ".yaml", ".yml", ".example", ""}
    root = ROOT / folder
    files = [file for file in (root.rglob("*") if folder != "." else root.iterdir()) if file.is_file()]
    named = {
        name
        for file in files
        if file.suffix in suffixes
        for name in re.findall(r"\bdocs/[\w/-]+\.md\b", _text(file))
    }

    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except UnicodeDecodeError:
        return ""
