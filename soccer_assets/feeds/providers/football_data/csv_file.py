"""Parses files of football-data.co.uk into dated rows; scores and prices are still text.

Two layouts: the 22 divisions ("Div,Date,Time,HomeTeam,...") and the extra leagues ("Country,League,...").
The provider's notes: https://www.football-data.co.uk/notes.txt.
"""

import codecs
import csv
import datetime as dt
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from operator import itemgetter
from zoneinfo import ZoneInfo

import msgspec

from soccer_assets.feeds.fields import as_utf8, decode_cell, delimiter_of, with_decimal_points
from soccer_assets.feeds.protocol import FeedError
from soccer_assets.feeds.providers.football_data.season_labels import FileSeasons, plain
from soccer_assets.feeds.unreadable import is_html, last_row_is_cut
from soccer_assets.feeds.visibility import Dated
from soccer_assets.football.matches import KickoffPrecision

_UK = ZoneInfo("Europe/London")
_YEARS = range(1990, 2100)
# Other programs put midnight behind a date, and .0 behind a number.
_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?: 0?0:00(?::00)?)?", re.ASCII)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T]00:00(?::00)?)?", re.ASCII)
_SERIAL_DATE = re.compile(r"(\d{5})(?:\.0)?", re.ASCII)
# Excel counts days from here.
_SERIAL_START = dt.date(1899, 12, 30)
# A fraction of a day, such as 0.25, is no time.
_TIME = re.compile(r"(?!0\.)(\d{1,2})[:.](\d{2})(?:[:.]00)?(?: *([AaPp])\.?[Mm]\.?)?", re.ASCII)
_MONTHS, _DAYS = 12, 31
OUTSIDE_SEASON = "lies outside the file's season"
_DELIMITERS = {";": "semicolons", "\t": "tabs"}
_TWELVE = 12

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
# Kind -> columns of over and under 2.5 goals, of the handicap and of its two prices; averages, best first.
GOAL_PRICES = {
    "avg_closing": ("AvgC>2.5", "AvgC<2.5", "AHCh", "AvgCAHH", "AvgCAHA"),
    "avg": ("Avg>2.5", "Avg<2.5", "AHh", "AvgAHH", "AvgAHA"),
    "betbrain_avg": ("BbAv>2.5", "BbAv<2.5", "BbAHh", "BbAvAHH", "BbAvAHA"),
}
_GOAL_COLUMNS = tuple(name for columns in GOAL_PRICES.values() for name in columns)
_KEPT_COLUMNS = frozenset((*FIXTURE_COLUMNS, *RESULT_COLUMNS, *_PRICE_COLUMNS, *_GOAL_COLUMNS))


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
        seasons: the seasons that its rows name.
        unused: names in its header of columns that are not read.
        cut_row: the last row where the file ends inside it, or the first line of a page that a server sent
            in place of the rest: it is not among the rows.
    """

    layout: Layout
    columns: tuple[str, ...]
    rows: tuple[DatedRow, ...]
    season: str
    seasons: FileSeasons
    cut_row: str = ""
    unused: tuple[str, ...] = ()


class CsvFormatError(FeedError, ValueError):
    """The bytes are not a file of this provider."""


def read_csv(data: bytes, season: str = "", span: tuple[dt.date, dt.date] | None = None) -> CsvFile:
    """Split a file into dated rows, keeping the columns that are used.

    Cells are separated by commas, or by semicolons or tabs where the header is; a column of row numbers
    before the others is passed over.

    Args:
        data: the file, UTF-8 with or without byte order mark, UTF-16, or Windows-1252; decoded cell by cell,
            so that a bad byte affects its own cell only.
        season: label that goes into `CsvFile.season`.
        span: first day of the season, and the first day after it.

    Raises:
        CsvFormatError: empty, an HTML page, without line ends, without the columns that make a match, or with
            two columns of one name that differ.
    """
    # Latin-1 keeps every byte as a character, for `_text` to decode.
    data = as_utf8(data).removeprefix(codecs.BOM_UTF8)
    text = [line.decode("latin-1") for line in data.splitlines()]
    delimiter = delimiter_of(text[0]) if text else ","
    try:
        lines = _lines(text, delimiter)
    except csv.Error as fault:
        raise CsvFormatError(f"the file is not CSV: {fault}; replace it by the provider's") from fault
    header = [_SYNONYMS.get(name, name) for name in map(_column, lines[0])] if lines else []
    # Other programs put the number of the row before the first column.
    layout = next((_LAYOUTS[name] for name in header[:2] if name in _LAYOUTS), None)
    if layout is None:
        raise CsvFormatError(_what_it_is(data))
    if any(_DATE.fullmatch(name) or _ISO_DATE.fullmatch(name) for name in header):
        raise CsvFormatError("header and rows are one line; save the file with an end to each line")
    missing = {"Date", layout.home, layout.away} - set(header)
    if missing:
        raise CsvFormatError(
            f"the file has no column {', '.join(sorted(missing))}; replace it by the provider's, or name the "
            f"columns as it does"
        )
    if delimiter != ",":
        if any(len(line) > len(header) for line in lines):
            raise CsvFormatError(
                f"its cells are separated by {_DELIMITERS[delimiter]}, and a row has more of them than the "
                f"header; save it with commas"
            )
        lines = list(map(with_decimal_points, lines))
    lines[1:] = [line for line in lines[1:] if not _is_header(line, header)]
    cut_row = delimiter.join(lines.pop()) if last_row_is_cut(data, lines) else ""
    page = next((index for index, line in enumerate(lines) if line and is_html(line[0].encode())), None)
    if page is not None:
        cut_row = delimiter.join(lines[page])
        del lines[page:]
    _check_repeated(header, lines[1:])
    indices = [
        index for index, name in enumerate(header) if name in _KEPT_COLUMNS and header.index(name) == index
    ]
    columns = tuple(header[index] for index in indices)
    pick = itemgetter(*indices)
    width = len(header)
    cells = [
        tuple(map(_text, pick(line + [""] * (width - len(line)))))
        for line in lines[1:]
        if any(map(str.strip, line))
    ]
    rows = _dated(columns, cells, span)
    unused = tuple(name for name in header if name and name not in _KEPT_COLUMNS)
    return CsvFile(layout, columns, rows, season, _seasons_of(columns, rows), cut_row, unused)


def _column(text: str) -> str:
    """The name of a column without blanks and marks that nobody sees, which copying leaves around it."""
    return "".join(letter for letter in _text(text) if letter.isprintable()).strip()


def _is_header(line: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row repeats the header, as files do that were put together."""
    if not line or header[0] not in line[0]:
        return False
    return list(map(_column, line[:3])) == header[:3]


