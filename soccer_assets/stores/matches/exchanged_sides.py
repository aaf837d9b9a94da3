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


# A season, and the break before it, is what checks look at: the whole table of 836,000 matches takes 3.3 s of
# CPU, these days .04 s. What an old file has is told by `soccer feeds audit`.
LOOK_BACK = dt.timedelta(days=400)


def exchanged_seasons(database: Database, now: dt.datetime) -> list[SideWins]:
    """Seasons of the last `LOOK_BACK`, by competition, counted from the matches of that time.

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
            match.c.kickoff >= now - LOOK_BACK,
        )
        .group_by(*seasons)
        .having(count >= LEAST_RESULTS, away_wins > home_wins)
    )
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
