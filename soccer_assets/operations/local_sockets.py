"""Sockets that only this user can reach: unix sockets in a folder of mode 0700, and the sidecar's port.

On a port of the loopback address every user of the machine could read and forge tasks, events and runs.
"""

import contextlib
import os
import re
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from soccer_assets.operations.processes import HOST

# The kernel's limit of a unix socket's path is 107 bytes; the longest name below takes 12.
_LONGEST_FOLDER = 90
# gRPC and Redis read a socket's path from a URL.
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
# Connections that wait while the sidecar is busy, or is started again.
_BACKLOG = 4096


class LocalSockets:
    """The folder of a home's unix sockets: in the home where the path allows it, else a temporary one."""

    def __init__(self, home: Path) -> None:
        """Create the folder; that of a killed `soccer up` is removed."""
        self._note = home / "run" / "sockets.path"
        with contextlib.suppress(OSError):
            _remove(Path(self._note.read_text()))
        folder = home / "run" / "sockets"
        self._is_temporary = not (
            len(os.fsencode(folder)) <= _LONGEST_FOLDER and _PLAIN.fullmatch(str(folder))
        )
        if self._is_temporary:
            folder = Path(tempfile.mkdtemp(prefix="soccer-", dir=_short_folder()))
            self._note.write_text(str(folder))
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder
        self.valkey = folder / "valkey.sock"
        self.code = folder / "code.sock"

    @property
    def redis_url(self) -> str:
        """The URL of Valkey's socket."""
        return f"unix://{quote(str(self.valkey))}?db=0"

    def remove(self) -> None:
        """Remove the sockets, and the folder where it is a temporary one."""
        for path in (self.valkey, self.code):
            path.unlink(missing_ok=True)
        if self._is_temporary:
            _remove(self.folder)
            self._note.unlink(missing_ok=True)


def listen(port: int, count: int) -> list[socket.socket]:
    """Sockets that listen on one port of the loopback address, one a worker: the kernel shares connections.

    They belong to the caller: while a server that uses them is started again, connections wait.
    """
    sockets = []
    for _ in range(count):
        listener = socket.socket()
        if count > 1:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
        sockets.append(listener)
    return sockets


def _short_folder() -> str:
    """A folder with a short path in which this user can make another: the user's runtime folder or /tmp."""
    for folder in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp
        is_short = len(os.fsencode(folder)) <= _LONGEST_FOLDER - len("/soccer-12345678")
        if folder and is_short and _PLAIN.fullmatch(folder) and os.access(folder, os.W_OK):
            return folder
    return "/tmp"  # noqa: S108 - mkdtemp makes a folder of its own there


def _remove(folder: Path) -> None:
    """Remove a temporary folder of ours, and nothing else."""
    with contextlib.suppress(OSError):
        found = folder.lstat()
        if folder.name.startswith("soccer-") and stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
