"""Child processes: started in groups of their own, stopped together, and found again after a kill."""

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

# Everything of a home listens here and nowhere else.
HOST = "127.0.0.1"

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 20.0
# A log and the one before it: at most twice this a process.
_LARGEST_LOG_BYTES = 10_000_000
# Bound before the fork: between fork and exec nothing may be imported.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class StartError(OperationError):
    """Something cannot start; the message says what to do."""


class Child(msgspec.Struct, frozen=True):
    """A running child, as the pid file remembers it: a pid alone may belong to a stranger after a reboot."""

    name: str
    pid: int
    created: float


class Processes:
    """The children of one `soccer up`."""

    def __init__(self, folder: Path) -> None:
        """Keep logs and the pid file in ``folder``."""
        self._folder = folder
        self._pid_file = folder / "children.json"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def stop_leftovers(self) -> list[str]:
        """Stop what an earlier `soccer up` on this home left running when it was killed."""
        if not self._pid_file.is_file():
            return []
        import psutil  # noqa: PLC0415 - the serving image has none, and needs the rest of this module

        stopped = []
        for child in msgspec.json.decode(self._pid_file.read_bytes(), type=list[Child]):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.pid)
                if abs(process.create_time() - child.created) < 1.0:
                    _stop_group(child.pid, lambda one=process: not one.is_running())  # type: ignore[misc]  # bound now
                    stopped.append(child.name)
        self._pid_file.unlink()
        return stopped

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start a child that stays; what it prints goes to its log."""
        with self.log_of(name).open("ab") as log:
            self._spawn(name, command, env, log)

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> int:
        """Run a child to its end, its output on ours; returns its exit code."""
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
            Child(one, running.pid, psutil.Process(running.pid).create_time())
            for one, running in self._running.items()
            if running.poll() is None
        ]
        self._pid_file.write_bytes(msgspec.json.encode(children))
        return process

    def log_of(self, name: str) -> Path:
        """Where a child's output lies."""
        return self._folder / f"{name}.log"

    def wait_until(self, name: str, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a child answers.

        Raises:
            StartError: it ended, or did not answer in time; the message holds the end of its log.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise StartError(f"{name} did not answer within {seconds:.0f} s; see {self.log_of(name)}")
            time.sleep(0.1)

    def check(self) -> None:
        """Look after all children, and turn over logs that have grown large.

        Raises:
            StartError: one of them ended by itself.
        """
        for name, process in self._running.items():
            _turn_over(self.log_of(name))
            if process.poll() is not None:
                tail = self.log_of(name).read_text(errors="replace").strip().splitlines()[-8:]
                raise StartError(
                    f"{name} ended with exit code {process.returncode}; see {self.log_of(name)}\n"
                    + "\n".join(f"  | {line}" for line in tail)
                )

    def stop(self) -> None:
        """Stop all children, the last started first."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self._running.values()):
            _stop_group(process.pid, lambda one=process: one.poll() is not None)  # type: ignore[misc]  # bound now
        self._running.clear()
        self._pid_file.unlink(missing_ok=True)


def _turn_over(log: Path) -> None:
    """Keep a log that has grown large as the one before, and let it begin anew.

    A child cannot be told to open another file, but it appends: what it prints next goes to the start of the
    emptied one (logrotate's ``copytruncate``; a line printed in between is lost).
    """
    with contextlib.suppress(FileNotFoundError):  # a child that runs to its end prints on ours
        if log.stat().st_size > _LARGEST_LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def is_port_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine's loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _stop_group(group: int, is_gone: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while not is_gone() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)  # grandchildren too, if any are left


def prepare_child() -> None:
    """End with the parent, and heed SIGINT, which background shells ignore and Dagster's SIGTERM becomes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _prctl:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
