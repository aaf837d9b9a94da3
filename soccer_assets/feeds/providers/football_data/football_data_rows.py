"""Turns a row of football-data.co.uk into a match as known at an instant, or into a rejection."""

import datetime as dt
import re
from collections.abc import Mapping

import msgspec

from soccer_assets.feeds.fields import book_odds
from soccer_assets.feeds.providers.football_data.csv_file import (
    FIXTURE_COLUMNS,
    PRICES,
    RESULT_COLUMNS,
    CsvFile,
    DatedRow,
    Layout,
)
from soccer_assets.feeds.visibility import over_at, visibility_by_time
from soccer_assets.football.competitions import Competition, season_of
from soccer_assets.football.matches import MatchStatus, Outcome, outcome_of
from soccer_assets.football.records import MatchOdds, MatchStats, RawMatch, Rejection
from soccer_assets.football.validity import LEAST_GOALS, MOST_GOALS, is_goal_count, same_team_fault

SOURCE = "football-data"

# The files are updated twice a week: three days at most between an update and the next.
RESULT_LAG = dt.timedelta(days=3)

_SEASON = re.compile(r"\d{4}(/\d{4})?", re.ASCII)
_COUNT = re.compile(r"\d{1,2}", re.ASCII)
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
        competitions: by the provider's name of the division or league.
        now: the instant, with a time zone.
    """
    fields = {name: value for name, value in zip(file.columns, row.values, strict=True) if value}
    fixture = {name: fields[name] for name in FIXTURE_COLUMNS if name in fields}
    # A row without a usable date may lie in the future: its result must not be read.
    is_over = not row.fault and over_at(row.kickoff, row.precision) <= now
    played = {name: fields[name] for name in RESULT_COLUMNS if name in fields} if is_over else {}
    payload = {**fixture, **played}
    name = fixture.get("Div") or f"{fixture.get('Country', '')}/{fixture.get('League', '')}"
    competition = competitions.get(name)
    home, away = fixture.get(file.layout.home, ""), fixture.get(file.layout.away, "")
    fault = row.fault or _fixture_fault(name, competition, home, away)
    if not fault and played:
        fault = _score_fault(played, file.layout)
    if fault or competition is None:
        return Rejection(source=SOURCE, reason=fault, payload=payload)
    match = RawMatch(
        source=SOURCE,
        source_match_id=None,
        payload=payload,
        competition=competition.code,
        season=file.season or _season(fixture, competition, row.kickoff.date()),
        kickoff=row.kickoff,
        kickoff_precision=row.precision,
        home_team=home,
        away_team=away,
        status=visibility_by_time(
            row.kickoff, row.precision, now, has_result=False, result_lag=RESULT_LAG
        ).status,
    )
    return _with_result(match, fields, file.layout) if file.layout.home_goals in played else match


def _fixture_fault(name: str, competition: Competition | None, home: str, away: str) -> str:
    if competition is None:
        return f"the competition {name!r} is not in competitions.toml"
    if not home or not away:
        return "a team is missing"
    return same_team_fault(home, away)


def _score_fault(played: Mapping[str, str], layout: Layout) -> str:
    home, away = played.get(layout.home_goals, ""), played.get(layout.away_goals, "")
    result = played.get(layout.result, "")
    if not home and not away:
        return f"the result is {result!r}, but there is no score" if result else ""
    if _goals(home) is None or _goals(away) is None:
        return f"the score {home!r}-{away!r} is not two numbers from {LEAST_GOALS} to {MOST_GOALS}"
    if result and _RESULTS.get(result) is not outcome_of(int(home), int(away)):
        return f"the score {home}-{away} contradicts the result {result!r}"
    return ""


def _goals(text: str) -> int | None:
    count = _count(text)
    return count if count is not None and is_goal_count(count) else None


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _season(fixture: Mapping[str, str], competition: Competition, day: dt.date) -> str:
    label = fixture.get("Season", "")
    return label if _SEASON.fullmatch(label) else season_of(competition, day)


def _with_result(match: RawMatch, fields: Mapping[str, str], layout: Layout) -> RawMatch:
    """The finished match: score, half-time score, shots and the best complete price."""
    home, away = int(fields[layout.home_goals]), int(fields[layout.away_goals])
    half_home, half_away = _goals(fields.get("HTHG", "")), _goals(fields.get("HTAG", ""))
    # A half-time score above the final score is a typing error in the less important of the two.
    if half_home is None or half_away is None or half_home > home or half_away > away:
        half_home = half_away = None
    odds, prices = _odds(fields)
    return msgspec.structs.replace(
        match,
        status=MatchStatus.FINISHED,
        payload={**match.payload, **prices},
        home_goals=home,
        away_goals=away,
        home_goals_half_time=half_home,
        away_goals_half_time=half_away,
        odds=odds,
        stats=_stats(fields),
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


def _stats(fields: Mapping[str, str]) -> MatchStats | None:
    home, away, *others = (_count(fields.get(name, "")) for name in ("HST", "AST", "HS", "AS", "HC", "AC"))
    return None if home is None or away is None else MatchStats(home, away, *others)
