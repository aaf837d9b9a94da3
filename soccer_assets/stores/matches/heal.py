"""Heals a home of an older version: clubs under two names, matches stored twice, results that were lost.

Clubs are merged like by hand, so each merge can be split again. Rows of one meeting, and rows whose result no
match has, are marked as unread: the next refresh brings them together, or makes matches of them. Nothing is
deleted; `undo` gives the clubs back.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import MatchStatus
from soccer_assets.resources.bulk_rows import IDS_PER_QUERY, batches
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.names import (
    OneClub,
    clubs_under_two_names,
    forget_healed,
    healed_clubs,
    write_one_clubs,
)
from soccer_assets.stores.matches.teams import TeamError, merge_teams, split_team
from soccer_assets.stores.matches.unread import mark_rows_unread
from soccer_assets.tables import AWAITING, match, match_raw, match_source_id


class HealReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was healed.

    Attributes:
        merged: names that are one club now, or would be.
        refused: names that cannot be merged, each with the reason.
        matches: matches that the next refresh reads again, for their clubs or their meetings.
        lost: stored rows whose result no match has; the next refresh reads them again.
    """

    merged: tuple[OneClub, ...]
    refused: tuple[tuple[OneClub, str], ...]
    matches: int
    lost: int = 0


def heal(database: Database, now: dt.datetime, *, is_trial: bool = False) -> HealReport:
    """Merge the clubs that stand under two names; have meetings of several rows and lost results read again.

    Args:
        database: where they are.
        now: time stamp of the merges.
        is_trial: find out only, and change nothing.
    """
    found, lost = clubs_under_two_names(database), _rows_of_lost_results(database)
    if is_trial:
        rows = _rows_of_several(database)
        return HealReport(merged=tuple(found), refused=(), matches=_counted(rows), lost=_counted(lost))
    merged, refused, matches = [], [], 0
    for one in found:
        try:
            matches += merge_teams(database, one.pool.team_id(one.club), one.pool.team_id(one.name), now)
        except TeamError as error:
            refused.append((one, str(error)))
        else:
            merged.append(one)
    write_one_clubs(database, merged, now)
    rows = _rows_of_several(database)
    for unread in (rows, lost):
        for source, ids in unread.items():
            for part in batches(ids, IDS_PER_QUERY):
                with database.writing() as connection:
                    mark_rows_unread(connection, {source: part})
    return HealReport(
        merged=tuple(merged), refused=tuple(refused), matches=matches + _counted(rows), lost=_counted(lost)
    )


def undo(database: Database, now: dt.datetime) -> HealReport:
    """Split every club that `heal` merged; its matches are read again by the next refresh."""
    undone, refused, matches = [], [], 0
    for one in healed_clubs(database):
        try:
            matches += split_team(database, one.pool.team_id(one.name), now)
        except TeamError as error:
            refused.append((one, str(error)))
        else:
            undone.append(one)
    forget_healed(database, now)
    return HealReport(merged=tuple(undone), refused=tuple(refused), matches=matches)


def _counted(rows: Mapping[str, Sequence[str]]) -> int:
    return sum(map(len, rows.values()))


def _rows_of_several(database: Database) -> dict[str, list[str]]:
    """Ids of the raw rows of meetings that have several, by source."""
    several = (
        sa.select(match_raw.c.source, match_raw.c.meeting)
        .group_by(match_raw.c.source, match_raw.c.meeting)
        .having(sa.func.count() > 1)
        .subquery()
    )
    query = sa.select(match_raw.c.source, match_raw.c.source_match_id).join(
        several,
        sa.and_(several.c.source == match_raw.c.source, several.c.meeting == match_raw.c.meeting),
    )
    return _ids_by_source(database, query)


def _rows_of_lost_results(database: Database) -> dict[str, list[str]]:
    """Ids of the raw rows that have a result which their match has not, by source.

    The match still waits for one; or it stands by another meeting's row of the same feed, on another day.
    """
    standing = match_raw.alias()
    query = (
        sa.select(match_raw.c.source, match_raw.c.source_match_id)
        .join(
            match_source_id,
            sa.and_(
                match_source_id.c.source == match_raw.c.source,
                match_source_id.c.source_match_id == match_raw.c.source_match_id,
            ),
        )
        .join(
            match,
            sa.and_(
                match.c.match_id == match_source_id.c.match_id, match.c.source == match_source_id.c.source
            ),
        )
        .join(
            standing,
            sa.and_(
                standing.c.source == match.c.source, standing.c.source_match_id == match.c.source_match_id
            ),
        )
        .where(
            match_raw.c.status == MatchStatus.FINISHED.value,
            sa.or_(
                match.c.status.in_(AWAITING),
                sa.and_(
                    standing.c.meeting != match_raw.c.meeting,
                    sa.func.date(standing.c.kickoff) != sa.func.date(match_raw.c.kickoff),
                ),
            ),
        )
    )
    return _ids_by_source(database, query)


def _ids_by_source(database: Database, query: sa.Select[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    # By their days, so that a transaction of the next pass has few.
    with database.reading() as connection:
        for source, id_ in connection.execute(query.order_by(match_raw.c.kickoff)):
            found.setdefault(source, []).append(id_)
    return found
