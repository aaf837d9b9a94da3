"""A small home, made once and copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.backup.small import Small, registry_of


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a small home, and the token of its key."""
    folder = tmp_path_factory.mktemp("made") / "home"
    folder.mkdir()
    small = Small.at(folder)
    token = small.begin(registry_of(small.settings))
    small.close()
    return folder, token


@pytest.fixture
def home(made_home: tuple[Path, str], tmp_path: Path) -> Iterator[Small]:
    """A small home of this test."""
    folder = tmp_path / "home"
    shutil.copytree(made_home[0], folder)
    small = Small.at(folder)
    yield small
    small.close()
