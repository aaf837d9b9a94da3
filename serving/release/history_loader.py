"""Brings the sidecar's copy of the history to an index: fetches the parts that it lacks and writes them.

Runs in a child process, since decoding parts would hold the event loop's look-ups; one child at a time writes
for all workers of a sidecar. A few changed parts are written into the file that readers have open, in one
transaction; a first load, or many, into a new file that takes its name when it is whole.
"""

import contextlib
import fcntl
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from serving.release.history_tables import (
    INDEXES,
    TableWriter,
    countries_held,
    create,
    held_index,
    parts_held,
)
from serving.release.reader import ReleaseError, ReleaseReader, ReleaseRefusedError
from soccer_assets.contract.history_parts import (
    HISTORY_SCHEMA_VERSION,
    HistoryIndex,
    SeasonPart,
    TeamsPart,
    history_key,
)

_T = TypeVar("_T", HistoryIndex, SeasonPart, TeamsPart)

# With more changed matches a new file is made, so that the log of a transaction stays small.
MOST_IN_PLACE = 50_000
_FETCHERS = 8
_PARTS_AHEAD = 32
_BUSY_MILLISECONDS = 30_000
_SUFFIX, _PARTIAL, _LOCK = ".sqlite", ".partial", "lock"


class HistoryNotLoadedError(ReleaseError):
    """The history cannot be loaded; the message says why."""


class StoreAddress(msgspec.Struct, frozen=True):
    """Where a child finds the store, as `ReleaseReader` takes it."""

    store_url: str
    cache: str
    s3_endpoint_url: str


@contextlib.contextmanager
def only_loader(folder: Path) -> Iterator[bool]:
    """Whether this process alone may load; the others look whether the file has come."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def find_file(folder: Path, index_sha256: str | None = None) -> Path | None:
    """The newest whole file, or the one that holds an index; None where there is none."""
    with contextlib.suppress(FileNotFoundError):
        files = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files:
            with contextlib.closing(_open(file)) as connection:
                held = held_index(connection)
            if held is not None and index_sha256 in (None, held):
                return file
    return None


def load_history(address: StoreAddress, folder: Path, index_sha256: str) -> int:
    """Bring the copy below ``folder`` to an index; returns how many parts were fetched.

    Raises:
        HistoryNotLoadedError: a part is missing or altered, the history has a newer schema, the store did not
            answer, or the file cannot be written.
    """
    try:
        return _load(address, folder, index_sha256)
    except (ReleaseError, sqlite3.Error, OSError) as error:
        # One that a process can hand to another.
        raise HistoryNotLoadedError(f"{type(error).__name__}: {error}") from None


def _load(address: StoreAddress, folder: Path, index_sha256: str) -> int:
    reader = ReleaseReader(address.store_url, Path(address.cache), address.s3_endpoint_url)
    index = fetch(reader, index_sha256, HistoryIndex)
    if index.schema_version > HISTORY_SCHEMA_VERSION:
        raise ReleaseRefusedError(
            "schema", f"the history has schema {index.schema_version}; upgrade the sidecar"
        )
    file = find_file(folder)
    if file is not None:
        with contextlib.closing(_open(file)) as connection:
            held = parts_held(connection)
        changed = sum(
            one.matches for one in index.seasons if held.get((one.competition, one.season)) != one.sha256
        )
        if changed <= MOST_IN_PLACE:
            return _write(file, reader, index, index_sha256, is_new=False)
    return _write_anew(folder, reader, index, index_sha256)


def fetch(reader: ReleaseReader, sha256: str, kind: type[_T]) -> _T:
    """A part or an index, after its hash was compared; raises as `ReleaseReader.read_history`."""
    content = reader.read_history(sha256)
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ReleaseRefusedError("malformed", f"{history_key(sha256)}: {error}") from error


def _write_anew(folder: Path, reader: ReleaseReader, index: HistoryIndex, index_sha256: str) -> int:
    last = find_file(folder)
    kept = {_LOCK} | ({last.name, f"{last.name}-wal", f"{last.name}-shm"} if last else set())
    partial = folder / f"{index_sha256[:16]}{_PARTIAL}"
    _remove(partial)
    create(partial)
    fetched = _write(partial, reader, index, index_sha256, is_new=True)
    partial.replace(folder / f"{index_sha256[:16]}{_SUFFIX}")
    # Readers of the last file read on until they find the new one.
    for file in folder.iterdir():
        if file.name not in kept and not file.name.startswith(index_sha256[:16]):
            file.unlink(missing_ok=True)
    return fetched


def _write(file: Path, reader: ReleaseReader, index: HistoryIndex, index_sha256: str, *, is_new: bool) -> int:
    with contextlib.closing(_open(file)) as connection:
        # A new file that is not whole is made again; one that readers have open keeps a log.
        connection.execute(f"PRAGMA journal_mode = {'OFF' if is_new else 'WAL'}")
        connection.execute(f"PRAGMA synchronous = {'OFF' if is_new else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        fetched = _put(connection, reader, index)
        if is_new:
            for statement in INDEXES.split(";")[:-1]:
                connection.execute(statement)
        TableWriter(connection).finish(index_sha256)
        connection.execute("COMMIT")
        if is_new:
            connection.execute("ANALYZE")
            connection.execute("PRAGMA journal_mode = WAL")
        else:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return fetched


def _put(connection: sqlite3.Connection, reader: ReleaseReader, index: HistoryIndex) -> int:
    writer, held, known = TableWriter(connection), parts_held(connection), countries_held(connection)
    wanted = {(one.competition, one.season) for one in index.seasons}
    for competition, season in held.keys() - wanted:
        writer.remove_season(competition, season)
    for country in known.keys() - {one.country for one in index.teams}:
        writer.remove_teams(country)
    countries = [one.sha256 for one in index.teams if known.get(one.country) != one.sha256]
    for sha256, teams in _fetched(reader, countries, TeamsPart):
        writer.put_teams(teams, sha256)
    seasons = [one.sha256 for one in index.seasons if held.get((one.competition, one.season)) != one.sha256]
    for sha256, part in _fetched(reader, seasons, SeasonPart):
        writer.put_season(part, sha256)
    return len(countries) + len(seasons)


def _fetched(reader: ReleaseReader, hashes: Iterable[str], kind: type[_T]) -> Iterator[tuple[str, _T]]:
    """The parts in order; threads read a few ahead, so that a remote store's answers are not waited for."""
    with ThreadPoolExecutor(max_workers=_FETCHERS) as pool:
        ahead: deque[tuple[str, Future[bytes]]] = deque()
        for sha256 in hashes:
            ahead.append((sha256, pool.submit(reader.read_history, sha256)))
            if len(ahead) >= _PARTS_AHEAD:
                yield _decoded(*ahead.popleft(), kind)
        while ahead:
            yield _decoded(*ahead.popleft(), kind)


def _decoded(sha256: str, content: "Future[bytes]", kind: type[_T]) -> tuple[str, _T]:
    try:
        return sha256, msgspec.json.decode(content.result(), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ReleaseRefusedError("malformed", f"{history_key(sha256)}: {error}") from error


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=_BUSY_MILLISECONDS / 1000)
    connection.execute("PRAGMA cache_size = -32768")
    return connection


def _remove(file: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
