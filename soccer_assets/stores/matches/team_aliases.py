"""Learns which names of two feeds mean the same team, from the fixtures that both provide.

Only a home with several feeds learns. Where two feeds provide a competition, the rows of the second are
ignored, but its team names are not: they are stored in `team_alias`. Where a name is a team already, the two
are merged as by hand: `soccer teams` lists and splits it, and what was split by hand is not learned again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from soccer_assets.football.alias_learning import Meeting, learn_aliases
from soccer_assets.football.competitions import Competition
from soccer_assets.football.identity import Pool
from soccer_assets.resources.bulk_rows import in_list, upsert
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.matches.feed_agreement import compare_again
from soccer_assets.stores.matches.feed_trust import stored_feeds
from soccer_assets.stores.matches.teams import TeamError, merge_teams, redirects
from soccer_assets.tables import match_raw, team, team_alias, team_split

_LEARNED_SO_FAR = "match_raw learned from for team_alias"
_SEASON = dt.timedelta(days=400)
_Fixtures = Mapping[tuple[Pool, str], Mapping[str, set[Meeting]]]


class _Alias(NamedTuple):
    """A name of another feed, and the team that it means.

    Attributes:
        alias: pool and folded name, as in `team_alias`.
        team_id: of the team that is kept.
        own_id: of the team that the name means until then, stored or not.
    """

    source: str
    alias: str
    team_id: str
    own_id: str


def learn_team_aliases(
    database: Database, competitions: Mapping[str, Competition], owners: Mapping[str, str], now: dt.datetime
) -> int:
    """Store which names of other feeds fixtures show to be known teams, and merge those stored as teams.

    Args:
        database: where the tables are.
        competitions: the whole catalogue, by code.
        owners: by competition, the feed whose rows count.
        now: time stamp of new merges.

    Returns:
        How many names were learned.
    """
    with database.reading() as connection:
        newest = connection.execute(sa.select(sa.func.max(match_raw.c.change_no))).scalar() or 0
        read_so_far = read_watermark(connection, _LEARNED_SO_FAR)
        if newest <= read_so_far:
            return 0
        fixtures = _fixtures(connection, competitions, owners, read_so_far)
        learned, are_teams = _new_aliases(connection, fixtures)
    stored = []
    for name in learned:
        if name.own_id in are_teams:
            try:
                merge_teams(database, name.team_id, name.own_id, now)
            except TeamError:  # they have met, or one of them was merged by hand
                continue
        stored.append({"source": name.source, "alias": name.alias, "team_id": name.team_id})
    with database.writing() as connection:
        if stored:
            upsert(connection, team_alias, stored)
            compare_again(connection)
        set_watermark(connection, _LEARNED_SO_FAR, newest)
    return len(stored)


def _new_aliases(connection: sa.Connection, fixtures: _Fixtures) -> tuple[list[_Alias], set[str]]:
    """Names that fixtures show to be a team, without those known or split, and their ids that are teams."""
    merged_into = redirects(connection)
    apart = {(row.keep, row.gone) for row in connection.execute(sa.select(team_split))}
    known = {
        (row.source, row.alias): merged_into.get(row.team_id, row.team_id)
        for row in connection.execute(sa.select(team_alias))
    }
    found = set()
    for (pool, owner), feeds in fixtures.items():
        for other in feeds.keys() - {owner}:
            for name, meant in learn_aliases(feeds.get(owner, ()), feeds[other]).items():
                own_id, team_id = (
                    known.get((source, f"{pool}|{spelling}")) or pool.team_id(spelling)
                    for source, spelling in ((other, name), (owner, meant))
                )
                team_id = merged_into.get(team_id, team_id)
                if own_id != team_id and (team_id, own_id) not in apart:
                    found.add(_Alias(other, f"{pool}|{name}", team_id, own_id))
    ids = {id_ for name in found for id_ in (name.team_id, name.own_id)}
    are_teams = set(
        connection.execute(
            sa.select(team.c.team_id).where(in_list(connection, team.c.team_id, sorted(ids)))
        ).scalars()
    )
    return [name for name in sorted(found) if name.team_id in are_teams], are_teams - merged_into.keys()


def _fixtures(
    connection: sa.Connection,
    competitions: Mapping[str, Competition],
    owners: Mapping[str, str],
    read_so_far: int,
) -> _Fixtures:
    """The meetings of competitions that more than one feed provides, by pool and owner; names are folded.

    Those of pools with a row newer than ``read_so_far``, from a season before the earliest such row to a
    season after the latest.
    """
    kickoff = match_raw.c.kickoff
    first, last = (bound(kickoff, type_=kickoff.type) for bound in (sa.func.min, sa.func.max))
    newer = sa.select(match_raw.c.competition, first.label("first"), last.label("last")).where(
        match_raw.c.change_no > read_so_far, in_list(connection, match_raw.c.competition, sorted(owners))
    )
    touched = connection.execute(newer.group_by(match_raw.c.competition)).all()
    pools = {code: competitions[code].pool for code in owners if code in competitions}
    open_pools = {pools[row.competition] for row in touched if row.competition in pools}
    if not open_pools:
        return {}
    query = sa.select(match_raw.c.source, match_raw.c.competition, match_raw.c.meeting, kickoff).where(
        in_list(connection, match_raw.c.source, stored_feeds(connection)),
        kickoff >= min(row.first for row in touched) - _SEASON,
        kickoff <= max(row.last for row in touched) + _SEASON,
    )
    by_competition: defaultdict[str, defaultdict[str, set[Meeting]]] = defaultdict(lambda: defaultdict(set))
    for source, code, meeting, at in connection.execute(query):
        if pools.get(code) in open_pools:
            _, _, home, away = meeting.split("|", 3)
            by_competition[code][source].add(Meeting(at.date(), home, away))
    found: defaultdict[tuple[Pool, str], defaultdict[str, set[Meeting]]]
    found = defaultdict(lambda: defaultdict(set))
    for code, by_source in by_competition.items():
        if len(by_source) > 1:
            for source, meetings in by_source.items():
                found[pools[code], owners[code]][source] |= meetings
    return found
