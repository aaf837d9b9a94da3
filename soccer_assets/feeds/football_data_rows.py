"""Rows of football-data.co.uk's CSV files: bytes to dated rows, dated rows to matches as known at an instant.

Two layouts: the 22 divisions ("Div,Date,Time,HomeTeam,...") and the extra leagues ("Country,League,...").
The provider's notes: https://www.football-data.co.uk/notes.txt. Nothing here reads a file or a clock.
"""

import codecs
import csv
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from operator import itemgetter
from zoneinfo import ZoneInfo

import msgspec

from soccer_assets.feeds.protocol import MatchOdds, MatchStats, RawMatch, Rejection
from soccer_assets.football.competitions import Competition, season_of
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Outcome, outcome_of

SOURCE = "football-data"

# A match is over two hours after its kickoff; with the day alone, two hours past its end.
MATCH_LENGTH = dt.timedelta(hours=2)
# The files are updated twice a week: three days at most between an update and the next.
RESULT_LAG = dt.timedelta(days=3)
MOST_GOALS = 30

_UK = ZoneInfo("Europe/London")
_YEARS = range(1990, 2100)
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
_SEASON = re.compile(r"\d{4}(/\d{4})?", re.ASCII)
_COUNT = re.compile(r"\d{1,2}", re.ASCII)
_RESULTS = {"H": Outcome.HOME, "D": Outcome.DRAW, "A": Outcome.AWAY}

# Greek files of the nineties and two thousands say HT and AT.
_SYNONYMS = {"HT": "HomeTeam", "AT": "AwayTeam"}
_FIXTURE_COLUMNS = (
    "Div",
    "Country",
    "League",
    "Season",
    "Date",
    "Time",
    "HomeTeam",
    "AwayTeam",
    "Home",
    "Away",
)
_RESULT_COLUMNS = (
    *("FTHG", "FTAG", "FTR", "HTHG", "HTAG", "HTR", "HG", "AG", "Res", "Referee"),
    *("HS", "AS", "HST", "AST", "HF", "AF", "HC", "AC", "HY", "AY", "HR", "AR"),
)
# Prefix of the three price columns -> kind, best first: closing averages hardly favour one book's customers.
_PRICES = {
    "AvgC": "avg_closing",
    "Avg": "avg",
    "BbAv": "betbrain_avg",
    "PSC": "pinnacle_closing",
    "PS": "pinnacle",
    "B365C": "bet365_closing",
    "B365": "bet365",
    "WH": "william_hill",
    "IW": "interwetten",
}
_PRICE_COLUMNS = tuple(prefix + side for prefix in _PRICES for side in "HDA")
_KEPT_COLUMNS = frozenset((*_FIXTURE_COLUMNS, *_RESULT_COLUMNS, *_PRICE_COLUMNS))
# Implied probabilities of a real book add up to this much; anything else is a typing error in a price.
_LEAST_BOOK, _LARGEST_BOOK = 0.97, 1.40


class Layout(msgspec.Struct, frozen=True):
    """Where one of the two kinds of file keeps what."""

    home: str
    away: str
    home_goals: str
    away_goals: str
    result: str


_LAYOUTS = {
    "Div": Layout("HomeTeam", "AwayTeam", "FTHG", "FTAG", "FTR"),
    "Country": Layout("Home", "Away", "HG", "AG", "Res"),
}


class DatedRow(msgspec.Struct, frozen=True):
    """One line of a file.

    Attributes:
        kickoff: UTC, 12:00 where only the day is known. A row without a readable date takes the one of the
            row before it, so that it is reported with that day's matches.
        fault: why the date or time cannot be used, or an empty text.
        values: texts of the file's kept columns.
    """

    kickoff: dt.datetime
    precision: KickoffPrecision
    fault: str
    values: tuple[str, ...]


class CsvFile(msgspec.Struct, frozen=True):
    """A file, read and dated but not interpreted: scores and prices are still text.

    Attributes:
        season: the season its address names; empty where each row, or the calendar, says it.
    """

    layout: Layout
    columns: tuple[str, ...]
    rows: tuple[DatedRow, ...]
    season: str


class CsvFormatError(ValueError):
    """The bytes are not a file of this provider."""


