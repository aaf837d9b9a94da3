"""A session of tests that was killed leaves neither processes nor files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.leftovers import SESSION, guarded, processes_of
from tests.serving.processes import wait_until

# Starts a process in a session of its own, as a server of the tests is, whose child is another; is killed.
KILLED = """
import os, signal, subprocess, sys, tempfile, time
from tests.leftovers import guarded
sleeper = "import time; print('up', flush=True); time.sleep(3600)"
server = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {sleeper!r}])"
with guarded() as folder:
    started = subprocess.Popen(
        [sys.executable, "-c", server], stdout=subprocess.PIPE, start_new_session=True
    )
    started.stdout.readline()
    tempfile.mkdtemp()
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_session_leaves_neither_processes_nor_files() -> None:
    """What it started, in whatever session, ends; its folder of temporary files is removed."""
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False, capture_output=True, text=True)
    folder = Path(killed.stdout.strip())

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert folder.name.startswith("tests-")
    wait_until(lambda: not folder.exists())
    assert processes_of(folder.name) == []


def test_a_session_ends_what_ignores_the_request_to_end() -> None:
    """A process that takes no SIGTERM is killed; the environment is as before."""
    before = dict(os.environ)
    stubborn = "import signal as s; s.signal(s.SIGTERM, s.SIG_IGN); print('up', flush=True); s.pause()"
    with guarded(grace_seconds=0.5) as folder:
        command = [sys.executable, "-c", stubborn]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        assert processes_of(folder.name) == [child.pid]

    assert os.environ == before
    assert SESSION in os.environ  # of these tests themselves
    with child:
        assert child.wait() == -signal.SIGKILL
    wait_until(lambda: not folder.exists())
