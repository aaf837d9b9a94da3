"""The protocol of a feed: what every adapter takes and gives.

An adapter turns a provider's payloads into `RawMatch` rows, or into a `Rejection` with the reason, and never
stops at a row it cannot understand. It knows its provider's limits and splits windows by itself.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window


class FeedError(Exception):
    """A feed cannot be read; the message names the setting and the address."""


class FeedUnavailable(FeedError):
    """The provider did not answer, or not now: trying again later may help."""


class FeedRefused(FeedError):
    """The provider's answer will not get better by itself: wrong address or key, not the promised format."""


class MatchOdds(msgspec.Struct, frozen=True):
    """Decimal prices of one book or average; for evaluation only, never a model input."""

    kind: str
    home: float
    draw: float
    away: float


class MatchStats(msgspec.Struct, frozen=True, omit_defaults=True):
    """Shots on target of both sides, where the provider has them; all shots and corners where it has more."""

    home_shots_on_target: int
    away_shots_on_target: int
    home_shots: int | None = None
    away_shots: int | None = None
    home_corners: int | None = None
    away_corners: int | None = None


class AfterNinety(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a match that went on after 90 minutes was decided; never a label and never a settlement.

    Attributes:
        decided_by: ``extra_time`` or ``penalties``.
        home_goals: score after extra time, that of the 90 minutes included; None where unknown.
        home_penalties: goals of the shoot-out; None where there was none or they are unknown.
    """

    decided_by: str
    home_goals: int | None = None
    away_goals: int | None = None
    home_penalties: int | None = None
    away_penalties: int | None = None


def after_ninety(
    score: tuple[int, int] | None, penalties: tuple[int, int] | None, *, went_on: bool
) -> AfterNinety | None:
    """The facts of a match that went on, from its score after extra time and its shoot-out."""
    if not went_on:
        return None
    home, away = score or (None, None)
    home_penalties, away_penalties = penalties or (None, None)
    return AfterNinety(
        decided_by="penalties" if penalties else "extra_time",
        home_goals=home,
        away_goals=away,
        home_penalties=home_penalties,
        away_penalties=away_penalties,
    )


class RawMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One match as one provider tells it.

    Attributes:
        source: name of the feed.
        source_match_id: the provider's id; None where it has none (then the match is found by competition,
            season, teams and date).
        payload: the provider's fields as they came, without what had not happened by now.
        competition: code of `competitions.toml`, such as ``ENG-1``.
        kickoff: UTC; the day's 12:00 where only the day is known (see `kickoff_precision`).
        home_goals: score after 90 minutes and stoppage, None where unknown; while the status is ``live``, the
            score so far.
        after_90: how it was decided where 90 minutes did not; unset where they did, or nobody says, so that
            rows stored before there was this field still hold the same.
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


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be understood, kept with the reason."""

    source: str
    reason: str
    payload: dict[str, Any]


class Repeat(msgspec.Struct, frozen=True):
    """A row that tells a match of the same pass again; the first telling counts, this one is only counted."""

    match: RawMatch


Row = RawMatch | Rejection | Repeat


class Feed(Protocol):
    """A provider of matches.

    Attributes:
        name: the name in ``SOCCER_FEED``.
        is_simulated: whether its clubs are fictitious; a home holds one kind only.
        result_lag: how long after the final whistle a result may take to appear.
    """

    name: str
    is_simulated: bool
    result_lag: dt.timedelta

    def first_month(self) -> dt.date:
        """The first day of the first month the provider has matches for."""
        ...

    def competitions(self) -> Mapping[str, Competition]:
        """Every competition the provider may have matches of, by code."""
        ...

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """Every match whose kickoff day (UTC) lies in ``window``, as it is known at the clock's now.

        A match that is not over by now comes without half-time score, closing odds or statistics, and without
        score but for the one a live match has reached.

        Raises:
            FeedError: the provider cannot be read.
        """
        ...
