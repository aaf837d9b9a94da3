"""The season of a row of football-data.co.uk's extra leagues: one label for a league's year, however written.

Files of ``new/`` have a column ``Season`` with ``2024`` or ``2024/2025``. The label follows the calendar of
the competition in ``competitions.toml``; only a league that changed its calendar (Argentina to 2020) keeps
labels of the other kind, where the rows themselves run over two years.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from soccer_assets.feeds.fields import FieldError
from soccer_assets.football.competitions import Competition, season_of
from soccer_assets.football.season_labels import SeasonLabel, read_label, season_days
from soccer_assets.football.text_folding import without_invisible

_JULY, _MARCH = 7, 3


def plain(name: str) -> str:
    """A name of a country, league or division without differences of case, blanks and invisible marks."""
    return " ".join(without_invisible(name).casefold().split())


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
            raise FieldError(f"the season {text!r} is not yyyy or yyyy/yyyy", "write it so")
        season = self._by_calendar(reported, league, competition, day)
        first_day, end = season_days(competition, season)
        if not first_day <= day < end:
            raise FieldError(
                f"the date {day:%d/%m/%Y} lies outside the season {text!r}", "correct one of them"
            )
        return str(season)

    def _by_calendar(
        self, reported: SeasonLabel, league: str, competition: Competition, day: dt.date
    ) -> SeasonLabel:
        if competition.calendar_on(day) == "autumn":
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
