"""Bulk statements of SQLAlchemy tables, without the compiler's work per row, on SQLite and on PostgreSQL.

Here: inserts, upserts, membership in a long list, batches. Not here: connections and the schema (`database`),
and what is written (``stores``).
"""

import contextlib
import datetime as dt
import functools
import gc
import io
import itertools
import operator
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from soccer_assets.tables import UtcDateTime

T = TypeVar("T")

# At most this many rows per transaction: another writer gets the lock within the busy timeout.
ROWS_PER_TRANSACTION = 10_000
# How many ids one SELECT asks for; SQLite takes 32,766 parameters.
IDS_PER_QUERY = 10_000
_GC_THRESHOLD = 100_000

# Characters with a meaning in PostgreSQL's COPY text format; most values contain none.
_COPY_SPECIAL = re.compile(r"[\\\n\t\r]")
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows whose primary keys are known to be new. All rows have the keys of the first.

    SQLite takes tuples, PostgreSQL a COPY; `benchmarks/ingest.py` measures both against SQLAlchemy's own
    statements.
    """
    if rows:
        _insert_rows(connection, table, rows)


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key exists. All rows have the keys of the first.

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
        _insert_rows(connection, table, rows, conflict=conflict)
        return
    target, staging = quote(table.name), f"staging_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {quote(staging)} ON COMMIT DROP AS SELECT {columns} FROM {target} "  # noqa: S608 - names of our tables
        "WITH NO DATA"
    )
    _insert_rows(connection, table, rows, into=staging)
    connection.exec_driver_sql(
        f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {quote(staging)} {conflict}"  # noqa: S608
    )
    connection.exec_driver_sql(f"DROP TABLE {quote(staging)}")


def in_list(
    connection: sa.Connection, column: sa.ColumnElement[str], values: Iterable[str]
) -> sa.ColumnElement[bool]:
    """The condition that a text column equals one of the values, all bound as a single parameter.

    SQLAlchemy's ``in_`` binds each value: 3 us a value, four times a row.
    """
    listed = list(values)
    if connection.dialect.name == "sqlite":
        members = sa.func.json_each(msgspec.json.encode(listed).decode()).table_valued("value")
        return column.in_(sa.select(members.c.value))
    return column == sa.any_(sa.literal(listed, sa.ARRAY(sa.String)))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most ``size``."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def prefetch(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most ``size``; a thread reads the next list while the caller handles this one.

    A caller that stops early waits for the item that is being read, at most one answer of a provider.
    """
    is_wanted = threading.Event()
    is_wanted.set()
    lists = batches(itertools.takewhile(lambda _: is_wanted.is_set(), items), size)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed") as reader:
        try:
            upcoming = reader.submit(next, lists, None)
            while (batch := upcoming.result()) is not None:
                upcoming = reader.submit(next, lists, None)
                yield batch
        finally:
            is_wanted.clear()


@contextlib.contextmanager
def infrequent_gc() -> Iterator[None]:
    """Collect cyclic garbage a hundred times less often, in all threads, until the context ends.

    Bulk passes make rows by the million and no cycles; collection took a tenth of their time.
    """
    before = gc.get_threshold()
    gc.set_threshold(_GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _insert_rows(
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


def _sqlite_rows(
    dialect: Dialect, table: sa.Table, names: Sequence[str], rows: Iterable[dict[str, Any]]
) -> Iterator[tuple[Any, ...]]:
    """Tuples as SQLAlchemy's own types would bind them."""
    kind = UtcDateTime().dialect_impl(dialect)
    bind = functools.lru_cache(4096)(kind.bind_processor(dialect) or (lambda value: value))
    instants = [index for index, name in enumerate(names) if isinstance(table.c[name].type, UtcDateTime)]
    values_of = _values_of(names)
    if not instants:
        yield from map(values_of, rows)
        return
    for row in rows:
        values = list(values_of(row))
        for index in instants:
            values[index] = bind(values[index])
        yield tuple(values)


def _values_of(names: Sequence[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """A row's values in the order of the names."""
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return operator.itemgetter(*names)


def _copy_lines(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    values_of = _values_of(names)
    for row in rows:
        yield "\t".join(map(_copy_value, values_of(row))) + "\n"


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
