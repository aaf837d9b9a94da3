"""Child processes of a home: each in its own process group, stopped together, found again after a kill."""

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from soccer_assets.alerting.running_parts import (
    RunningPart,
    read_running_parts,
    remove_running_parts,
    write_running_parts,
)
from soccer_assets.operations.operation_error import OperationError

# All servers of a home listen on the loopback address only.
HOST = "127.0.0.1"

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 20.0
# A tenth of the weight of a process without it, where both want a core.
_BACKGROUND_NICENESS = 10
# Each process has a log and one rotated log: at most twice this.
_LARGEST_LOG_BYTES = 10_000_000
# Loaded before the fork: between fork and exec nothing may be imported.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class StartError(OperationError):
    """A process cannot start; the message says what to do."""


class Processes:
    """The children of one `soccer up`."""

    def __init__(self, folder: Path) -> None:
        """Logs and the list of those that run are in ``folder``."""
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def stop_leftovers(self, say: Callable[[str], object]) -> None:
        """Stop the children of an earlier `soccer up` on this home that was killed.

        A list that cannot be read is ignored: it is for children that hang, the others end with their parent.
        That of a copied home names the children of its original, which go on.
        """
        import psutil  # noqa: PLC0415 - not in the serving image, which needs the rest of this module

        for child in read_running_parts(self._folder):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process = psutil.Process(child.pid)
                is_it = abs(process.create_time() - child.created) < 1.0
                if is_it and self._is_of_this_home(process.environ()):
                    _stop_group(child.pid, lambda leftover=process: not leftover.is_running())  # type: ignore[misc]  # bound now
                    say(f"stopped {child.name}, left by a killed `soccer up`")
        remove_running_parts(self._folder)

    def start(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        fds: Sequence[int] = (),
        stdin: int | None = None,
        is_apart: bool = False,
        has_log: bool = True,
    ) -> None:
        """Start a child.

        Args:
            name: of its log.
            command: program and arguments.
            env: its whole environment.
            fds: file descriptors that it inherits.
            stdin: file descriptor of its standard input; nothing to read by default.
            is_apart: whether it survives us.
            has_log: whether its output goes to its log; else on ours.

        Raises:
            OSError: it cannot be started.
        """
        with self.log_of(name).open("ab") if has_log else contextlib.nullcontext() as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own programs
                list(command),
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=log,
                stderr=log and subprocess.STDOUT,
                env=dict(env),
                pass_fds=tuple(fds),
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the children in order
                preexec_fn=prepare_apart if is_apart else prepare_child,  # noqa: PLW1509 - one thread, two calls
            )
        self._write_pids()

    def _write_pids(self) -> None:
        import psutil  # noqa: PLC0415 - as above

        children = []
        for name, process in self._running.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                created = psutil.Process(process.pid).create_time()
                children.append(RunningPart(name, process.pid, created))
        write_running_parts(self._folder, children)

    def log_of(self, name: str) -> Path:
        """The log file of a child."""
        return self._folder / f"{name}.log"

    def log_tail(self, name: str) -> list[str]:
        """The last lines of a child's log; none where it cannot be read."""
        try:
            return self.log_of(name).read_text(errors="replace").strip().splitlines()[-8:]
        except OSError:
            return []

    def exit_code(self, name: str) -> int | None:
        """The exit code of a child, negative after a signal; None while it runs."""
        return self._running[name].poll()

    def pid(self, name: str) -> int | None:
        """The process id of a child that runs."""
        process = self._running.get(name)
        return process.pid if process is not None and process.returncode is None else None

    def kill_group(self, name: str) -> None:
        """Kill a child and all that it started, at once, and wait for its end."""
        process = self._running[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end_group(self, name: str) -> None:
        """End what a dead child left: its own children, which would hold its ports and files."""
        process = self._running[name]
        _stop_group(process.pid, lambda: process.poll() is not None)

    def forget(self, name: str) -> None:
        """Take a child that ended off the list."""
        del self._running[name]
        self._write_pids()

    def rotate_logs(self) -> None:
        """Rotate large logs; on a full disk they are only emptied."""
        for name in self._running:
            _rotate(self.log_of(name))

    def stop(self, but: Collection[str] = ()) -> None:
        """Stop all children but these, in reverse order of their start."""
        stopped = [process for name, process in self._running.items() if name not in but]
        for process in reversed(stopped):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(stopped):
            _stop_group(process.pid, lambda child=process: child.poll() is not None)  # type: ignore[misc]  # bound now
        self._running.clear()
        remove_running_parts(self._folder)

    def _is_of_this_home(self, environ: Mapping[str, str]) -> bool:
        """Whether a child was started for this home, or for where it was before it was moved."""
        home = Path(environ.get("SOCCER_HOME") or self._folder.parent)
        try:
            return home.samefile(self._folder.parent)
        except OSError:  # nothing is there any more
            return True


def _rotate(log: Path) -> None:
    """Rotate a large log by copy and truncate.

    A child keeps its file open in append mode, so its next line goes to the start of the emptied file (as
    with logrotate's ``copytruncate``; a line printed in between is lost).
    """
    with contextlib.suppress(OSError):  # a child that prints on our output has no log
        if log.stat().st_size > _LARGEST_LOG_BYTES:
            try:
                shutil.copyfile(log, log.with_suffix(".log.1"))
            finally:
                os.truncate(log, 0)


def port_fault(port: int, host: str = HOST) -> str:
    """Why no server can listen on this port, with what to do first; empty if one can."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is in use; stop that program"
        return f"port {port} of {host} cannot be listened on ({error.strerror or error}); allow it"
    return ""


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


def prepare_run() -> None:
    """Kill the process of a run with its worker, which alone knows whether the run is still its own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _prctl:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def prepare_background_run() -> None:
    """As `prepare_run`, and a run that somebody waits for gets the cores first."""
    prepare_run()
    os.nice(_BACKGROUND_NICENESS)


def prepare_apart() -> None:
    """Restore SIGINT for a child that survives us."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
