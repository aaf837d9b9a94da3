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
from soccer_assets.football.identity import Pool, mint_team_id
from soccer_assets.resources.bulk_rows import in_list, upsert
from soccer_assets.resources.database import Database
from soccer_assets.resources.watermarks import read_watermark, set_watermark
from soccer_assets.stores.matches.feed_agreement import compare_again
from soccer_assets.stores.matches.teams import TeamError, merge_teams, redirects
from soccer_assets.tables import match_raw, team, team_alias, team_split

_LEARNED_SO_FAR = "match_raw learned from for team_alias"
_Fixtures = defaultdict[tuple[Pool, str], defaultdict[str, set[Meeting]]]


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
        if newest <= read_watermark(connection, _LEARNED_SO_FAR):
            return 0
        learned, are_teams = _new_aliases(connection, competitions, owners)
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


def _new_aliases(
    connection: sa.Connection, competitions: Mapping[str, Competition], owners: Mapping[str, str]
) -> tuple[list[_Alias], set[str]]:
    """Names that fixtures show to be a team, without those known or split, and their ids that are teams."""
    merged_into = redirects(connection)
    apart = {(row.keep, row.gone) for row in connection.execute(sa.select(team_split))}
    known = {
        (row.source, row.alias): merged_into.get(row.team_id, row.team_id)
        for row in connection.execute(sa.select(team_alias))
    }
    found = set()
    for (pool, owner), feeds in _fixtures(connection, competitions, owners).items():
        for other in feeds.keys() - {owner}:
            for name, meant in learn_aliases(feeds[owner], feeds[other]).items():
                own_id, team_id = (
                    known.get((source, f"{pool}|{spelling}")) or _team_id(pool, spelling)
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
    connection: sa.Connection, competitions: Mapping[str, Competition], owners: Mapping[str, str]
) -> _Fixtures:
    """The meetings of competitions that more than one feed provides, by pool and owner; names are folded."""
    count = sa.func.count(sa.distinct(match_raw.c.source))
    shared = (
        connection.execute(
            sa.select(match_raw.c.competition).group_by(match_raw.c.competition).having(count > 1)
        )
        .scalars()
        .all()
    )
    codes = [code for code in shared if code in competitions and code in owners]
    found: _Fixtures = defaultdict(lambda: defaultdict(set))
    pools = {code: _pool_of(competitions[code]) for code in codes}
    query = sa.select(
        match_raw.c.source, match_raw.c.competition, match_raw.c.meeting, match_raw.c.kickoff
    ).where(in_list(connection, match_raw.c.competition, codes))
    for source, code, meeting, kickoff in connection.execute(query):
        _, _, home, away = meeting.split("|", 3)
        found[pools[code], owners[code]][source].add(Meeting(kickoff.date(), home, away))
    return found


def _team_id(pool: Pool, name: str) -> str:
    return mint_team_id(pool.country, pool.sex, pool.age_group, name, pool.squad)


def _pool_of(competition: Competition) -> Pool:
    return Pool(competition.country, competition.sex, competition.age_group, competition.squad)
