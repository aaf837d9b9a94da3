"""WhoScored's livescores from a folder of saved JSON files; sends no request to the provider.

Of a match in several files the last in the order of file names counts. The score of a match with extra time
is the final one, not the one after 90 minutes, so such a match is finished without a score, also a second leg
won 1-0 at 90. In a cup a score counts only where ``elapsed`` says that the match ended at 90 (``FT``); else
nobody says whether it went on, and ``decided_by`` is ``unknown``. A saved day holds every tournament of the
world: those outside the catalogue are left out and counted.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    id_of,
    instant_of,
    score_of,
    score_or_none,
    teams_of,
    unknown_status,
)
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.json_rows import (
    ParsedMatch,
    Provider,
    Score,
    check_clocks,
    pick,
    season_label,
    shoot_out_of,
    visible_matches,
)
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.unreadable import JsonFile, UnreadFile, read_json_rows, refuse_if_all
from soccer_assets.football.competitions import (
    UNKNOWN_COMPETITION,
    Competition,
    competitions_of_feed,
)
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, after_ninety
from soccer_assets.football.season_labels import read_label
from soccer_assets.football.text_folding import fold
from soccer_assets.settings import Settings

SOURCE = "whoscored-json"
FIRST_DAY = dt.date(2009, 8, 1)

# Other codes are undocumented; their rows are rejected and kept for inspection.
_STATUSES = {1: MatchStatus.SCHEDULED, 6: MatchStatus.FINISHED}
# What ``elapsed`` says of a match that was not played to its end, whatever its code.
_CALLED_OFF = {
    **dict.fromkeys(("post", "postp", "postponed", "pst"), MatchStatus.POSTPONED),
    **dict.fromkeys(("abd", "aban", "abandoned", "susp", "suspended", "int"), MatchStatus.ABANDONED),
    **dict.fromkeys(("can", "canc", "cancelled", "canceled"), MatchStatus.CANCELLED),
    **dict.fromkeys(("awd", "awarded", "wo", "walkover"), MatchStatus.AWARDED),
}
_WOMEN = "1"
_TOURNAMENT = ("tournamentId", "tournamentName", "regionId", "regionName", "seasonName", "sex")
_FIXTURE = (
    *("id", "stageId", "startTimeUtc", "homeTeamId", "homeTeamName", "awayTeamId", "awayTeamName"),
    *_TOURNAMENT,
)
_RESULT = (
    *("status", "elapsed", "homeScore", "awayScore", "homeExtratimeScore", "awayExtratimeScore"),
    *("homePenaltyScore", "awayPenaltyScore"),
)
_EXTRA_TIME = ("homeExtratimeScore", "awayExtratimeScore")
_PENALTIES = ("homePenaltyScore", "awayPenaltyScore")


class WhoScoredJsonFeed:
    """Matches of saved WhoScored files.

    Args:
        folder: the folder of ``*.json`` files, also in folders below it.
        history_start: first day wanted; None for August 2009.

    Attributes:
        outside_catalogue: rows that were left out, by region and name of their tournament.
    """

    name = SOURCE
    is_simulated = False
    # Files that the operator saved; the provider licenses nothing.
    attribution = "Data: WhoScored.com"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    is_cheap_to_read_again = True
    result_lag = dt.timedelta(days=3)

    def __init__(self, folder: Path, history_start: dt.date | None = None) -> None:
        self._folder = folder
        self._client = FileClient(SETTING, folder)
        self._history_start = history_start or FIRST_DAY
        self._competitions = competitions_of_feed(SOURCE)
        self._by_name = {
            fold(competition.feeds[SOURCE]): competition for competition in self._competitions.values()
        }
        self.outside_catalogue: Counter[str] = Counter()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed of the folder at ``SOCCER_FEED_URL``: a path, or an address with ``file://``.

        Raises:
            FeedRefusedError: the setting is empty, or an address of the web.
        """
        parts = urlsplit(settings.feed_url)
        if not settings.feed_url or parts.scheme not in {"", "file"}:
            raise FeedRefusedError(
                f"the feed {SOURCE!r} reads saved files alone: set {SETTING} to their folder"
            )
        path = url2pathname(parts.path) if parts.scheme else settings.feed_url
        return cls(Path(path).expanduser(), settings.history_start)

    def first_month(self) -> dt.date:
        """August 2009, or the month of ``SOCCER_HISTORY_START``."""
        return self._history_start.replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """The competitions of the catalogue that have a name for this feed."""
        return self._competitions

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Raises:
            FeedUnavailableError: every file is cut.
            FeedRefusedError: there is no file, or not one of saved livescores.
        """
        provider = Provider(SOURCE, self.result_lag, self._parse, _fixture_of)
        rows, unread = self._files
        yield from visible_matches(rows, provider, window, clock)
        yield from (one.report for one in unread)

    @cached_property
    def _files(self) -> tuple[list[Any], list[UnreadFile]]:
        """The rows of all files with their tournament's fields, and the files that cannot be read.

        Of a match in several files the last row counts.
        """
        files = sorted(self._folder.rglob("*.json"))
        if not files:
            raise FeedRefusedError(f"{SETTING}: there is no *.json file in {self._folder}")
        rows: list[Any] = []
        unread: list[UnreadFile] = []
        seen_ids: set[int] = set()
        for file in reversed(files):
            asked = JsonFile(SOURCE, file.absolute().as_uri(), "", "an object with a list 'tournaments'")
            tournaments = read_json_rows(self._client, asked, _tournaments_of)
            if isinstance(tournaments, UnreadFile):
                unread.append(tournaments)
                continue
            rows_of_file = [row for row in _rows_of(tournaments or []) if _id(row) not in seen_ids]
            outside = [row for row in rows_of_file if self._is_outside_catalogue(row)]
            self.outside_catalogue.update(map(_tournament_name, outside))
            rows += [row for row in rows_of_file if not self._is_outside_catalogue(row)]
            seen_ids |= {match_id for row in rows_of_file if (match_id := _id(row)) is not None}
        if len(unread) == len(files):
            refuse_if_all(unread)
        return rows, unread

    def _competition_of(self, row: dict[str, Any]) -> Competition | None:
        """The competition of a row's tournament; None where the catalogue has none of that name and sex."""
        found = self._by_name.get(fold(f"{row.get('regionName')}/{row.get('tournamentName')}"))
        return None if found is None or (_is_of_women(row) and found.sex != "women") else found

    def _is_outside_catalogue(self, row: Any) -> bool:
        """Whether the row names a tournament, and one that the catalogue does not have."""
        is_named = isinstance(row, dict) and all(
            isinstance(row.get(name), str) for name in ("regionName", "tournamentName")
        )
        return is_named and self._competition_of(row) is None

    def _parse(self, fields: dict[str, Any]) -> ParsedMatch:
        competition = self._competition_of(fields)
        if competition is None:
            raise FieldError(UNKNOWN_COMPETITION.format(brief(_tournament_name(fields))), "add it there")
        code = fields.get("status")
        reported_status = _STATUSES.get(code) if type(code) is int else None
        elapsed = fields.get("elapsed")
        if isinstance(elapsed, str):
            reported_status = _CALLED_OFF.get(elapsed.strip(" .").casefold(), reported_status)
        if reported_status is None:
            raise unknown_status(code)
        kickoff = instant_of(fields.get("startTimeUtc"))
        check_clocks(kickoff, "startTimeUtc", fields.get("startTime"), "startTime")
        home, away = teams_of(fields.get("homeTeamName"), fields.get("awayTeamName"))
        return ParsedMatch(
            source_match_id=id_of(fields.get("id"), "id"),
            competition=competition,
            season=season_label(competition, _start_year(fields.get("seasonName")), kickoff.date()),
            kickoff=kickoff,
            precision=KickoffPrecision.MINUTE,
            home_team=home,
            away_team=away,
            team_ids=(fields.get("homeTeamId"), fields.get("awayTeamId")),
            reported_status=reported_status,
            score=lambda: _score(fields, is_cup=not competition.tier),
            after_90=lambda: _after_90(fields, is_cup=not competition.tier),
            fixture=_fixture_of(fields),
            result=pick(fields, *_RESULT),
        )


