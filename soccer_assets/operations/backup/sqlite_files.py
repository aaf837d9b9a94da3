"""Copies of SQLite files that are in use.

A file with a write-ahead log is pinned: an open read transaction keeps its state while others go on writing,
so that copying gigabytes holds nobody up. Any other is copied when it is pinned: its readers block writers.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from soccer_assets.operations.backup.archive import BackupError

_BUSY_SECONDS = 30.0
_PAGES_PER_STEP = 25_000  # 100 MB


class PinnedFile:
    """The state of a SQLite file at one instant."""

    def __init__(self, source: Path, target: Path) -> None:
        """Pin ``source``, to be copied to ``target``.

        Raises:
            BackupError: the file cannot be read.
        """
        self._source, self._target = source, target
        with _readable(source):
            self._connection = _open(source)
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            mode = self._connection.execute("PRAGMA journal_mode").fetchone()[0]
            self._is_copied = mode != "wal"
            if self._is_copied:
                self._copy(lambda _done, _total: None)
                self._connection.execute("COMMIT")

    def finish(self, report: Callable[[int, int], None]) -> None:
        """Write the copy and check that it is sound.

        Args:
            report: is told pages done and pages in all.

        Raises:
            BackupError: the file is damaged.
        """
        with _readable(self._source):
            if not self._is_copied:
                self._copy(report)
            check_file(self._target)

    def close(self) -> None:
        """Let the state go."""
        self._connection.close()

    def _copy(self, report: Callable[[int, int], None]) -> None:
        self._target.unlink(missing_ok=True)  # of an attempt that was repeated
        self._target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._target)) as target:
            self._connection.backup(
                target,
                pages=_PAGES_PER_STEP,
                progress=lambda _status, left, total: report(total - left, total),
            )


def copy_file(source: Path, target: Path) -> None:
    """Copy a file of which any recent state will do.

    Raises:
        BackupError: the file is damaged.
    """
    pinned = PinnedFile(source, target)
    try:
        pinned.finish(lambda _done, _total: None)
    finally:
        pinned.close()


def check_file(file: Path) -> None:
    """Check a SQLite file.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    with contextlib.closing(_open(file)) as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _open(file: Path) -> sqlite3.Connection:
    url = f"file:{quote(str(file))}?mode=rw"  # rw: a log must be read too, and nothing is created
    return sqlite3.connect(url, _BUSY_SECONDS, isolation_level=None, uri=True)


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise BackupError(f"nothing was backed up: no space is left for the copy of {file}") from error
        raise BackupError(
            f"{file} cannot be copied ({error}); restore the newest backup, or see `soccer doctor`"
        ) from error
