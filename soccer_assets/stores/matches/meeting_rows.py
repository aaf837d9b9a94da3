"""Raw rows of meetings, decoded, with what the looks and the earlier versions of a row tell of it.

Not here: which rows of a meeting are one match (``football/meetings.py``), and what follows of it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import STATUS_RULES, settled_score
from soccer_assets.football.meetings import ReportedRow
from soccer_assets.football.records import RawMatch
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list
from soccer_assets.tables import match_raw, match_raw_history

RowKey = tuple[str, str]  # source, source_match_id
Marks = Mapping[RowKey, tuple[dt.datetime, str | None]]  # of `vanished.marks_of`


class MeetingRow(NamedTuple):
    """A raw row, decoded."""

    record: RawMatch
    reported: ReportedRow


def row_key(record: RawMatch) -> RowKey:
    """Source and id of a raw row."""
    return record.source, record.source_match_id or ""


def reported_row(
    record: RawMatch,
    first_seen_at: dt.datetime,
    vanished_at: dt.datetime | None = None,
    replaced_by: str | None = None,
    *,
    has_changed_grounds: bool = False,
) -> ReportedRow:
    """What decides which match a record is."""
    return ReportedRow(
        key=record.source_match_id or "",
        kickoff=record.kickoff,
        status=record.status,
        score=settled_score(record.status, record.home_goals, record.away_goals),
        round=record.round,
        first_seen_at=first_seen_at,
        vanished_at=vanished_at,
        replaced_by=replaced_by,
        has_changed_grounds=has_changed_grounds,
    )


def read_rows(
    connection: sa.Connection, source: str, meetings: Sequence[str], ids: Iterable[str], marks: Marks
) -> list[MeetingRow]:
    """The raw rows of some meetings, and some by their ids."""
    decoder = msgspec.json.Decoder(RawMatch)
    columns = sa.select(
        match_raw.c.source_match_id, match_raw.c.record, match_raw.c.first_seen_at, match_raw.c.version
    )
    found: dict[str, tuple[RawMatch, dt.datetime]] = {}
    replaced: list[str] = []
    for column, values in ((match_raw.c.meeting, meetings), (match_raw.c.source_match_id, sorted(ids))):
        for part in batches(values, IDS_PER_QUERY):
            query = columns.where(match_raw.c.source == source, in_list(connection, column, part))
            for id_, text, first_seen_at, version in connection.execute(query):
                found[id_] = decoder.decode(text), first_seen_at
                if version > 1:
                    replaced.append(id_)
    first_told = _first_told(connection, source, replaced)
    return [
        MeetingRow(
            record,
            reported_row(
                record,
                first_seen_at,
                *marks.get((source, id_), (None, None)),
                has_changed_grounds=id_ in first_told and _are_grounds_changed(first_told[id_], record),
            ),
        )
        for id_, (record, first_seen_at) in found.items()
    ]


def _first_told(connection: sa.Connection, source: str, ids: Sequence[str]) -> dict[str, RawMatch]:
    """The first version of rows that have been replaced."""
    decoder = msgspec.json.Decoder(RawMatch)
    found: dict[str, RawMatch] = {}
    for part in batches(ids, IDS_PER_QUERY):
        query = sa.select(match_raw_history.c.source_match_id, match_raw_history.c.record).where(
            match_raw_history.c.source == source,
            in_list(connection, match_raw_history.c.source_match_id, part),
            match_raw_history.c.version == 1,
        )
        found.update((id_, decoder.decode(text)) for id_, text in connection.execute(query))
    return found


def _are_grounds_changed(first: RawMatch, record: RawMatch) -> bool:
    """Whether a fixture moved to the other ground since it was first listed; a played match never does."""
    if STATUS_RULES[first.status].settles:
        return False
    before, now = _sides(first), _sides(record)
    if first.team_ids is not msgspec.UNSET and record.team_ids is not msgspec.UNSET:
        before, now = first.team_ids, record.team_ids
    return before == now[::-1]


def _sides(record: RawMatch) -> tuple[str, str]:
    return fold(record.home_team), fold(record.away_team)
