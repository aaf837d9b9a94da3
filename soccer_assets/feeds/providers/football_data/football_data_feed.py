"""football-data.co.uk: results, half-time scores, shots and closing odds of 38 leagues and a cup, since 1993.

The provider has no query by date, no ids and no live scores: one CSV file a division and season,
one file a league with all its seasons for sixteen extra leagues, and the fixtures of the next few days. Any
copy laid out like its site serves as well (``SOCCER_FEED_URL``: ``https://``, ``http://`` or ``file://``).
The score is the one after 90 minutes: Mexico's final of 2023, won 3-0 after extra time, is 0-0 there.
Extra time is not marked, and some scores include it: the MLS final of 2022 is 3-3.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from functools import lru_cache

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, SiteFeed
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.providers.football_data.csv_file import (
    OUTSIDE_SEASON,
    RESULT_COLUMNS,
    CsvFile,
    CsvFormatError,
    read_csv,
)
from soccer_assets.feeds.providers.football_data.football_data_rows import RESULT_LAG, SOURCE, match_of
from soccer_assets.feeds.providers.football_data.season_labels import plain
from soccer_assets.feeds.unreadable import cut_file, is_not_there_yet, unreadable_file
from soccer_assets.feeds.visibility import flag_far_dates
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, Rejection, Repeat, Row, UnreadableFile

FIRST_SEASON = 1993
FIRST_DAY = dt.date(FIRST_SEASON, 7, 1)
EXTRA_LEAGUES_START = dt.date(2012, 1, 1)
# All files a window of five years needs: 16 extra leagues and 22 divisions in six seasons.
FILES_IN_MEMORY = 150


class SourceFile(msgspec.Struct, frozen=True):
    """A file the provider may have: its path under the base address, its season and the days of its rows."""

    path: str
    season: str = ""
    span: tuple[dt.date, dt.date] | None = None


# Fewer rows outside their season are rejected one by one: they are mistakes, and no other season's file.
_OTHER_SEASON = 5
# Columns that are listed where others are missing: the renamed ones are among the first.
_SHOWN = 3
_FIXTURE_FILES = (SourceFile("fixtures.csv"), SourceFile("new_league_fixtures.csv"))


class FootballDataFeed(SiteFeed):
    """Matches of football-data.co.uk, or of a copy of it.

    Files are in ``mmz4281/`` and ``new/`` below the address. Each file is read once by an object:
    open a new one to see the provider's changes.
    """

    name = SOURCE
    # A free download without a stated licence: nothing is allowed by name.
    attribution = "Results: football-data.co.uk"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    default_url = "https://www.football-data.co.uk"
    first_day = FIRST_DAY
    # Updated twice a week.
    result_lag = RESULT_LAG
    assumes_postponed = True

    def __init__(self, base_url: str, client: FileClient, history_start: dt.date | None = None) -> None:
        super().__init__(base_url, client, history_start)
        self._names = [competition.feeds[SOURCE] for competition in self._competitions.values()]
        self._by_name = {
            plain(_name_in_rows(competition)): competition for competition in self._competitions.values()
        }
        self._load = lru_cache(maxsize=FILES_IN_MEMORY)(self._read)

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        A match is over two hours after its kickoff, or two hours after its day where the time is unknown;
        until then only the columns of a fixture list are read. The payload has the match's own columns and
        the price that was used, without the other ninety price columns. Files that cannot be read, or end
        inside a row, come last, as an `UnreadableFile` each.

        Raises:
            FeedUnavailableError: the provider does not answer.
            FeedRefusedError: not one file is there, or not one can be read.
        """
        now = clock.now()
        wanted = _season_files(window, self._names)
        fixtures = _FIXTURE_FILES if window.end > now.date() else ()
        seen: set[tuple[str, str, str, dt.date]] = set()
        is_found = not wanted
        unreadable: list[UnreadableFile] = []
        cut: list[UnreadableFile] = []
        for source in (*wanted, *fixtures):
            file = self._load(source)
            if isinstance(file, UnreadableFile):
                unreadable.append(file)
            if not isinstance(file, CsvFile):
                continue
            if file.cut_row:
                url = f"{self._base_url}/{source.path}"
                cut.append(cut_file(SOURCE, url, self._competition_of(source), file.cut_row))
            is_found = True
            for match in self._matches(file, window, now):
                if isinstance(match, RawMatch):
                    key = (match.competition, match.home_team, match.away_team, match.kickoff.date())
                    # The fixtures file still lists matches that the season file already has.
                    if source in fixtures and key in seen:
                        yield Repeat(match)
                        continue
                    seen.add(key)
                yield match
        if unreadable and not is_found:
            raise FeedRefusedError(
                f"{SETTING}: none of the {len(unreadable)} files that are there can be read; the first: "
                f"{unreadable[0].reason}"
            )
        if not is_found:
            raise FeedRefusedError(
                f"{SETTING}: none of {len(wanted)} files is there, not even "
                f"{self._base_url}/{wanted[0].path}; "
                f"set it to the address that has mmz4281/ and new/ below it"
            )
        yield from unreadable
        yield from cut

    def _matches(self, file: CsvFile, window: Window, now: dt.datetime) -> Iterator[RawMatch | Rejection]:
        for row in flag_far_dates(file.rows, FIRST_DAY, now):
            if row.kickoff.date() in window:
                yield match_of(row, file, self._by_name, now)

    def _read(self, source: SourceFile) -> CsvFile | UnreadableFile | None:
        url = f"{self._base_url}/{source.path}"
        data: bytes | None = None
        try:
            data = self._client.read(url)
            if data is None or is_not_there_yet(data):
                return None
            file = read_csv(data, source.season, source.span)
            _check_rows(file, source)
            return file  # noqa: TRY300 - the check belongs to reading
        except (CsvFormatError, FeedRefusedError) as error:
            return unreadable_file(SOURCE, url, self._competition_of(source), data or b"", str(error))

    def _competition_of(self, source: SourceFile) -> str:
        """The codes of the competitions whose matches a file has; empty for lists of fixtures."""
        name = source.path.rpartition("/")[2].removesuffix(".csv")
        codes = [
            code for code, one in self._competitions.items() if one.feeds[SOURCE].partition("/")[0] == name
        ]
        return ", ".join(codes)


