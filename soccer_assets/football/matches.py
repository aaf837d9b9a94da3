"""Matches: status, outcome, and the table of rules for each status.

1x2 is decided at 90 minutes plus stoppage: ``home_goals`` and ``away_goals`` are that score, and are ``None``
where a source only has the score after extra time.
"""

import datetime as dt
from enum import StrEnum

import msgspec


class MatchStatus(StrEnum):
    """Where a match stands."""

    SCHEDULED = "scheduled"
    TBD = "tbd"
    LIVE = "live"
    FINISHED = "finished"
    POSTPONED = "postponed"
    ABANDONED = "abandoned"
    REPLAYED = "replayed"
    AWARDED = "awarded"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"  # never by a provider: it no longer lists the match


class KickoffPrecision(StrEnum):
    """How precisely the kickoff is known; an unknown time is never stored as 00:00."""

    MINUTE = "minute"
    DAY = "day"
    TBD = "tbd"


class StatusRule(msgspec.Struct, frozen=True):
    """How a match of some status is used."""

    trains: bool
    moves_ratings: bool
    is_served: bool
    settles: bool


# An awarded 3-0 was not played, so it never trains. Of a replayed match only the replay counts.
STATUS_RULES: dict[MatchStatus, StatusRule] = {
    MatchStatus.SCHEDULED: StatusRule(trains=False, moves_ratings=False, is_served=True, settles=False),
    MatchStatus.TBD: StatusRule(trains=False, moves_ratings=False, is_served=True, settles=False),
    MatchStatus.LIVE: StatusRule(trains=False, moves_ratings=False, is_served=True, settles=False),
    MatchStatus.FINISHED: StatusRule(trains=True, moves_ratings=True, is_served=True, settles=True),
    MatchStatus.POSTPONED: StatusRule(trains=False, moves_ratings=False, is_served=True, settles=False),
    MatchStatus.ABANDONED: StatusRule(trains=False, moves_ratings=False, is_served=False, settles=False),
    MatchStatus.REPLAYED: StatusRule(trains=False, moves_ratings=False, is_served=False, settles=False),
    MatchStatus.AWARDED: StatusRule(trains=False, moves_ratings=False, is_served=False, settles=False),
    MatchStatus.CANCELLED: StatusRule(trains=False, moves_ratings=False, is_served=False, settles=False),
    MatchStatus.WITHDRAWN: StatusRule(trains=False, moves_ratings=False, is_served=False, settles=False),
}
# As tables hold them: of a match that has its result.
SETTLED_STATUSES = tuple(status.value for status, rule in STATUS_RULES.items() if rule.settles)
# As tables hold them: of a match whose score counts in a league's table.
COUNTED_STATUSES = frozenset({MatchStatus.FINISHED.value, MatchStatus.AWARDED.value})
# Of one that its season still waits for.
OPEN_STATUSES = frozenset(
    status.value for status, rule in STATUS_RULES.items() if rule.is_served and not rule.settles
)


class Outcome(StrEnum):
    """1x2 after 90 minutes, in the order used everywhere."""

    HOME = "home"
    DRAW = "draw"
    AWAY = "away"


def outcome_of(home_goals: int, away_goals: int) -> Outcome:
    """The outcome of a 90-minute score."""
    if home_goals > away_goals:
        return Outcome.HOME
    return Outcome.DRAW if home_goals == away_goals else Outcome.AWAY


def settled_score(
    status: MatchStatus, home_goals: int | None, away_goals: int | None
) -> tuple[int, int] | None:
    """The 90-minute score of a match that is over and counts; None of any other, and where it is unknown."""
    if not STATUS_RULES[status].settles or home_goals is None or away_goals is None:
        return None
    return home_goals, away_goals


class Window(msgspec.Struct, frozen=True):
    """A half-open range of UTC days: ``start`` is in it, ``end`` is not."""

    start: dt.date
    end: dt.date

    def __contains__(self, day: dt.date) -> bool:
        """Whether a UTC day lies in the window."""
        return self.start <= day < self.end
