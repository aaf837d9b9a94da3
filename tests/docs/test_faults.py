"""The page of faults is the fault matrix, and every row of the matrix has tests."""

import ast
from functools import cache

import pytest

from soccer_assets.alerting.faults import KINDS
from tests.docs.pages import ROOT, read
from tests.operations.fault_matrix import FAULTS, Fault, rendered

PAGE = "docs/explanation/faults.md"
ROWS = [fault for faults in FAULTS.values() for fault in faults]
# Each of their tests is about a fault.
WHOLE_FILES = ("operations/test_kills.py", "operations/test_full_disk.py", "operations/test_day_of_faults.py")
# A home's long path is no fault of a running system.
NO_FAULTS = {"operations/test_kills.py::test_a_home_with_a_long_path_starts"}


@cache
def _tests(file: str) -> set[str]:
    """The test functions of a file, without those that are skipped whatever happens."""
    functions = [
        node
        for node in ast.parse((ROOT / "tests" / file).read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    return {
        node.name
        for node in functions
        if not any("skip" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


@pytest.mark.parametrize("fault", ROWS, ids=lambda fault: fault.name)
def test_every_row_says_all_and_has_tests_that_exist(fault: Fault) -> None:
    """A fault without a test, or with one that was renamed or is skipped, fails here."""
    missing = [test for test in fault.tests if test.partition("::")[2] not in _tests(test.partition("::")[0])]

    assert fault.tests
    assert missing == []
    assert fault.noticed
    assert fault.look_ups
    assert fault.heals
    assert fault.told in {"", *KINDS}


def test_every_row_is_another_fault() -> None:
    """A name is there once."""
    names = [fault.name for fault in ROWS]

    assert len(set(names)) == len(names)


def test_no_trial_of_a_fault_is_without_a_row() -> None:
    """A new kill belongs into the matrix."""
    named = {test for fault in ROWS for test in fault.tests}
    trials = {f"{file}::{name}" for file in WHOLE_FILES for name in _tests(file)}

    assert trials - named == NO_FAULTS


def test_every_kind_of_fault_that_is_told_has_a_row() -> None:
    """All but what a check or a model says about the data, and notices."""
    told = {fault.told for fault in ROWS} - {""}

    assert set(KINDS) - told == {"check", "drift", "promotion", "rollback"}


def test_the_page_is_the_matrix() -> None:
    """`python -m tests.operations.fault_matrix` prints the tables; the page's links are its own."""
    assert read(PAGE).partition("\n## ")[2] == rendered("../../tests").partition("## ")[2]
