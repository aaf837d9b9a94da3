"""Which parts hang, asked of real processes and servers."""

import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from soccer_assets.operations.liveness import (
    MOST_MISSES,
    MOST_MISSES_AT_START,
    Changes,
    Liveness,
    answers_http,
    answers_redis,
    daemon_beats,
    is_stopped,
)
from soccer_assets.operations.processes import free_port


def test_a_part_hangs_after_misses_in_a_row_and_longer_at_its_start() -> None:
    """One answer begins the count anew; so does a new start."""
    liveness = Liveness(MOST_MISSES)
    for _ in range(MOST_MISSES_AT_START - 1):
        liveness.note(answers=False)
    assert not liveness.hangs
    liveness.note(answers=False)
    assert liveness.hangs

    for _ in range(3):
        liveness.note(answers=True)
        assert liveness.answers
        for _ in range(MOST_MISSES - 1):
            liveness.note(answers=False)
        assert not liveness.hangs
        assert not liveness.answers
    liveness.note(answers=False)
    assert liveness.hangs
    liveness.restart()
    assert not liveness.hangs
    assert not liveness.answers


def test_a_stopped_process_is_seen() -> None:
    """SIGSTOP is no end: only the kernel's state tells."""
    with subprocess.Popen(
        [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"]
    ) as process:
        wait = threading.Event()
        while not is_stopped(process.pid):
            wait.wait(0.01)
        process.kill()
        process.wait()
    assert not is_stopped(process.pid)


@pytest.mark.parametrize("answer", [b"+PONG\r\n", b"-LOADING the dataset\r\n", b""])
def test_a_redis_that_says_anything_answers(tmp_path: Path, answer: bytes) -> None:
    """One that loads its file is busy, not hung; one that closes the connection says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert answers_redis(tmp_path / "s") == bool(answer)
        thread.join()
    assert not answers_redis(tmp_path / "none")


def test_a_port_where_nobody_listens_does_not_answer() -> None:
    """Whatever a proxy in the environment says."""
    assert not answers_http(f"http://127.0.0.1:{free_port()}/")


def test_a_sign_that_changes_is_an_answer_and_one_that_cannot_be_read_is_no_miss(tmp_path: Path) -> None:
    """The first one may be of an earlier start."""
    signs: list[object] = [1, 1, 2, 2, 3]
    changes = Changes(lambda: signs.pop(0))
    unreadable = Changes((tmp_path / "none").stat)

    assert [changes() for _ in range(5)] == [False, False, True, False, True]
    assert unreadable()
    assert Changes(lambda: daemon_beats(tmp_path))()


def test_heartbeats_are_read_where_dagster_writes_them(tmp_path: Path) -> None:
    """Of a real instance; a heartbeat changes them."""
    import dagster as dg  # noqa: PLC0415 - takes a second
    from dagster._daemon.types import DaemonHeartbeat  # noqa: PLC0415

    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        beats = Changes(lambda: daemon_beats(tmp_path))
        seen = []
        for second in (1.0, 1.0, 2.0):
            instance.add_daemon_heartbeat(DaemonHeartbeat(second, "SENSOR", "one", []))
            seen.append(beats())

    assert seen == [False, False, True]
    assert issubclass(sqlite3.OperationalError, sqlite3.Error)
