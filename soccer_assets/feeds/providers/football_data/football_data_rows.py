"""Turns a row of football-data.co.uk into a match as known at an instant, or into a rejection."""

import datetime as dt
import math
import re
from collections.abc import Mapping

import msgspec

from soccer_assets.feeds.fields import FieldError, book_odds, brief, goal_book, teams_of
from soccer_assets.feeds.providers.football_data.csv_file import (
    FIXTURE_COLUMNS,
    GOAL_PRICES,
    PRICES,
    RESULT_COLUMNS,
    CsvFile,
    DatedRow,
    Layout,
)
from soccer_assets.feeds.providers.football_data.season_labels import plain
from soccer_assets.feeds.visibility import over_at, visibility_by_time
from soccer_assets.football.competitions import UNKNOWN_COMPETITION, Competition
from soccer_assets.football.matches import MatchStatus, Outcome, outcome_of
from soccer_assets.football.records import GoalOdds, MatchOdds, MatchStats, RawMatch, Rejection
from soccer_assets.football.validity import LEAST_GOALS, MOST_GOALS, is_goal_count

SOURCE = "football-data"

# The files are updated twice a week: three days at most between an update and the next.
RESULT_LAG = dt.timedelta(days=3)

# Other programs write 1.0 for 1.
_COUNT = re.compile(r"(\d{1,2})(?:\.0+)?", re.ASCII)
# As British papers write a match without a score: postponed, abandoned.
_CALLED_OFF = {"P-P": MatchStatus.POSTPONED, "A-A": MatchStatus.ABANDONED}
_RESULTS = {"H": Outcome.HOME, "D": Outcome.DRAW, "A": Outcome.AWAY}


def match_of(
    row: DatedRow, file: CsvFile, competitions: Mapping[str, Competition], now: dt.datetime
) -> RawMatch | Rejection:
    """The match of a row as it is known at ``now``.

    Before the match is over only the columns of a fixture list are read. After that a row without a score
    stays `scheduled` for `RESULT_LAG`, then counts as `postponed`.

    Args:
        row: a row of ``file``.
        file: the file.
        competitions: by the provider's name of the division or league, in small letters without extra blanks.
        now: the instant, with a time zone.
    """
    fields = {name: value for name, value in zip(file.columns, row.values, strict=True) if value}
    fixture = {name: fields[name] for name in FIXTURE_COLUMNS if name in fields}
    # A row without a usable date may lie in the future: its result must not be read.
    is_over = not row.fault and over_at(row.kickoff, row.precision) <= now
    played = {name: fields[name] for name in RESULT_COLUMNS if name in fields} if is_over else {}
    payload = {**fixture, **played}
    name = fixture.get("Div") or f"{fixture.get('Country', '')}/{fixture.get('League', '')}"
    competition = competitions.get(plain(name))
    home, away = (fixture.get(side, "") for side in (file.layout.home, file.layout.away))
    called_off = _called_off(played, file.layout)
    fault = row.fault or _competition_fault(name, competition)
    if not fault:
        try:
            home, away = teams_of(home, away)
        except FieldError as problem:
            fault = str(problem)
    if not fault and played and called_off is None:
        fault = _score_fault(played, file.layout)
    season = file.season
    if not fault and not season and competition is not None:
        try:
            season = file.seasons.label_of(
                fixture.get("Season", ""), plain(name), competition, row.kickoff.date()
            )
        except FieldError as problem:
            fault = str(problem)
    if fault or competition is None:
        return Rejection(source=SOURCE, reason=fault, payload=payload)
    match = RawMatch(
        source=SOURCE,
        source_match_id=None,
        payload=payload,
        competition=competition.code,
        season=season,
        kickoff=row.kickoff,
        kickoff_precision=row.precision,
        home_team=home,
        away_team=away,
        status=called_off
        or visibility_by_time(
            row.kickoff, row.precision, now, has_result=False, result_lag=RESULT_LAG
        ).status,
    )
    has_result = file.layout.home_goals in played and called_off is None
    return _with_result(match, fields, file.layout) if has_result else match


