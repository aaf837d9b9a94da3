"""Turns a row of openfootball into a match as known at an instant, or into a rejection.

The repository has three layouts of a season: a list ``matches`` with a ``score`` of named pairs or of one
pair, and older ``rounds`` of matches whose teams are objects and whose scores are in ``score1``, ``score2``
and their variants (``i`` half-time, ``et`` extra time, ``p`` shoot-out). All are read.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    day_of,
    half_time_of,
    json_object,
    noon_of,
    present_fields,
    score_of,
    score_or_none,
    teams_of,
    unknown_status,
)
from soccer_assets.feeds.json_rows import round_of, shoot_out_of
from soccer_assets.feeds.visibility import (
    Dated,
    Visibility,
    over_at,
    visibility_by_status,
    visibility_by_time,
)
from soccer_assets.football.matches import KickoffPrecision, MatchStatus
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, after_ninety
from soccer_assets.football.text_folding import fold

SOURCE = "openfootball"
RESULT_LAG = dt.timedelta(days=7)

# Part of a score -> suffix of its two fields in the older layout.
_SUFFIXES = {"ft": "", "ht": "i", "et": "et", "p": "p"}
_FIXTURE = ("round", "stage", "group", "date", "time", "timezone", "team1", "team2")
_RESULT = ("score", "status", *(f"score{side}{end}" for end in _SUFFIXES.values() for side in (1, 2)))
_STATUSES = {
    **dict.fromkeys(("cancelled", "canceled", "annulled", "void"), MatchStatus.CANCELLED),
    **dict.fromkeys(("awarded", "walkover", "forfeited"), MatchStatus.AWARDED),
    "postponed": MatchStatus.POSTPONED,
    **dict.fromkeys(("abandoned", "suspended", "interrupted"), MatchStatus.ABANDONED),
    "replay": MatchStatus.REPLAYED,
}
_TIME = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)(?::00)? *(?:\((.+)\)|(.*))", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT) *(?:([+-]) *(\d|0\d|1[0-4])(?::?([0-5]\d))?)?|Z", re.ASCII)
# Hours east of UTC of the unambiguous zone names.
_ZONES = {"WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}


class SeasonFile(msgspec.Struct, frozen=True):
    """A file the provider may have: path, competition, season, and the range of its kickoff days."""

    path: str
    code: str
    season: str
    first_day: dt.date
    end: dt.date


class DatedRow(Dated, frozen=True):
    """One match of a file, as it came."""

    value: Any


def listed(document: Any) -> list[Any] | None:
    """The rows of a season's document in any layout; None where it has none of them.

    A round without matches is a row itself, to be rejected.
    """
    if not isinstance(document, dict):
        return None
    matches, rounds = document.get("matches"), document.get("rounds")
    if not isinstance(matches, list) and not isinstance(rounds, list):
        return None
    return [
        *(matches if isinstance(matches, list) else ()),
        *_matches_in_rounds(rounds if isinstance(rounds, list) else ()),
    ]


def dated_rows(matches: list[Any], file: SeasonFile, zone: ZoneInfo) -> tuple[DatedRow, ...]:
    """The rows of a file with their kickoffs; without any valid date they get the season's first day."""
    rows: list[DatedRow] = []
    undated: list[DatedRow] = []
    last = noon_of(file.first_day)
    for value in matches:
        try:
            kickoff, precision = _kickoff(json_object(value, "the row"), zone)
            if not file.first_day <= kickoff.date() < file.end:
                raise FieldError(f"the date {brief(value['date'])} lies outside the file's season")  # noqa: TRY301
        except FieldError as error:
            (rows or undated).append(DatedRow(last, KickoffPrecision.TBD, str(error), value))
        else:
            last = kickoff
            rows.append(DatedRow(kickoff, precision, "", value))
    if rows:
        undated = [msgspec.structs.replace(row, kickoff=rows[0].kickoff) for row in undated]
    return (*undated, *rows)


def fixtures_of(rows: Sequence[DatedRow]) -> frozenset[tuple[dt.date, str, str]]:
    """Day and teams of each row that has them: what two files with the same matches share."""
    found = set()
    for row in rows:
        if not row.fault:
            home, away = (_team(row.value.get(side)) for side in ("team1", "team2"))
            if isinstance(home, str) and isinstance(away, str):
                found.add((row.kickoff.date(), fold(home), fold(away)))
    return frozenset(found)


def match_of(row: DatedRow, file: SeasonFile, clock: Clock) -> RawMatch | Rejection:
    """The match of a row as known at ``clock.now()``."""
    fields = row.value if isinstance(row.value, dict) else {"row": row.value}
    # A row without a usable date may lie in the future: its result must not be read.
    is_over = not row.fault and over_at(row.kickoff, row.precision) <= clock.now()
    payload = present_fields(fields, _FIXTURE + _RESULT if is_over else _FIXTURE) or fields
    if row.fault:
        return Rejection(source=SOURCE, reason=row.fault, payload=payload)
    try:
        match = _match(row, fields, payload, file, clock, is_over=is_over)
    except FieldError as error:
        return Rejection(source=SOURCE, reason=str(error), payload=payload)
    return match


