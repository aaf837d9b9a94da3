"""openfootball's football.json: results and fixtures of some forty competitions since 2010, public domain.

One file a competition and season, with local times without a zone and no ids; the competition's time zone
makes them UTC. ``ft`` is the score after 90 minutes, ``et`` the one after extra time, ``p`` the shoot-out: a
second leg won 1-0 at 90 is a home win, however it ended. Results lag by hours or days.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

import msgspec

from soccer_assets.clock import Clock
from soccer_assets.feeds.as_of import Known, known_by_time, known_of, over_at
from soccer_assets.feeds.fields import (
    Fault,
    brief,
    day_of,
    decode_json,
    half_time_of,
    json_object,
    kept,
    name_of,
    noon_of,
    quiet_score_of,
    score_of,
    teams_of,
)
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.protocol import AfterNinety, FeedRefused, RawMatch, Rejection, after_ninety
from soccer_assets.football.competitions import Competition, load_competitions
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.settings import Settings

SOURCE = "openfootball"
SETTING = "SOCCER_FEED_URL"
DEFAULT_URL = "https://raw.githubusercontent.com/openfootball/football.json/master"
FIRST_SEASON = 2010
RESULT_LAG = dt.timedelta(days=7)
# All files a window of five years needs.
FILES_IN_MEMORY = 300

_FIXTURE = ("round", "stage", "group", "date", "time", "team1", "team2")
_RESULT = ("score", "status")
_STATUSES = {
    "cancelled": MatchStatus.CANCELLED,
    "awarded": MatchStatus.AWARDED,
    "postponed": MatchStatus.POSTPONED,
    "abandoned": MatchStatus.ABANDONED,
    "replay": MatchStatus.REPLAYED,
}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


class SeasonFile(msgspec.Struct, frozen=True):
    """A file the provider may have: where it lies, what it holds, and the days a kickoff in it can have."""

    path: str
    code: str
    season: str
    first_day: dt.date
    end: dt.date


class DatedRow(msgspec.Struct, frozen=True):
    """One match of a file; a row without a usable kickoff has that of the row before it, and a fault."""

    kickoff: dt.datetime
    precision: KickoffPrecision
    fault: str
    value: Any


class OpenFootballFeed:
    """Matches of openfootball, or of a copy of it.

    A file is read once in the life of this object: open a new one to see what the provider changed.

    Args:
        base_url: address under which the seasons' folders lie (``https://``, ``http://`` or ``file://``).
        door: reads files.
        history_start: first day wanted; None for all there is.
    """

    name = SOURCE
    is_simulated = False
    result_lag = RESULT_LAG

    def __init__(self, base_url: str, door: FileDoor, history_start: dt.date | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._door = door
        self._history_start = history_start or dt.date(FIRST_SEASON, 7, 1)
        self._competitions = {
            code: competition
            for code, competition in load_competitions().items()
            if SOURCE in competition.feeds
        }
        self._load = lru_cache(maxsize=FILES_IN_MEMORY)(self._read)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed at ``SOCCER_FEED_URL``, or at the provider's own address."""
        door = FileDoor(SETTING, settings.home / "cache" / "feeds")
        return cls(settings.feed_url or DEFAULT_URL, door, settings.history_start)

    def first_month(self) -> dt.date:
        """July 2010, or the month of ``SOCCER_HISTORY_START``."""
        return self._history_start.replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """The competitions of the catalogue that have a name for this feed."""
        return self._competitions

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as it is known at the clock's now.

        Raises:
            FeedUnavailable: the provider does not answer, or a file is cut.
            FeedRefused: not one file is there, or a file is not JSON of this provider.
        """
        files = season_files(window, self._competitions.values())
        is_found = not files
        for file in files:
            rows = self._load(file)
            is_found = is_found or rows is not None
            for row in rows or ():
                if row.kickoff.date() in window:
                    yield match_of(row, file, clock)
        if not is_found:
            raise FeedRefused(
                f"{SETTING}: none of {len(files)} files is there, not even {self._base_url}/{files[0].path}; "
                f"set it to the address under which the seasons' folders lie"
            )

    def _read(self, file: SeasonFile) -> tuple[DatedRow, ...] | None:
        url = f"{self._base_url}/{file.path}"
        data = self._door.read(url)
        if data is None:
            return None
        where = f"{SETTING}: {url}"
        document = decode_json(data, where)
        matches = document.get("matches") if isinstance(document, dict) else None
        if not isinstance(matches, list):
            raise FeedRefused(f"{where}: an object with a list 'matches' was expected, not {brief(document)}")
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
                    SeasonFile(f"{folder}/{one.feeds[SOURCE]}.json", one.code, season, first_day, end_day)
                    for one in competitions
                    if one.calendar == "year" or "/" in season
                ]
    return files


def dated_rows(matches: list[Any], file: SeasonFile, zone: ZoneInfo) -> tuple[DatedRow, ...]:
    """The rows of a file with their kickoffs; without any usable date they lie on the season's first day."""
    rows: list[DatedRow] = []
    undated: list[DatedRow] = []
    last = noon_of(file.first_day)
    for value in matches:
        try:
            kickoff, precision = _kickoff(json_object(value, "the row"), zone)
            if not file.first_day <= kickoff.date() < file.end:
                raise Fault(f"the date {brief(value['date'])} lies outside the file's season")  # noqa: TRY301
        except Fault as fault:
            (rows or undated).append(DatedRow(last, KickoffPrecision.TBD, str(fault), value))
        else:
            last = kickoff
            rows.append(DatedRow(kickoff, precision, "", value))
    if rows:
        undated = [msgspec.structs.replace(row, kickoff=rows[0].kickoff) for row in undated]
    return (*undated, *rows)


