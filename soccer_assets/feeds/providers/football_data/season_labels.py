"""The season of a row of football-data.co.uk's extra leagues: one label for a league's year, however written.

Files of ``new/`` have a column ``Season`` with ``2024`` or ``2024/2025``. The label follows the calendar of
the competition in ``competitions.toml``; only a league that changed its calendar (Argentina to 2020) keeps
labels of the other kind, where the rows themselves run over two years.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from soccer_assets.feeds.fields import FieldError
from soccer_assets.football.competitions import Competition, season_of

_LABEL = re.compile(r"(\d{4})(?:\.0)?|(\d{4})[-/](\d{4}|\d{2})|(\d{2})[-/](\d{2})", re.ASCII)
_CENTURY = 100
# Two digits of a year from here on are of the last century.
_LAST_CENTURY = 90
_JULY, _MARCH = 7, 3


class SeasonLabel(NamedTuple):
    """A label as the file has it: the first year, and whether a second one follows."""

    year: int
    is_double: bool

    def first_day(self) -> dt.date:
        """The first day a match may have."""
        return dt.date(self.year, 6, 1) if self.is_double else dt.date(self.year, 1, 1)

    def end(self) -> dt.date:
        """The day after the last one: 2019/2020 ended in August 2020, Brazil's 2020 in February 2021."""
        return dt.date(self.year + 1, 9, 1) if self.is_double else dt.date(self.year + 1, 4, 1)

    def __str__(self) -> str:
        return f"{self.year}/{self.year + 1}" if self.is_double else f"{self.year}"


def plain(name: str) -> str:
    """A name of a country, league or division without differences of case and blanks."""
    return " ".join(name.casefold().split())


def read_label(text: str) -> SeasonLabel | None:
    """The label of a text such as 2024, 2024/2025, 2024/25, 2024-25 or 24/25; None where it is none."""
    found = _LABEL.fullmatch(text.replace(" ", ""))
    if found is None:
        return None
    if found[1]:
        return SeasonLabel(int(found[1]), is_double=False)
    first = int(found[2] or found[4])
    if found[4]:
        first += 1900 if first >= _LAST_CENTURY else 2000
    second = int(found[3] or found[5])
    follows = first + 1 if found[3] and len(found[3]) > 2 else (first + 1) % _CENTURY  # noqa: PLR2004
    return SeasonLabel(first, is_double=True) if second == follows else None


class FileSeasons:
    """The labels of a file that stand for seasons over two years, by its rows.

    Args:
        rows: country and league, label and kickoff day of each row.
    """

    def __init__(self, rows: Iterable[tuple[str, str, dt.date]] = ()) -> None:
        days: defaultdict[tuple[str, int], list[dt.date]] = defaultdict(list)
        for league, text, day in rows:
            label = read_label(text)
            if label is not None and label.is_double:
                days[league, label.year].append(day)
        self._over_two_years = {
            (league, year)
            for (league, year), played in days.items()
            if any(day.year == year and day.month >= _JULY for day in played)
            and any(day.year == year + 1 and day.month >= _MARCH for day in played)
        }

    def label_of(self, text: str, league: str, competition: Competition, day: dt.date) -> str:
        """The season of a row.

        Args:
            text: the row's own label; the calendar decides where it is empty.
            league: country and league, as given to this object.
            competition: the row's competition.
            day: its kickoff day.

        Raises:
            FieldError: the text is no season, or the day lies outside of it.
        """
        if not text:
            return season_of(competition, day)
        reported = read_label(text)
        if reported is None:
            raise FieldError(f"the season {text!r} is not yyyy or yyyy/yyyy; write it so")
        season = self._by_calendar(reported, league, competition, day)
        end = season.end()
        if season.is_double and competition.calendar == "year":
            # Argentina's 2013/2014 had a play-off in January 2015, between two calendars.
            end = dt.date(season.year + 2, 3, 1)
        if not season.first_day() <= day < end:
            raise FieldError(f"the date {day:%d/%m/%Y} lies outside the season {text!r}: correct one of them")
        return str(season)

    def _by_calendar(
        self, reported: SeasonLabel, league: str, competition: Competition, day: dt.date
    ) -> SeasonLabel:
        if competition.calendar == "autumn":
            if reported.is_double:
                return reported
            # One year alone is the first or the second of two.
            start = int(season_of(competition, day)[:4])
            return SeasonLabel(
                start if start in (reported.year, reported.year - 1) else reported.year, is_double=True
            )
        if not reported.is_double or (league, reported.year) in self._over_two_years:
            return reported
        is_second = day.year == reported.year + 1 and day.month > _MARCH
        return SeasonLabel(reported.year + 1 if is_second else reported.year, is_double=False)