def _called_off(played: Mapping[str, str], layout: Layout) -> MatchStatus | None:
    """The status of a match whose score says that it was not played to its end; None of any other."""
    home, away = (played.get(name, "").upper() for name in (layout.home_goals, layout.away_goals))
    is_one = {home, away} - {""} == {home or away} and not played.get(layout.result)
    return _CALLED_OFF.get(home or away) if is_one else None


def _competition_fault(name: str, competition: Competition | None) -> str:
    if competition is None:
        is_missing = not name.strip("/ ")
        return (
            "the competition is missing; add it"
            if is_missing
            else f"{UNKNOWN_COMPETITION.format(repr(name))}; correct it, or add it there"
        )
    return ""


def _score_fault(played: Mapping[str, str], layout: Layout) -> str:
    home, away = played.get(layout.home_goals, ""), played.get(layout.away_goals, "")
    result = played.get(layout.result, "").upper()
    if not home and not away:
        return f"the result is {result!r}, but there is no score; add it" if result else ""
    if _goals(home) is None or _goals(away) is None:
        shown = f"{brief(home)}-{brief(away)}"
        return f"the score {shown} is not two numbers from {LEAST_GOALS} to {MOST_GOALS}; correct it"
    if result and _RESULTS.get(result) is not outcome_of(*_score(home, away)):
        return f"the score {home}-{away} contradicts the result {result!r}; correct one of them"
    return ""


def _score(home: str, away: str) -> tuple[int, int]:
    """A score that has no fault."""
    return _goals(home) or 0, _goals(away) or 0


def _goals(text: str) -> int | None:
    count = _count(text)
    return count if count is not None and is_goal_count(count) else None


def _count(text: str) -> int | None:
    found = _COUNT.fullmatch(text)
    return int(found[1]) if found else None


def _with_result(match: RawMatch, fields: Mapping[str, str], layout: Layout) -> RawMatch:
    """The finished match: score, half-time score, shots and the best complete price."""
    home, away = _score(fields[layout.home_goals], fields[layout.away_goals])
    half_home, half_away = _goals(fields.get("HTHG", "")), _goals(fields.get("HTAG", ""))
    # A half-time score above the final score is a typing error in the less important of the two.
    if half_home is None or half_away is None or half_home > home or half_away > away:
        half_home = half_away = None
    odds, prices = _odds(fields)
    goal_odds, goal_prices = _goal_odds(fields)
    return msgspec.structs.replace(
        match,
        status=MatchStatus.FINISHED,
        payload={**match.payload, **prices, **goal_prices},
        home_goals=home,
        away_goals=away,
        home_goals_half_time=half_home,
        away_goals_half_time=half_away,
        odds=odds,
        stats=_stats(fields),
        goal_odds=goal_odds or msgspec.UNSET,
    )


def _odds(fields: Mapping[str, str]) -> tuple[MatchOdds | None, dict[str, str]]:
    """The first complete and credible price, with the columns it came from."""
    for prefix, kind in PRICES.items():
        columns = {prefix + side: fields.get(prefix + side, "") for side in "HDA"}
        try:
            home, draw, away = (float(text) for text in columns.values())
        except ValueError:
            continue
        if (odds := book_odds(kind, home, draw, away)) is not None:
            return odds, columns
    return None, {}


def _goal_odds(fields: Mapping[str, str]) -> tuple[GoalOdds | None, dict[str, str]]:
    """The first credible prices of goals and handicaps, with the columns they came from."""
    for kind, names in GOAL_PRICES.items():
        over, under, line, home, away = (_number(fields.get(name, "")) for name in names)
        if (odds := goal_book(kind, (over, under), (line, home, away))) is not None:
            return odds, {name: fields[name] for name in names if name in fields}
    return None, {}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _stats(fields: Mapping[str, str]) -> MatchStats | None:
    home, away, *others = (_count(fields.get(name, "")) for name in ("HST", "AST", "HS", "AS", "HC", "AC"))
    return None if home is None or away is None else MatchStats(home, away, *others)
