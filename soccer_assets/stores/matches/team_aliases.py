"""Learns which names of two feeds mean the same team, from the fixtures that both provide.

Only a home with several feeds learns. Where two feeds provide a competition, the rows of the second are
ignored, but its team names are not. A learned alias is a merge like one by hand: `soccer teams` lists and
splits it, and a merge that was split by hand is not learned again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa

from soccer_assets.football.alias_learning import Meeting, learn_aliases
from soccer_assets.football.competitions import Competition
from soccer_assets.football.identity import Pool, mint_team_id
from soccer_assets.resources.bulk_rows import in_list
from soccer_assets.resources.database import Database
from soccer_assets.stores.matches.teams import TeamError, merge_teams, redirects
from soccer_assets.tables import match_raw, team, team_split

_Fixtures = defaultdict[tuple[Pool, str], defaultdict[str, set[Meeting]]]


def learn_team_aliases(
    database: Database, competitions: Mapping[str, Competition], owners: Mapping[str, str], now: dt.datetime
) -> int:
    """Merge the teams that fixtures of two feeds show to be the same; returns how many.

    Args:
        database: where the tables are.
        competitions: the whole catalogue, by code.
        owners: by competition, the feed whose rows count.
        now: time stamp of new merges.
    """
    learned = 0
    for keep, duplicate in _candidates(database, competitions, owners):
        try:
            merge_teams(database, keep, duplicate, now)
        except TeamError:  # they have met, or one of them was merged by hand
            continue
        learned += 1
    return learned


def _candidates(
    database: Database, competitions: Mapping[str, Competition], owners: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Pairs of ids that fixtures show to be one team, without those already merged or split."""
    with database.reading() as connection:
        merged_into = redirects(connection)
        apart = {(row.keep, row.gone) for row in connection.execute(sa.select(team_split))}
        pairs = set()
        for (pool, owner), feeds in _fixtures(connection, competitions, owners).items():
            for other in feeds.keys() - {owner}:
                pairs |= {
                    (_team_id(pool, name), _team_id(pool, alias))
                    for alias, name in learn_aliases(feeds[owner], feeds[other]).items()
                    if alias != name
                }
        there = set(
            connection.execute(
                sa.select(team.c.team_id).where(
                    in_list(connection, team.c.team_id, sorted({id_ for pair in pairs for id_ in pair}))
                )
            ).scalars()
        )
    return sorted(
        (merged_into.get(keep, keep), duplicate)
        for keep, duplicate in pairs
        if duplicate not in merged_into
        and {keep, duplicate} <= there
        and merged_into.get(keep, keep) != duplicate
        and (merged_into.get(keep, keep), duplicate) not in apart
    )


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
