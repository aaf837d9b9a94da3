"""From a row of a provider's JSON to a `RawMatch` with what is visible at the clock's now.

An adapter parses the fixture at once; the result stays behind functions that are called only when it is
visible.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    half_time_of,
    json_object,
    name_of,
    score_or_none,
    teams_of,
)
from soccer_assets.feeds.validation import undrawn_row
from soccer_assets.feeds.visibility import visibility_by_status, visibility_by_time
from soccer_assets.football.competitions import NATIONAL, Competition, season_of
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Outcome, Window, outcome_of
from soccer_assets.football.placeholders import NOT_KNOWN
from soccer_assets.football.records import AfterNinety, MatchOdds, RawMatch, RejectedResult, Rejection, Venue
from soccer_assets.football.season_labels import SeasonLabel, season_days

Score = tuple[int, int] | None

# Longer than the name of any ground; what is longer is cut.
_LONGEST_NAME = 100

# As long as the hourly run reads back to a match without a result.
_WAITS = dt.timedelta(days=120)

# Providers write 0 or -1 for a team that is not known yet.
_NO_ID = frozenset({"", "0", "-1", "True", "False"})


def _no_half_time() -> tuple[Any, Any]:
    return None, None


def _no_after_90() -> AfterNinety | None:
    return None


def _no_odds() -> MatchOdds | None:
    return None


class ParsedMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an answer: the parsed fixture, and functions that parse the result.

    Attributes:
        reported_status: the provider's status; None where it has none, then result and time decide.
        score: the score after 90 minutes of a finished match, or the score so far of a live one; raises
            `FieldError` where it is invalid.
        neutral: the provider's own flag that the ground is neutral.
        venue: the ground, where it is reported.
        has_result: for providers without a status, whether a result is present.
        open_fault: for providers without a status, what is wrong with a row that has no result after the
            feed's lag; empty where the match may have been put off. Such a row is rejected, and its fixture
            stays open for 120 days, so that its day is read until the result is there.
        team_ids: the provider's ids of home and away, as they came.
        undrawn: which team is not known yet, and how that shows where no name tells it; else empty.
        half_time: both half-time scores, not yet parsed.
        odds: closing prices.
        after_90: how the match was decided where 90 minutes did not.
        fixture: the fields of the payload that are always visible.
        result: the fields of the payload that are visible when the match is over or live.
    """

    source_match_id: str
    competition: Competition
    season: str
    kickoff: dt.datetime
    precision: KickoffPrecision
    home_team: str
    away_team: str
    reported_status: MatchStatus | None
    score: Callable[[], Score]
    fixture: dict[str, Any]
    result: dict[str, Any]
    round: str | None = None
    neutral: bool = False
    venue: Venue | None = None
    has_result: Callable[[], bool] = bool
    open_fault: str = ""
    team_ids: tuple[Any, Any] = (None, None)
    undrawn: str = ""
    half_time: Callable[[], tuple[Any, Any]] = _no_half_time
    odds: Callable[[], MatchOdds | None] = _no_odds
    after_90: Callable[[], AfterNinety | None] = _no_after_90


class Provider(msgspec.Struct, frozen=True):
    """How the rows of a provider are parsed.

    Attributes:
        source: name of the feed.
        result_lag: how long after the final whistle a result may take to appear.
        parse: parses one row; raises `FieldError` where it is invalid.
        fixture_of: the fields of a row that are always visible, for the payload of a rejection.
    """

    source: str
    result_lag: dt.timedelta
    parse: Callable[[dict[str, Any]], ParsedMatch]
    fixture_of: Callable[[dict[str, Any]], dict[str, Any]]


def visible_matches(
    values: Iterable[Any], provider: Provider, window: Window, clock: Clock
) -> Iterator[RawMatch | Rejection]:
    """The rows of one answer whose kickoff day lies in the window, as known at ``clock.now()``.

    A row without a valid kickoff is rejected whatever the window.
    """
    for value in values:
        try:
            parsed = provider.parse(json_object(value, "the row"))
        except FieldError as error:
            payload = provider.fixture_of(value) if isinstance(value, dict) else {"row": value}
            yield Rejection(source=provider.source, reason=str(error), payload=payload)
            continue
        if parsed.kickoff.date() in window:
            yield from _rows(parsed, provider, clock)


