"""Exports of invented matches, for `update_features` and `match_table_of`."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import month_of, write_table
from soccer_assets.stores.exports import MATCH_SCHEMA, SCHEMA_VERSION, ExportManifest
from tests.builders import NOW

Rows = Mapping[str, dict[str, Any]]


def played(match_id: str, kickoff: str, home: str, away: str, score: str, **changes: Any) -> dict[str, Any]:
    """One row of ``exports/match`` by column; a fixture if the score is empty."""
    home_goals, away_goals = map(int, score.split("-")) if score else (None, None)
    return {
        "match_id": match_id,
        "kickoff": dt.datetime.fromisoformat(kickoff).replace(tzinfo=dt.UTC),
        "kickoff_precision": "minute",
        "competition": "TST-1",
        "season": "2024-25",
        "tier": 1,
        "sex": "men",
        "age_group": "senior",
        "squad": "first",
        "home_team_id": home,
        "away_team_id": away,
        "home_team": home,
        "away_team": away,
        "home_goals": home_goals,
        "away_goals": away_goals,
        "status": "finished" if score else "scheduled",
        "neutral": False,
        "away_is_host": False,
        "source": "fake",
        "source_match_id": match_id,
        "version": 1,
        "updated_at": NOW,
    } | changes


def exported(rows: Rows) -> pa.Table:
    """The rows as one table of ``exports/match``, in the order of time."""
    in_time = sorted(rows.values(), key=lambda row: (row["kickoff"], row["match_id"]))
    return pa.Table.from_pylist(in_time, schema=MATCH_SCHEMA)


def export_of(store: ObjectStore, rows: Rows) -> ExportManifest:
    """A snapshot of the rows, its parts in the store."""
    months: dict[str, dict[str, Any]] = {}
    for match_id, row in rows.items():
        months.setdefault(month_of(row["kickoff"]), {})[match_id] = row
    parts = [(month, exported(part)) for month, part in sorted(months.items())]
    table = write_table(store, "exports/match", MATCH_SCHEMA, parts, None)
    return ExportManifest(
        schema_version=SCHEMA_VERSION,
        snapshot_id=hashlib.sha256(repr(table).encode()).hexdigest()[:16],
        created_at="2025-04-25T09:00:00Z",
        tables={"match": table},
    )
