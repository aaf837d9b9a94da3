"""Labels of seasons and the days they may have: one rule for every feed.

A label is ``2024`` or ``2024/2025``. A match outside the days of its season has a wrong label or a wrong
date: day and month exchanged, or a year mistyped.
"""

import datetime as dt
import re
from typing import NamedTuple

from soccer_assets.football.competitions import INTERNATIONAL, Competition

_LABEL = re.compile(r"(\d{4})(?:\.0)?|(\d{4})[-/](\d{4}|\d{2})|(\d{2})[-/](\d{2})", re.ASCII)
_CENTURY = 100
# Two digits of a year from here on are of the last century.
_LAST_CENTURY = 90

# Most leagues pause in June; Liga MX began on 30 June 2023, qualifiers of European cups begin in June.
_AUTUMN_START, _QUALIFIERS_START = (6, 15), (6, 1)
# Seasons over two years end in July at the latest: Serie B's play-offs, cups of smaller countries.
_AUTUMN_END = (8, 1)
# 2019/20 stopped for the pandemic and ended in August 2020.
_AUTUMN_END_OF_YEAR = {2019: (9, 1)}
# Leagues of these countries end as late as October: Egypt's 2019/20 on the 31st.
_ENDS_LATE = {"Algeria": (11, 1), "Egypt": (11, 1), "Morocco": (11, 1)}
# Brazil's 2020 ended in February 2021, Copa Libertadores 2020 in January.
_YEAR_END = (4, 1)
# Until 2020 Argentina's seasons ran over two years, under either kind of label. Its 2013/2014 had a play-off
# in January 2015, between two calendars.
_CHANGED_CALENDAR, _CHANGED_UNTIL, _CHANGED_END = "Argentina", 2020, (8, 1)
_BETWEEN_CALENDARS_END = (3, 1)


class SeasonLabel(NamedTuple):
    """A label in words: the first year, and whether a second one follows."""

    year: int
    is_double: bool

    def __str__(self) -> str:
        return f"{self.year}/{self.year + 1}" if self.is_double else f"{self.year}"


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


def season_days(competition: Competition, label: SeasonLabel) -> tuple[dt.date, dt.date]:
    """The first day that a match of a season may have, and the day after the last; years from 1 to 9998."""
    year = min(max(label.year, dt.MINYEAR), dt.MAXYEAR - 2)
    if label.is_double and competition.calendar_on(dt.date(year, 12, 31)) == "year":
        return dt.date(year, *_QUALIFIERS_START), dt.date(year + 2, *_BETWEEN_CALENDARS_END)
    if label.is_double:
        start = _QUALIFIERS_START if competition.country == INTERNATIONAL else _AUTUMN_START
        end = max(
            _AUTUMN_END_OF_YEAR.get(year, _AUTUMN_END), _ENDS_LATE.get(competition.country, _AUTUMN_END)
        )
        return dt.date(year, *start), dt.date(year + 1, *end)
    is_changed = competition.country == _CHANGED_CALENDAR and year <= _CHANGED_UNTIL
    return dt.date(year, 1, 1), dt.date(year + 1, *(_CHANGED_END if is_changed else _YEAR_END))
