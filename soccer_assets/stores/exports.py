"""Exports: parquet snapshots of `match_raw` and `match` under one snapshot id.

Both tables are read in one transaction, and the manifest is written before the pointer: a new snapshot shows
both tables or neither. Only months with a changed row are written again.
"""

import datetime as dt
import hashlib
import itertools
from collections.abc import Container, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from soccer_assets.clock import isoformat
from soccer_assets.resources.arrow_query import read_arrow
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import (
    TableManifest,
    columns_of,
    missing_months,
    month_of,
    read_table,
    write_table,
)
from soccer_assets.resources.watermarks import read_watermark
from soccer_assets.stores.store_error import StoreError
from soccer_assets.stores.stored_json import decoded_or_none
from soccer_assets.tables import UtcDateTime, match, match_history, match_raw, match_raw_history, team

CURRENT_KEY = "exports/current.json"
SCHEMA_VERSION = 1

_MONTHS_AT_A_TIME = 12
_INSTANT = pa.timestamp("s", tz="UTC")
# Parquet types of the SQL types; tier is one byte in the parts of earlier versions.
_ARROW_TYPES: dict[type[sa.types.TypeEngine[Any]], pa.DataType] = {
    sa.String: pa.string(),
    sa.SmallInteger: pa.int16(),
    sa.Integer: pa.int32(),
    sa.Boolean: pa.bool_(),
    sa.Float: pa.float64(),
    UtcDateTime: _INSTANT,
}


def _match_schema() -> pa.Schema:
    """Every column of ``match`` but its change number, and the teams' names behind their ids."""
    fields = []
    for column in match.columns:
        if column.name != "change_no":
            fields.append(
                (column.name, pa.int8() if column.name == "tier" else _ARROW_TYPES[type(column.type)])
            )
        if column.name == "away_team_id":
            fields += [("home_team", pa.string()), ("away_team", pa.string())]
    return pa.schema(fields)


MATCH_SCHEMA = _match_schema()
MATCH_RAW_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("source_match_id", pa.string()),
        ("competition", pa.string()),
        ("season", pa.string()),
        ("kickoff", _INSTANT),
        ("status", pa.string()),
        ("payload", pa.string()),
        ("sha256", pa.string()),
        ("first_seen_at", _INSTANT),
        ("changed_at", _INSTANT),
        ("version", pa.int32()),
    ]
)


