"""A file in memory by which two processes share a large body, so that neither pickles it.

A body of 31 MB in a call to the child process is pickled in one piece: no look-up is answered for 22 ms. Here
it is written part by part, and this process never holds it whole.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from serving.errors import ServingError


class FileGoneError(ServingError):
    """The file was closed, because nobody waits for its content any more."""


class SharedFile(msgspec.Struct, frozen=True):
    """How another process of this user finds a `MemoryFile` while it is open.

    Attributes:
        path: of the file; once it is closed it may lead to any other.
        inode: tells them apart.
    """

    path: str
    inode: int

    def read(self) -> bytes:
        """The content.

        Raises:
            FileGoneError: it was closed.
        """
        with self._opened() as fd:
            return _read(fd)

    def replace(self, content: bytes) -> None:
        """Write other content in its place; errors as `read`."""
        with self._opened() as fd:
            os.ftruncate(fd, 0)
            _write(fd, content)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise FileGoneError(str(error)) from error
        try:
            if os.fstat(fd).st_ino != self.inode:
                raise FileGoneError(self.path)
            yield fd
        finally:
            os.close(fd)


class MemoryFile:
    """A file that is gone when it is closed."""

    def __init__(self) -> None:
        self._named = ""
        if hasattr(os, "memfd_create"):
            self._fd = os.memfd_create("soccer-body", os.MFD_CLOEXEC)
        else:  # not Linux
            self._fd, self._named = tempfile.mkstemp(prefix="soccer-body-")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        os.close(self._fd)
        if self._named:
            Path(self._named).unlink()

    @property
    def shared(self) -> SharedFile:
        """Its place, for the child process."""
        path = self._named or f"/proc/{os.getpid()}/fd/{self._fd}"
        return SharedFile(path, os.fstat(self._fd).st_ino)

    def write(self, part: bytes) -> None:
        """Append a part."""
        _write(self._fd, part)

    def read(self) -> bytes:
        """The content, also if the child process has replaced it."""
        return _read(self._fd)


def _write(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _read(fd: int) -> bytes:
    """All of it from its beginning; one call takes it, unless a signal comes in between."""
    parts, place, size = [], 0, os.fstat(fd).st_size
    while place < size and (part := os.pread(fd, size - place, place)):
        parts.append(part)
        place += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
