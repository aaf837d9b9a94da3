"""Days and times as people read them, in a named time zone; a match known by day only has no clock time."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from soccer_assets.clock import parse_instant

_DAY_PRECISION = "day"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
# Hours are hard to read from here on.
_DAYS_FROM = 3
UTC = ZoneInfo("UTC")


def day_of(kickoff: str, precision: str, zone: ZoneInfo) -> dt.date:
    """The day of a match in a time zone; one that is known by day only has the same day everywhere."""
    instant = parse_instant(kickoff)
    return instant.date() if precision == _DAY_PRECISION else instant.astimezone(zone).date()


def day_text(day: dt.date) -> str:
    """A day, such as ``Saturday 26 April 2025``."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def clock_text(kickoff: str, precision: str, zone: ZoneInfo) -> str:
    """The clock time of a kickoff, such as ``15:00``; empty where only its day is known."""
    return "" if precision == _DAY_PRECISION else f"{parse_instant(kickoff).astimezone(zone):%H:%M}"


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