class ExportManifest(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable snapshot of both tables."""

    schema_version: int
    snapshot_id: str
    created_at: str
    tables: dict[str, TableManifest]


class CurrentExport(msgspec.Struct, frozen=True, kw_only=True):
    """Which snapshot is current.

    Attributes:
        change_no: the last change of the database that it contains.
        months_written: months of `match` that its run wrote; None where it wrote all.
    """

    snapshot_id: str
    change_no: int
    months_written: tuple[str, ...] | None = None


class MissingSnapshotError(StoreError):
    """There is no export yet."""


class Exports:
    """Writes and reads snapshots of the match tables."""

    def __init__(self, store: ObjectStore, database: Database) -> None:
        """Rows come from ``database``, parts go to ``store``."""
        self._store = store
        self._database = database

    def update(self, now: dt.datetime) -> tuple[ExportManifest, dict[str, int]]:
        """Write the months that changed since the current snapshot.

        Returns:
            The new current snapshot, and the number of months written by table.
        """
        current = self._current()
        previous = self._find(current.snapshot_id) if current else None
        since = current.change_no if current and previous else 0
        lost = {
            name: missing_months(self._store, f"exports/{name}", table)
            for name, table in (previous.tables if previous else {}).items()
        }
        if previous is not None and not _has_our_columns(previous):  # written by another version
            previous, since, lost = None, 0, {}
        with self._database.reading() as connection:
            change_no = read_watermark(connection, "change_no")
            if change_no < since:  # the database was restored or recreated: its changes are unknown here
                previous, since, lost = None, 0, {}
            if previous is not None and change_no == since and not any(lost.values()):
                return previous, {"match_raw": 0, "match": 0}
            raw_months = _touched_months(connection, match_raw, match_raw_history, since)
            raw_months |= lost.get("match_raw", set())
            match_months = _touched_months(connection, match, match_history, since)
            match_months |= lost.get("match", set())
            tables = {
                "match_raw": write_table(
                    self._store,
                    "exports/match_raw",
                    MATCH_RAW_SCHEMA,
                    _by_month(connection, _raw_query(connection), match_raw, raw_months, MATCH_RAW_SCHEMA),
                    previous.tables["match_raw"] if previous else None,
                ),
                "match": write_table(
                    self._store,
                    "exports/match",
                    MATCH_SCHEMA,
                    _by_month(connection, _match_query(), match, match_months, MATCH_SCHEMA),
                    previous.tables["match"] if previous else None,
                ),
            }
        snapshot_id = hashlib.sha256(msgspec.json.encode(tables, order="deterministic")).hexdigest()[:16]
        manifest = ExportManifest(
            schema_version=SCHEMA_VERSION, snapshot_id=snapshot_id, created_at=isoformat(now), tables=tables
        )
        if not self._store.exists(_manifest_key(snapshot_id)):
            self._store.write(_manifest_key(snapshot_id), msgspec.json.encode(manifest))
        pointer = CurrentExport(
            snapshot_id=snapshot_id,
            change_no=change_no,
            months_written=tuple(sorted(match_months)) if previous else None,
        )
        self._store.write(CURRENT_KEY, msgspec.json.encode(pointer))
        return manifest, {"match_raw": len(raw_months), "match": len(match_months)}

    def manifest(self, snapshot_id: str | None = None) -> ExportManifest:
        """A snapshot's manifest; the current one's without an id.

        Raises:
            MissingSnapshotError: nothing was exported yet, or the snapshot was pruned.
        """
        if snapshot_id is None:
            current = self._current()
            snapshot_id = current.snapshot_id if current else "none"
        found = self._find(snapshot_id)
        if found is None:
            raise MissingSnapshotError(
                f"no export {snapshot_id!r}; materialise exports/match and exports/match_raw first"
            )
        return found

    def read_matches(
        self,
        manifest: ExportManifest,
        months: Container[str] | None = None,
        columns: list[str] | None = None,
    ) -> pa.Table:
        """Matches of a snapshot, in the order of their months; only some months and columns where named.

        Columns that an earlier version's snapshot does not have are empty.
        """
        table = read_table(self._store, manifest.tables["match"], MATCH_SCHEMA, months, columns)
        for field in MATCH_SCHEMA if columns is None else ():
            if field.name not in table.column_names:
                table = table.append_column(field, pa.nulls(len(table), field.type))
        return table

    def months_written(self) -> tuple[str, ...] | None:
        """Months of `match` that the newest export wrote; None where it may have written any."""
        current = self._current()
        return current.months_written if current else None

    def _find(self, snapshot_id: str) -> ExportManifest | None:
        data = self._store.read(_manifest_key(snapshot_id))
        return decoded_or_none(data, ExportManifest)

    def _current(self) -> CurrentExport | None:
        data = self._store.read(CURRENT_KEY)
        return decoded_or_none(data, CurrentExport)


def _manifest_key(snapshot_id: str) -> str:
    return f"exports/manifests/{snapshot_id}.json"


def _has_our_columns(manifest: ExportManifest) -> bool:
    return all(
        manifest.tables[name].columns == columns_of(schema)
        for name, schema in (("match_raw", MATCH_RAW_SCHEMA), ("match", MATCH_SCHEMA))
    )


def _touched_months(connection: sa.Connection, table: sa.Table, history: sa.Table, since: int) -> set[str]:
    """Months that gained, lost or changed a row: a postponed match touches its old month too."""
    now = sa.select(table.c.kickoff).where(table.c.change_no > since)
    before = sa.select(history.c.kickoff).where(history.c.replaced_by_change_no > since)
    kickoffs = connection.execute(now.union(before)).scalars()  # distinct: a fifth of a first build's rows
    return {month_of(kickoff) for kickoff in kickoffs}


def _raw_query(connection: sa.Connection) -> sa.Select[Any]:
    """Names every source, so that the index on source and kickoff is used: else each year scans the table."""
    columns = [match_raw.c[name] for name in MATCH_RAW_SCHEMA.names]
    return (
        sa.select(*columns)
        .where(match_raw.c.source.in_(list(_sources(connection))))
        .order_by(match_raw.c.kickoff, match_raw.c.source, match_raw.c.source_match_id)
    )


def _sources(connection: sa.Connection) -> Iterator[str]:
    """Every source, one index look-up each: DISTINCT would scan all rows."""
    source: str | None = ""
    while True:
        following = sa.select(sa.func.min(match_raw.c.source)).where(match_raw.c.source > source)
        source = connection.execute(following).scalar()
        if source is None:
            return
        yield source


def _match_query() -> sa.Select[Any]:
    home, away = team.alias("home"), team.alias("away")
    named = {"home_team": home.c.name.label("home_team"), "away_team": away.c.name.label("away_team")}
    columns: list[Any] = [named.get(name, match.c.get(name)) for name in MATCH_SCHEMA.names]
    return (
        sa.select(*columns)
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .order_by(match.c.kickoff, match.c.match_id)
    )


def _by_month(
    connection: sa.Connection, query: sa.Select[Any], table: sa.Table, months: set[str], schema: pa.Schema
) -> Iterator[tuple[str, pa.Table]]:
    """The rows of the months, read a year at a time to bound memory."""
    for first, last in _runs(months):
        start, end = _start_of(first), _start_of(last + 1)
        within = query.where(table.c.kickoff >= start, table.c.kickoff < end)
        rows = read_arrow(connection, within, schema).combine_chunks()
        cuts = pa.array([_start_of(number) for number in range(first, last + 2)], _INSTANT)
        edges = np.searchsorted(rows["kickoff"].to_numpy(), cuts.to_numpy(zero_copy_only=False))
        for number, (row, stop) in enumerate(itertools.pairwise(edges), first):
            yield month_of(_start_of(number)), rows.slice(row, stop - row)


def _runs(months: set[str]) -> Iterator[tuple[int, int]]:
    """Runs of at most twelve consecutive months, as first and last month counted from year 0."""
    numbers = sorted(int(month[:4]) * 12 + int(month[5:]) - 1 for month in months)
    for _, run in itertools.groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        members = [number for _, number in run]
        for at in range(0, len(members), _MONTHS_AT_A_TIME):
            year = members[at : at + _MONTHS_AT_A_TIME]
            yield year[0], year[-1]


def _start_of(number: int) -> dt.datetime:
    return dt.datetime(number // 12, number % 12 + 1, 1, tzinfo=dt.UTC)
