"""Heals a home from before names and meetings were resolved: clubs under two names, matches stored twice.

Clubs are merged like by hand, so each merge can be split again. Rows of one meeting are marked as unread, and
the next refresh brings them together. Nothing is deleted; `undo` gives the clubs back.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

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
from soccer_assets.tables import match_raw


class HealReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was healed.

    Attributes:
        merged: names that are one club now, or would be.
        refused: names that cannot be merged, each with the reason.
        matches: matches that the next refresh reads again, for their clubs or their meetings.
    """

    merged: tuple[OneClub, ...]
    refused: tuple[tuple[OneClub, str], ...]
    matches: int


def heal(database: Database, now: dt.datetime, *, is_trial: bool = False) -> HealReport:
    """Merge the clubs that stand under two names, and have meetings of several rows read again.

    Args:
        database: where they are.
        now: time stamp of the merges.
        is_trial: find out only, and change nothing.
    """
    found = clubs_under_two_names(database)
    if is_trial:
        return HealReport(merged=tuple(found), refused=(), matches=_counted(_rows_of_several(database)))
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
    for source, ids in rows.items():
        for part in batches(ids, IDS_PER_QUERY):
            with database.writing() as connection:
                mark_rows_unread(connection, {source: part})
    return HealReport(merged=tuple(merged), refused=tuple(refused), matches=matches + _counted(rows))


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
    found: dict[str, list[str]] = {}
    with database.reading() as connection:
        for source, id_ in connection.execute(query):
            found.setdefault(source, []).append(id_)
    return found
