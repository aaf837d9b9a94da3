"""openfootball's football.json: results and fixtures of some forty competitions since 2010, public domain.

One file a competition and season, with local times without a zone and no ids; the competition's time zone
makes them UTC. ``ft`` is the score after 90 minutes, ``et`` the one after extra time, ``p`` the shoot-out: a
second leg won 1-0 at 90 is a home win, however it ended. Results lag by hours or days.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, SiteFeed
from soccer_assets.feeds.fields import brief
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.openfootball.league_names import other_league
from soccer_assets.feeds.providers.openfootball.openfootball_rows import (
    RESULT_LAG,
    SOURCE,
    DatedRow,
    SeasonFile,
    dated_rows,
    fixtures_of,
    listed,
    match_of,
)
from soccer_assets.feeds.unreadable import (
    JsonFile,
    UnreadFile,
    read_json_rows,
    refuse_if_all,
    unreadable_file,
)
from soccer_assets.feeds.visibility import flag_far_dates
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, Rejection, UnreadableFile

FIRST_SEASON = 2010
FIRST_DAY = dt.date(FIRST_SEASON, 1, 1)
# All files a window of five years needs.
FILES_IN_MEMORY = 300
# A file is a copy of another one where it has more than half of its matches, and not just a few.
_COPIED = 0.5
_FEW_MATCHES = 10


class OpenFootballFeed(SiteFeed):
    """Matches of openfootball, or of a copy of it.

    Files are in the seasons' folders below the address. Each file is read once by an object:
    open a new one to see the provider's changes.
    """

    name = SOURCE
    # CC0 1.0: LICENSE.md of github.com/openfootball/football.json.
    attribution = "football.json by openfootball, public domain (CC0 1.0)"
    may_publish_results = True
    may_publish_live = True
    may_redistribute = True
    default_url = "https://raw.githubusercontent.com/openfootball/football.json/master"
    first_day = FIRST_DAY
    result_lag = RESULT_LAG
    assumes_postponed = True

    def __init__(self, base_url: str, client: FileClient, history_start: dt.date | None = None) -> None:
        super().__init__(base_url, client, history_start)
        self._load = lru_cache(maxsize=FILES_IN_MEMORY)(self._read)
        self._fixtures = lru_cache(maxsize=FILES_IN_MEMORY)(self._read_fixtures)

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Files that cannot be read come last, as an `UnreadableFile` each; so does a league's file that has
        the matches of another league of the country: the provider has put it there by mistake.

        Raises:
            FeedUnavailableError: the provider does not answer, or every file is cut.
            FeedRefusedError: not one file is there, or not one can be read.
        """
        files = season_files(window, self._competitions.values())
        is_found = not files
        unread: list[UnreadFile] = []
        copies: list[UnreadableFile] = []
        for number, file in enumerate(files):
            rows = self._load(file)
            if isinstance(rows, UnreadFile):
                unread.append(rows)
                continue
            is_found = is_found or rows is not None
            if rows and (original := self._copied_from(file, files[:number])):
                copies.append(self._copy(file, original))
                continue
            for row in flag_far_dates(rows or (), FIRST_DAY, clock.now()):
                if row.kickoff.date() in window:
                    yield match_of(row, file, clock)
        if not is_found:
            refuse_if_all(unread)
            raise FeedRefusedError(
                f"{SETTING}: none of {len(files)} files is there, not even {self._base_url}/{files[0].path}; "
                f"set it to the address that has the seasons' folders below it"
            )
        yield from (one.report for one in unread)
        yield from copies

    def _copied_from(self, file: SeasonFile, earlier: Sequence[SeasonFile]) -> SeasonFile | None:
        """The earlier file of the same season and country whose matches a file has."""
        country = self._competitions[file.code].country
        for other in earlier:
            is_near = other.season == file.season and other.code != file.code
            if is_near and self._competitions[other.code].country == country:
                fixtures = self._fixtures(file)
                shared = len(fixtures & self._fixtures(other))
                if shared >= _FEW_MATCHES and shared > _COPIED * len(fixtures):
                    return other
        return None

    def _copy(self, file: SeasonFile, original: SeasonFile) -> UnreadableFile:
        fault = f"it has the matches of {original.path}; replace it by the matches of its own league"
        return unreadable_file(SOURCE, f"{self._base_url}/{file.path}", file.code, b"", fault)

    def _read_fixtures(self, file: SeasonFile) -> frozenset[tuple[dt.date, str, str]]:
        rows = self._load(file)
        return frozenset() if rows is None or isinstance(rows, UnreadFile) else fixtures_of(rows)

    def _read(self, file: SeasonFile) -> tuple[DatedRow, ...] | UnreadFile | None:
        asked = JsonFile(
            SOURCE, f"{self._base_url}/{file.path}", file.code, "an object with a list 'matches'"
        )

        def rows_of(document: Any) -> list[Any] | UnreadFile | None:
            if other := other_league(document, self._competitions[file.code].feeds[SOURCE]):
                name = document["name"]
                fault = f"its name is {brief(name)}, which {other}.json has; replace it by its own league's"
                error = FeedRefusedError(f"{SETTING}: {asked.url}: {fault}")
                return UnreadFile(unreadable_file(SOURCE, asked.url, file.code, name.encode(), fault), error)
            return listed(document)

        matches = read_json_rows(self._client, asked, rows_of)
        if isinstance(matches, UnreadFile) or matches is None:
            return matches
        return dated_rows(matches, file, ZoneInfo(self._competitions[file.code].time_zone))


def season_files(window: Window, competitions: Collection[Competition]) -> list[SeasonFile]:
    """The files whose seasons touch the window.

    A league by the calendar year is looked for in both kinds of folder: Argentina has been in either.
    """
    files = []
    for year in range(max(FIRST_SEASON, window.start.year - 1), window.end.year + 1):
        # 2019/20 ended in August 2020, Brazil's 2020 in February 2021.
        end = dt.date(year + 1, 9, 1) if year == 2019 else dt.date(year + 1, 8, 1)  # noqa: PLR2004
        autumn = (f"{year}-{(year + 1) % 100:02}", f"{year}/{year + 1}", dt.date(year, 6, 15), end)
        whole_year = (f"{year}", f"{year}", dt.date(year, 1, 1), dt.date(year + 1, 3, 1))
        for folder, season, first_day, end_day in (autumn, whole_year):
            if window.start < end_day and first_day < window.end:
                files += [
                    SeasonFile(
                        f"{folder}/{competition.feeds[SOURCE]}.json",
                        competition.code,
                        season,
                        first_day,
                        end_day,
                    )
                    for competition in competitions
                    if competition.calendar == "year" or "/" in season
                ]
    return files
