"""From what a provider's API tells of a match to a `RawMatch`, showing only what the clock allows.

An adapter reads the fixture; the result stays behind functions that are called when the match is over.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.fields import Fault, half_time_of, json_object
from soccer_assets.feeds.visibility import known_by_time, known_of
from soccer_assets.football.competitions import Competition, season_of
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, MatchOdds, RawMatch, Rejection

Score = tuple[int, int] | None


def _no_half_time() -> tuple[Any, Any]:
    return None, None


def _nothing_after() -> AfterNinety | None:
    return None


def _no_odds() -> MatchOdds | None:
    return None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One match as an API tells it.

    Attributes:
        claimed: the provider's status; None where it has none and the result and the time decide.
        score: the score after 90 minutes of a finished match, or the score so far of a live one; raises
            `Fault` where it cannot be understood.
        has_result: for providers without a status, whether the result stands.
        half_time: both half-time scores as they came.
        odds: closing prices.
        after_90: how it was decided where 90 minutes did not.
        fixture: what the payload may always show.
        result: what it shows from the end of the match on, or while it is live.
    """

    source_match_id: str
    competition: Competition
    season: str
    kickoff: dt.datetime
    precision: KickoffPrecision
    home_team: str
    away_team: str
    claimed: MatchStatus | None
    score: Callable[[], Score]
    fixture: dict[str, Any]
    result: dict[str, Any]
    round: str | None = None
    neutral: bool = False
    has_result: Callable[[], bool] = bool
    half_time: Callable[[], tuple[Any, Any]] = _no_half_time
    odds: Callable[[], MatchOdds | None] = _no_odds
    after_90: Callable[[], AfterNinety | None] = _nothing_after


class Provider(msgspec.Struct, frozen=True):
    """What is the same for all rows of a provider.

    Attributes:
        source: name of the feed.
        result_lag: how long after the final whistle a result may take to appear.
        read: one row as told; raises `Fault` where it cannot be understood.
        fixture_of: what of a row may always be shown, for rows that cannot be read.
    """

    source: str
    result_lag: dt.timedelta
    read: Callable[[dict[str, Any]], Told]
    fixture_of: Callable[[dict[str, Any]], dict[str, Any]]


def matches_of(
    values: Iterable[Any], provider: Provider, window: Window, clock: Clock
) -> Iterator[RawMatch | Rejection]:
    """The rows of one answer whose kickoff day lies in the window, as they are known at the clock's now.

    A row whose kickoff cannot be read is reported with the answer it came in.
    """
    for value in values:
        try:
            told = provider.read(json_object(value, "the row"))
        except Fault as fault:
            payload = provider.fixture_of(value) if isinstance(value, dict) else {"row": value}
            yield Rejection(source=provider.source, reason=str(fault), payload=payload)
            continue
        if told.kickoff.date() in window:
            yield _match(told, provider, clock)


def season_label(competition: Competition, start_year: Any, day: dt.date) -> str:
    """The season that starts in a year, in the form of the competition's calendar; by the day without one."""
    if type(start_year) is not int or abs(start_year - day.year) > 1:
        return season_of(competition, day)
    return f"{start_year}" if competition.calendar == "year" else f"{start_year}/{start_year + 1}"


def pick(fields: Any, *paths: str) -> dict[str, Any]:
    """The fields at dotted paths that are there and not null, in objects like those they came in."""
    picked: dict[str, Any] = {}
    for path in paths:
        *outer, last = path.split(".")
        source, target = fields, picked
        for name in outer:
            source = source.get(name) if isinstance(source, dict) else None
            target = target.setdefault(name, {}) if isinstance(source, dict) else {}
        if isinstance(source, dict) and source.get(last) is not None:
            target[last] = source[last]
    return picked


def _match(told: Told, provider: Provider, clock: Clock) -> RawMatch | Rejection:
    if told.claimed is not None:
        known = known_of(told.claimed, told.kickoff, told.precision, clock)
    else:
        known = known_by_time(
            told.kickoff,
            told.precision,
            clock.now(),
            has_result=told.has_result(),
            result_lag=provider.result_lag,
        )
    payload = {**told.fixture, **(told.result if known.is_over or known.has_score else {})}
    try:
        score = told.score() if known.has_score else None
    except Fault as fault:
        return Rejection(source=provider.source, reason=str(fault), payload=payload)
    is_final = known.has_score and known.is_over
    half = half_time_of(*told.half_time(), score) if is_final else (None, None)
    return RawMatch(
        source=provider.source,
        source_match_id=told.source_match_id,
        payload=payload,
        competition=told.competition.code,
        season=told.season,
        kickoff=told.kickoff,
        kickoff_precision=told.precision,
        home_team=told.home_team,
        away_team=told.away_team,
        status=known.status,
        round=told.round,
        neutral=told.neutral,
        home_goals=None if score is None else score[0],
        away_goals=None if score is None else score[1],
        home_goals_half_time=half[0],
        away_goals_half_time=half[1],
        odds=told.odds() if is_final else None,
        after_90=(told.after_90() if is_final else None) or msgspec.UNSET,
    )
