"""Children of a home: their logs are rotated while they print, and none imports from the working folder."""

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from soccer_assets.operations import processes
from soccer_assets.operations.local_instance import home_environment
from soccer_assets.operations.processes import Processes
from soccer_assets.operations.server_command import sidecar_command, task_worker_command
from soccer_assets.settings import Settings

# Prints a numbered line each time it is asked to.
TALKER = "import sys\nfor number, line in enumerate(sys.stdin):\n    print(f'line {number}', flush=True)"


def test_a_log_that_has_grown_large_is_kept_as_the_one_before_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child's next output is at the start of the emptied log, without a gap before it."""
    monkeypatch.setattr(processes, "_LARGEST_LOG_BYTES", 10)
    log = tmp_path / "talker.log"
    children = Processes(tmp_path)
    with log.open("ab") as output:
        talker = subprocess.Popen([sys.executable, "-c", TALKER], stdin=subprocess.PIPE, stdout=output)
    children._running["talker"] = talker
    try:
        _ask(talker, log, "line 0\n")
        children.rotate_logs()
        assert not (tmp_path / "talker.log.1").exists()
        _ask(talker, log, "line 0\nline 1\n")

        children.rotate_logs()

        assert (tmp_path / "talker.log.1").read_text() == "line 0\nline 1\n"
        assert log.read_text() == ""
        _ask(talker, log, "line 2\n")
    finally:
        talker.kill()
        talker.wait()


def _ask(talker: "subprocess.Popen[bytes]", log: Path, expected: str) -> None:
    assert talker.stdin is not None
    talker.stdin.write(b"\n")
    talker.stdin.flush()
    deadline = time.monotonic() + 30
    while log.read_text() != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert log.read_text() == expected


def test_no_part_imports_from_the_working_folder(tmp_path: Path) -> None:
    """A `json.py` beside which a home is started runs in none of its processes, nor in what they start."""
    (tmp_path / "json.py").write_text("raise SystemExit('of the working folder')")
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path / "home")})
    importing = [sys.executable, "-c", "import json"]
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}

    def run(environ: dict[str, str]) -> int:
        done = subprocess.run(importing, cwd=tmp_path, env=environ, check=False, capture_output=True)
        return done.returncode

    assert run(plain) == 1
    assert run(home_environment(settings, plain)) == 0
    for command in (sidecar_command(settings, "127.0.0.1"), task_worker_command()):
        assert command[:2] == [sys.executable, "-P"]


@pytest.mark.parametrize("change", ["copied", "moved"])
def test_a_copied_home_leaves_the_children_of_its_original_alone(tmp_path: Path, change: str) -> None:
    """A moved home stops those of its killed `soccer up`: nothing is left where it was."""
    original, other = tmp_path / "original", tmp_path / "other"
    environ = os.environ | {"SOCCER_HOME": str(original)}
    children = Processes(original / "run")
    children.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], environ)
    try:
        (original.rename if change == "moved" else partial(shutil.copytree, original))(other)
        said: list[str] = []

        Processes(other / "run").stop_leftovers(said.append)

        assert len(said) == (change == "moved")
        if change == "moved":
            assert children._running["sleeper"].wait(600) != 0
        assert (children.exit_code("sleeper") is None) is (change == "copied")
    finally:
        children.stop()