def _check_rows(file: CsvFile, source: SourceFile) -> None:
    """A season's file has matches of its own division, and goals.

    Raises:
        CsvFormatError: it has no row at all, rows of another division or season alone, or no column of goals.
    """
    if source in _FIXTURE_FILES:
        return
    if not file.rows:
        raise CsvFormatError("the file has a header and no rows; delete it, or load it again")
    goals = (file.layout.home_goals, file.layout.away_goals)
    missing = [name for name in goals if name not in file.columns]
    # With the columns of a list of fixtures and no others it is one.
    if missing and (file.unused or not set(RESULT_COLUMNS).isdisjoint(file.columns)):
        others = f", but {', '.join(file.unused[:_SHOWN])}" if file.unused else ""
        raise CsvFormatError(
            f"the file has no column {' and '.join(missing)}{others}; "
            f"name the columns as the provider does, or load the file again"
        )
    if "Div" in file.columns:
        division = source.path.rpartition("/")[2].removesuffix(".csv")
        found = {row.values[file.columns.index("Div")] for row in file.rows}
        if plain(division) not in map(plain, found):
            raise CsvFormatError(
                f"its rows are of the division {min(found)!r}, not {division!r}; load the file again"
            )
    if len(file.rows) >= _OTHER_SEASON and all(OUTSIDE_SEASON in row.fault for row in file.rows):
        raise CsvFormatError(
            f"no row has a date of the season {source.season}; the first: {file.rows[0].fault}; "
            f"load the file again"
        )


def _name_in_rows(competition: Competition) -> str:
    """The name of the competition in a row: its division, or country and league for a file of ``new/``."""
    _, is_extra, league = competition.feeds[SOURCE].partition("/")
    return f"{competition.country}/{league}" if is_extra else competition.feeds[SOURCE]


def _season_files(window: Window, names: Collection[str]) -> list[SourceFile]:
    """The files whose seasons touch the window; names are ``E0`` or ``ARG/Liga Profesional``."""
    divisions = [name for name in names if "/" not in name]
    files = []
    for year in range(max(FIRST_SEASON, window.start.year - 1), window.end.year + 1):
        # 2019/20 ended in August 2020; no other season of the 22 divisions left its twelve months.
        end = dt.date(year + 1, 9, 1) if year == 2019 else dt.date(year + 1, 7, 1)  # noqa: PLR2004
        span = (dt.date(year, 7, 1), end)
        if window.start < span[1] and span[0] < window.end:
            folder = f"mmz4281/{year % 100:02}{(year + 1) % 100:02}"
            label = f"{year}/{year + 1}"
            files += [SourceFile(f"{folder}/{division}.csv", label, span) for division in divisions]
    if window.end > EXTRA_LEAGUES_START:
        files += [
            SourceFile(f"new/{league}.csv") for league in sorted({n.split("/")[0] for n in names if "/" in n})
        ]
    return files
