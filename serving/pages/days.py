"""Days and times as people read them, in a named time zone; a match known by day only has no clock time."""

import datetime as dt
import functools
import re
from zoneinfo import ZoneInfo

from soccer_assets.clock import parse_instant

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
# Hours are hard to read from here on.
_DAYS_FROM = 3
_TO_THE_MINUTE = "minute"
UTC = ZoneInfo("UTC")


def day_of(kickoff: str, precision: str, zone: ZoneInfo) -> dt.date:
    """The day of a match in a time zone; one that is known by day only has the same day everywhere."""
    instant = parse_instant(kickoff)
    return instant.astimezone(zone).date() if precision == _TO_THE_MINUTE else instant.date()


def day_text(day: dt.date) -> str:
    """A day, such as ``Saturday 26 April 2025``."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def plain_day_text(day: dt.date) -> str:
    """A day of any year without its weekday, such as ``26 Apr 2025``."""
    return f"{day.day} {day:%b %Y}"


def date_text(day: str) -> str:
    """A day written as ``2025-04-26`` as a person reads it, such as ``Sat 26 Apr``."""
    return short_day_text(dt.date.fromisoformat(day))


def short_day_text(day: dt.date) -> str:
    """A day in few letters, such as ``Sat 26 Apr``."""
    return f"{day:%a} {day.day} {day:%b}"


def clock_text(kickoff: str, precision: str, zone: ZoneInfo) -> str:
    """The clock time of a kickoff, such as ``15:00``; empty where only its day is known."""
    return f"{parse_instant(kickoff).astimezone(zone):%H:%M}" if precision == _TO_THE_MINUTE else ""


def zone_text(zone: ZoneInfo, day: dt.date) -> str:
    """A time zone as a person reads it on a day, such as ``London (BST)``; UTC is ``UTC``."""
    if zone.key == "UTC":
        return "UTC"
    short = f"{dt.datetime.combine(day, dt.time(12), zone):%Z}"
    city = zone.key.rpartition("/")[2].replace("_", " ")
    return f"{city} ({short if short.isalpha() else f'UTC{short}'})"


def moment_text(instant: str | dt.datetime, zone: ZoneInfo = UTC) -> str:
    """An instant with its time zone, such as ``26 Apr 2025, 15:00 BST``."""
    moment = (parse_instant(instant) if isinstance(instant, str) else instant).astimezone(zone)
    return f"{moment.day} {moment:%b %Y, %H:%M %Z}"


def age_text(seconds: float) -> str:
    """A span as a person reads it, in its two largest units: ``4 min``, ``2 h 5 min``, ``3 days``."""
    minutes = int(abs(seconds) // 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, hours_left = divmod(hours, 24)
    if days >= _DAYS_FROM:
        return f"{days} days"
    if days:
        hours_left += 24 * days
    return f"{hours_left} h {minutes} min" if minutes else f"{hours_left} h"


def with_moments(text: str) -> str:
    """A sentence whose instants are written as people read them."""
    return _INSTANT.sub(lambda found: moment_text(found[0]), text)


@functools.lru_cache(maxsize=1_024)
def short_moment_text(instant: str) -> str:
    """An instant in few letters, such as ``26 Apr, 14:00 UTC``."""
    moment = parse_instant(instant)
    return f"{moment.day} {moment:%b, %H:%M} UTC"
