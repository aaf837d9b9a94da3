"""Seasons whose list ends too soon: what a new home can tell of a file that was cut at the end of a row.

Nothing was stored before, so nothing vanished. But the rules of a league tell how many matches its first
stage has, and no pause of one lasts as long. Not here: a list that ends before results of an earlier look
(``vanished.py``), and leagues without rules, of which nobody can tell how many matches are left.
"""

import datetime as dt

import msgspec
import sqlalchemy as sa

from soccer_assets.clock import midnight
from soccer_assets.football.projections.season_rules import NotProjectedError, season_rules
from soccer_assets.football.season_formats import season_format
from soccer_assets.tables import match_raw

_NEWEST_SEASON = dt.timedelta(days=400)
# Outside winter no league with rules paused longer than 33 days from 1998 to 2025, but for the spring of
# 2020: then nothing was played, and the list says so rightly.
_LONGEST_PAUSE = dt.timedelta(days=35)
# Leagues of a calendar year pause for a World Cup: Japan's of 2006 for 66 days.
_LONGEST_SUMMER = dt.timedelta(days=75)
# A winter break may begin with a winter's World Cup in November, and ends in the first half of March.
_WINTER_BEGINS, _WINTER_IS_OVER = (11, 10), (3, 20)
# First stages end later than this, or play-offs do.
_ENDS_OF_TWO_YEARS, _ENDS_OF_ONE_YEAR = (4, 25), (10, 1)


class EndedList(msgspec.Struct, frozen=True, order=True):
    """A season whose list ends too soon.

    Attributes:
        matches: that it has.
        full: that the season's first stage has.
        last_day: of its last match.
    """

    competition: str
    season: str
    matches: int
    full: int
    last_day: dt.date

    @property
    def text(self) -> str:
        """How far the list goes, in words."""
        return f"{self.matches} of its {self.full} matches, the last of {self.last_day}"


def ends_too_soon(
    competition: str, season: str, matches: int, last_day: dt.date, today: dt.date
) -> EndedList | None:
    """A season whose list ends before it can be over, longer ago than any pause; None of any other.

    Args:
        competition: its code.
        season: its label.
        matches: how many are listed, played or not.
        last_day: of the last of them.
        today: the current day.
    """
    expected = season_format(competition, season)
    # A season that differs may have been cut short.
    if expected is None or expected.why:
        return None
    try:
        full = season_rules(competition, season, expected.least_clubs).matches(0)
    except NotProjectedError:
        return None
    is_double = "/" in season
    year = int(season.rpartition("/")[2])
    ends = dt.date(year, *(_ENDS_OF_TWO_YEARS if is_double else _ENDS_OF_ONE_YEAR))
    if matches >= full or last_day >= ends:
        return None
    silent_from = last_day + (_LONGEST_PAUSE if is_double else _LONGEST_SUMMER)
    if is_double and last_day >= dt.date(year - 1, *_WINTER_BEGINS):
        silent_from = max(silent_from, dt.date(year, *_WINTER_IS_OVER))
    return EndedList(competition, season, matches, full, last_day) if today > silent_from else None


def ended_lists(connection: sa.Connection, source: str, today: dt.date) -> list[EndedList]:
    """The newest seasons of a feed whose list ends too soon."""
    # Counted by the database: there are thousands of rows, and every hourly look asks.
    seasons = connection.execute(
        sa.select(
            match_raw.c.competition,
            match_raw.c.season,
            sa.func.count().label("matches"),
            sa.func.max(match_raw.c.kickoff).label("last"),
        )
        .where(match_raw.c.source == source, match_raw.c.kickoff >= midnight(today - _NEWEST_SEASON))
        .group_by(match_raw.c.competition, match_raw.c.season)
    )
    newest: dict[str, sa.Row[tuple[str, str, int, dt.datetime]]] = {}
    for row in seasons:
        if row.competition not in newest or newest[row.competition].last < row.last:
            newest[row.competition] = row
    return sorted(
        found
        for row in newest.values()
        if (found := ends_too_soon(row.competition, row.season, row.matches, row.last.date(), today))
    )
