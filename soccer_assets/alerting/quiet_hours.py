"""Quiet hours of a follower: a daily span in a time zone in which nothing is sent."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from soccer_assets.alerting.alerting_error import AlertingError

_WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) (\S{1,64})")


class QuietHoursError(AlertingError, ValueError):
    """Quiet hours cannot be understood; the message says how to write them."""


def check_quiet_hours(text: str) -> None:
    """Refuse what `is_quiet` could not read.

    Raises:
        QuietHoursError: it has another form, or the time zone is unknown.
    """
    _parsed(text)


def is_quiet(text: str, now: dt.datetime) -> bool:
    """Whether an instant lies in quiet hours such as ``22:00-07:00 Europe/Berlin``; never in none."""
    if not text:
        return False
    begin, end, zone = _parsed(text)
    clock = now.astimezone(zone).time()
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def _parsed(text: str) -> tuple[dt.time, dt.time, ZoneInfo]:
    found = _WRITTEN.fullmatch(text)
    fault = QuietHoursError(f"quiet hours {text!r} cannot be read; write them as '22:00-07:00 Europe/Berlin'")
    if found is None:
        raise fault
    try:
        zone = ZoneInfo(found[5])
    except (KeyError, ValueError, OSError) as error:
        raise fault from error
    return dt.time(int(found[1]), int(found[2])), dt.time(int(found[3]), int(found[4])), zone
