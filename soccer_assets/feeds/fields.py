"""Parsing single fields of untrusted input: an invalid one raises `FieldError` with its name and why."""

import codecs
import datetime as dt
import functools
import html
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from soccer_assets.feeds.protocol import FeedError, FeedRefusedError, FeedUnavailableError
from soccer_assets.football.placeholders import is_placeholder
from soccer_assets.football.records import GoalOdds, MatchOdds
from soccer_assets.football.text_folding import without_invisible
from soccer_assets.football.validity import (
    LEAST_GOALS,
    MOST_GOALS,
    OLDEST_YEAR,
    is_book,
    is_goal_count,
    is_handicap,
    is_two_way_book,
    same_team_fault,
)

_LONGEST_NAME = 100
_LONGEST_INTEGER = 18
_YEARS = range(OLDEST_YEAR, 2100)
# Some providers send a score as text, and some programs write 2.0 for 2.
_GOALS = re.compile(r"(-?\d{1,9})(?:\.0+)?", re.ASCII)


# What a page writes for a letter: &amp;, &#39;, &eacute;.
_ENTITY = re.compile(r"&(?:#\d{1,6}|#[xX][0-9a-fA-F]{1,5}|[A-Za-z]\w{1,9});", re.ASCII)

_DECIMAL_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)

# What programs write into a cell without a value: pandas, R, JavaScript, SQL.
_NO_VALUE = frozenset({"nan", "NaN", "NAN", "NaT", "<NA>", "None", "null", "NULL", "Null", "undefined"})

_ADD_IT = "add it at the source"
_AN_INSTANT = "write it as 2025-04-20T13:00:00Z"
AT_THE_SOURCE = "correct it at the source"
# Not the provider's fault: it has a status that the adapter cannot read yet.
_REPORT_IT = "report it as a fault of this feed's adapter"


class FieldError(FeedError, ValueError):
    """A field is invalid; the text is the reason of a `Rejection`.

    Args:
        fault: what is wrong.
        remedy: what to do about it.
    """

    def __init__(self, fault: str, remedy: str = AT_THE_SOURCE) -> None:
        super().__init__(f"{fault}; {remedy}")


