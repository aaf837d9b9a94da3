"""Matches that a person should look at: withdrawn ones, and rows that are or may be one match reported twice.

A possible duplicate is more meetings of a pair than its season's format allows, or, where no format is known,
one score twice within two weeks or a match without a result beside one with a result.
"""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.football.matches import STATUS_RULES, MatchStatus
from soccer_assets.football.season_formats import season_format
from soccer_assets.resources.database import Database
from soccer_assets.tables import match, match_raw, match_source_id, team

_NEAR = dt.timedelta(days=14)
_COUNTING = [status.value for status, rule in STATUS_RULES.items() if rule.is_served]


class DoubtfulMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match, and what is doubtful about it."""

    match_id: str
    competition: str
    season: str
    kickoff: dt.datetime
    home_team: str
    away_team: str
    score: str
    status: str
    doubt: str

    def __str__(self) -> str:
        """One line of text."""
        return (
            f"{self.match_id}  {self.competition} {self.season}  {self.kickoff:%Y-%m-%d}  {self.home_team} "
            f"{self.score} {self.away_team}, {self.status}: {self.doubt}"
        )


def withdrawn_matches(database: Database, since: dt.datetime) -> list[DoubtfulMatch]:
    """Matches that their feed no longer lists, by kickoff."""
    query = _matches().where(match.c.status == MatchStatus.WITHDRAWN.value, match.c.kickoff >= since)
    with database.reading() as connection:
        return [
            _doubtful(row, "its feed no longer lists it")
            for row in connection.execute(query.order_by(match.c.kickoff, match.c.match_id))
        ]


def repeated_rows(database: Database, since: dt.datetime) -> list[DoubtfulMatch]:
    """Matches that their feed lists in several rows, a line for each row that does not stand."""
    is_another = sa.and_(
        match_source_id.c.match_id == match.c.match_id,
        match_source_id.c.source_match_id != match.c.source_match_id,
    )
    its_row = sa.and_(
        match_raw.c.source == match_source_id.c.source,
        match_raw.c.source_match_id == match_source_id.c.source_match_id,
    )
    query = (
        _matches()
        .join(match_source_id, is_another)
        .join(match_raw, its_row)
        .add_columns(match_raw.c.kickoff.label("also"), match_raw.c.source_match_id.label("row"))
        .where(match.c.kickoff >= since)
        .order_by(match.c.kickoff, match.c.match_id, match_raw.c.source_match_id)
    )
    with database.reading() as connection:
        return [
            _doubtful(found, f"also listed on {found.also:%Y-%m-%d}, as {found.row}")
            for found in connection.execute(query)
        ]


def possible_duplicates(database: Database, since: dt.datetime) -> list[DoubtfulMatch]:
    """Matches of one pair and season that may be one, those of a pair together."""
    pair = (match.c.competition, match.c.season, match.c.home_team_id, match.c.away_team_id)
    # One pass over the season: to look for each pair's matches again would read its competition each time.
    counted = (
        sa.select(match.c.match_id, sa.func.count().over(partition_by=pair).label("meetings"))
        .where(match.c.kickoff >= since, match.c.status.in_(_COUNTING))
        .subquery()
    )
    query = (
        _matches()
        .join(counted, counted.c.match_id == match.c.match_id)
        .where(counted.c.meetings > 1)
        .order_by(*pair, match.c.kickoff, match.c.match_id)
    )
    with database.reading() as connection:
        rows = list(connection.execute(query))
    found: list[DoubtfulMatch] = []
    for _, group in itertools.groupby(
        rows, key=lambda row: tuple(getattr(row, column.name) for column in pair)
    ):
        found.extend(_doubts_about(list(group)))
    return found


def _doubts_about(rows: Sequence[sa.Row[Any]]) -> Iterator[DoubtfulMatch]:
    """The rows of one pair and season that may be one match."""
    season = season_format(rows[0].competition, rows[0].season)
    if season is not None:
        if len(rows) > season.most_meetings:
            most = "once" if season.most_meetings == 1 else f"{season.most_meetings} times"
            doubt = f"the pair meets {most} at most in this season, and has {len(rows)} matches"
            yield from (_doubtful(row, doubt) for row in rows)
        return
    named: set[str] = set()
    for one, other in itertools.pairwise(rows):
        doubt = ""
        if _score(one) and _score(one) == _score(other) and other.kickoff - one.kickoff <= _NEAR:
            doubt = "the same score twice within two weeks"
        elif bool(_score(one)) != bool(_score(other)) and other.kickoff - one.kickoff <= _NEAR:
            doubt = "one has a result and the other none, within two weeks"
        for row in (one, other):
            if doubt and row.match_id not in named:
                named.add(row.match_id)
                yield _doubtful(row, doubt)


def _matches() -> sa.Select[Any]:
    home, away = team.alias(), team.alias()
    return (
        sa.select(match, home.c.name.label("home_team"), away.c.name.label("away_team"))
        .join(home, home.c.team_id == match.c.home_team_id)
        .join(away, away.c.team_id == match.c.away_team_id)
    )


def _score(row: sa.Row[Any]) -> str:
    if not STATUS_RULES[MatchStatus(row.status)].settles or row.home_goals is None:
        return ""
    return f"{row.home_goals}-{row.away_goals}"


def _doubtful(row: sa.Row[Any], doubt: str) -> DoubtfulMatch:
    names = ("match_id", "competition", "season", "kickoff", "home_team", "away_team", "status")
    fields = {name: getattr(row, name) for name in names}
    return DoubtfulMatch(**fields, score=_score(row) or "-", doubt=doubt)
