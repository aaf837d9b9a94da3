"""Logs of long-running children are rotated while the child keeps printing."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from soccer_assets.operations import processes
from soccer_assets.operations.processes import Processes

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
