"""The match tables' database: SQLite in a home, PostgreSQL in a deployment, the same code for both."""

import contextlib
import datetime as dt
import functools
import importlib.resources
import io
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from soccer_assets.tables import UtcDateTime, watermark

# At most this many rows a transaction: a writer that waits gets its turn within the busy timeout.
ROWS_A_TRANSACTION = 10_000
_BUSY_TIMEOUT_MS = 30_000
# Any number that no other program on the database uses: the first bytes of "soccer".
_MIGRATION_LOCK = int.from_bytes(b"soccer")


class NewerSchema(Exception):
    """The tables were made by a newer version."""


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
            connection.execute(
                "PRAGMA cache_size=-65536"
            )  # 64 MB: indexes of a million matches stay in memory
            connection.execute("PRAGMA wal_autocheckpoint=8192")  # 32 MB: fewer, longer checkpoints
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

    def migrate(self) -> Path | None:
        """Bring the schema to the newest version.

        Returns:
            The copy that was made of a SQLite file of an older version; None where nothing was to be kept. A
            server's database is its operator's to back up.

        Raises:
            NewerSchema: a newer version made these tables; nothing is changed.
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
            raise NewerSchema(
                f"the match tables have the schema {revision} of a newer version of this program; start that "
                "version, or restore the copy it made beside the database"
            ) from None
        is_older = revision is not None and revision != scripts.get_current_head()
        copy = self._copy_aside(f"{revision}") if is_older else None
        with self.writing_schema() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return copy

    @staticmethod
    def newest_schema() -> str | None:
        """The schema that this version of the program works with."""
        from alembic.script import ScriptDirectory  # noqa: PLC0415 - 0.3 s that only a start pays

        return ScriptDirectory.from_config(_alembic_config()).get_current_head()

    def _copy_aside(self, revision: str) -> Path | None:
        """A whole copy of the SQLite file, named by its schema; an earlier one of the same schema stays."""
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
        """A transaction that changes the schema. One at a time, before any table exists to lock."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows whose primary keys are known to be new. All rows have the keys of the first.

    Past the compiler's per-row work: SQLite takes tuples, PostgreSQL a COPY.
    `benchmarks/ingest.py` measures both against row-wise statements.
    """
    if rows:
        _insert_past_the_compiler(connection, table, rows)


def _alembic_config() -> Any:
    from alembic.config import Config  # noqa: PLC0415 - 0.3 s that only a start pays

    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("soccer_assets") / "migrations"))
    return config


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key is there. All rows have the keys of the first.

    As `insert`; on PostgreSQL the COPY fills a staging table, and one statement merges it.
    """
    if not rows:
        return
    names = list(rows[0])
    keys = [column.name for column in table.primary_key]
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    updates = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    conflict = f"ON CONFLICT ({', '.join(map(quote, keys))}) {action}"
    if connection.dialect.name == "sqlite":
        _insert_past_the_compiler(connection, table, rows, conflict=conflict)
        return
    target, staging = quote(table.name), f"staging_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {quote(staging)} ON COMMIT DROP AS SELECT {columns} FROM {target} "  # noqa: S608 - names of our tables
        "WITH NO DATA"
    )
    _insert_past_the_compiler(connection, table, rows, into=staging)
    connection.exec_driver_sql(
        f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {quote(staging)} {conflict}"  # noqa: S608
    )
    connection.exec_driver_sql(f"DROP TABLE {quote(staging)}")


def _insert_past_the_compiler(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[dict[str, Any]],
    *,
    into: str = "",
    conflict: str = "",
) -> None:
    names = list(rows[0])
    quote = connection.dialect.identifier_preparer.quote
    columns, target = ", ".join(map(quote, names)), quote(into or table.name)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(
            f"INSERT INTO {target} ({columns}) VALUES ({marks}) {conflict}",  # noqa: S608 - names of our tables
            list(_sqlite_rows(connection.dialect, table, names, rows)),
        )
        return
    text = io.StringIO("".join(_copy_lines(names, rows)))
    connection.connection.cursor().copy_expert(f"COPY {target} ({columns}) FROM STDIN", text)


def among(connection: sa.Connection, column: sa.Column[str], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """Whether a text column holds one of the values, which travel as one parameter, however many they are.

    SQLAlchemy's own ``in_`` makes a parameter of each: 3 us a value, four times a row.
    """
    wanted = list(values)
    if connection.dialect.name == "sqlite":
        every = sa.func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value")
        return column.in_(sa.select(every.c.value))
    return column == sa.any_(sa.literal(wanted, sa.ARRAY(sa.String)))


def _sqlite_rows(
    dialect: Dialect, table: sa.Table, names: Sequence[str], rows: Iterable[dict[str, Any]]
) -> Iterator[tuple[Any, ...]]:
    """Tuples as SQLAlchemy's own types would bind them."""
    kind = UtcDateTime().dialect_impl(dialect)
    bind = functools.lru_cache(4096)(kind.bind_processor(dialect) or (lambda value: value))
    instants = [index for index, name in enumerate(names) if isinstance(table.c[name].type, UtcDateTime)]
    for row in rows:
        values = [row[name] for name in names]
        for index in instants:
            values[index] = bind(values[index])
        yield tuple(values)


# What PostgreSQL's COPY reads as something else, in its text format; most values hold none of them.
_COPY_SPECIAL = re.compile(r"[\\\n\t\r]")
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def _copy_lines(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield "\t".join([_copy_value(row[name]) for name in names]) + "\n"


def _copy_value(value: Any) -> str:
    if isinstance(value, str):
        return value.translate(_COPY_ESCAPES) if _COPY_SPECIAL.search(value) else value
    if value is None:
        return "\\N"
    if isinstance(value, dt.datetime):
        return _copy_instant(value)
    return str(value)


@functools.lru_cache(4096)
def _copy_instant(value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"naive datetime {value}; attach a time zone before storing it")
    return str(value)


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
