"""Where do I look for ...: each question leads to files that exist, as does every path of the documents."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, code_blocks, codes, read, section, tables, without_code

PAGE = "docs/where-to-look.md"
LEAST_QUESTIONS = 24
# A path as prose writes it: below one of these, or a file at the top.
_TOPS = ("soccer_assets", "serving", "tests", "benchmarks", "docs", ".ci")
_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, _TOPS))})/[\w./-]*\w/?")
_MODULE = re.compile(r"\b(?:soccer_assets|serving|benchmarks)(?:\.\w+)+")
_DATA_SUFFIXES = (".sqlite", ".json", ".bin", ".db")


def _questions() -> list[tuple[str, list[str]]]:
    return [
        (row[0], [path for cell in row[1:] for path in codes(cell)])
        for table in tables(read(PAGE))
        for row in table
    ]


def test_there_are_enough_questions() -> None:
    """A newcomer's questions, each once and each with a file."""
    questions = _questions()

    assert len(questions) >= LEAST_QUESTIONS
    assert len({question for question, _ in questions}) == len(questions)
    assert [question for question, paths in questions if not paths] == []


def test_every_answer_exists() -> None:
    """Each file or folder that a question leads to is in the checkout."""
    missing = [(question, path) for question, paths in _questions() for path in paths if not _exists(path)]

    assert missing == []


def _exists(path: str) -> bool:
    return (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).exists()


def _module_exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if path.with_suffix(".py").is_file():
            return length == len(parts) or parts[length] in path.with_suffix(".py").read_text()
        if path.is_dir():
            return length == len(parts)
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_in_the_documents_exists(page: Path) -> None:
    """A file, folder or module that a page names is in the checkout."""
    named = codes(without_code(page.read_text()))
    paths = {path for code in named for path in _PATH.findall(code)}
    modules = {
        name.removesuffix(".py")
        for code in named
        for name in _MODULE.findall(code)
        if "/" not in code and not name.endswith(_DATA_SUFFIXES)
    }

    assert [path for path in sorted(paths) if not _exists(path)] == []
    assert [name for name in sorted(modules) if not _module_exists(name)] == []


def test_the_tree_is_the_checkouts() -> None:
    """The architecture's tree names every package of the product, and nothing that is not there."""
    (tree,) = [
        block
        for block in code_blocks(section("docs/explanation/architecture.md", "Folders"), "")
        if block.startswith("soccer_assets/")
    ]
    named, folder = set(), ""
    for line in tree.splitlines():
        name = line.split()[0]
        folder = folder if line.startswith(" ") else name
        named.add(f"{folder}{name}" if line.startswith(" ") else name)
    packages = {
        f"{file.relative_to(ROOT).as_posix()}/"
        for top in ("soccer_assets", "serving")
        for file in (ROOT / top).iterdir()
        if (file / "__init__.py").is_file()
    }

    assert [name for name in sorted(named) if not _exists(name)] == []
    assert packages <= named
