"""Bulk statements of SQLAlchemy tables, without the compiler's work per row, on SQLite and on PostgreSQL.

Here: inserts, upserts, membership in a long list, batches. Not here: connections and the schema (`database`),
and what is written (``stores``).
"""

import contextlib
import datetime as dt
import gc
import itertools
import operator
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from soccer_assets.tables import UtcDateTime

T = TypeVar("T")
U = TypeVar("U")
Columns = Mapping[str, Sequence[Any]]  # cells of the rows by column, all of one length

# At most this many rows per transaction: another writer gets the lock within the busy timeout.
ROWS_PER_TRANSACTION = 10_000
# How many ids one SELECT asks for; SQLite takes 32,766 parameters.
IDS_PER_QUERY = 10_000
_GC_THRESHOLD = 100_000
# PostgreSQL takes up to so many rows in the statement itself: a staging table costs it 2 ms and rows of its
# catalogue.
_ROWS_IN_A_STATEMENT = 100
# Rows that are made into text at a time, while the server stores those before.
_ROWS_A_READ = 500

# Characters with a meaning in PostgreSQL's COPY text format; most values contain none.
_COPY_SPECIAL = re.compile(r"[\\\n\t\r]")
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows whose primary keys are known to be new. All rows have the keys of the first.

    SQLite takes tuples, PostgreSQL a COPY; `benchmarks/ingest.py` measures both against SQLAlchemy's own
    statements.
    """
    if rows:
        insert_columns(connection, table, _columns_of(rows))


def insert_columns(connection: sa.Connection, table: sa.Table, columns: Columns) -> None:
    """As `insert`, of columns of one length by name: a million rows need no dictionary each."""
    # What no row has need not be written: of the 49 columns of `match` 20 in an archive.
    filled = {
        name: column
        for name, column in columns.items()
        if table.c[name].server_default is not None or _has_value(column)
    }
    if any(filled.values()):
        _insert_columns(connection, table, filled)


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key exists. All rows have the keys of the first.

    As `insert`; on PostgreSQL the COPY of many rows fills a staging table, and one statement merges it.
    """
    if rows:
        upsert_columns(connection, table, _columns_of(rows))


def upsert_columns(connection: sa.Connection, table: sa.Table, cells: Columns) -> None:
    """As `upsert`, of columns of one length by name."""
    names = list(cells)
    rows = max(map(len, cells.values()), default=0)
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    updates = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    conflict = f"ON CONFLICT ({', '.join(map(quote, keys))}) {action}"
    if connection.dialect.name == "sqlite":
        _insert_columns(connection, table, cells, conflict=conflict)
        return
    target, staging = quote(table.name), f"staging_{table.name}"
    if rows <= _ROWS_IN_A_STATEMENT:
        marks = ", ".join([f"({', '.join(['%s'] * len(names))})"] * rows)
        values = tuple(map(_with_zone, itertools.chain.from_iterable(zip(*cells.values(), strict=True))))
        connection.exec_driver_sql(f"INSERT INTO {target} ({columns}) VALUES {marks} {conflict}", values)  # noqa: S608
        return
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {quote(staging)} ON COMMIT DROP AS SELECT {columns} FROM {target} "  # noqa: S608 - names of our tables
        "WITH NO DATA"
    )
    _insert_columns(connection, table, cells, into=staging)
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


def prefetch(
    items: Iterable[T], size: int, prepare: Callable[[Sequence[T]], U]
) -> Iterator[tuple[list[T], U]]:
    """The items in lists of at most ``size``, each with what ``prepare`` makes of it.

    A thread reads and prepares the next list while the caller handles this one. A caller that stops early
    waits for the item that is being read, at most one answer of a provider.
    """
    is_wanted = threading.Event()
    is_wanted.set()
    wanted = itertools.takewhile(lambda _: is_wanted.is_set(), items)
    lists = ((batch, prepare(batch)) for batch in batches(wanted, size))
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


def _has_value(column: Sequence[Any]) -> bool:
    return bool(column) and (column[0] is not None or column.count(None) < len(column))


def _columns_of(rows: Sequence[dict[str, Any]]) -> Columns:
    """Rows with the keys of the first, as columns."""
    names = list(rows[0])
    return dict(zip(names, zip(*map(_values_of(names), rows), strict=True), strict=True))


def _insert_columns(
    connection: sa.Connection, table: sa.Table, cells: Columns, *, into: str = "", conflict: str = ""
) -> None:
    quote = connection.dialect.identifier_preparer.quote
    columns, target = ", ".join(map(quote, cells)), quote(into or table.name)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(cells))
        connection.exec_driver_sql(
            f"INSERT INTO {target} ({columns}) VALUES ({marks}) {conflict}",  # noqa: S608 - names of our tables
            _sqlite_rows(connection.dialect, table, cells),
        )
        return
    for name, column in cells.items():
        if isinstance(table.c[name].type, UtcDateTime):
            for instant in set(column):  # before the server is sent a part of the rows
                _with_zone(instant)
    text = _CopyText(cells.values())
    connection.connection.cursor().copy_expert(f"COPY {target} ({columns}) FROM STDIN", text)


def _sqlite_rows(dialect: Dialect, table: sa.Table, columns: Columns) -> list[tuple[Any, ...]]:
    """Tuples as SQLAlchemy's own types would bind them."""
    kind = UtcDateTime().dialect_impl(dialect)
    bind: Callable[[Any], Any] = kind.bind_processor(dialect) or (lambda value: value)
    bound: list[Iterable[Any]] = []
    for name, column in columns.items():
        if isinstance(table.c[name].type, UtcDateTime):
            texts = {instant: bind(instant) for instant in set(column)}
            bound.append(map(texts.__getitem__, column))
        else:
            bound.append(column)
    return list(zip(*bound, strict=True))


def _values_of(names: Sequence[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """A row's values in the order of the names."""
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return operator.itemgetter(*names)


class _CopyTexts(dict[Any, str]):
    """The text of each distinct value of a column, made once: most values of a column occur many times."""

    def __missing__(self, value: Any) -> str:
        self[value] = text = _copy_value(value)
        return text


class _CopyText:
    """The rows of some columns as COPY's text, a part at each `read`."""

    def __init__(self, columns: Iterable[Sequence[Any]]) -> None:
        texts = [map(_CopyTexts().__getitem__, column) for column in columns]
        self._lines = batches(map("\t".join, zip(*texts, strict=True)), _ROWS_A_READ)

    def read(self, _size: int) -> str:
        """The next rows; empty after the last."""
        lines = next(self._lines, [])
        return "\n".join([*lines, ""]) if lines else ""


def _copy_value(value: Any) -> str:
    if isinstance(value, str):
        return value.translate(_COPY_ESCAPES) if _COPY_SPECIAL.search(value) else value
    if value is None:
        return "\\N"
    return str(_with_zone(value))


def _with_zone(value: Any) -> Any:
    """The value itself.

    Raises:
        ValueError: it is an instant without a time zone.
    """
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        raise ValueError(f"naive datetime {value}; attach a time zone before storing it")
    return value
