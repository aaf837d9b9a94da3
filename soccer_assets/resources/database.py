"""The match tables' database: SQLite in a home, PostgreSQL in a deployment, the same code for both."""

import contextlib
import functools
import importlib.resources
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from soccer_assets.tables import watermark

# At most this many rows a transaction: a writer that waits gets its turn within the busy timeout.
ROWS_A_TRANSACTION = 10_000
_BUSY_TIMEOUT_MS = 30_000
# Any number that no other program on the database uses: the first bytes of "soccer".
_MIGRATION_LOCK = int.from_bytes(b"soccer")


class Database:
    """Connections and migrations of the match tables."""

    def __init__(self, url: str) -> None:
        """Remember the address; nothing is opened before the first use."""
        self.url = url

    @functools.cached_property
    def engine(self) -> sa.Engine:
        """The connection pool, with write locks that make transactions queue up instead of failing."""
        url = sa.make_url(self.url)
        if url.get_backend_name() != "sqlite":
            return sa.create_engine(url, pool_pre_ping=True)
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(url)

        @sa.event.listens_for(engine, "connect")
        def configure(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # SQLAlchemy's BEGIN below, not sqlite3's own
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads: one state of the database, however many queries it makes."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                # PostgreSQL's default looks at a new state with every query.
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes. One at a time, so that ``change_no`` rises in the order of commits."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE watermark IN EXCLUSIVE MODE"))
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest version."""
        from alembic import command  # noqa: PLC0415 - 0.3 s that only a start pays
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option(
            "script_location", str(importlib.resources.files("soccer_assets") / "migrations")
        )
        with self.writing_schema() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextlib.contextmanager
    def writing_schema(self) -> Iterator[sa.Connection]:
        """A transaction that changes the schema. One at a time, before any table exists to lock."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key is there."""
    if not rows:
        return
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    updates = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    action = (
        statement.on_conflict_do_update(index_elements=keys, set_=updates)
        if updates
        else statement.on_conflict_do_nothing(index_elements=keys)
    )
    connection.execute(action, list(rows))


def read_watermark(connection: sa.Connection, name: str) -> int:
    """The value of a counter; 0 where it was never set."""
    found = connection.execute(sa.select(watermark.c.value).where(watermark.c.name == name)).scalar()
    return int(found or 0)


def set_watermark(connection: sa.Connection, name: str, value: int) -> None:
    """Set a counter."""
    upsert(connection, watermark, [{"name": name, "value": value}])


def next_change_no(connection: sa.Connection) -> int:
    """A number for this transaction's changes, higher than any before; needs `Database.writing`."""
    change_no = read_watermark(connection, "change_no") + 1
    set_watermark(connection, "change_no", change_no)
    return change_no