def as_utf8(data: bytes) -> bytes:
    """A text file in UTF-8 where it is UTF-16, as Excel and PowerShell write, or UTF-32; any other as it is.

    Known by its byte order mark, or by the zero beside the first letter. Zeros at either end are no text: a
    program that was stopped while it wrote leaves them. Marks before the first one come of files that were
    put together.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data[:1] not in {b"", b"\0"} and data[1:2] == b"\0":
        encoding = "utf-16-le"
    elif data[:1] == b"\0" and data[1:2] not in {b"", b"\0"}:
        encoding = "utf-16-be"
    else:
        data = data.strip(b"\0")
        while data.startswith(codecs.BOM_UTF8 * 2):
            data = data.removeprefix(codecs.BOM_UTF8)
        return data
    return data.decode(encoding, "replace").rstrip("\0").encode("utf-8", "replace")


def decode_json(data: bytes, where: str) -> Any:
    """The value of a JSON document in UTF-8 or UTF-16.

    Bytes that are not UTF-8 and unpaired surrogates become replacement characters, so that a bad cell affects
    its own row only. Integers longer than 18 digits become text.

    Args:
        data: the document.
        where: setting and address, for errors.

    Raises:
        FeedUnavailableError: the document begins like JSON and is cut off.
        FeedRefusedError: it is something else, such as an HTML page.
    """
    text = as_utf8(data).decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_int=_integer)
        if "\\ud" in text.lower():
            whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            value = json.loads(whole, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] in {"{", "["}:
            raise FeedUnavailableError(f"{where}: the JSON is cut or broken; try again later") from error
        raise FeedRefusedError(f"{where}: JSON was expected, not {text[:40]!r}") from error
    return value


def json_object(value: Any, what: str) -> dict[str, Any]:
    """The value as an object.

    Raises:
        FieldError: it is something else.
    """
    if not isinstance(value, dict):
        raise FieldError(f"{what} is {brief(value)}, not an object")
    return value


def name_of(value: Any, what: str) -> str:
    """A name of a team, competition or season: printable text of at most 100 characters.

    Characters that nobody sees are left out, and a page's ``&amp;`` is read as ``&``.

    Raises:
        FieldError: it is missing, empty, a program's word for no value, too long, or has control characters.
    """
    if value is None or value == "":
        raise FieldError(f"{what} is missing", _ADD_IT)
    if not isinstance(value, str):
        raise FieldError(f"{what} is {brief(value)}, not a text")
    if value in _NO_VALUE:
        raise FieldError(f"{what} is {value!r}, a program's word for no value", _ADD_IT)
    if value.isalnum() and value.isascii() and len(value) <= _LONGEST_NAME:
        return value  # most distinct values of an archive are ids
    text = " ".join(without_invisible(_ENTITY.sub(_letter, value)).split())
    if not text:
        raise FieldError(f"{what} is missing", _ADD_IT)
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise FieldError(f"{what} {brief(value)} is no printable name of at most {_LONGEST_NAME} characters")
    return text


def _letter(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def team_of(value: Any, what: str) -> str:
    """A name of a team, such as Fulham, 1. FC Köln or 東京.

    Raises:
        FieldError: it is no name, or has no letter: a number from another column.
    """
    name = name_of(value, what)
    if not (name.isalpha() or any(map(str.isalpha, name)) or is_placeholder(name)):
        raise FieldError(f"{what} {brief(name)} has no letter", "write its name at the source")
    return name


def teams_of(home: Any, away: Any) -> tuple[str, str]:
    """Names of the home and the away team.

    Raises:
        FieldError: one is no name, or both are the same.
    """
    names = team_of(home, "the home team"), team_of(away, "the away team")
    if fault := same_team_fault(*names):
        raise FieldError(fault)
    return names


def goals_of(value: Any) -> int | None:
    """A number of goals, None where there is none: 2, and 2.0, "2" or "2.0" as well.

    Raises:
        FieldError: no whole number from 0 to 36.
    """
    if value is None or (type(value) is int and is_goal_count(value)):
        return value
    number: Any = value
    if isinstance(value, str) and (found := _GOALS.fullmatch(value.strip())):
        number = int(found[1])
    elif type(value) is float and value.is_integer():
        number = int(value)
    elif type(value) is float and math.isfinite(value):
        raise FieldError(f"the score {brief(value)} is not a whole number")
    if type(number) is not int:
        raise FieldError(f"the score {brief(value)} is not a number")
    if not is_goal_count(number):
        raise FieldError(f"the score {brief(value)} is not from {LEAST_GOALS} to {MOST_GOALS}")
    return number


def score_of(home: Any, away: Any) -> tuple[int, int] | None:
    """A score, None where there is none.

    Raises:
        FieldError: half a score, or no numbers from 0 to 36.
    """
    goals = goals_of(home), goals_of(away)
    if goals[0] is None and goals[1] is None:
        return None
    if goals[0] is None or goals[1] is None:
        raise FieldError(f"the score {home}-{away} has one side alone", "add the other at the source")
    return goals[0], goals[1]


def score_or_none(home: Any, away: Any) -> tuple[int, int] | None:
    """A score, None where there is none or it is invalid: for scores beside the one that counts."""
    try:
        return score_of(home, away)
    except FieldError:
        return None


def half_time_of(
    home: Any, away: Any, full_time: tuple[int, int] | None
) -> tuple[int, int] | tuple[None, None]:
    """The half-time score; ``(None, None)`` where it is invalid or above the full-time score.

    Such a half-time score is a typing error in the less important of the two, so only it is dropped.
    """
    try:
        half = score_of(home, away)
    except FieldError:
        return None, None
    if half is None or (full_time is not None and (half[0] > full_time[0] or half[1] > full_time[1])):
        return None, None
    return half


def instant_of(value: Any, what: str = "the kickoff") -> dt.datetime:
    """An ISO 8601 instant with a zone, in UTC.

    Raises:
        FieldError: no such instant, or not of this time.
    """
    if value is None or value == "":
        raise FieldError(f"{what} is missing", _ADD_IT)
    try:
        instant = dt.datetime.fromisoformat(value.strip())
    except (AttributeError, TypeError, ValueError):
        raise FieldError(f"{what} {brief(value)} is not an ISO 8601 instant", _AN_INSTANT) from None
    if instant.tzinfo is None:
        raise FieldError(f"{what} {brief(value)} has no time zone", _AN_INSTANT)
    if instant.year not in _YEARS:
        raise FieldError(f"{what} {brief(value)} is not in the years {_YEARS[0]} to {_YEARS[-1]}")
    return instant.astimezone(dt.UTC)


def day_of(value: Any, what: str = "the date") -> dt.date:
    """A day written yyyy-mm-dd.

    Raises:
        FieldError: no such day, or not of this time.
    """
    if value is None or value == "":
        raise FieldError(f"{what} is missing", _ADD_IT)
    try:
        # fromisoformat also takes 20250820 and 2025-W34-3.
        day = dt.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 a day has no zone
    except (TypeError, ValueError):
        raise FieldError(f"{what} {brief(value)} is no day yyyy-mm-dd", "write it as 2025-04-20") from None
    if day.year not in _YEARS:
        raise FieldError(f"{what} {brief(value)} is not in the years {_YEARS[0]} to {_YEARS[-1]}")
    return day


def id_of(value: Any, what: str) -> str:
    """A provider's id: a positive number, or printable text.

    Raises:
        FieldError: it is neither.
    """
    if type(value) is int and value > 0:
        return str(value)
    if isinstance(value, str):
        return name_of(value, what)
    raise FieldError(f"{what} is {brief(value)}, not an id")


def unknown_status(code: Any, what: str = "the status") -> FieldError:
    """The fault of a status that no adapter's table has: it is missing, or the adapter must learn it."""
    if code is None or code == "":
        return FieldError(f"{what} is missing", _ADD_IT)
    return FieldError(f"{what} {brief(code)} is not known", _REPORT_IT)


