"""Removes what a test session leaves behind: processes, wherever they stand, and temporary files.

`guarded` names the session in the environment, which every process started below it inherits, gives it a
folder for temporary files, and starts this module as a process that outlives the session: one that was
killed leaves nothing either.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SESSION = "TESTS_SESSION"


@contextmanager
def guarded(grace_seconds: float = 20.0) -> Iterator[Path]:
    """End what was started within the block when it is over; gives the folder of its temporary files.

    A process is asked to end first, so that a server removes what it holds in memory, and killed after
    ``grace_seconds``.
    """
    folder = Path(tempfile.mkdtemp(prefix="tests-"))
    folder.chmod(0o711)  # PostgreSQL, as another user, enters it
    its_end, ours = os.pipe()
    # Its environment does not name the session.
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-S", "-E", __file__, str(folder), str(grace_seconds)],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, its_end, 0)],
        setsid=True,
    )
    os.close(its_end)
    before = {name: os.environ.get(name) for name in (SESSION, "TMPDIR")}
    os.environ |= {SESSION: folder.name, "TMPDIR": str(folder)}
    tempfile.tempdir = None  # so that it is asked for again
    try:
        yield folder
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        tempfile.tempdir = None
        os.close(ours)


def processes_of(session: str) -> list[int]:
    """The running processes of a session; those of other users are not seen."""
    mark = f"{SESSION}={session}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _reap(folder: Path, grace_seconds: float) -> None:
    """Ask the processes of a session to end, kill those that do not, and remove its folder."""
    deadline = time.monotonic() + grace_seconds
    asked: set[int] = set()
    while remaining := processes_of(folder.name):
        is_over = time.monotonic() > deadline
        for pid in remaining:
            if is_over or pid not in asked:
                asked.add(pid)
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL if is_over else signal.SIGTERM)
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # until the session is over
    _reap(Path(sys.argv[1]), float(sys.argv[2]))
