"""Whether a part of `soccer up` answers, not only runs: asked in a thread for each part.

Misses are counted, not seconds: a machine that slept wakes up with `soccer up` and all its parts.
"""

import contextlib
import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from soccer_assets.loopback import certificates

PROBE_SECONDS = 10.0
# With 10 s between two questions and up to 10 s for each: 1 to 2 minutes without an answer.
MOST_MISSES = 6
# Of what gives a sign of life every 30 s, where others do at each question.
MOST_MISSES_OF_BEATS = 18
# From its start to its first answer: 5 minutes on a machine that does much else.
MOST_MISSES_AT_START = 30

_ANSWER_SECONDS = 10.0


class Liveness:
    """Counts the questions in a row that a part did not answer."""

    def __init__(self, most_misses: int) -> None:
        """A part hangs after this many misses in a row; before its first answer it has longer."""
        self._most_misses = most_misses
        self.restart()

    def restart(self) -> None:
        """The part is started again."""
        self._misses = 0
        self._has_answered = False

    def note(self, *, answers: bool) -> None:
        """Note one question."""
        self._has_answered |= answers
        self._misses = 0 if answers else self._misses + 1

    @property
    def answers(self) -> bool:
        """Whether it answered the last question."""
        return self._has_answered and not self._misses

    @property
    def hangs(self) -> bool:
        """Whether it has not answered for too long."""
        bound = self._most_misses if self._has_answered else max(MOST_MISSES_AT_START, self._most_misses)
        return self._misses >= bound


class Prober:
    """Asks in a thread of its own until it is stopped; a question may hang as long as it likes."""

    def __init__(self, ask: Callable[[], bool], liveness: Liveness, seconds: float) -> None:
        self._ask = ask
        self._liveness = liveness
        self._seconds = seconds
        self._is_over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Ask no more."""
        self._is_over.set()

    def _run(self) -> None:
        while not self._is_over.wait(self._seconds):
            self._liveness.note(answers=self._ask())


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped (SIGSTOP), and so does nothing until somebody lets it go on."""
    with contextlib.suppress(OSError, IndexError):
        # The name before the state is in parentheses, and may hold any character.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"T"
    return False


def answers_http(url: str) -> bool:
    """Whether a server of this machine answers, whatever its answer is."""
    try:
        httpx.get(url, timeout=_ANSWER_SECONDS, trust_env=False, verify=certificates(url))
    except httpx.HTTPError:
        return False
    return True


def answers_redis(path: Path) -> bool:
    """Whether the server on a unix socket answers a PING, also with an error such as that it is loading."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_ANSWER_SECONDS)
        try:
            client.connect(os.fspath(path))
            client.sendall(b"PING\r\n")
            return bool(client.recv(1))
        except OSError:
            return False


class Changes:
    """Whether a sign of life is another one than at the last question."""

    def __init__(self, read: Callable[[], object]) -> None:
        self._read = read
        self._last: object = None

    def __call__(self) -> bool:
        """Whether it changed; one that cannot be read now is not counted as a miss."""
        try:
            found = self._read()
        except (OSError, sqlite3.Error):
            return True
        last, self._last = self._last, found
        return last not in (None, found)  # the first one may be of an earlier start


def daemon_beats(instance_folder: Path) -> list[object]:
    """The heartbeats of Dagster's daemon, as it writes them."""
    file = instance_folder / "history" / "runs.db"
    with contextlib.closing(
        sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=_ANSWER_SECONDS)
    ) as rows:
        return list(rows.execute("SELECT daemon_type, timestamp FROM daemon_heartbeats ORDER BY daemon_type"))
