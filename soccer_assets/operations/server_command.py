"""How the sidecar is started: the server's command, what several workers share, the task worker beside it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from soccer_assets.operations.processes import prepare_child
from soccer_assets.settings import Settings

# Without them 1,024 clients that hold a connection and ask nothing keep all others out. A client has ten
# seconds for the head of a request.
_CONNECTIONS = ("--backlog", "4096", "--backpressure", "65536", "--http1-header-read-timeout", "10000")

# A worker answers what is in flight, for as long as this: then it is ended.
_STOP = ("--workers-kill-timeout", "20")

# How often it is looked whether the task worker still runs: it is started again no faster than that.
_LOOK_SECONDS = 2.0


def sidecar_command(settings: Settings, host: str) -> list[str]:
    """The command that serves on the settings' port with their workers."""
    granian = ["-m", "granian", "--interface", "asgi", "--factory", "serving.app:create_app", "--host", host]
    workers = ["--port", str(settings.serving_port), "--workers", str(settings.serving_workers)]
    return [sys.executable, *granian, *workers, "--no-ws", *_CONNECTIONS, *_STOP]


def shared_metrics(settings: Settings) -> dict[str, str]:
    """Where several workers add up their metrics: a folder, empty at the start; none for one worker."""
    if settings.serving_workers == 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return {}
    folder = settings.home / "cache" / f"metrics-{settings.serving_port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}


def task_worker_command() -> list[str]:
    """The command that scores what `POST /predict/async/` took in."""
    return [sys.executable, "-m", "serving.worker"]


def serve_with_task_worker(command: Sequence[str]) -> int:
    """Run the server to its end and the task worker beside it, started again where it dies.

    SIGTERM and SIGINT go to the server, which finishes what is in flight; then the worker is ended: its task
    goes on with the next one. Both end with this process. Returns the server's exit code.
    """
    server = _child(command)

    def pass_on(number: int, _: FrameType | None) -> None:
        server.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    worker = _child(task_worker_command())
    while True:
        try:
            code = server.wait(_LOOK_SECONDS)
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