def season_label(competition: Competition, start_year: Any, day: dt.date) -> str:
    """The label of the season that starts in a year; derived from the day where no year is reported.

    The season of a qualification of national teams is the year of its tournament, up to three years ahead:
    there the day decides.

    Raises:
        FieldError: what is reported is no year, or the day lies outside that season.
    """
    if start_year is None or start_year == "":
        return season_of(competition, day)
    if isinstance(start_year, str) and start_year.isascii() and start_year.isdigit():
        start_year = int(start_year)
    if type(start_year) is not int:
        raise FieldError(f"the season {brief(start_year)} is not a year")
    label = SeasonLabel(start_year, is_double=competition.calendar_on(day) == "autumn")
    first_day, end = season_days(competition, label)
    if not first_day <= day < end:
        if competition.squad == NATIONAL:
            return season_of(competition, day)
        raise FieldError(
            f"the kickoff {day} lies outside the season {label}", "correct one of them at the source"
        )
    return str(label)


def round_of(value: Any) -> str | None:
    """The name of a round, or its number as text; None where it is neither: a match counts without it."""
    if type(value) is int:
        return str(value)
    try:
        return name_of(value, "the round")
    except FieldError:
        return None


def venue_of(fields: Any, name: str, city: str = "", country: str = "") -> Venue | None:
    """The ground of a match by the dotted paths of its parts; None where it has no name."""
    parts = [_text_at(fields, path) for path in (name, city, country)]
    return Venue(parts[0], *parts[1:]) if parts[0] else None


def _text_at(fields: Any, path: str) -> str | None:
    value = fields
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return (" ".join(value.split())[:_LONGEST_NAME] or None) if isinstance(value, str) else None


def check_winner(
    total: tuple[int, int], winner: Outcome | None, *, has_shoot_out: bool, what: str = "the score"
) -> None:
    """Hold the winner that a provider names against the score at the end of the match.

    Args:
        total: home and away goals that decided the match.
        winner: as the provider names it; None where it names none.
        has_shoot_out: whether a level score leaves the winner open.
        what: what the goals are of, for the reason.

    Raises:
        FieldError: they contradict each other: nobody can tell which is wrong.
    """
    shown = outcome_of(*total)
    if winner is None or winner is shown or (has_shoot_out and shown is Outcome.DRAW):
        return
    named = "a draw" if winner is Outcome.DRAW else f"a win of the {winner} team"
    raise FieldError(
        f"the provider marks {named}, which contradicts {what} {total[0]}-{total[1]}: one of them is wrong"
    )


def shoot_out_of(home: Any, away: Any) -> Score:
    """The goals of a shoot-out; None where there was none: a level one has not ended, and 0-0 is a default.

    A shoot-out that is under way may be level; its goals are read when it is over.
    """
    found = score_or_none(home, away)
    return None if found is None or found[0] == found[1] else found


def winner_of(home: Any, away: Any) -> Outcome | None:
    """The winner by the marks of both sides; a draw where both are false, None where there are none.

    Raises:
        FieldError: both sides are marked.
    """
    if home is True and away is True:
        raise FieldError("both teams are marked as the winner")
    if home is True or away is True:
        return Outcome.HOME if home is True else Outcome.AWAY
    return Outcome.DRAW if home is False and away is False else None


def check_clocks(kickoff: dt.datetime, name: str, other: Any, other_name: str) -> None:
    """Hold a kickoff against another field of its row; what cannot be read is not compared.

    The two are at most a day apart, whatever the clock of the other.

    Args:
        kickoff: UTC.
        name: of its field.
        other: an ISO 8601 instant or local time, or epoch seconds; 0 is a default that nobody has filled.
        other_name: of its field.

    Raises:
        FieldError: they are a day or more apart: nobody can tell which is wrong.
    """
    if other == 0:
        return
    try:
        is_epoch = type(other) is int
        on_clock = dt.datetime.fromtimestamp(other, dt.UTC) if is_epoch else dt.datetime.fromisoformat(other)
    except (TypeError, ValueError, OverflowError, OSError):
        return
    days = abs(on_clock.replace(tzinfo=on_clock.tzinfo or dt.UTC) - kickoff) // dt.timedelta(days=1)
    if days:
        raise FieldError(
            f"{other_name} {brief(other)} and {name} {kickoff:%Y-%m-%dT%H:%M:%SZ} are "
            f"{days} {'day' if days == 1 else 'days'} apart",
            "correct one of them at the source",
        )


