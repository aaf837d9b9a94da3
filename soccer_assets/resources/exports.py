"""Exports: parquet snapshots of `match_raw` and `match` under one snapshot id.

The manifest is written before the pointer, and both tables are read in one transaction: either both are
visible in a new snapshot, or neither. Only months with a changed row are written again.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from typing import Any

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from soccer_assets.clock import isoformat
from soccer_assets.resources.database import Database, read_watermark
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parts import (
    TableManifest,
    missing_months,
    month_of,
    read_table,
    table_of,
    write_table,
)
from soccer_assets.tables import match, match_history, match_raw, match_raw_history, team

CURRENT_KEY = "exports/current.json"
SCHEMA_VERSION = 1

_INSTANT = pa.timestamp("s", tz="UTC")
MATCH_SCHEMA = pa.schema(
    [
        ("match_id", pa.string()),
        ("kickoff", _INSTANT),
        ("kickoff_precision", pa.string()),
        ("competition", pa.string()),
        ("season", pa.string()),
        ("round", pa.string()),
        ("tier", pa.int8()),
        ("sex", pa.string()),
        ("age_group", pa.string()),
        ("home_team_id", pa.string()),
        ("away_team_id", pa.string()),
        ("home_team", pa.string()),
        ("away_team", pa.string()),
        ("home_goals", pa.int16()),
        ("away_goals", pa.int16()),
        ("home_goals_half_time", pa.int16()),
        ("away_goals_half_time", pa.int16()),
        ("home_shots_on_target", pa.int16()),
        ("away_shots_on_target", pa.int16()),
        ("status", pa.string()),
        ("neutral", pa.bool_()),
        ("source", pa.string()),
        ("source_match_id", pa.string()),
        ("version", pa.int32()),
        ("updated_at", _INSTANT),
    ]
)
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
    """One snapshot of both tables; written once."""

    schema_version: int
    snapshot_id: str
    created_at: str
    tables: dict[str, TableManifest]


class CurrentExport(msgspec.Struct, frozen=True, kw_only=True):
    """Which snapshot is current, and the last change of the database that it holds."""

    snapshot_id: str
    change_no: int


class MissingSnapshot(Exception):
    """There is no export yet."""


class Exports:
    """Writes and reads snapshots of the match tables."""

    def __init__(self, store: ObjectStore, database: Database) -> None:
        """Remember where rows come from and where parts go."""
        self._store = store
        self._database = database

    def update(self, now: dt.datetime) -> tuple[ExportManifest, dict[str, int]]:
        """Write the months that changed since the current snapshot; returns it and the months written."""
        current = self._current()
        previous = self._find(current.snapshot_id) if current else None
        since = current.change_no if current and previous else 0
        lost = {
            name: missing_months(self._store, f"exports/{name}", table)
            for name, table in (previous.tables if previous else {}).items()
        }
        with self._database.reading() as connection:
            change_no = read_watermark(connection, "change_no")
            if change_no < since:  # the database was restored or made anew: nothing here is known of it
                previous, since, lost = None, 0, {}
            if previous is not None and change_no == since and not any(lost.values()):
                return previous, {"match_raw": 0, "match": 0}
            raw_months = _touched_months(connection, match_raw, match_raw_history, since)
            raw_months |= lost.get("match_raw", set())
            match_months = _touched_months(connection, match, match_history, since)
            match_months |= lost.get("match", set())
            raw_rows = _raw_rows(connection, raw_months)
            match_rows = _match_rows(connection, match_months)
        tables = {
            "match_raw": write_table(
                self._store,
                "exports/match_raw",
                MATCH_RAW_SCHEMA,
                _by_month(raw_rows, raw_months, MATCH_RAW_SCHEMA),
                previous.tables["match_raw"] if previous else None,
            ),
            "match": write_table(
                self._store,
                "exports/match",
                MATCH_SCHEMA,
                _by_month(match_rows, match_months, MATCH_SCHEMA),
                previous.tables["match"] if previous else None,
            ),
        }
        snapshot_id = hashlib.sha256(msgspec.json.encode(tables, order="deterministic")).hexdigest()[:16]
        manifest = ExportManifest(
            schema_version=SCHEMA_VERSION, snapshot_id=snapshot_id, created_at=isoformat(now), tables=tables
        )
        if not self._store.exists(_manifest_key(snapshot_id)):
            self._store.write(_manifest_key(snapshot_id), msgspec.json.encode(manifest))
        pointer = CurrentExport(snapshot_id=snapshot_id, change_no=change_no)
        self._store.write(CURRENT_KEY, msgspec.json.encode(pointer))
        return manifest, {"match_raw": len(raw_months), "match": len(match_months)}

    def manifest(self, snapshot_id: str | None = None) -> ExportManifest:
        """A snapshot's manifest; the current one's without an id.

        Raises:
            MissingSnapshot: nothing was exported yet, or the snapshot was pruned.
        """
        if snapshot_id is None:
            current = self._current()
            snapshot_id = current.snapshot_id if current else "none"
        found = self._find(snapshot_id)
        if found is None:
            raise MissingSnapshot(
                f"no export {snapshot_id!r}; materialise exports/match and exports/match_raw first"
            )
        return found

    def read_matches(self, manifest: ExportManifest) -> pa.Table:
        """All matches of a snapshot, in the order of their months."""
        return read_table(self._store, manifest.tables["match"], MATCH_SCHEMA)

    def _find(self, snapshot_id: str) -> ExportManifest | None:
        data = self._store.read(_manifest_key(snapshot_id))
        return None if data is None else msgspec.json.decode(data, type=ExportManifest)

    def _current(self) -> CurrentExport | None:
        data = self._store.read(CURRENT_KEY)
        return None if data is None else msgspec.json.decode(data, type=CurrentExport)


def _manifest_key(snapshot_id: str) -> str:
    return f"exports/manifests/{snapshot_id}.json"


def _touched_months(connection: sa.Connection, table: sa.Table, history: sa.Table, since: int) -> set[str]:
    """Months that gained, lost or changed a row: a match that moved touches its old month too."""
    months = connection.execute(sa.select(table.c.kickoff).where(table.c.change_no > since)).scalars()
    left = connection.execute(
        sa.select(history.c.kickoff).where(history.c.replaced_by_change_no > since)
    ).scalars()
    return {month_of(kickoff) for kickoff in months} | {month_of(kickoff) for kickoff in left}


def _month_bounds(months: set[str]) -> tuple[dt.datetime, dt.datetime]:
    first = dt.datetime.fromisoformat(f"{min(months)}-01T00:00:00+00:00")
    last = dt.datetime.fromisoformat(f"{max(months)}-01T00:00:00+00:00")
    return first, last + dt.timedelta(days=32)


def _raw_rows(connection: sa.Connection, months: set[str]) -> list[dict[str, Any]]:
    if not months:
        return []
    start, end = _month_bounds(months)
    columns = [match_raw.c[name] for name in MATCH_RAW_SCHEMA.names]
    query = (
        sa.select(*columns)
        .where(match_raw.c.kickoff >= start, match_raw.c.kickoff < end)
        .order_by(match_raw.c.kickoff, match_raw.c.source, match_raw.c.source_match_id)
    )
    return [row._asdict() for row in connection.execute(query)]


def _match_rows(connection: sa.Connection, months: set[str]) -> list[dict[str, Any]]:
    if not months:
        return []
    start, end = _month_bounds(months)
    home, away = team.alias("home"), team.alias("away")
    own = [match.c[name] for name in MATCH_SCHEMA.names if name not in {"home_team", "away_team"}]
    query = (
        sa.select(*own, home.c.name.label("home_team"), away.c.name.label("away_team"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
        .where(match.c.kickoff >= start, match.c.kickoff < end)
        .order_by(match.c.kickoff, match.c.match_id)
    )
    return [row._asdict() for row in connection.execute(query)]


def _by_month(rows: list[dict[str, Any]], months: set[str], schema: pa.Schema) -> dict[str, pa.Table]:
    split: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        split[month_of(row["kickoff"])].append(row)
    return {month: table_of(split.get(month, []), schema) for month in sorted(months)}
