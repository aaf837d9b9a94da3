"""Results that a committee awarded and a feed gives as played: they count in tables, and nowhere else.

`awarded.toml` tells them; feeds with a status of their own for it need no line there.
"""

import datetime as dt
from functools import cache

import msgspec

from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.projections.season_rules import awarded_score, load_awarded
from soccer_assets.football.records import RawMatch

_FINISHED = MatchStatus.FINISHED  # a look-up of an enum's member costs as much as the rest of `as_awarded`


@cache
def awarded_seasons() -> frozenset[tuple[str, str]]:
    """Competition and season of every awarded result: all other matches need no look."""
    told = load_awarded()
    results = {(one.competition, one.season) for one in told.results}
    return frozenset(results | {(one.competition, one.season) for one in told.clubs})


def score_of_award(
    competition: str, season: str, day: dt.date, home: str, away: str
) -> tuple[int, int] | None:
    """The awarded score of a match, sides in any spelling; None where it was decided on the pitch."""
    if (competition, season) not in awarded_seasons():
        return None
    return awarded_score(competition, season, day, home, away)


def as_awarded(record: RawMatch) -> RawMatch:
    """The row with the status ``awarded`` and the score of the table, where its result was awarded."""
    if (record.competition, record.season) not in awarded_seasons() or record.status is not _FINISHED:
        return record
    sides = (record.home_team, record.away_team)
    score = score_of_award(record.competition, record.season, record.kickoff.date(), *sides)
    if score is None:
        return record
    goals = {"home_goals": score[0], "away_goals": score[1]}
    return msgspec.structs.replace(record, status=MatchStatus.AWARDED, **goals)
