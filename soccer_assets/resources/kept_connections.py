"""Keeps Dagster's SQLite files open in a process that executes a run.

Dagster opens its files anew for each query: it makes an engine, compiles the statement, and as the last
connection is closed, SQLite writes its whole log back. A run of 28 steps asks 600 times.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage

_BUSY_SECONDS = 30


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Keep the files of the instance's runs and events open until it is disposed.

    Another storage than Dagster's SQLite files stays as it is. Others may read and write the files meanwhile.
    """
    for storage in (instance.event_log_storage, instance.run_storage):
        kept = _KEPT.get(type(storage))
        if kept is not None:
            storage.__class__ = kept
            vars(storage)["engines"] = _Engines()


class _Engines:
    """An engine a file, each with the connections that it needed at once."""

    def __init__(self) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> sa.Engine:
        """The engine of a file."""
        with self._lock:
            if url not in self._engines:
                self._engines[url] = _engine(url)
            return self._engines[url]

    def dispose(self) -> None:
        """Close all connections."""
        with self._lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()


def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # As for the match tables: a killed process loses nothing, a cut of power the last events.
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


class _KeptEvents(SqliteEventLogStorage):
    """The events: a file a run, and one of all runs' asset events."""

    engines: _Engines

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self.engines.of(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                if not _has_schema(engine):
                    self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def dispose(self) -> None:
        """End Dagster's watchers and close the files."""
        super().dispose()
        self.engines.dispose()


class _KeptRuns(SqliteRunStorage):
    """The runs, in one file."""

    engines: _Engines

    @contextlib.contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        with self.engines.of(self._conn_string).begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        super().dispose()
        self.engines.dispose()


_KEPT: dict[type, type] = {SqliteEventLogStorage: _KeptEvents, SqliteRunStorage: _KeptRuns}


def _has_schema(engine: sa.Engine) -> bool:
    """Whether Dagster has stamped a file; to compare it with the newest schema takes a tenth of a second."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).first() is not None
