"""Reading single fields of hostile input: what cannot be understood is a `Fault` that says which and why."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from soccer_assets.feeds.protocol import FeedRefused, FeedUnavailable
from soccer_assets.football.matches import MOST_GOALS
from soccer_assets.football.records import MatchOdds

_LONGEST_NAME = 100
_LONGEST_INTEGER = 18
_YEARS = range(1870, 2100)

# Implied probabilities of a real book add up to this much; anything else is a typing error in a price.
_LEAST_BOOK, _LARGEST_BOOK = 0.97, 1.40


class Fault(ValueError):
    """A field cannot be understood; the text is the reason of a `Rejection`."""


def decode_json(data: bytes, where: str) -> Any:
    """The value of a JSON document.

    Bytes that are not UTF-8 and halves of surrogate pairs become question marks, so that a bad cell costs its
    own row at most. Integers too long to be one become text.

    Args:
        data: the document.
        where: setting and address, for errors.

    Raises:
        FeedUnavailable: the document begins like JSON and breaks off.
        FeedRefused: it is something else, such as an HTML page.
    """
    text = data.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_int=_integer)
        if "\\ud" in text.lower():
            whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            value = json.loads(whole, parse_int=_integer)
    except (ValueError, RecursionError) as fault:
        if text.lstrip()[:1] in {"{", "["}:
            raise FeedUnavailable(f"{where}: the JSON is cut or broken; try again later") from fault
        raise FeedRefused(f"{where}: JSON was expected, not {text[:40]!r}") from fault
    return value


def json_object(value: Any, what: str) -> dict[str, Any]:
    """The value as an object.

    Raises:
        Fault: it is something else.
    """
    if not isinstance(value, dict):
        raise Fault(f"{what} is {brief(value)}, not an object")
    return value


def name_of(value: Any, what: str) -> str:
    """A name of a team, competition or season: text that can be printed, of at most 100 characters.

    Raises:
        Fault: it is missing, empty, too long, or has control characters in it.
    """
    if value is None or value == "":
        raise Fault(f"{what} is missing")
    if not isinstance(value, str):
        raise Fault(f"{what} is {brief(value)}, not a text")
    if " " not in value and len(value) <= _LONGEST_NAME and value.isprintable():
        return value  # no other white space can be printed: ids, most of an archive's distinct values
    text = " ".join(value.split())
    if not text:
        raise Fault(f"{what} is missing")
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise Fault(f"{what} {brief(text)} is no name")
    return text


def teams_of(home: Any, away: Any) -> tuple[str, str]:
    """Names of the home and the away team.

    Raises:
        Fault: one is no name, or both are the same.
    """
    names = name_of(home, "the home team"), name_of(away, "the away team")
    if names[0] == names[1]:
        raise Fault(f"{names[0]} cannot play itself")
    return names


def goals_of(value: Any) -> int | None:
    """A number of goals, None where there is none.

    Raises:
        Fault: no whole number from 0 to 36.
    """
    if value is None or (type(value) is int and 0 <= value <= MOST_GOALS):
        return value
    raise Fault(f"the score {brief(value)} is no number from 0 to {MOST_GOALS}")


def score_of(home: Any, away: Any) -> tuple[int, int] | None:
    """A score, None where there is none.

    Raises:
        Fault: half a score, or no numbers from 0 to 36.
    """
    goals = goals_of(home), goals_of(away)
    if goals[0] is None and goals[1] is None:
        return None
    if goals[0] is None or goals[1] is None:
        raise Fault(f"the score {home}-{away} is half a score")
    return goals[0], goals[1]


def quiet_score_of(home: Any, away: Any) -> tuple[int, int] | None:
    """A score that is told beside the one that counts: None where it is none, or cannot be."""
    try:
        return score_of(home, away)
    except Fault:
        return None


def half_time_of(
    home: Any, away: Any, full_time: tuple[int, int] | None
) -> tuple[int, int] | tuple[None, None]:
    """The half-time score; none where it is no score, or above the full-time one.

    A half-time score that cannot be is a typing error in the less important of the two, so it costs itself.
    """
    try:
        half = score_of(home, away)
    except Fault:
        return None, None
    if half is None or (full_time is not None and (half[0] > full_time[0] or half[1] > full_time[1])):
        return None, None
    return half


def instant_of(value: Any, what: str = "the kickoff") -> dt.datetime:
    """An ISO 8601 instant with a zone, in UTC.

    Raises:
        Fault: no such instant, or not of this time.
    """
    try:
        instant = dt.datetime.fromisoformat(value.strip())
    except (AttributeError, TypeError, ValueError):
        raise Fault(f"{what} {brief(value)} is no instant") from None
    if instant.tzinfo is None:
        raise Fault(f"{what} {brief(value)} has no time zone")
    if instant.year not in _YEARS:
        raise Fault(f"{what} {brief(value)} is not of this time")
    return instant.astimezone(dt.UTC)


def day_of(value: Any, what: str = "the date") -> dt.date:
    """A day written yyyy-mm-dd.

    Raises:
        Fault: no such day, or not of this time.
    """
    try:
        # fromisoformat also takes 20250820 and 2025-W34-3.
        day = dt.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 a day has no zone
    except (TypeError, ValueError):
        raise Fault(f"{what} {brief(value)} is no day yyyy-mm-dd") from None
    if day.year not in _YEARS:
        raise Fault(f"{what} {brief(value)} is not of this time")
    return day


def id_of(value: Any, what: str) -> str:
    """A provider's id: a positive number, or a text that can be printed.

    Raises:
        Fault: it is neither.
    """
    if type(value) is int and value > 0:
        return str(value)
    if isinstance(value, str):
        return name_of(value, what)
    raise Fault(f"{what} is {brief(value)}, not an id")


def noon_of(day: dt.date) -> dt.datetime:
    """12:00 UTC of a day: what stands for a kickoff of which only the day is known."""
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


def book_price(kind: str, home: float, draw: float, away: float) -> MatchOdds | None:
    """Decimal prices of one book, None where they cannot be one."""
    if min(home, draw, away) > 1.0 and _LEAST_BOOK <= 1 / home + 1 / draw + 1 / away <= _LARGEST_BOOK:
        return MatchOdds(kind, home, draw, away)
    return None


def kept(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The fields of these names that are there and not null."""
    return {name: fields[name] for name in names if fields.get(name) is not None}


def brief(value: Any) -> str:
    """The value as short text for a reason."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 a line's worth


def _integer(text: str) -> int | str:
    # Longer than 64 bits is no count or id of anybody; past 4,300 digits Python refuses to convert at all.
    return int(text) if len(text) <= _LONGEST_INTEGER else text
