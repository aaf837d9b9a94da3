"""Brings the raw rows of one meeting together: one match, whose id is that of the row seen first.

Which rows are one match is decided in ``football/meetings.py``. Here their rows are read, the row that stands
is chosen, and a match that turns out to be another one moves to the history and leads to it in `match_merge`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from soccer_assets.football.competitions import Competition
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.matches import SETTLED_STATUSES, STATUS_RULES
from soccer_assets.football.meetings import (
    ReportedRow,
    are_separate,
    first_seen,
    group_rows,
    other_scores,
    results_beyond_format,
    status_by_now,
)
from soccer_assets.football.records import RawMatch
from soccer_assets.football.season_formats import season_format
from soccer_assets.resources.bulk_rows import (
    IDS_PER_QUERY,
    Columns,
    batches,
    in_list,
    insert_columns,
    upsert,
    upsert_columns,
)
from soccer_assets.resources.watermarks import next_change_no
from soccer_assets.stores.matches.meeting_names import TeamNames, meeting_of, read_team_names
from soccer_assets.stores.matches.meeting_rows import (
    Marks,
    MeetingRow,
    RowKey,
    read_rows,
    reported_row,
    row_key,
)
from soccer_assets.stores.matches.removals import record_merges
from soccer_assets.stores.matches.shared_match_ids import by_shared_id, stored_match_ids
from soccer_assets.stores.matches.stored_schedule import StoredSchedule
from soccer_assets.stores.matches.vanished import marks_of
from soccer_assets.tables import (
    match,
    match_history,
    match_merge,
    match_raw,
    match_source_id,
)


class Meetings(NamedTuple):
    """The rows that stand, one a match.

    Attributes:
        records: with the status that the clock gives them.
        matches: by the key of every row of these matches, the key of the row that gives the match its id.
        marks: why a result is not to count, by the key of its row that stands.
    """

    records: list[RawMatch]
    matches: dict[RowKey, RowKey]
    marks: dict[RowKey, str]


def bring_together(
    connection: sa.Connection,
    records: Sequence[RawMatch],
    competitions: Mapping[str, Competition],
    now: dt.datetime,
    is_sound: Callable[[RawMatch], bool] = lambda _: True,
) -> Meetings:
    """The rows that stand for the matches of ``records``, with stored rows that are the same matches.

    Args:
        connection: a transaction.
        records: raw rows of one batch, from any feeds.
        competitions: of these rows, by code.
        now: decides what is withdrawn.
        is_sound: whether a stored row can be a match; others have no part in it.
    """
    sources = {record.source for record in records}
    marks = marks_of(connection, sources)
    names = read_team_names(connection, records, competitions)
    several = _meetings_of_several_rows(connection, records, marks, names)
    standing: list[RawMatch] = []
    matches: dict[RowKey, RowKey] = {}
    beyond: dict[RowKey, str] = {}
    done: set[RowKey] = set()
    own_keys = [row_key(record) for record in records]
    wanted = set(own_keys)
    # Those of the batch too: a row that leaves its match leaves it to the others.
    stored = stored_match_ids(connection, {row_key(row.record) for found in several for row in found})
    for found in several:
        rows = [row for row in found if is_sound(row.record)]
        if wanted.isdisjoint(row_key(row.record) for row in rows):
            continue
        source = rows[0].record.source
        groups, marks_of_results = _groups(connection, rows)
        beyond.update({(source, key): mark for key, mark in marks_of_results.items()})
        for group in groups:
            keys = [(source, reported.key) for reported in group]
            owner = (source, first_seen(group).key)
            is_other = wanted.isdisjoint(keys) and not marks_of_results
            if is_other and _needs_no_work(group[0], keys, owner, found, stored):
                continue
            matches.update(dict.fromkeys(keys, owner))
            done.update(keys)
            best = next(row for row in rows if row.reported.key == group[0].key)
            standing.append(_with_others(_by_now(best.record, group[0], now), other_scores(group)))
    for key, record in zip(own_keys, records, strict=True):
        if key in done:
            continue
        matches[key] = key
        if key not in marks and STATUS_RULES[record.status].settles:
            standing.append(record)  # its status stays, whatever the time
            continue
        standing.append(_by_now(record, reported_row(record, now, *marks.get(key, (None, None))), now))
    return Meetings(standing, matches, beyond)


def _needs_no_work(
    best: ReportedRow,
    keys: Sequence[RowKey],
    owner: RowKey,
    rows: Sequence[MeetingRow],
    stored: Mapping[RowKey, str],
) -> bool:
    """Whether a match without rows of the batch needs no work: stored with these alone, or with none yet.

    Where the pairs of a league meet four times a season, each batch brings one such row for four of its own.
    """
    stored_as = {stored.get(key) for key in keys}
    if stored_as == {None}:
        return True
    match_id = mint_match_id(*owner)
    members = {row_key(row.record) for row in rows if stored.get(row_key(row.record)) == match_id}
    return stored_as == {match_id} and members == set(keys) and STATUS_RULES[best.status].settles


def give_ids(
    connection: sa.Connection, matches: Mapping[RowKey, RowKey], now: dt.datetime
) -> tuple[dict[RowKey, str], list[sa.Row[Any]]]:
    """The id of each row's match, and stored matches that are no longer one of their own.

    Those are moved to the history here.
    """
    found = stored_match_ids(connection, matches)
    ids = by_shared_id(connection, {key: mint_match_id(*owner) for key, owner in matches.items()})
    moved = {key: match_id for key, match_id in ids.items() if found.get(key) != match_id}
    _store_ids(
        connection, {key: match_id for key, match_id in moved.items() if key not in found}, insert_columns
    )
    _store_ids(connection, {key: match_id for key, match_id in moved.items() if key in found}, upsert_columns)
    gone = {found[key]: match_id for key, match_id in moved.items() if key in found}
    if not gone:
        return ids, []
    # What was merged and is a match of its own again.
    connection.execute(
        sa.delete(match_merge).where(in_list(connection, match_merge.c.gone, set(moved.values())))
    )
    return ids, _remove(connection, gone, now)


def _store_ids(
    connection: sa.Connection,
    match_ids: Mapping[RowKey, str],
    write: Callable[[sa.Connection, sa.Table, Columns], None],
) -> None:
    columns = {
        "source": [source for source, _ in match_ids],
        "source_match_id": [row_id for _, row_id in match_ids],
        "match_id": list(match_ids.values()),
    }
    write(connection, match_source_id, columns)


def _with_others(record: RawMatch, scores: tuple[tuple[int, int], ...]) -> RawMatch:
    """The record with what other rows tell of its match."""
    if not scores:
        return record
    own = () if record.other_scores is msgspec.UNSET else record.other_scores
    return msgspec.structs.replace(record, other_scores=tuple(sorted({*own, *scores})))


def _by_now(record: RawMatch, reported: ReportedRow, now: dt.datetime) -> RawMatch:
    status = status_by_now(reported, now)
    return record if status is record.status else msgspec.structs.replace(record, status=status)


def _meetings_of_several_rows(
    connection: sa.Connection,
    records: Sequence[RawMatch],
    marks: Marks,
    names: TeamNames,
) -> list[list[MeetingRow]]:
    """The rows of each meeting of the batch that has more than one, with rows that replace one another."""
    by_source: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for record in records:
        leads = by_source[record.source]
        if names.are_plain:
            meeting = meeting_of(record)
            leads[meeting] = meeting
            continue
        found_under = names.meetings(record)
        for meeting in found_under:
            leads[meeting] = found_under[0]
    replacements = [(source, old, new) for (source, old), (_, new) in marks.items() if new is not None]
    found: list[list[MeetingRow]] = []
    for source, leads in by_source.items():
        counts: defaultdict[str, int] = defaultdict(int)
        with_names = {first for meeting, first in leads.items() if meeting != first}
        for part in batches(sorted(leads), IDS_PER_QUERY):
            query = (
                sa.select(match_raw.c.meeting, sa.func.count())
                .where(match_raw.c.source == source, in_list(connection, match_raw.c.meeting, part))
                .group_by(match_raw.c.meeting)
            )
            if not with_names:
                query = query.having(sa.func.count() > 1)
            for meeting, count in connection.execute(query):
                counts[leads[meeting]] += count
        several = [meeting for meeting, first in leads.items() if counts[first] > 1]
        separate = _separate(
            connection, source, [one for one in several if leads[one] not in with_names], marks
        )
        wanted = [meeting for meeting in several if meeting not in separate]
        linked = {id_ for of, old, new in replacements if of == source for id_ in (old, new)}
        rows = read_rows(connection, source, wanted, linked, marks)
        groups: defaultdict[str, list[MeetingRow]] = defaultdict(list)
        for row in rows:
            groups[names.meetings(row.record)[0]].append(row)
        _join_replacements(groups, [(old, new) for of, old, new in replacements if of == source])
        found.extend(group for group in groups.values() if len(group) > 1)
    return found


def _separate(
    connection: sa.Connection,
    source: str,
    meetings: Sequence[str],
    marks: Marks,
) -> set[str]:
    """Those of the meetings whose rows are matches of their own, and stored as such, by their days alone.

    Of 36,211 meetings of several rows in 170,986 rows these are nearly all; the others' rows are decoded.
    """
    stored = sa.and_(
        match_source_id.c.source == match_raw.c.source,
        match_source_id.c.source_match_id == match_raw.c.source_match_id,
    )
    columns = (
        match_raw.c.meeting,
        match_raw.c.source_match_id,
        match_raw.c.kickoff,
        match_raw.c.status,
        match_source_id.c.match_id,
    )
    days: defaultdict[str, list[dt.date]] = defaultdict(list)
    match_ids: defaultdict[str, list[str]] = defaultdict(list)
    others: set[str] = set()
    for part in batches(meetings, IDS_PER_QUERY):
        query = (
            sa.select(*columns)
            .select_from(match_raw.outerjoin(match_source_id, stored))
            .where(match_raw.c.source == source, in_list(connection, match_raw.c.meeting, part))
        )
        for meeting, id_, kickoff, status, match_id in connection.execute(query).all():
            days[meeting].append(kickoff.date())
            if match_id is not None:
                match_ids[meeting].append(match_id)
            if (source, id_) in marks or status not in SETTLED_STATUSES:
                others.add(meeting)
    return {
        meeting
        for meeting, played in days.items()
        if meeting not in others
        and len(set(match_ids[meeting])) == len(match_ids[meeting])
        and are_separate(sorted(played), season_format(*meeting.split("|", 2)[:2]))
    }


def _join_replacements(groups: dict[str, list[MeetingRow]], replacements: Iterable[tuple[str, str]]) -> None:
    """Put a row that was replaced into the meeting of the row that came in its place."""
    meeting_of = {row.reported.key: meeting for meeting, rows in groups.items() for row in rows}
    for old, new in replacements:
        here, there = meeting_of.get(old), meeting_of.get(new)
        if here is None or there is None or here == there:
            continue
        groups[there].extend(groups.pop(here))
        meeting_of.update({row.reported.key: there for row in groups[there]})


def _groups(
    connection: sa.Connection, rows: Sequence[MeetingRow]
) -> tuple[list[list[ReportedRow]], dict[str, str]]:
    """The rows of each match, and the marks of results that the season's format cannot hold."""
    record = rows[0].record
    season, schedule = (
        season_format(record.competition, record.season),
        StoredSchedule(connection, rows),
    )
    groups = group_rows([row.reported for row in rows], season, schedule)
    return groups, results_beyond_format(groups, season, schedule)


def _remove(connection: sa.Connection, gone: Mapping[str, str], now: dt.datetime) -> list[sa.Row[Any]]:
    """Move matches that have no row of their own any more to the history; returns their last versions."""
    still = set(
        connection.execute(
            sa.select(match_source_id.c.match_id).where(in_list(connection, match_source_id.c.match_id, gone))
        ).scalars()
    )
    ids = sorted(gone.keys() - still)
    removed = list(connection.execute(sa.select(match).where(in_list(connection, match.c.match_id, ids))))
    if not removed:
        return []
    change_no = next_change_no(connection)
    kept = [row._asdict() | {"replaced_by_change_no": change_no} for row in removed]
    for row in kept:
        row.pop("change_no")
    upsert(connection, match_history, kept)
    connection.execute(sa.delete(match).where(in_list(connection, match.c.match_id, ids)))
    record_merges(connection, removed, gone, now)
    upsert(
        connection,
        match_merge,
        [
            {"gone": row.match_id, "keep": gone[row.match_id], "merged_at": now, "change_no": change_no}
            for row in removed
        ],
    )
    return removed
