"""Reads the pages: sections, tables, code blocks, anchors."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md")
    for file in ROOT.glob(pattern)
    if not {".venv", ".soccer"} & set(file.relative_to(ROOT).parts)
)
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    """The text of a page, named from the top of the checkout."""
    return (ROOT / name).read_text()


def section(name: str, title: str) -> str:
    """The text below a heading of second or third level, up to the next of its level or above."""
    found = re.search(rf"^(##+) {re.escape(title)}$", read(name), re.MULTILINE)
    assert found is not None, f"{name} has no heading {title!r}"
    rest = read(name)[found.end() :]
    return re.split(rf"^#{{2,{len(found[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a text: their rows without head and rule, each row a list of its cells."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            found.append(rows[2:])
            rows = []
    return found


def rows_of(name: str, title: str, number: int = 0) -> list[list[str]]:
    """The rows of a section's table, by default of its first."""
    return tables(section(name, title))[number]


def codes(cell: str) -> list[str]:
    """What a cell names in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def first_codes(rows: list[list[str]]) -> list[str]:
    """The name in the first cell of each row."""
    return [codes(row[0])[0] for row in rows]


def without_code(text: str) -> str:
    """The text without its code blocks."""
    return _BLOCK.sub("", text)


def code_blocks(text: str, language: str) -> list[str]:
    """The contents of the code blocks of a language; an empty one is that of blocks without."""
    return [content for name, content in _BLOCK.findall(text) if name == language]


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings have on GitHub."""
    headings = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
