"""Records of a match as a provider reports it, and the row that could not be understood.

What a row must satisfy is in ``football/validity.py``; how it is stored is in ``stores/matches``.
"""

import datetime as dt
from typing import Any

import msgspec

from soccer_assets.football.matches import KickoffPrecision, MatchStatus


class MatchOdds(msgspec.Struct, frozen=True, gc=False):
    """Decimal prices of one book or average, known once the match is over; never served."""

    kind: str
    home: float
    draw: float
    away: float


class GoalOdds(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Decimal prices of 2.5 goals and of an Asian handicap; None where one of them is not quoted.

    Of one book or average, known once the match is over; never served.

    Attributes:
        handicap: goals added to the home side, in quarters.
        home: price of the home side with its handicap.
        away: price of the away side against it.
    """

    kind: str
    over: float | None = None
    under: float | None = None
    handicap: float | None = None
    home: float | None = None
    away: float | None = None


class MatchStats(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Shots on target of both sides, where the provider has them; all shots and corners where it has more."""

    home_shots_on_target: int
    away_shots_on_target: int
    home_shots: int | None = None
    away_shots: int | None = None
    home_corners: int | None = None
    away_corners: int | None = None


class Venue(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The ground of a match, in the provider's words."""

    name: str
    city: str | None = None
    country: str | None = None

    @property
    def text(self) -> str:
        """Name and city."""
        return self.name if self.city is None else f"{self.name}, {self.city}"


class AfterNinety(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a match that went on after 90 minutes was decided; never a label and never a settlement.

    Attributes:
        decided_by: ``extra_time``, ``penalties``, or ``unknown`` where the provider does not say whether the
            match went on.
        home_goals: score after extra time, that of the 90 minutes included; None where unknown.
        home_penalties: goals of the shoot-out; None where there was none or they are unknown.
    """

    decided_by: str
    home_goals: int | None = None
    away_goals: int | None = None
    home_penalties: int | None = None
    away_penalties: int | None = None


def after_ninety(
    score: tuple[int, int] | None,
    penalties: tuple[int, int] | None,
    *,
    went_on: bool,
    has_shoot_out: bool = False,
) -> AfterNinety | None:
    """How a match was decided after 90 minutes; None where ``went_on`` is false.

    Args:
        score: home and away goals after extra time; None where unknown.
        penalties: home and away goals of the shoot-out; None where there was none or they are unknown.
        went_on: whether the match had extra time or a shoot-out.
        has_shoot_out: whether there was a shoot-out, also where its goals are unknown.
    """
    if not went_on:
        return None
    home, away = score or (None, None)
    home_penalties, away_penalties = penalties or (None, None)
    return AfterNinety(
        decided_by="penalties" if penalties or has_shoot_out else "extra_time",
        home_goals=home,
        away_goals=away,
        home_penalties=home_penalties,
        away_penalties=away_penalties,
    )


class RawMatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One match as one provider reports it.

    Attributes:
        source: name of the feed.
        source_match_id: the provider's id; None where it has none (then the match is found by competition,
            season, teams and date).
        payload: the provider's own fields, without those about what had not happened yet.
        competition: code of `competitions.toml`, such as ``ENG-1``.
        kickoff: UTC; the day's 12:00 where only the day is known (see `kickoff_precision`).
        home_goals: score after 90 minutes and stoppage, None where unknown; while the status is ``live``, the
            score so far.
        after_90: how a match was decided that 90 minutes did not decide. Unset where they did or where the
            provider does not say; an unset field is not stored, so rows from before this field are unchanged.
        team_ids: the provider's own ids of home and away, where it has them: they decide which team is meant.
        spelled: home and away as the provider wrote them, where the club goes by another name.
        neutral: the provider's own flag; whether the ground is neutral is decided by ``neutral_grounds.py``.
        venue: the ground, where the provider tells it.
        goal_odds: prices of goals and handicaps, where the provider has them.
        other_scores: what other rows of one pass tell of the match: it is quarantined until they agree.
    """

    source: str
    source_match_id: str | None
    payload: dict[str, Any]
    competition: str
    season: str
    kickoff: dt.datetime
    kickoff_precision: KickoffPrecision
    home_team: str
    away_team: str
    status: MatchStatus
    round: str | None = None
    neutral: bool = False
    home_goals: int | None = None
    away_goals: int | None = None
    home_goals_half_time: int | None = None
    away_goals_half_time: int | None = None
    odds: MatchOdds | None = None
    stats: MatchStats | None = None
    after_90: AfterNinety | msgspec.UnsetType = msgspec.UNSET
    spelled: tuple[str, str] | msgspec.UnsetType = msgspec.UNSET
    team_ids: tuple[str, str] | msgspec.UnsetType = msgspec.UNSET
    other_scores: tuple[tuple[int, int], ...] | msgspec.UnsetType = msgspec.UNSET
    venue: Venue | msgspec.UnsetType = msgspec.UNSET
    goal_odds: GoalOdds | msgspec.UnsetType = msgspec.UNSET


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be understood, kept with the reason."""

    source: str
    reason: str
    payload: dict[str, Any]


class UnreadableFile(Rejection, frozen=True, kw_only=True):
    """A whole file that could not be read: stored like a rejected row, not counted as one."""


class RejectedResult(Rejection, frozen=True, kw_only=True):
    """A result that could not be understood; its match follows in the same pass, as a fixture that is due."""


class UndrawnFixture(Rejection, frozen=True, kw_only=True):
    """A fixture whose teams are not known yet: stored like a rejected row, not counted as one."""


class Repeat(msgspec.Struct, frozen=True):
    """A second row about a match in the same pass: the first row is used, this one is only counted."""

    match: RawMatch


Row = RawMatch | Rejection | Repeat
