"""The database of the match tables: SQLite in a home, PostgreSQL in a deployment."""

import contextlib
import functools
import importlib.resources
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from soccer_assets.resources.database_faults import READ_ONLY, DatabaseUnavailableError, one_sentence
from soccer_assets.resources.resource_error import ResourceError
from soccer_assets.tables import metadata

_BUSY_TIMEOUT_MS = 30_000
# A writer of SQLite that waits looks for the lock so seldom: it finds it taken where the next transaction
# follows at once.
_LONGEST_LOOK_SECONDS = 0.1
_WAL_BYTES = 32 * 2**20  # few, long checkpoints
# An advisory lock number that no other program on the database uses: the bytes of "soccer".
_MIGRATION_LOCK = int.from_bytes(b"soccer")


# How long a PostgreSQL server may take: libpq waits for ever, and a lost network shows after hours.
_CONNECTING = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# Milliseconds. A lock is waited for longer than the longest write transaction takes; a session that holds one
# and does nothing is ended.
_LIMITS = {
    "statement_timeout": 600_000,
    "lock_timeout": 60_000,
    "idle_in_transaction_session_timeout": 1_800_000,
}
# Seconds. The server ends the session of a machine that is cut off, and with it the write lock that others
# wait for; a system's own default is two hours.
_KEEPALIVES = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}


class NewerSchemaError(ResourceError):
    """The tables have the schema of a newer version."""


class Database:
    """Connections and migrations of the match tables."""

    def __init__(self, url: str) -> None:
        """The database at ``url``; nothing is opened before the first use."""
        self.url = url

    @functools.cached_property
    def engine(self) -> sa.Engine:
        """The connection pool; on SQLite, writers wait for each other instead of failing."""
        url = sa.make_url(self.url)
        if url.get_backend_name() != "sqlite":
            return _server_engine(url)
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(url)

        @sa.event.listens_for(engine, "connect")
        def configure(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # SQLAlchemy's BEGIN below, not sqlite3's own
            # Of a new file only. An archive is ingested 11 % faster than with pages of 4 kB.
            connection.execute("PRAGMA page_size=16384")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "PRAGMA cache_size=-65536"
            )  # 64 MB. With 256 MB a pass over 170,986 rows takes 19.3 s of CPU, not 16.2.
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_BYTES // page}")
            connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A read-only transaction: all its queries see the same state of the database.

        Raises:
            DatabaseUnavailableError: the database cannot be used.
        """
        with one_sentence(), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                # In PostgreSQL's default level, every query sees a new state.
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction; one at a time, so that ``change_no`` rises in the order of commits.

        Raises:
            DatabaseUnavailableError: the database cannot be used.
        """
        with (
            one_sentence(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE watermark IN EXCLUSIVE MODE"))
            yield connection

    def let_others_write(self) -> None:
        """Between two transactions of one task: a writer that waits has its turn.

        PostgreSQL's writers stand in a line.
        """
        if self.engine.dialect.name == "sqlite":
            time.sleep(_LONGEST_LOOK_SECONDS)

    def probe(self) -> None:
        """Take the write lock and read each table, so that a fault shows before a run meets it.

        Raises:
            DatabaseUnavailableError: the database cannot be written, or a table cannot be read.
        """
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                # A read-only session may take the lock.
                state = connection.exec_driver_sql("SHOW transaction_read_only").scalar_one()
                if state == "on":
                    raise DatabaseUnavailableError(READ_ONLY)
            for table in metadata.sorted_tables:
                connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))

    def migrate(self) -> Path | None:
        """Upgrade the schema to this version.

        Returns:
            The backup of a SQLite file with an older schema; None where none was needed. The operator backs
            up a PostgreSQL database.

        Raises:
            NewerSchemaError: the tables have a newer version's schema; nothing is changed.
        """
        from alembic import command  # noqa: PLC0415 - 0.3 s that only a start pays
        from alembic.migration import MigrationContext  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        config = _alembic_config()
        scripts = ScriptDirectory.from_config(config)
        with self.engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        try:
            scripts.get_revision(revision) if revision else None
        except CommandError:
            raise NewerSchemaError(
                f"the match tables have the schema {revision} of a newer version of this program; start that "
                "version, or restore the backup beside the database"
            ) from None
        is_older = revision is not None and revision != scripts.get_current_head()
        copy = self._copy_aside(f"{revision}") if is_older else None
        with self.writing_schema() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return copy

    @staticmethod
    def newest_schema() -> str | None:
        """The schema that this version of the program needs."""
        from alembic.script import ScriptDirectory  # noqa: PLC0415 - 0.3 s that only a start pays

        return ScriptDirectory.from_config(_alembic_config()).get_current_head()

    @staticmethod
    def has_schema(revision: str) -> bool:
        """Whether this version of the program knows a schema."""
        from alembic.script import ScriptDirectory  # noqa: PLC0415 - 0.3 s that only a start pays
        from alembic.util import CommandError  # noqa: PLC0415

        try:
            ScriptDirectory.from_config(_alembic_config()).get_revision(revision)
        except CommandError:
            return False
        return True

    def _copy_aside(self, revision: str) -> Path | None:
        """Back up the SQLite file under its schema's name; an existing backup of that schema stays."""
        name = self.engine.url.database
        if self.engine.dialect.name != "sqlite" or not name:
            return None
        copy = Path(f"{name}.schema-{revision}.backup")
        if not copy.exists():
            with contextlib.closing(sqlite3.connect(name)) as source:
                source.execute("VACUUM INTO ?", (str(copy),))
        return copy

    @contextlib.contextmanager
    def writing_schema(self) -> Iterator[sa.Connection]:
        """A transaction that changes the schema; one at a time, without needing a table to lock."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                # An index of a million rows takes its time, and another migration is waited for.
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection


def _server_engine(url: sa.URL) -> sa.Engine:
    """The connection pool of a PostgreSQL server; limits that its operator set for us stay."""
    connecting = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    engine = sa.create_engine(url, pool_pre_ping=True, connect_args=connecting)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # By statements, because pgbouncer refuses them as parameters of the connection.
        with connection.cursor() as cursor:
            for name, milliseconds in _LIMITS.items():
                cursor.execute(
                    "SELECT set_config(%s, %s, false) WHERE current_setting(%s) = '0'",
                    (name, str(milliseconds), name),
                )
            for name, value in _KEEPALIVES.items():
                cursor.execute(
                    "SELECT set_config(name, %s, false) FROM pg_settings "
                    "WHERE name = %s AND source = 'default'",
                    (str(value), name),
                )
        connection.commit()

    return engine


def _alembic_config() -> Any:
    from alembic.config import Config  # noqa: PLC0415 - 0.3 s that only a start pays

    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("soccer_assets") / "migrations"))
    return config