def read_csv(data: bytes, season: str = "", span: tuple[dt.date, dt.date] | None = None) -> CsvFile:
    """Split a file into dated rows, keeping the columns that are used.

    Args:
        data: the file, UTF-8 with or without byte order mark, or Windows-1252; decoded line by line, so that
            one bad line cannot change the others.
        season: label that goes into `CsvFile.season`.
        span: days from, up to and without, between which a kickoff can lie.

    Raises:
        CsvFormatError: empty, an HTML page, or without the columns that make a match.
    """
    # QUOTE_NONE: the provider quotes nothing, and a stray quotation mark must not swallow the lines below it.
    text = map(_decode, data.removeprefix(codecs.BOM_UTF8).splitlines())
    try:
        lines = list(csv.reader(text, quoting=csv.QUOTE_NONE))
    except csv.Error as fault:
        raise CsvFormatError(f"the file is not CSV: {fault}") from fault
    header = [_SYNONYMS.get(name.strip(), name.strip()) for name in lines[0]] if lines else []
    layout = _LAYOUTS.get(header[0]) if header else None
    if layout is None:
        start = data[:40].decode("ascii", "replace")
        raise CsvFormatError(f"a CSV file starting with 'Div,' or 'Country,' was expected, not {start!r}")
    missing = {"Date", layout.home, layout.away} - set(header)
    if missing:
        raise CsvFormatError(f"the file has no column {', '.join(sorted(missing))}")
    indices = [index for index, name in enumerate(header) if name in _KEPT_COLUMNS]
    columns = tuple(header[index] for index in indices)
    pick = itemgetter(*indices)
    width = len(header)
    cells = [
        tuple(map(str.strip, pick(line + [""] * (width - len(line)))))
        for line in lines[1:]
        if any(map(str.strip, line))
    ]
    return CsvFile(layout, columns, _dated(columns, cells, span), season)


def match_of(
    row: DatedRow, file: CsvFile, competitions: Mapping[str, Competition], now: dt.datetime
) -> RawMatch | Rejection:
    """The match of a row as it is known at ``now``.

    Before the match is over, only what a fixture list shows is looked at. Later a row without a score stays
    `scheduled` for `RESULT_LAG`, then counts as `postponed`.

    Args:
        row: a row of ``file``.
        file: the file.
        competitions: the provider's name of a division or league -> competition.
        now: aware.
    """
    fields = {name: value for name, value in zip(file.columns, row.values, strict=True) if value}
    fixture = {name: fields[name] for name in _FIXTURE_COLUMNS if name in fields}
    # A row without a date may lie ahead: what it says of a result is nobody's business.
    is_over = not row.fault and _over_at(row) <= now
    played = {name: fields[name] for name in _RESULT_COLUMNS if name in fields} if is_over else {}
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
        status=_status_without_score(row, now),
    )
    return _with_result(match, fields, file.layout) if file.layout.home_goals in played else match


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _dated(
    columns: tuple[str, ...], cells: Iterable[tuple[str, ...]], span: tuple[dt.date, dt.date] | None
) -> tuple[DatedRow, ...]:
    date_index = columns.index("Date")
    time_index = columns.index("Time") if "Time" in columns else None
    rows: list[DatedRow] = []
    undated: list[tuple[str, tuple[str, ...]]] = []
    for values in cells:
        text = values[date_index]
        time = "" if time_index is None else values[time_index]
        try:
            kickoff, precision = _kickoff(text, time)
            fault = ""
            if span is not None and not span[0] <= kickoff.date() < span[1]:
                fault = f"the date {text!r} lies outside the file's season"
        except ValueError as problem:
            fault = str(problem)
        if not fault:
            rows.append(DatedRow(kickoff, precision, "", values))
        elif rows:
            rows.append(DatedRow(rows[-1].kickoff, KickoffPrecision.TBD, fault, values))
        else:
            undated.append((fault, values))
    if undated and not rows:
        raise CsvFormatError(f"no row has a date that can be used: {undated[0][0]}")
    first = [DatedRow(rows[0].kickoff, KickoffPrecision.TBD, fault, values) for fault, values in undated]
    return (*first, *rows)


