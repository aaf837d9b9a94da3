"""What a home needs before anything can run: folders that can be written, and database files that are whole.

Each fault is one sentence with the way back. `soccer up` refuses to start with one, `soccer doctor` lists
all, and every other command ends with it in place of a traceback.
"""

import contextlib
import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.alerting_error import AlertingError
from soccer_assets.feeds.protocol import FeedError
from soccer_assets.operations.operation_error import OperationError
from soccer_assets.resources.database_faults import DatabaseUnavailableError
from soccer_assets.resources.resource_error import ResourceError
from soccer_assets.settings import SettingError, Settings
from soccer_assets.stores.store_error import StoreError
from soccer_assets.webserver.webserver_error import WebserverError

# SQLite's answers to a file that it did not write, or that somebody else wrote into.
_DAMAGED = ("malformed", "not a database", "encrypted", "disk i/o error", "unsupported file format")
_BUSY_SECONDS = 5.0
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}
# A folder in the place of a file, a file in the place of a folder, a link to nothing or in a circle.
_OF_ANOTHER_KIND = {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP}
_REPLACED = "move it aside, and restore it from a backup if it held anything"
# Errors whose message is one sentence that says what to do.
_SENTENCES = (
    *(ResourceError, SettingError, StoreError, OperationError),
    *(FeedError, AlertingError, WebserverError),
)
_BLOCK = 4096
_BOTH = os.R_OK | os.W_OK


class HomeFault(msgspec.Struct, frozen=True):
    """A part of the home that cannot be used.

    Attributes:
        subject: ``home``, ``database``, ``dagster`` or ``mlflow``.
        text: what is wrong, with the file.
        remedy: the way back.
    """

    subject: str
    text: str
    remedy: str

    @property
    def sentence(self) -> str:
        """Fault and way back."""
        return f"{self.text}; {self.remedy}"


class _DatabaseFile(msgspec.Struct, frozen=True):
    """A SQLite file of a home, and what to do without it."""

    subject: str
    file: Path
    remedy: str


def home_faults(settings: Settings, *, is_thorough: bool = False) -> Iterator[HomeFault]:
    """The home's folders that cannot be written, then its database files that are damaged.

    Args:
        settings: of the home; databases on a server are not looked at.
        is_thorough: read every page of the databases (about 1 s for 500 MB), not only the schema.
    """
    if (fault := _unwritable(settings)) is not None:
        yield fault
        return  # SQLite writes beside a file even to read it
    for database in _database_files(settings):
        if (closed := _closed_file(database.file)) is not None:
            yield HomeFault(
                database.subject,
                f"{closed} cannot be read and written (its permissions, or a disk that is read-only)",
                "make it a file that the user who runs `soccer` may read and write",
            )
            continue
        reason = _damage(database.file, is_thorough=is_thorough)
        if reason:
            yield HomeFault(
                database.subject,
                f"{database.file} cannot be read ({reason})",
                f"stop `soccer up`, {database.remedy}",
            )


def _unwritable(settings: Settings) -> HomeFault | None:
    """The first of the home's folders in which no file can be made; a new home's is its nearest parent."""
    home = settings.home
    if not home.exists():
        parent = next(folder for folder in home.parents if folder.exists())
        folders = [parent]
    else:
        folders = [folder for folder in (home, *_folders(home)) if folder.is_dir()] or [home]
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(_BLOCK))  # an empty file fits on a full disk
        except OSError as error:
            return HomeFault("home", _reason_of(folder, error), _remedy_of(error))
    return None


def _folders(home: Path) -> Iterator[Path]:
    for name in (
        "run",
        "tmp",
        "cache",
        "valkey",
        "dagster",
        "dagster/history",
        "dagster/schedules",
        "mlflow",
    ):
        yield home / name
    yield home / "store"
    yield from sorted((home / "store").glob("*/"))


