"""In which time zone a list shows its matches: each competition's own, or the one that was asked for."""

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import msgspec

from serving.http.paging import midnight
from serving.pages.days import UTC
from soccer_assets.football.name_lookup import Names

# Offered by the form; any other name of the IANA's list may stand in the query.
OFFERED = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Istanbul",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
    "America/New_York",
    "America/Chicago",
    "America/Mexico_City",
    "America/Denver",
    "America/Los_Angeles",
)


class DaySpan(msgspec.Struct, frozen=True):
    """A day in one time zone, as kickoffs are stored, which sort as text: its first instant and the next."""

    first: str
    end: str


class Zones:
    """The time zone of each competition.

    Args:
        chosen: the zone for all; None for each competition's own.
        names: the release's directory; without it all are in UTC.
    """

    def __init__(self, chosen: ZoneInfo | None, names: Names | None) -> None:
        self.chosen = chosen
        self._entries = {} if names is None else names.competitions

    def of(self, competition: str) -> ZoneInfo:
        """The time zone in which a competition's matches are shown."""
        if self.chosen is not None:
            return self.chosen
        entry = self._entries.get(competition)
        return UTC if entry is None else zone_or_utc(entry.time_zone)

    def spans(self, day: dt.date, competitions: Iterable[str]) -> dict[str, DaySpan]:
        """The day in the zone of each competition.

        Raises:
            OverflowError: the day is out of range.
        """
        by_zone: dict[ZoneInfo, DaySpan] = {}
        found = {}
        for competition in competitions:
            zone = self.of(competition)
            if zone not in by_zone:
                by_zone[zone] = DaySpan(midnight(day, zone), midnight(day + dt.timedelta(days=1), zone))
            found[competition] = by_zone[zone]
        return found


def zone_or_utc(name: str) -> ZoneInfo:
    """The zone of a name; UTC where this machine has no such zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
