"""Starts the sidecar: the server's command, the metrics folder of several workers, the task worker."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from soccer_assets.operations.processes import prepare_child
from soccer_assets.settings import Settings

# A file system in memory, on Linux. A worker's metrics take less than 1 MB; a container has 64 MB.
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it is the user's alone
_LEAST_MEMORY_BYTES = 16_000_000

# Interval of the check that the task worker is running, and the shortest time between two restarts.
_CHECK_SECONDS = 2.0


def sidecar_command(settings: Settings, host: str, fds: Sequence[int] = ()) -> list[str]:
    """The server's command with the port and workers of the settings.

    Args:
        settings: of the home.
        host: address to listen on.
        fds: one socket a worker that listens already, for a server whose connections survive it.
    """
    keep_alive = ["--keep-alive", str(settings.keep_alive_seconds)]
    inherited = ["--listen-fds", ",".join(map(str, fds))] if fds else []
    address = ["--host", host, "--port", str(settings.serving_port)]
    options = [*address, "--workers", str(settings.serving_workers)]
    return [sys.executable, "-P", "-m", "serving.server", *keep_alive, *inherited, *options]


def shared_metrics(settings: Settings) -> dict[str, str]:
    """The environment by which several workers share metrics: an emptied folder; nothing for one worker.

    The folder is in memory where the system has such a one: workers map its files, and a page that a full
    disk cannot hold ends the process that writes it, with SIGBUS. The server removes it when it stops.
    """
    if settings.serving_workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return {}
    name = f"metrics-{settings.serving_port}"
    folder = _in_memory(settings.home, name) or settings.home / "cache" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def _in_memory(home: Path, name: str) -> Path | None:
    """A folder of this home and user in memory; None without room, or where another user took the name."""
    digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:16]
    folder = _MEMORY / f"soccer-{os.getuid()}-{digest}-{name}"
    try:
        if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _LEAST_MEMORY_BYTES:
            return None
        found = folder.lstat()
    except FileNotFoundError:
        return folder if _MEMORY.is_dir() else None
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if is_ours else None


def task_worker_command() -> list[str]:
    """The command of the worker that scores the tasks of `POST /predict/async/`."""
    return [sys.executable, "-P", "-m", "serving.worker"]


def serve_with_task_worker(command: Sequence[str]) -> int:
    """Run the server until it ends, and beside it the task worker, restarted when it dies.

    SIGTERM and SIGINT are forwarded to the server, which finishes its requests. Then the worker is
    terminated; another worker resumes its task. Both end with this process. Returns the server's exit code.
    """
    server = _child(command)

    def forward(number: int, _: FrameType | None) -> None:
        server.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    worker = _child(task_worker_command())
    while True:
        try:
            code = server.wait(_CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            if worker.poll() is not None:
                worker = _child(task_worker_command())
        else:
            worker.terminate()
            worker.wait()
            return code


def _child(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own programs
        list(command),
        start_new_session=True,  # Ctrl-C reaches us alone
        preexec_fn=prepare_child,  # noqa: PLW1509 - one thread, two calls
    )
