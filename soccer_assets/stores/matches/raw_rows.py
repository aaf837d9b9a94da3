"""Rows of `match_raw` and its history: a match encoded as text, with the digest by which passes compare it.

Not here: which rows are written (``raw.py``).
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.football.records import RawMatch, Row
from soccer_assets.stores.matches.meeting_names import meeting_of


class Content(NamedTuple):
    """A row's encoded content and its digest."""

    payload: bytes
    record: bytes
    sha256: str


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


def raw_row(source_match_id: str, match: RawMatch, content: Content) -> dict[str, Any]:
    """A row of `match_raw`, but for its version and its times."""
    return {
        "source": match.source,
        "source_match_id": source_match_id,
        "competition": match.competition,
        "season": match.season,
        "kickoff": match.kickoff,
        "status": str(match.status),
        "meeting": meeting_of(match),
        "payload": content.payload.decode(),
        "record": content.record.decode(),
        "sha256": content.sha256,
    }


def history_row(old: sa.Row[Any], change_no: int) -> dict[str, Any]:
    """A row of `match_raw_history`: a stored row that is replaced."""
    kept = ("source", "source_match_id", "version", "kickoff", "payload", "record", "sha256", "changed_at")
    return {name: getattr(old, name) for name in kept} | {"replaced_by_change_no": change_no}
