"""Machine code that is cached on disk never outlives the code it was compiled from."""

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import soccer_assets
from soccer_assets.football import ratings
from soccer_assets.football.ratings import compile_cache

# The compiled function is in form.py, the constant that it takes in parameters.py.
PROGRAM = """
import numpy as np
from soccer_assets.football.ratings.form import season_table
from soccer_assets.football.ratings.state import new_teams
from soccer_assets.football.ratings.update import MATCH_DTYPE

team, match = new_teams(1), np.zeros(1, MATCH_DTYPE)
team["season_points"], team["season_matches"] = 4.0, 2.0
print(season_table(team[0], match[0]))
"""


def _copied(folder: Path) -> Path:
    """A copy of the package, its files with their times, that imports by itself."""
    root = Path(soccer_assets.__file__).parent
    shutil.copytree(root, folder / "soccer_assets", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _run(root: Path, cache: Path | None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(root)} | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def _change_average_points(root: Path) -> None:
    """Change a constant in another file than the compiled function's."""
    file = root / "soccer_assets/football/ratings/parameters.py"
    text = file.read_text()
    assert "AVERAGE_POINTS = 1.37" in text
    file.write_text(text.replace("AVERAGE_POINTS = 1.37", "AVERAGE_POINTS = 1.50"))


@pytest.mark.parametrize("has_setting", [True, False])
def test_a_changed_constant_gives_equal_results_on_a_warm_and_an_empty_cache(has_setting, tmp_path):
    """With NUMBA_CACHE_DIR, and without it, where the cache stands beside the bytecode."""
    cache = tmp_path / "cache" if has_setting else None
    warm, empty = _copied(tmp_path / "warm"), _copied(tmp_path / "empty")
    before = _run(warm, cache)
    assert before == _run(warm, cache)
    _change_average_points(warm)
    _change_average_points(empty)

    after = _run(warm, cache)

    assert after != before
    assert after == _run(empty, tmp_path / "empty-cache" if has_setting else None)


def test_folders_of_code_that_is_gone_are_removed(tmp_path):
    """A folder that was not used for a week goes; a younger one and what others keep there stay."""
    old, young, other = (tmp_path / name for name in ("soccer-ratings-0", "soccer-ratings-1", "other"))
    for folder, days in ((old, 8), (young, 6), (other, 8)):
        folder.mkdir()
        (folder / "code").write_text("machine code")
        used_at = time.time() - days * 86_400
        os.utime(folder, (used_at, used_at))

    _run(Path(soccer_assets.__file__).parent.parent, tmp_path)

    left = {folder.name for folder in tmp_path.iterdir()}
    assert {"soccer-ratings-1", "other"} < left
    assert "soccer-ratings-0" not in left
    assert len(left) == 3


def test_without_a_writable_folder_nothing_is_cached(tmp_path):
    """A read-only installation computes the same."""
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    root = Path(soccer_assets.__file__).parent.parent

    assert _run(root, not_a_folder) == _run(root, tmp_path / "cache")


def test_compiled_code_takes_nothing_from_outside_its_package():
    """The fingerprint covers this package only, so its modules import nothing else of ours."""
    package = ratings.__name__
    for file in Path(str(ratings.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name == "soccer_assets.football.football_error":  # a class of exceptions, never compiled
                    continue
                assert not str(name).startswith("soccer_assets") or str(name).startswith(package), file.name


def test_the_folder_is_named_by_every_package_with_compiled_code():
    """A function that is compiled elsewhere could run machine code of older callees."""
    root = Path(soccer_assets.__file__).parent
    packages = {file.parent for file in root.rglob("*.py") if "\n@compiled\n" in file.read_text()}
    assert packages == set(compile_cache._COMPILED)