def named_teams(home: Any, away: Any, *, is_open: bool) -> tuple[str, str, str]:
    """Names of home and away of a match, and which of them is not known yet (empty: both are).

    Args:
        home: object with ``id`` and ``name``.
        away: the same of the other side.
        is_open: whether the match has no result; only then a side without both is one before its draw.

    Raises:
        FieldError: a name is missing or no name, or both are the same.
    """
    sides = {"home": home, "away": away}
    bare = [side for side, team in sides.items() if is_open and _is_bare(team)]
    names = [
        NOT_KNOWN if side in bare else team.get("name") if isinstance(team, dict) else None
        for side, team in sides.items()
    ]
    has = "team has" if len(bare) == 1 else "teams have"
    undrawn = f"the {' and the '.join(bare)} {has} neither id nor name" if bare else ""
    return *teams_of(*names), undrawn


def _is_bare(team: Any) -> bool:
    return (
        isinstance(team, dict)
        and team.keys() >= {"id", "name"}
        and team["id"] is None
        and team["name"] is None
    )


def pick(fields: Any, *paths: str) -> dict[str, Any]:
    """The fields at dotted paths that are present and not null, nested as they came."""
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


def _rows(parsed: ParsedMatch, provider: Provider, clock: Clock) -> Iterator[RawMatch | Rejection]:
    found = _match(parsed, provider, clock)
    if parsed.undrawn and isinstance(found, RawMatch):
        yield undrawn_row(found, parsed.undrawn)
        return
    is_open = isinstance(found, Rejection) and parsed.open_fault == found.reason
    if not isinstance(found, Rejection) or not is_open or clock.now() >= parsed.kickoff + _WAITS:
        yield found
        return
    yield RejectedResult(source=found.source, reason=found.reason, payload=found.payload)
    # Due, so that looks go on reading its day until the provider has mended it.
    yield _open_fixture(parsed, provider)


def _open_fixture(parsed: ParsedMatch, provider: Provider) -> RawMatch:
    return RawMatch(
        source=provider.source,
        payload=parsed.fixture,
        status=MatchStatus.SCHEDULED,
        **_fixture_fields(parsed),
    )


def _fixture_fields(parsed: ParsedMatch) -> dict[str, Any]:
    return {
        "source_match_id": parsed.source_match_id,
        "competition": parsed.competition.code,
        "season": parsed.season,
        "kickoff": parsed.kickoff,
        "kickoff_precision": parsed.precision,
        "home_team": parsed.home_team,
        "away_team": parsed.away_team,
        "round": parsed.round,
        "neutral": parsed.neutral,
        "venue": parsed.venue or msgspec.UNSET,
        "team_ids": _team_ids(*parsed.team_ids),
    }


def _match(parsed: ParsedMatch, provider: Provider, clock: Clock) -> RawMatch | Rejection:
    if parsed.reported_status is not None:
        visibility = visibility_by_status(parsed.reported_status, parsed.kickoff, parsed.precision, clock)
    else:
        visibility = visibility_by_time(
            parsed.kickoff,
            parsed.precision,
            clock.now(),
            has_result=parsed.has_result(),
            result_lag=provider.result_lag,
        )
        if visibility.status is MatchStatus.POSTPONED and parsed.open_fault:
            payload = {**parsed.fixture, **parsed.result}
            return Rejection(source=provider.source, reason=parsed.open_fault, payload=payload)
    payload = {**parsed.fixture, **(parsed.result if visibility.is_over or visibility.has_score else {})}
    is_final = visibility.has_score and visibility.is_over
    try:
        score = parsed.score() if visibility.has_score else None
        half_time_score = half_time_of(*parsed.half_time(), score) if is_final else (None, None)
        after_90 = parsed.after_90() if is_final else None
    except FieldError as error:
        return Rejection(source=provider.source, reason=str(error), payload=payload)
    return RawMatch(
        source=provider.source,
        payload=payload,
        status=visibility.status,
        home_goals=None if score is None else score[0],
        away_goals=None if score is None else score[1],
        home_goals_half_time=half_time_score[0],
        away_goals_half_time=half_time_score[1],
        odds=parsed.odds() if is_final else None,
        after_90=after_90 or msgspec.UNSET,
        **_fixture_fields(parsed),
    )


def _team_ids(home: Any, away: Any) -> tuple[str, str] | msgspec.UnsetType:
    """Both ids as text; unset where one is missing, is no id, or both are one."""
    found = [
        str(value)
        for value in (home, away)
        if isinstance(value, int | str) and str(value).strip() not in _NO_ID
    ]
    return (found[0], found[1]) if len(found) == 2 and found[0] != found[1] else msgspec.UNSET  # noqa: PLR2004