def match_of(row: DatedRow, file: SeasonFile, clock: Clock) -> RawMatch | Rejection:
    """The match of a row as it is known at the clock's now."""
    fields = row.value if isinstance(row.value, dict) else {"row": row.value}
    # A row without a date may lie ahead: what it says of a result is nobody's business.
    is_over = not row.fault and over_at(row.kickoff, row.precision) <= clock.now()
    payload = kept(fields, _FIXTURE + _RESULT if is_over else _FIXTURE) or fields
    try:
        if row.fault:
            raise Fault(row.fault)  # noqa: TRY301
        match = _match(row, fields, payload, file, clock, is_over=is_over)
    except Fault as fault:
        return Rejection(source=SOURCE, reason=str(fault), payload=payload)
    return match


def _match(
    row: DatedRow,
    fields: dict[str, Any],
    payload: dict[str, Any],
    file: SeasonFile,
    clock: Clock,
    *,
    is_over: bool,
) -> RawMatch:
    home, away = teams_of(fields.get("team1"), fields.get("team2"))
    score = fields.get("score") if is_over else None
    score = {} if score is None else json_object(score, "the score")
    full_time = score_of(*_pair(score.get("ft")))
    # When a match was called off nobody says: a replay learns of it after its day.
    claimed = fields.get("status") if is_over or not clock.is_fixed else None
    known = _known(row, claimed, clock, has_result=full_time is not None)
    if not known.has_score:
        full_time = None
    half = _half_time(score.get("ht"), full_time)
    name = fields.get("round") or fields.get("stage")
    return RawMatch(
        source=SOURCE,
        source_match_id=None,
        payload=payload,
        competition=file.code,
        season=file.season,
        kickoff=row.kickoff,
        kickoff_precision=row.precision,
        home_team=home,
        away_team=away,
        status=known.status,
        round=None if name is None else name_of(name, "the round"),
        home_goals=None if full_time is None else full_time[0],
        away_goals=None if full_time is None else full_time[1],
        home_goals_half_time=half[0],
        away_goals_half_time=half[1],
        after_90=(_after_90(score) if known.has_score else None) or msgspec.UNSET,
    )


def _after_90(score: dict[str, Any]) -> AfterNinety | None:
    """``et`` is the score after extra time, ``p`` the shoot-out; a cup may go to the latter at once."""
    extra, shootout = (quiet_score_of(*_quiet_pair(score.get(name))) for name in ("et", "p"))
    return after_ninety(extra, shootout, went_on=extra is not None or shootout is not None)


def _quiet_pair(value: Any) -> tuple[Any, Any]:
    try:
        return _pair(value)
    except Fault:
        return None, None


def _known(row: DatedRow, claimed: Any, clock: Clock, *, has_result: bool) -> Known:
    if claimed is None:
        return known_by_time(
            row.kickoff, row.precision, clock.now(), has_result=has_result, result_lag=RESULT_LAG
        )
    status = _STATUSES.get(claimed) if isinstance(claimed, str) else None
    if status is None:
        raise Fault(f"the status {brief(claimed)} is not known")
    return known_of(status, row.kickoff, row.precision, clock)


def _kickoff(fields: dict[str, Any], zone: ZoneInfo) -> tuple[dt.datetime, KickoffPrecision]:
    day, time = day_of(fields.get("date")), fields.get("time")
    if time is None or time == "":
        return noon_of(day), KickoffPrecision.DAY
    clock = _TIME.fullmatch(time) if isinstance(time, str) else None
    if clock is None:
        raise Fault(f"the time {brief(time)} is not hh:mm")
    local = dt.datetime.combine(day, dt.time(int(clock[1]), int(clock[2])), zone)
    return local.astimezone(dt.UTC), KickoffPrecision.MINUTE


def _half_time(value: Any, full_time: tuple[int, int] | None) -> tuple[int, int] | tuple[None, None]:
    try:
        return (None, None) if full_time is None else half_time_of(*_pair(value), full_time)
    except Fault:
        return None, None


def _pair(value: Any) -> tuple[Any, Any]:
    if value is None:
        return None, None
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 home and away
        raise Fault(f"the score {brief(value)} is not two numbers")
    return value[0], value[1]