def _reason_of(folder: Path, error: OSError) -> str:
    what = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the user's share of the disk is used up"}
    return f"{folder} cannot be written ({what.get(error.errno or 0, error.strerror or str(error))})"


def _remedy_of(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "free space on it; nothing that is stored was changed, and what waits continues by itself"
    return "make it writable for the user who runs `soccer`, or set SOCCER_HOME to another folder"


def _database_files(settings: Settings) -> Iterator[_DatabaseFile]:
    matches = _file_of(settings.database_url)
    if matches is not None:
        yield _DatabaseFile(
            "database",
            matches,
            "then `soccer restore BACKUP --replace` with the newest backup; without one start on another "
            "SOCCER_HOME, which reads the feeds again",
        )
    folder = settings.home / "dagster"
    for part in (("history", "runs.db"), ("history", "runs", "index.db"), ("schedules", "schedules.db")):
        yield _DatabaseFile(
            "dagster",
            folder.joinpath(*part),
            f"move the folder {folder / part[0]} aside and start again: Dagster's pages forget earlier runs; "
            "matches, models and releases stay",
        )
    registry = _file_of(settings.mlflow_url)
    if registry is not None:
        yield _DatabaseFile(
            "mlflow",
            registry,
            f"move {registry.name} aside and start again: the champion of the current release serves on, and "
            "`soccer run retrain_model` trains the next",
        )


def _file_of(url: str) -> Path | None:
    """The file of a SQLite URL; None for a server."""
    try:
        parts = sa.make_url(url)
    except sa.exc.ArgumentError:
        return None
    is_file = parts.get_backend_name() == "sqlite" and parts.database not in {None, "", ":memory:"}
    return Path(parts.database or "") if is_file else None


def _closed_file(database: Path) -> Path | None:
    """A file of a SQLite database that this user may not read or write; None where there is none."""
    beside = [database.with_name(f"{database.name}-{end}") for end in ("wal", "shm")]
    closed = (file for file in (database, *beside) if file.is_file() and not os.access(file, _BOTH))
    return next(closed, None)


def _damage(file: Path, *, is_thorough: bool) -> str:
    """Why a file is no whole database; empty where it is one, does not exist or is locked for long."""
    if not os.path.lexists(file):
        return ""
    if not file.is_file():
        return "it is no file"
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=_BUSY_SECONDS)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
            found = (
                connection.execute("PRAGMA quick_check(1)").fetchone() if is_thorough and tables else ("ok",)
            )
    except sqlite3.DatabaseError as error:
        text = str(error)
        return text if any(words in text.lower() for words in _DAMAGED) or _is_closed(error) else ""
    return "" if found[0] == "ok" else str(found[0]).splitlines()[-1]


def _is_closed(error: sqlite3.DatabaseError) -> bool:
    return "unable to open" in str(error) or "readonly" in str(error)


def explain(error: BaseException, settings: Settings) -> str:
    """One sentence for an error whose cause is the home or its databases; empty for any other error."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and (text := _of_file(cause, settings)):
            return text
        if isinstance(cause, DatabaseUnavailableError):
            faults = (fault.sentence for fault in home_faults(settings))
            return next(faults, f"{cause}; run `soccer doctor`")
        if isinstance(cause, _SENTENCES):
            return str(cause)
        if isinstance(cause, sa.exc.DBAPIError | sqlite3.Error):
            for fault in home_faults(settings, is_thorough=True):
                return fault.sentence
            reason = str(getattr(cause, "orig", cause)).strip().splitlines()
            what = reason[0] if reason else type(cause).__name__
            return f"a database does not answer ({what}); run `soccer doctor`"

    return ""


def _of_file(error: OSError, settings: Settings) -> str:
    if error.errno in _UNWRITABLE:
        return f"{_reason_of(Path(str(error.filename or settings.home)), error)}; {_remedy_of(error)}"
    if error.errno in _OF_ANOTHER_KIND and error.filename:
        return f"{error.filename} cannot be used ({error.strerror}); {_REPLACED}"
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
