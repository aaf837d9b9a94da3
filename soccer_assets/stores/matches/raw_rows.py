"""Rows of `match_raw` and its history: a match encoded as text, with the digest by which passes compare it.

Not here: which rows are written (``raw.py``).
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.football.records import RawMatch, Row
from soccer_assets.resources.bulk_rows import (
    IDS_PER_QUERY,
    batches,
    in_list,
    insert_columns,
    upsert,
    upsert_columns,
)
from soccer_assets.stores.matches.meeting_names import meeting_of
from soccer_assets.tables import match_raw, match_raw_history


class Content(NamedTuple):
    """A row's encoded content and its digest."""

    payload: bytes
    record: bytes
    sha256: str


_RawRow = tuple[str, RawMatch, Content]  # the id under which a match is stored, the match, its content


def encode_rows(rows: Iterable[Row]) -> dict[int, Content]:
    """The content of the matches that carry the provider's own id, by the `id` of each object.

    The names in others may change before they are stored.
    """
    return {
        id(row): encode(row.source_match_id, row)
        for row in rows
        if isinstance(row, RawMatch) and row.source_match_id is not None
    }


def encode(source_match_id: str, match: RawMatch) -> Content:
    """The content of a match that is stored under an id."""
    payload = msgspec.json.encode(match.payload, order="deterministic")
    record = msgspec.json.encode(msgspec.structs.replace(match, payload={}, source_match_id=source_match_id))
    return Content(payload, record, hashlib.sha256(payload + record).hexdigest())


def insert_rows(
    connection: sa.Connection,
    rows: Sequence[_RawRow],
    now: dt.datetime,
    change_no: int,
) -> None:
    """Store rows whose ids are new."""
    stamps = {"first_seen_at": now, "changed_at": now, "version": 1, "change_no": change_no}
    columns = {name: [value] * len(rows) for name, value in stamps.items()}
    insert_columns(connection, match_raw, _raw_columns(rows) | columns)


def replace_rows(
    connection: sa.Connection,
    source: str,
    rows: Sequence[_RawRow],
    now: dt.datetime,
    change_no: int,
) -> dict[str, str]:
    """Replace stored rows, which move to the history; returns meetings that rows have left, by row id."""
    if not rows:
        return {}
    columns = _raw_columns(rows)
    known = _known_rows(connection, source, columns["source_match_id"])
    old_rows = [known[id_] for id_ in columns["source_match_id"]]
    columns |= {
        "first_seen_at": [old.first_seen_at for old in old_rows],
        "changed_at": [now] * len(rows),
        "version": [old.version + 1 for old in old_rows],
        "change_no": [change_no] * len(rows),
    }
    upsert(connection, match_raw_history, [_history_row(old, change_no) for old in old_rows])
    upsert_columns(connection, match_raw, columns)
    return {
        old.source_match_id: old.meeting
        for old, meeting in zip(old_rows, columns["meeting"], strict=True)
        if old.meeting != meeting
    }


def _raw_columns(rows: Sequence[_RawRow]) -> dict[str, list[Any]]:
    """Rows of `match_raw` as columns, but for their versions and times: ids, matches, and their content."""
    ids, matches, contents = map(list, zip(*rows, strict=True)) if rows else ([], [], [])
    return {
        "source": [match.source for match in matches],
        "source_match_id": ids,
        "competition": [match.competition for match in matches],
        "season": [match.season for match in matches],
        "kickoff": [match.kickoff for match in matches],
        "status": [str.__str__(match.status) for match in matches],
        "meeting": list(map(meeting_of, matches)),
        "payload": [content.payload.decode() for content in contents],
        "record": [content.record.decode() for content in contents],
        "sha256": [content.sha256 for content in contents],
    }


def _history_row(old: sa.Row[Any], change_no: int) -> dict[str, Any]:
    """A row of `match_raw_history`: a stored row that is replaced."""
    kept = ("source", "source_match_id", "version", "kickoff", "payload", "record", "sha256", "changed_at")
    return {name: getattr(old, name) for name in kept} | {"replaced_by_change_no": change_no}


def _known_rows(
    connection: sa.Connection, source: str, source_match_ids: Sequence[str]
) -> dict[str, sa.Row[Any]]:
    known = {}
    for ids in batches(source_match_ids, IDS_PER_QUERY):
        query = sa.select(match_raw).where(
            match_raw.c.source == source, in_list(connection, match_raw.c.source_match_id, ids)
        )
        known.update({row.source_match_id: row for row in connection.execute(query)})
    return known
