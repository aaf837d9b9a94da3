"""The sidecar's process: ``python -m serving.server [--keep-alive 75] [--listen-fds 5,6] OPTIONS``.

The options are granian's, beside those that every sidecar has, in a home as in a container.

Granian opens its own sockets, which close when it is killed: clients are refused until the next one listens.
`soccer up` opens one socket a worker itself and passes them down. Connections then wait in the kernel while
a killed worker or server is started again, and each worker keeps its share of them.

A worker whose event loop stands still, which would keep its share of the connections, is killed and replaced.

The application is imported before the workers are forked: once, not once a worker, so three workers answer
0.6 s earlier on two cores, and share its memory.
"""

import contextlib
import functools
import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from granian import _granian, cli  # the first is private; the tests kill servers on inherited sockets
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from soccer_assets.garbage import uncollected

with uncollected():
    from serving import app, heartbeats

# Granian's types are incomplete.
_cli: Any = cli
_socket_holder: Any = _granian.SocketHolder

# As `soccer up` and `soccer serve` name the folder.
_METRICS_IN_MEMORY = "/dev/shm/soccer-"  # noqa: S108 - it is this user's alone
_LISTEN_FDS = "--listen-fds"
_KEEP_ALIVE = "--keep-alive"
_OPTIONS = (
    *("--interface", "asgi", "--no-ws", "--respawn-failed-workers"),
    # With the defaults, 1,024 idle connections lock out all other clients.
    *("--backlog", "4096", "--backpressure", "65536"),
    # A stopping worker has 20 s to finish its requests; then it is killed.
    *("--workers-kill-timeout", "20"),
)
# A socket that is passed down listens already, with the backlog of who opened it.
_NO_BACKLOG = 0

# For a module's name granian would look in the working folder, and put that on the import path.
TARGET = f"{Path(app.__file__).resolve()}:create_app"
WORKING_FOLDER = str(Path(app.__file__).resolve().parents[1])


_log = logging.getLogger("_granian")


class MindedServer(MPServer):
    """Granian's server, which replaces a worker that hangs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heartbeats = heartbeats.Heartbeats(self.workers)

    def startup(self, *args: Any, **kwargs: Any) -> None:
        """Start the workers, and look after them."""
        start: Any = super().startup
        start(*args, **kwargs)
        threading.Thread(target=self._mind, daemon=True).start()

    def _spawn_worker(self, idx: Any, *args: Any, **kwargs: Any) -> Any:
        heartbeats.beat = functools.partial(self._heartbeats.beat, idx)  # the worker is a fork
        return super()._spawn_worker(idx, *args, **kwargs)

    def _mind(self) -> None:
        lookout = heartbeats.HangLookout(self._heartbeats)
        while not self.interrupt_signal:
            time.sleep(heartbeats.LOOK_SECONDS)
            running: list[Any] = list(self.wrks)
            workers = {worker.idx: worker.inner.pid for worker in running}
            for pid in lookout.hung([workers.get(place) for place in range(self.workers)]):
                _log.error("worker with pid %s hangs; it is killed and replaced", pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class InheritedSocketServer(MindedServer):
    """The server on sockets that its parent opened, one for each worker."""

    def __init__(self, *args: Any, fds: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._holders = [_socket_holder(fd, False, _NO_BACKLOG) for fd in fds]

    def _init_shared_socket(self) -> None:
        self._ssp = self._sso = None

    def _spawn_worker(self, idx: Any, target: Any, callback_loader: Any, socket_loader: Any = None) -> Any:
        del socket_loader  # only the abstract class has it
        self._shd: Any = self._holders[idx]
        return super()._spawn_worker(idx=idx, target=target, callback_loader=callback_loader)


def _keep_connections(seconds: float) -> None:
    """Close idle connections after this time; granian's command line takes no more than 60 s.

    A load balancer that keeps them longer than its server would send requests into closed ones. The time also
    bounds the head of a request, from the connection's last answer on.
    """

    def settings(**options: Any) -> HTTP1Settings:
        return HTTP1Settings(**options | {"header_read_timeout": int(1000 * seconds)})

    _cli.HTTP1Settings = settings


def main() -> None:
    """Run granian's command line with the options that it lacks."""
    arguments = sys.argv[1:]
    if arguments[:1] == [_KEEP_ALIVE]:
        _keep_connections(float(arguments[1]))
        arguments = arguments[2:]
    _cli.Server = MindedServer
    if arguments[:1] == [_LISTEN_FDS]:
        fds = [int(fd) for fd in arguments[1].split(",")]
        for fd in fds:
            os.set_inheritable(fd, False)  # for the workers, which are forks, not for what they start
        arguments = arguments[2:]
        _cli.Server = lambda *args, **kwargs: InheritedSocketServer(*args, fds=fds, **kwargs)
    application = ("--factory", TARGET, "--working-dir", WORKING_FOLDER)
    sys.argv = [sys.argv[0], *_OPTIONS, *application, *arguments]
    try:
        _cli.entrypoint()
    finally:
        _remove_metrics()


def _remove_metrics() -> None:
    """Remove the workers' metrics where they lie in memory: nothing else would before the next start."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if folder.startswith(_METRICS_IN_MEMORY):
        shutil.rmtree(folder, ignore_errors=True)
