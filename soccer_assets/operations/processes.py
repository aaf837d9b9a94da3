"""Child processes of a home: each in its own process group, stopped together, found again after a kill."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from soccer_assets.operations.operation_error import OperationError

# All servers of a home listen on the loopback address only.
HOST = "127.0.0.1"

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 20.0
# Each process has a log and one rotated log: at most twice this.
_LARGEST_LOG_BYTES = 10_000_000
# Loaded before the fork: between fork and exec nothing may be imported.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class StartError(OperationError):
    """A process cannot start; the message says what to do."""


class Child(msgspec.Struct, frozen=True):
    """A child in the pid file; after a reboot its pid may be another program's, its start time is not."""

    name: str
    pid: int
    created: float


class Processes:
    """The children of one `soccer up`."""

    def __init__(self, folder: Path) -> None:
        """Logs and the pid file are in ``folder``."""
        self._folder = folder
        self._pid_file = folder / "children.json"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def stop_leftovers(self) -> list[str]:
        """Stop the children of an earlier `soccer up` on this home that was killed."""
        if not self._pid_file.is_file():
            return []
        import psutil  # noqa: PLC0415 - not in the serving image, which needs the rest of this module

        stopped = []
        for child in msgspec.json.decode(self._pid_file.read_bytes(), type=list[Child]):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.pid)
                if abs(process.create_time() - child.created) < 1.0:
                    _stop_group(child.pid, lambda leftover=process: not leftover.is_running())  # type: ignore[misc]  # bound now
                    stopped.append(child.name)
        self._pid_file.unlink()
        return stopped

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start a child that keeps running; its output goes to its log."""
        with self.log_of(name).open("ab") as log:
            self._spawn(name, command, env, log)

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> int:
        """Run a child until it ends, with its output on ours; returns its exit code."""
        process = self._spawn(name, command, env, None)
        code = process.wait()
        del self._running[name]
        return code

    def _spawn(
        self, name: str, command: Sequence[str], env: Mapping[str, str], output: IO[bytes] | None
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output and subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in order
            preexec_fn=prepare_child,  # noqa: PLW1509 - one thread, two calls
        )
        self._running[name] = process
        import psutil  # noqa: PLC0415 - as above

        children = [
            Child(child, running.pid, psutil.Process(running.pid).create_time())
            for child, running in self._running.items()
            if running.poll() is None
        ]
        self._pid_file.write_bytes(msgspec.json.encode(children))
        return process

    def log_of(self, name: str) -> Path:
        """The log file of a child."""
        return self._folder / f"{name}.log"

    def wait_until(self, name: str, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a child is ready.

        Raises:
            StartError: it ended, or was not ready in time; the message contains the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise StartError(f"{name} did not answer within {seconds:.0f} s; see {self.log_of(name)}")
            time.sleep(0.1)

    def check(self) -> None:
        """Check that all children are running, and rotate large logs.

        Raises:
            StartError: a child ended by itself.
        """
        for name, process in self._running.items():
            _rotate(self.log_of(name))
            if process.poll() is not None:
                tail = self.log_of(name).read_text(errors="replace").strip().splitlines()[-8:]
                raise StartError(
                    f"{name} ended with exit code {process.returncode}; see {self.log_of(name)}\n"
                    + "\n".join(f"  | {line}" for line in tail)
                )

    def stop(self) -> None:
        """Stop all children, in reverse order of their start."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self._running.values()):
            _stop_group(process.pid, lambda child=process: child.poll() is not None)  # type: ignore[misc]  # bound now
        self._running.clear()
        self._pid_file.unlink(missing_ok=True)


def _rotate(log: Path) -> None:
    """Rotate a large log by copy and truncate.

    A child keeps its file open in append mode, so its next line goes to the start of the emptied file (as
    with logrotate's ``copytruncate``; a line printed in between is lost).
    """
    with contextlib.suppress(FileNotFoundError):  # a child of `run` prints on our output and has no log
        if log.stat().st_size > _LARGEST_LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def is_port_free(port: int) -> bool:
    """Whether no program listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _stop_group(group: int, has_ended: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while not has_ended() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)  # grandchildren too, if any are left


def prepare_child() -> None:
    """End the child with its parent, and restore SIGINT: background shells ignore it, and Dagster uses it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _prctl:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
