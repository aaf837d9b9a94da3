"""Parses files of football-data.co.uk into dated rows; scores and prices are still text.

Two layouts: the 22 divisions ("Div,Date,Time,HomeTeam,...") and the extra leagues ("Country,League,...").
The provider's notes: https://www.football-data.co.uk/notes.txt.
"""

import codecs
import csv
import datetime as dt
import re
from collections.abc import Iterable
from operator import itemgetter
from zoneinfo import ZoneInfo

import msgspec

from soccer_assets.feeds.protocol import FeedError
from soccer_assets.feeds.visibility import Dated
from soccer_assets.football.matches import KickoffPrecision

_UK = ZoneInfo("Europe/London")
_YEARS = range(1990, 2100)
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)

# Greek files of the 1990s and 2000s use HT and AT.
_SYNONYMS = {"HT": "HomeTeam", "AT": "AwayTeam"}
FIXTURE_COLUMNS = (
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
RESULT_COLUMNS = (
    *("FTHG", "FTAG", "FTR", "HTHG", "HTAG", "HTR", "HG", "AG", "Res", "Referee"),
    *("HS", "AS", "HST", "AST", "HF", "AF", "HC", "AC", "HY", "AY", "HR", "AR"),
)
# Prefix of the three price columns -> kind, best first: averages of all books, then closing before opening.
PRICES = {
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
_PRICE_COLUMNS = tuple(prefix + side for prefix in PRICES for side in "HDA")
_KEPT_COLUMNS = frozenset((*FIXTURE_COLUMNS, *RESULT_COLUMNS, *_PRICE_COLUMNS))


class Layout(msgspec.Struct, frozen=True):
    """The columns of one of the two kinds of file."""

    home: str
    away: str
    home_goals: str
    away_goals: str
    result: str


_LAYOUTS = {
    "Div": Layout("HomeTeam", "AwayTeam", "FTHG", "FTAG", "FTR"),
    "Country": Layout("Home", "Away", "HG", "AG", "Res"),
}


class DatedRow(Dated, frozen=True):
    """One line of a file: texts of the file's kept columns."""

    values: tuple[str, ...]


class CsvFile(msgspec.Struct, frozen=True):
    """A file whose rows have a kickoff; scores and prices are still text.

    Attributes:
        season: the season in its address; empty where the rows or the calendar determine it.
    """

    layout: Layout
    columns: tuple[str, ...]
    rows: tuple[DatedRow, ...]
    season: str


class CsvFormatError(FeedError, ValueError):
    """The bytes are not a file of this provider."""


def read_csv(data: bytes, season: str = "", span: tuple[dt.date, dt.date] | None = None) -> CsvFile:
    """Split a file into dated rows, keeping the columns that are used.

    Args:
        data: the file, UTF-8 with or without byte order mark, or Windows-1252; decoded cell by cell, so that
            a bad byte affects its own cell only.
        season: label that goes into `CsvFile.season`.
        span: first day of the season, and the first day after it.

    Raises:
        CsvFormatError: empty, an HTML page, or without the columns that make a match.
    """
    # Latin-1 keeps every byte as a character, for `_text` to decode.
    text = (line.decode("latin-1") for line in data.removeprefix(codecs.BOM_UTF8).splitlines())
    try:
        lines = _lines(text)
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
        tuple(map(_text, pick(line + [""] * (width - len(line)))))
        for line in lines[1:]
        if any(map(str.strip, line))
    ]
    return CsvFile(layout, columns, _dated(columns, cells, span), season)


def _lines(text: Iterable[str]) -> list[list[str]]:
    """The cells of each line.

    The provider quotes nothing, other programs quote cells when they save; a stray quotation mark must not
    span lines. So each line is parsed alone, and its marks count as quotes where the cells then fit the
    header.
    """
    lines: list[list[str]] = []
    for line in text:
        (cells,) = csv.reader([line], quoting=csv.QUOTE_NONE) if line else ([],)
        if '"' in line and (quoted := _quoted(line)) is not None:
            width = len(lines[0]) if lines else len(quoted)
            cells = quoted if len(quoted) == width or len(cells) != width else cells
        lines.append(cells)
    return lines


def _quoted(line: str) -> list[str] | None:
    try:
        (cells,) = csv.reader([line], strict=True)
    except csv.Error:
        return None
    return cells


def _text(cell: str) -> str:
    if cell.isascii():
        return cell.strip()
    data = cell.encode("latin-1")
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").strip()


def _dated(
    columns: tuple[str, ...], cells: Iterable[tuple[str, ...]], span: tuple[dt.date, dt.date] | None
) -> tuple[DatedRow, ...]:
    date_index = columns.index("Date")
    season_index = columns.index("Season") if "Season" in columns else None
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
            elif season_index is not None and not _is_of(values[season_index], kickoff.year):
                fault = f"the date {text!r} lies outside the season {values[season_index]!r}"
        except ValueError as problem:
            fault = str(problem)
        if not fault:
            rows.append(DatedRow(kickoff, precision, "", values))
        elif rows:
            rows.append(DatedRow(rows[-1].kickoff, KickoffPrecision.TBD, fault, values))
        else:
            undated.append((fault, values))
    if not undated:
        return tuple(rows)
    if not rows and span is None:
        raise CsvFormatError(f"no row has a date that can be used: {undated[0][0]}")
    start = rows[0].kickoff if rows or span is None else dt.datetime.combine(span[0], dt.time(12), dt.UTC)
    first = [DatedRow(start, KickoffPrecision.TBD, fault, values) for fault, values in undated]
    return (*first, *rows)


def _is_of(season: str, year: int) -> bool:
    """Whether a season may have a match in a year: 2012/2013, or 2020 that was played to February 2021."""
    first = season[:4]
    return not (first.isascii() and first.isdigit()) or int(first) <= year <= int(first) + 2


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
