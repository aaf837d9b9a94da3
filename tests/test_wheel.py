"""The wheel builds, installs into an empty environment, and its command starts quickly."""

import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The bin folder of an environment with only the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(request.config.rootpath)], check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=False)
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "venv" / "bin" / "python")]
    install = ["install", "--quiet", "--no-compile", str(wheel)]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    return folder / "venv" / "bin"


@pytest.mark.trial
def test_help_answers_in_under_half_a_second(installed):
    """The command line imports only what help needs."""
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        done = subprocess.run([installed / "soccer", "--help"], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - begin)

    assert "up" in done.stdout
    assert min(seconds) < 0.5


@pytest.mark.slow
def test_the_wheel_carries_its_data(installed):
    """Competitions and migrations are read from the package, not from a checkout."""
    program = (
        "from importlib.resources import files; p = files('soccer_assets'); "
        "assert (p / 'football' / 'competitions.toml').is_file(); "
        "assert (p / 'migrations' / 'versions' / '0001_first_tables.py').is_file()"
    )

    done = subprocess.run([installed / "python", "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