def _tournaments_of(document: Any) -> list[Any] | None:
    tournaments = document.get("tournaments") if isinstance(document, dict) else None
    return tournaments if isinstance(tournaments, list) else None


def _rows_of(tournaments: list[Any]) -> Iterator[Any]:
    """The matches with their tournament's fields; a tournament without matches is a row itself."""
    for tournament in tournaments:
        matches = tournament.get("matches") if isinstance(tournament, dict) else None
        if not isinstance(matches, list):
            yield {"tournament": tournament}
            continue
        tournament_fields = pick(tournament, *_TOURNAMENT)
        for row in matches:
            yield {**row, **tournament_fields} if isinstance(row, dict) else row


def _is_of_women(row: dict[str, Any]) -> bool:
    return str(row.get("sex")) == _WOMEN


def _tournament_name(row: dict[str, Any]) -> str:
    women = " (women)" if _is_of_women(row) else ""
    return f"{row.get('regionName')}/{row.get('tournamentName')}{women}"


def _start_year(name: Any) -> int | None:
    """The year in which a season starts that is called 2024/2025; None for other names: the day decides."""
    label = read_label(name) if isinstance(name, str) else None
    return label.year if label is not None and label.is_double else None


def _id(row: Any) -> int | None:
    match_id = row.get("id") if isinstance(row, dict) else None
    return match_id if type(match_id) is int else None


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


def _score(fields: dict[str, Any], *, is_cup: bool) -> Score:
    if _after_90(fields, is_cup=is_cup) is not None:
        return None
    found = score_of(fields.get("homeScore"), fields.get("awayScore"))
    if found is None:
        raise FieldError("the match is finished, but has no score", "save the file again")
    return found


def _after_90(fields: dict[str, Any], *, is_cup: bool) -> AfterNinety | None:
    """How a match was decided that went on, or of which nobody says that it did not."""
    elapsed = fields.get("elapsed")
    total = score_or_none(fields.get("homeScore"), fields.get("awayScore"))
    penalties = shoot_out_of(*(fields.get(name) for name in _PENALTIES))
    has_shoot_out = elapsed == "PEN" or penalties is not None
    extra = score_or_none(*(fields.get(name) for name in _EXTRA_TIME))
    # Of a match that is said to have ended at 90 an extra time of 0-0 is a default that nobody has emptied.
    is_extra = extra is not None and not (elapsed == "FT" and extra == (0, 0))
    went_on = has_shoot_out or elapsed == "AET" or is_extra
    if went_on:
        return after_ninety(total, penalties, went_on=True, has_shoot_out=has_shoot_out)
    is_told = elapsed == "FT" or (elapsed is None and not is_cup)
    return None if is_told else AfterNinety(decided_by="unknown")