@functools.lru_cache(4096)  # in an archive each day has a hundred matches
def noon_of(day: dt.date) -> dt.datetime:
    """12:00 UTC of a day: the stored kickoff where only the day is known."""
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


def book_odds(kind: str, home: float, draw: float, away: float) -> MatchOdds | None:
    """Decimal prices of one bookmaker, None where a price or their sum is implausible."""
    return MatchOdds(kind, home, draw, away) if is_book(home, draw, away) else None


def goal_book(
    kind: str,
    totals: tuple[float | None, float | None],
    handicap: tuple[float | None, float | None, float | None],
) -> GoalOdds | None:
    """Decimal prices of 2.5 goals and of a handicap; an implausible market is left out, None without any.

    Args:
        kind: whose prices and from when.
        totals: of over and under.
        handicap: goals added to the home side, and the prices of both sides; the first is no price.
    """
    over, under = totals
    if over is None or under is None or not is_two_way_book(over, under):
        over = under = None
    line, home, away = handicap
    if (
        line is None
        or home is None
        or away is None
        or not (is_handicap(line) and is_two_way_book(home, away))
    ):
        line = home = away = None
    return None if over is None and line is None else GoalOdds(kind, over, under, line, home, away)


def present_fields(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The fields of these names that are present and not null."""
    return {name: fields[name] for name in names if fields.get(name) is not None}


def decode_cell(cell: str) -> str:
    """A cell of a file that was decoded as Latin-1: UTF-8 where it can be, otherwise Windows-1252."""
    if cell.isascii():
        return cell
    data = cell.encode("latin-1")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def delimiter_of(header: str) -> str:
    """What separates the cells of a CSV file: the comma, semicolon or tab that its header has most of."""
    return max(",;\t", key=header.count)


def with_decimal_points(cells: list[str]) -> list[str]:
    """The cells with 3.5 for 3,5, as files have them whose cells are separated by semicolons or tabs."""
    return [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]


def brief(value: Any) -> str:
    """The value as short text for a reason."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 a line's worth


def _integer(text: str) -> int | str:
    # Over 64 bits it is no count and no id; over 4,300 digits Python refuses the conversion.
    return int(text) if len(text) <= _LONGEST_INTEGER else text
