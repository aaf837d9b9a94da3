"""Days and times as people read them, in a named time zone; a match known by day only has no clock time."""

import datetime as dt
from zoneinfo import ZoneInfo

from soccer_assets.clock import parse_instant

_DAY_PRECISION = "day"
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