def _match(
    row: DatedRow,
    fields: dict[str, Any],
    payload: dict[str, Any],
    file: SeasonFile,
    clock: Clock,
    *,
    is_over: bool,
) -> RawMatch:
    home, away = teams_of(_team(fields.get("team1")), _team(fields.get("team2")))
    score = _score(fields) if is_over else {}
    full_time, after = score_of(*_pair(score.get("ft"))), _after_90(score)
    # The provider does not say when a match was called off: a fixed clock shows it after the match day.
    reported_status = fields.get("status") if is_over or not clock.is_fixed else None
    # A match with extra time was played, even where its score at 90 is missing.
    visibility = _visibility(
        row, reported_status, clock, has_result=full_time is not None or after is not None
    )
    if not visibility.has_score:
        full_time = after = None
    half = _half_time(score.get("ht"), full_time)
    name = fields.get("round") or fields.get("stage")
    return RawMatch(
        source=SOURCE,
        source_match_id=None,
        payload=payload,
        competition=file.code,
        season=file.season,
        kickoff=row.kickoff,
        kickoff_precision=row.precision,
        home_team=home,
        away_team=away,
        status=visibility.status,
        round=round_of(name),
        home_goals=None if full_time is None else full_time[0],
        away_goals=None if full_time is None else full_time[1],
        home_goals_half_time=half[0],
        away_goals_half_time=half[1],
        after_90=after or msgspec.UNSET,
    )


def _after_90(score: dict[str, Any]) -> AfterNinety | None:
    """``et`` is the score after extra time, ``p`` the shoot-out; a cup may go to the shoot-out at once."""
    full_time, extra = (score_or_none(*_pair_or_none(score.get(name))) for name in ("ft", "et"))
    shootout = shoot_out_of(*_pair_or_none(score.get("p")))
    # Nobody loses goals: such an extra time, 0-0 for the most part, is a default that nobody has emptied.
    if extra and full_time and (extra[0] < full_time[0] or extra[1] < full_time[1]):
        extra = None
    return after_ninety(extra, shootout, went_on=extra is not None or shootout is not None)


def _pair_or_none(value: Any) -> tuple[Any, Any]:
    try:
        return _pair(value)
    except FieldError:
        return None, None


def _visibility(row: DatedRow, reported_status: Any, clock: Clock, *, has_result: bool) -> Visibility:
    if reported_status is None:
        return visibility_by_time(
            row.kickoff, row.precision, clock.now(), has_result=has_result, result_lag=RESULT_LAG
        )
    status = _STATUSES.get(reported_status.strip().casefold()) if isinstance(reported_status, str) else None
    if status is None:
        raise unknown_status(reported_status)
    return visibility_by_status(status, row.kickoff, row.precision, clock)


def _matches_in_rounds(rounds: Iterable[Any]) -> Iterator[Any]:
    for round_ in rounds:
        matches = round_.get("matches") if isinstance(round_, dict) else None
        if not isinstance(matches, list):
            yield round_
            continue
        for match in matches:
            yield {"round": round_.get("name"), **match} if isinstance(match, dict) else match


def _team(value: Any) -> Any:
    return value.get("name") if isinstance(value, dict) else value


def _score(fields: dict[str, Any]) -> dict[str, Any]:
    """The pairs of a score by name: ``ft``, ``ht``, ``et`` and ``p``; a lone pair is the 90-minute score."""
    score = fields.get("score")
    if score is None:
        return {
            part: [fields.get(f"score1{end}"), fields.get(f"score2{end}")] for part, end in _SUFFIXES.items()
        }
    return {"ft": score} if isinstance(score, list) else json_object(score, "the score")


def _kickoff(fields: dict[str, Any], zone: ZoneInfo) -> tuple[dt.datetime, KickoffPrecision]:
    """Kickoff in UTC; the time's zone is written behind it, beside it, or is the competition's."""
    day, time = day_of(fields.get("date")), fields.get("time")
    if time is None or time == "":
        return noon_of(day), KickoffPrecision.DAY
    clock = _TIME.fullmatch(time.strip()) if isinstance(time, str) else None
    if clock is None:
        raise FieldError(f"the time {brief(time)} is not hh:mm", "write it so, or leave it out")
    named = clock[3] or clock[4] or fields.get("timezone")
    at = dt.time(int(clock[1]), int(clock[2]), tzinfo=_zone(named) if named else zone)
    return dt.datetime.combine(day, at).astimezone(dt.UTC), KickoffPrecision.MINUTE


def _zone(name: Any) -> dt.tzinfo:
    text = name.strip() if isinstance(name, str) else ""
    if text in _ZONES:
        return dt.timezone(dt.timedelta(hours=_ZONES[text]))
    offset = _OFFSET.fullmatch(text)
    if offset is None:
        raise FieldError(f"the time zone {brief(name)} is not known", "write it as UTC+2")
    east = dt.timedelta(hours=int(offset[2] or 0), minutes=int(offset[3] or 0))
    return dt.timezone(-east if offset[1] == "-" else east)


def _half_time(value: Any, full_time: tuple[int, int] | None) -> tuple[int, int] | tuple[None, None]:
    try:
        return (None, None) if full_time is None else half_time_of(*_pair(value), full_time)
    except FieldError:
        return None, None


def _pair(value: Any) -> tuple[Any, Any]:
    if value is None or value == []:
        return None, None
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 home and away
        raise FieldError(f"the score {brief(value)} is not two numbers")
    return value[0], value[1]