def _check_repeated(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Two columns of one name may say the same, and nothing else: nobody can tell which one is meant.

    Raises:
        CsvFormatError: they differ in a row.
    """
    for index, name in enumerate(header):
        first = header.index(name)
        if first == index or name not in _KEPT_COLUMNS:
            continue
        if any(line[first : first + 1] != line[index : index + 1] for line in lines):
            raise CsvFormatError(
                f"the file has two columns {name} that differ; replace it by the provider's file"
            )


def _what_it_is(data: bytes) -> str:
    """What stands in the place of a file of this provider, and what to do about it."""
    if not data.strip():
        return (
            "the file is empty: a CSV file starting with 'Div,' or 'Country,' was expected, not ''; "
            "delete it, or load it again"
        )
    start = data[:40].decode("ascii", "replace")
    expected = f"a CSV file starting with 'Div,' or 'Country,' was expected, not {start!r}"
    if is_html(data):
        return f"the file is a page of a website: {expected}; delete it, or load the data again"
    return f"{expected}; replace it by the provider's file"


def _lines(text: Iterable[str], delimiter: str) -> list[list[str]]:
    """The cells of each line.

    The provider quotes nothing, other programs quote cells when they save; a stray quotation mark must not
    span lines. So each line is parsed alone, and its marks count as quotes where the cells then fit the
    header.
    """
    lines: list[list[str]] = []
    for line in text:
        (cells,) = csv.reader([line], quoting=csv.QUOTE_NONE, delimiter=delimiter) if line else ([],)
        if '"' in line and (quoted := _quoted(line, delimiter)) is not None:
            width = len(lines[0]) if lines else len(quoted)
            cells = quoted if len(quoted) == width or len(cells) != width else cells
        lines.append(cells)
    return lines


def _quoted(line: str, delimiter: str) -> list[str] | None:
    try:
        (cells,) = csv.reader([line], strict=True, delimiter=delimiter)
    except csv.Error:
        return None
    return cells


def _text(cell: str) -> str:
    return decode_cell(cell).strip()


def _dated(
    columns: tuple[str, ...], cells: Sequence[tuple[str, ...]], span: tuple[dt.date, dt.date] | None
) -> tuple[DatedRow, ...]:
    date_index = columns.index("Date")
    season_index = columns.index("Season") if "Season" in columns else None
    time_index = columns.index("Time") if "Time" in columns else None
    order = _order_of(values[date_index] for values in cells)
    rows: list[DatedRow] = []
    undated: list[tuple[str, tuple[str, ...]]] = []
    for values in cells:
        text = values[date_index]
        time = "" if time_index is None else values[time_index]
        try:
            kickoff, precision = _kickoff(text, time, order)
            fault = ""
            if span is not None and not span[0] <= kickoff.date() < span[1]:
                fault = f"the date {text!r} {OUTSIDE_SEASON}; correct it, or put the row elsewhere"
            elif season_index is not None and not _is_of(values[season_index], kickoff.year):
                fault = (
                    f"the date {text!r} lies outside the season {values[season_index]!r}: correct one of them"
                )
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
    is_year = len(first) == 4 and first.isascii() and first.isdigit()  # noqa: PLR2004
    return not is_year or int(first) <= year <= int(first) + 2


def _seasons_of(columns: tuple[str, ...], rows: Iterable[DatedRow]) -> FileSeasons:
    if not {"Country", "League", "Season"} <= set(columns):
        return FileSeasons()
    country, league, season = (columns.index(name) for name in ("Country", "League", "Season"))
    return FileSeasons(
        (plain(f"{row.values[country]}/{row.values[league]}"), row.values[season], row.kickoff.date())
        for row in rows
        if not row.fault
    )


class Order(StrEnum):
    """In which order a file writes day and month."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    CONTRADICTORY = "contradictory"


def _order_of(dates: Iterable[str]) -> Order:
    """The provider's rule is the day first; dates that have to be read with the month first say otherwise."""
    proven = set()
    for date in dates:
        parts = _DATE.fullmatch(date)
        if parts is None:
            continue
        first, second = int(parts[1]), int(parts[3])
        if first > _MONTHS >= second > 0 and first <= _DAYS:
            proven.add(Order.DAY_FIRST)
        elif second > _MONTHS >= first > 0 and second <= _DAYS:
            proven.add(Order.MONTH_FIRST)
    if len(proven) > 1:
        return Order.CONTRADICTORY
    return proven.pop() if proven else Order.DAY_FIRST


def _kickoff(date: str, time: str, order: Order) -> tuple[dt.datetime, KickoffPrecision]:
    """Kickoff in UTC of a date and a time of day in the United Kingdom.

    Raises:
        ValueError: one of them cannot be read; says what to do.
    """
    year, month, day = _year_month_day(date, order)
    if year not in _YEARS:
        raise ValueError(f"the date {date!r} is not of this time; correct it")
    try:
        midday = dt.datetime(year, month, day, 12, tzinfo=dt.UTC)
    except ValueError:
        raise ValueError(f"the date {date!r} is not in the calendar; correct it") from None
    if not time:
        return midday, KickoffPrecision.DAY
    local = midday.replace(tzinfo=_UK, **_hour_minute(time))
    return local.astimezone(dt.UTC), KickoffPrecision.MINUTE


def _year_month_day(date: str, order: Order) -> tuple[int, int, int]:
    if iso := _ISO_DATE.fullmatch(date):
        return int(iso[1]), int(iso[2]), int(iso[3])
    if serial := _SERIAL_DATE.fullmatch(date):
        counted = _SERIAL_START + dt.timedelta(days=int(serial[1]))
        return counted.year, counted.month, counted.day
    parts = _DATE.fullmatch(date)
    if parts is None:
        raise ValueError(f"the date {date!r} is not dd/mm/yyyy; write it so")
    first, second, year = int(parts[1]), int(parts[3]), int(parts[4])
    if len(parts[4]) == 2:  # noqa: PLR2004 two digits; the files begin in 1993
        year += 1900 if year >= 90 else 2000  # noqa: PLR2004
    if order is Order.CONTRADICTORY:
        if max(first, second) <= _MONTHS and first != second:
            raise ValueError(
                f"the date {date!r} may be day/month or month/day: other rows of the file prove both orders; "
                f"write all its dates as dd/mm/yyyy"
            )
        order = Order.MONTH_FIRST if second > _MONTHS else Order.DAY_FIRST
    return (year, first, second) if order is Order.MONTH_FIRST else (year, second, first)


def _hour_minute(time: str) -> dict[str, int]:
    clock = _TIME.fullmatch(time)
    if clock is not None:
        hour, minute = int(clock[1]), int(clock[2])
        if half := clock[3]:
            is_valid = 1 <= hour <= _TWELVE
            hour = hour % _TWELVE + (_TWELVE if half in "Pp" else 0)
        else:
            is_valid = hour <= 23  # noqa: PLR2004
        if is_valid and minute <= 59:  # noqa: PLR2004
            return {"hour": hour, "minute": minute}
    raise ValueError(f"the time {time!r} is not hh:mm; write it so, or leave it empty")
