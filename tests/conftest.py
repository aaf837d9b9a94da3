"""Fixtures that more than one package of tests needs."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real match data; a test that needs it skips where it is missing."""
    folder = Path(os.environ.get("SOCCER_SHARED", Path(__file__).parents[2] / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real match data at {folder}; set SOCCER_SHARED to the folder that holds data/")
    return folder