def _kickoff(date: str, time: str) -> tuple[dt.datetime, KickoffPrecision]:
    """Kickoff in UTC of a date dd/mm/yy or dd/mm/yyyy and a time of day in the United Kingdom."""
    parts = _DATE.fullmatch(date)
    if parts is None:
        raise ValueError(f"the date {date!r} is not dd/mm/yyyy")
    day, month, year = map(int, parts.groups())
    if len(parts[3]) == 2:  # noqa: PLR2004 two digits; the files begin in 1993
        year += 1900 if year >= 90 else 2000  # noqa: PLR2004
    if year not in _YEARS:
        raise ValueError(f"the date {date!r} is not of this time")
    try:
        midday = dt.datetime(year, month, day, 12, tzinfo=dt.UTC)
    except ValueError:
        raise ValueError(f"the date {date!r} is not in the calendar") from None
    if not time:
        return midday, KickoffPrecision.DAY
    clock = _TIME.fullmatch(time)
    if clock is None or int(clock[1]) > 23 or int(clock[2]) > 59:  # noqa: PLR2004 hours and minutes
        raise ValueError(f"the time {time!r} is not hh:mm")
    local = midday.replace(hour=int(clock[1]), minute=int(clock[2]), tzinfo=_UK)
    return local.astimezone(dt.UTC), KickoffPrecision.MINUTE


def _over_at(row: DatedRow) -> dt.datetime:
    if row.precision is KickoffPrecision.MINUTE:
        return row.kickoff + MATCH_LENGTH
    # The kickoff of such a row is its day's 12:00.
    return row.kickoff + dt.timedelta(hours=12) + MATCH_LENGTH


def _status_without_score(row: DatedRow, now: dt.datetime) -> MatchStatus:
    over_at = _over_at(row)
    if now >= over_at + RESULT_LAG:
        return MatchStatus.POSTPONED
    if row.precision is KickoffPrecision.MINUTE and row.kickoff <= now < over_at:
        return MatchStatus.LIVE
    return MatchStatus.SCHEDULED


def _fixture_fault(name: str, competition: Competition | None, home: str, away: str) -> str:
    if competition is None:
        return f"the competition {name!r} is not in competitions.toml"
    if not home or not away:
        return "a team is missing"
    return f"{home} cannot play itself" if home == away else ""


def _score_fault(played: Mapping[str, str], layout: Layout) -> str:
    home, away = played.get(layout.home_goals, ""), played.get(layout.away_goals, "")
    result = played.get(layout.result, "")
    if not home and not away:
        return f"the result is {result!r}, but there is no score" if result else ""
    if _goals(home) is None or _goals(away) is None:
        return f"the score {home!r}-{away!r} is not two numbers from 0 to {MOST_GOALS}"
    if result and _RESULTS.get(result) is not outcome_of(int(home), int(away)):
        return f"the score {home}-{away} contradicts the result {result!r}"
    return ""


def _goals(text: str) -> int | None:
    count = _count(text)
    return count if count is not None and count <= MOST_GOALS else None


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _season(fixture: Mapping[str, str], competition: Competition, day: dt.date) -> str:
    label = fixture.get("Season", "")
    return label if _SEASON.fullmatch(label) else season_of(competition, day)


def _with_result(match: RawMatch, fields: Mapping[str, str], layout: Layout) -> RawMatch:
    """The finished match: score, half-time score, shots and the best complete price."""
    home, away = int(fields[layout.home_goals]), int(fields[layout.away_goals])
    half_home, half_away = _goals(fields.get("HTHG", "")), _goals(fields.get("HTAG", ""))
    # A half-time score above the final one is a typing error in the less important of the two.
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
    for prefix, kind in _PRICES.items():
        columns = {prefix + side: fields.get(prefix + side, "") for side in "HDA"}
        try:
            home, draw, away = (float(text) for text in columns.values())
        except ValueError:
            continue
        if min(home, draw, away) > 1.0 and _LEAST_BOOK <= 1 / home + 1 / draw + 1 / away <= _LARGEST_BOOK:
            return MatchOdds(kind, home, draw, away), columns
    return None, {}


def _stats(fields: Mapping[str, str]) -> MatchStats | None:
    home, away = _count(fields.get("HST", "")), _count(fields.get("AST", ""))
    return None if home is None or away is None else MatchStats(home, away)
