"""The stored seasons whose results have home and away exchanged, by ``football/exchanged_sides.py``."""

import datetime as dt

import sqlalchemy as sa

from soccer_assets.football.exchanged_sides import LEAST_RESULTS, SideWins
from soccer_assets.football.matches import SETTLED_STATUSES
from soccer_assets.resources.database import Database
from soccer_assets.tables import match

EXCHANGED_REMEDY = (
    "compare a few results with another source; if they are exchanged, mend the columns at the source, and "
    "until then run `soccer feeds trust COMPETITION --neither`"
)


def exchanged_seasons(database: Database, since: dt.datetime | None = None) -> list[SideWins]:
    """Seasons, by competition; of those under way at ``since`` only the matches after it are counted.

    Matches on neutral ground, those of a host named second, and those in quarantine are left out.
    """
    count = sa.func.count()
    home_wins = sa.func.sum(sa.case((match.c.home_goals > match.c.away_goals, 1), else_=0))
    away_wins = sa.func.sum(sa.case((match.c.home_goals < match.c.away_goals, 1), else_=0))
    seasons = match.c.competition, match.c.season, match.c.source
    query = (
        sa.select(*seasons, count.label("results"), home_wins.label("home"), away_wins.label("away"))
        .where(
            match.c.status.in_(SETTLED_STATUSES),
            match.c.home_goals.is_not(None),
            match.c.quarantine.is_(None),
            ~match.c.neutral,
            ~match.c.away_is_host,
        )
        .group_by(*seasons)
        .having(count >= LEAST_RESULTS, away_wins > home_wins)
    )
    if since is not None:
        query = query.where(match.c.kickoff >= since)
    with database.reading() as connection:
        found = [
            SideWins(
                competition=row.competition,
                season=row.season,
                source=row.source,
                results=row.results,
                home_wins=row.home,
                away_wins=row.away,
            )
            for row in connection.execute(query)
        ]
    return sorted(season for season in found if season.are_exchanged)
