"""Rows that a feed no longer lists: since when, and which row came in their place.

A look that read its window whole and did not have a stored row of that window marks it. A row that is listed
again loses its mark. A row without a result that stays away for a week is withdrawn
(``football/meetings.py``). Where results are gone at the end of a competition's list, its file was cut: that
is reported.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.matches import OPEN_STATUSES, STATUS_RULES, MatchStatus, Window
from soccer_assets.football.meetings import ABANDONED_AFTER, WITHDRAWN_AFTER
from soccer_assets.football.text_folding import fold
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches, in_list, upsert
from soccer_assets.stores.matches.unread import mark_rows_unread
from soccer_assets.tables import AWAITS_RESULT, match, match_raw, match_source_id, vanished_match

# A look that lacks more than this share of a competition's rows was cut short: it proves nothing.
_MOST_VANISHED = 0.5
_FEW_ROWS = 6
_NEAR = dt.timedelta(days=3)
MOVED, EXCHANGED = "the row came under another id or season", "home and away were exchanged"
# One result may have been entered by mistake.
_LEAST_RESULTS_OF_A_CUT = 2


class Vanished(NamedTuple):
    """What a look no longer had.

    Attributes:
        changed: how many rows lost or got a mark.
        cut: competitions whose list ends before results that it had.
    """

    changed: int
    cut: list[str]


def mark_vanished(
    connection: sa.Connection,
    source: str,
    window: Window,
    listed: Mapping[str, dt.datetime],
    doubtful_names: Collection[str],
    now: dt.datetime,
) -> Vanished:
    """Mark stored rows of the window that a whole look did not have.

    Args:
        connection: a transaction that writes.
        source: name of the feed.
        window: what the look read, without a file or page that could not be read.
        listed: kickoffs of the rows that it had, by their ids; all of them are stored.
        doubtful_names: folded names in rows that were rejected or held back: their matches are not missing.
        now: of the look.
    """
    known = {
        row.source_match_id: row
        for row in connection.execute(sa.select(vanished_match).where(vanished_match.c.source == source))
    }
    returned = [id_ for id_ in known if id_ in listed]
    missing = _missing(connection, source, window, listed)
    gone = [
        row
        for row in missing.rows
        if row.source_match_id not in known and not _is_doubtful(row.meeting, doubtful_names)
    ]
    marks = []
    for row in gone:
        new, how = _in_its_place(connection, row, now)
        marks.append(
            {
                "source": source,
                "source_match_id": row.source_match_id,
                "vanished_at": now - WITHDRAWN_AFTER if how == EXCHANGED else now,
                "replaced_by": new,
                "how": how,
            }
        )
    for ids in batches(returned, IDS_PER_QUERY):
        connection.execute(
            sa.delete(vanished_match).where(
                vanished_match.c.source == source, in_list(connection, vanished_match.c.source_match_id, ids)
            )
        )
    upsert(connection, vanished_match, marks)
    replaced = {mark["source_match_id"] for mark in marks if mark["how"]}
    is_withdrawn = match.c.status == MatchStatus.WITHDRAWN.value
    again = _of_matches(connection, source, returned, is_withdrawn)
    again |= _one_of_several(connection, source, returned)
    lost = [row.source_match_id for row in gone]
    several = _one_of_several(connection, source, lost)
    # Beside listed results a result counts or not by whether it is listed itself.
    beside = _of_matches(connection, source, [*lost, *returned], match.c.quarantine.is_not(None))
    unread = replaced | again | several | beside | _overdue(connection, source, now)
    mark_rows_unread(connection, {source: unread})
    return Vanished(len(returned) + len(gone), missing.cut)


def cut_lists(
    connection: sa.Connection, source: str, window: Window, listed: Mapping[str, dt.datetime]
) -> list[str]:
    """Competitions whose list ends before results that it had, for a look that proves nothing else."""
    return _missing(connection, source, window, listed).cut


def marks_of(
    connection: sa.Connection, sources: Iterable[str]
) -> dict[tuple[str, str], tuple[dt.datetime, str | None]]:
    """Since when rows are gone, and the row that each is one match with, by source and id."""
    query = sa.select(vanished_match).where(
        in_list(connection, vanished_match.c.source, sorted(set(sources)))
    )
    return {
        (row.source, row.source_match_id): (row.vanished_at, row.replaced_by if row.how == MOVED else None)
        for row in connection.execute(query)
    }


def names_in(payloads: Iterable[object]) -> set[str]:
    """Every text in rejected payloads, folded: what may be the name of a club."""
    found: set[str] = set()
    stack = list(payloads)
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.add(fold(item))
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
    return found


class _Missing(NamedTuple):
    """Stored rows that a look did not have, without those of competitions that lack most, and who was cut."""

    rows: list[sa.Row[Any]]
    cut: list[str]


def _missing(
    connection: sa.Connection, source: str, window: Window, listed: Mapping[str, dt.datetime]
) -> _Missing:
    """Stored rows of the window that the look did not have; none of a competition that was cut short."""
    first, end = midnight(window.start), midnight(window.end)
    in_window = sa.and_(match_raw.c.source == source, match_raw.c.kickoff >= first, match_raw.c.kickoff < end)
    # As many as were listed: those. A count of an index takes a hundredth of the time of reading the rows.
    of_window = sa.select(sa.func.count()).select_from(match_raw).where(in_window)
    if connection.execute(of_window).scalar_one() == sum(first <= at < end for at in listed.values()):
        return _Missing([], [])
    names = ("source", "source_match_id", "meeting", "competition", "kickoff", "status")
    query = sa.select(*[match_raw.c[name] for name in names]).where(in_window)
    stored: defaultdict[str, int] = defaultdict(int)
    gone: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    last_result: dict[str, dt.datetime] = {}
    for row in connection.execute(query.execution_options(yield_per=IDS_PER_QUERY)):
        stored[row.competition] += 1
        if row.source_match_id not in listed:
            gone[row.competition].append(row)
        elif _has_result(row):
            last_result[row.competition] = max(row.kickoff, last_result.get(row.competition, row.kickoff))
    rows = [
        row
        for competition, rows in gone.items()
        if len(rows) <= max(_FEW_ROWS, _MOST_VANISHED * stored[competition])
        for row in rows
    ]
    cut = [
        competition
        for competition, rows in gone.items()
        if sum(_has_result(row) and row.kickoff > last_result.get(competition, first - _NEAR) for row in rows)
        >= _LEAST_RESULTS_OF_A_CUT
    ]
    return _Missing(rows, sorted(cut))


def _has_result(row: sa.Row[Any]) -> bool:
    return STATUS_RULES[MatchStatus(row.status)].settles


def _is_doubtful(meeting: str, doubtful_names: Collection[str]) -> bool:
    return any(name in doubtful_names for name in meeting.split("|")[2:])


def _in_its_place(
    connection: sa.Connection, gone: sa.Row[Any], now: dt.datetime
) -> tuple[str | None, str | None]:
    """The row that came in the look in which this one went, and how; None for both without one."""
    competition, season, home, away = gone.meeting.split("|", 3)
    query = sa.select(
        match_raw.c.source_match_id, match_raw.c.meeting, match_raw.c.kickoff, match_raw.c.status
    )
    query = query.where(
        match_raw.c.source == gone.source,
        match_raw.c.competition == competition,
        match_raw.c.kickoff.between(gone.kickoff - _NEAR, gone.kickoff + _NEAR),
        match_raw.c.first_seen_at == now,
    )
    for row in connection.execute(query.order_by(match_raw.c.kickoff, match_raw.c.source_match_id)):
        _, new_season, new_home, new_away = row.meeting.split("|", 3)
        if (new_home, new_away) == (home, away) and new_season != season:
            return row.source_match_id, MOVED
        if (new_home, new_away) == (away, home) and gone.status in OPEN_STATUSES:
            return row.source_match_id, EXCHANGED
    return None, None


def _one_of_several(connection: sa.Connection, source: str, ids: Iterable[str]) -> set[str]:
    """Those of the rows whose meeting has another row: which one stands may change."""
    found: set[str] = set()
    twin = match_raw.alias()
    is_twin = sa.and_(
        twin.c.source == match_raw.c.source,
        twin.c.meeting == match_raw.c.meeting,
        twin.c.source_match_id != match_raw.c.source_match_id,
    )
    for part in batches(ids, IDS_PER_QUERY):
        query = sa.select(match_raw.c.source_match_id).where(
            match_raw.c.source == source,
            in_list(connection, match_raw.c.source_match_id, part),
            sa.exists().where(is_twin),
        )
        found.update(connection.execute(query).scalars())
    return found


def _of_matches(
    connection: sa.Connection, source: str, ids: Iterable[str], condition: sa.ColumnElement[bool]
) -> set[str]:
    """Those of the rows whose match fulfils a condition."""
    found: set[str] = set()
    for part in batches(ids, IDS_PER_QUERY):
        query = (
            sa.select(match_source_id.c.source_match_id)
            .join(match, match.c.match_id == match_source_id.c.match_id)
            .where(
                match_source_id.c.source == source,
                in_list(connection, match_source_id.c.source_match_id, part),
                condition,
            )
        )
        found.update(connection.execute(query).scalars())
    return found


def _overdue(connection: sa.Connection, source: str, now: dt.datetime) -> set[str]:
    """Rows whose match the clock withdraws or abandons, and which are not so yet."""
    await_result = match.c.status.in_(OPEN_STATUSES)
    its_row = sa.and_(
        match_source_id.c.match_id == match.c.match_id,
        match_source_id.c.source == match.c.source,
    )
    gone = (
        sa.select(vanished_match.c.source_match_id)
        .join(
            match_source_id,
            sa.and_(
                match_source_id.c.source == vanished_match.c.source,
                match_source_id.c.source_match_id == vanished_match.c.source_match_id,
            ),
        )
        .join(match, its_row)
        .where(
            vanished_match.c.source == source,
            vanished_match.c.vanished_at <= now - WITHDRAWN_AFTER,
            await_result,
        )
    )
    live = sa.select(match.c.source_match_id).where(
        AWAITS_RESULT,  # the condition of the index
        match.c.source == source,
        match.c.status == MatchStatus.LIVE.value,
        match.c.kickoff <= now - ABANDONED_AFTER,
    )
    return {*connection.execute(gone).scalars(), *connection.execute(live).scalars()}
