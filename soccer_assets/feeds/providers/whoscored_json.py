"""WhoScored's livescores, saved as JSON files by somebody who may: a folder, nothing from the network.

Names of the files do not matter but for their order: of a match in several files the last one counts. The
score of a match that went on after 90 minutes is the final one, so it is finished without a score, also a
second leg won 1-0 at 90. In a cup a score counts only where ``elapsed`` says that the match ended at 90
(``FT``).
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import (
    Fault,
    brief,
    decode_json,
    id_of,
    instant_of,
    name_of,
    score_of,
    teams_of,
)
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.json_rows import Provider, Score, Told, matches_of, pick
from soccer_assets.feeds.protocol import FeedRefused
from soccer_assets.football.competitions import Competition, competitions_of_feed, season_of
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import RawMatch, Rejection
from soccer_assets.football.text_folding import fold
from soccer_assets.settings import Settings

SOURCE = "whoscored-json"
FIRST_DAY = dt.date(2009, 8, 1)

# The codes of other states are not documented anywhere; their rows are rejected and can be looked at.
_STATUSES = {1: MatchStatus.SCHEDULED, 6: MatchStatus.FINISHED}
_WOMEN = 1
_SEASON = re.compile(r"\d{4}(/\d{4})?", re.ASCII)
_TOURNAMENT = ("tournamentId", "tournamentName", "regionId", "regionName", "seasonName", "sex")
_FIXTURE = (
    *("id", "stageId", "startTimeUtc", "homeTeamId", "homeTeamName", "awayTeamId", "awayTeamName"),
    *_TOURNAMENT,
)
_RESULT = (
    *("status", "elapsed", "homeScore", "awayScore", "homeExtratimeScore", "awayExtratimeScore"),
    *("homePenaltyScore", "awayPenaltyScore"),
)
_AFTER_90 = ("homeExtratimeScore", "awayExtratimeScore", "homePenaltyScore", "awayPenaltyScore")


class WhoScoredJsonFeed:
    """Matches of saved WhoScored files.

    Args:
        folder: the folder of ``*.json`` files, also in folders below it.
        history_start: first day wanted; None for August 2009.
    """

    name = SOURCE
    is_simulated = False
    result_lag = dt.timedelta(days=3)

    def __init__(self, folder: Path, history_start: dt.date | None = None) -> None:
        self._folder = folder
        self._door = FileDoor(SETTING, folder)
        self._history_start = history_start or FIRST_DAY
        self._competitions = competitions_of_feed(SOURCE)
        self._by_name = {fold(one.feeds[SOURCE]): one for one in self._competitions.values()}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed of the folder at ``SOCCER_FEED_URL``: a path, or an address with ``file://``.

        Raises:
            FeedRefused: the setting is empty, or an address of the web.
        """
        parts = urlsplit(settings.feed_url)
        if not settings.feed_url or parts.scheme not in {"", "file"}:
            raise FeedRefused(f"the feed {SOURCE!r} reads saved files alone: set {SETTING} to their folder")
        path = url2pathname(parts.path) if parts.scheme else settings.feed_url
        return cls(Path(path).expanduser(), settings.history_start)

    def first_month(self) -> dt.date:
        """August 2009, or the month of ``SOCCER_HISTORY_START``."""
        return self._history_start.replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """The competitions of the catalogue that have a name for this feed."""
        return self._competitions

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as it is known at the clock's now.

        Raises:
            FeedUnavailable: a file is cut.
            FeedRefused: there is no file, or one is no saved livescores.
        """
        provider = Provider(SOURCE, self.result_lag, self._told, _fixture_of)
        yield from matches_of(self._rows, provider, window, clock)

    @cached_property
    def _rows(self) -> list[Any]:
        """The rows of all files, each with the fields of its tournament; the last one of each match."""
        files = sorted(self._folder.rglob("*.json"))
        if not files:
            raise FeedRefused(f"{SETTING}: there is no *.json file in {self._folder}")
        rows: list[Any] = []
        told_later: set[int] = set()
        for file in reversed(files):
            rows_of_file = list(self._rows_of(file))
            rows += [row for row in rows_of_file if _id(row) not in told_later]
            told_later |= {match_id for row in rows_of_file if (match_id := _id(row)) is not None}
        return rows

    def _rows_of(self, file: Path) -> Iterator[Any]:
        where = f"{SETTING}: {file}"
        document = decode_json(self._door.read(file.absolute().as_uri()) or b"", where)
        tournaments = document.get("tournaments") if isinstance(document, dict) else None
        if not isinstance(tournaments, list):
            raise FeedRefused(
                f"{where}: an object with a list 'tournaments' was expected, not {brief(document)}"
            )
        for tournament in tournaments:
            matches = tournament.get("matches") if isinstance(tournament, dict) else None
            if not isinstance(matches, list):
                yield {"tournament": tournament}
                continue
            said = pick(tournament, *_TOURNAMENT)
            for row in matches:
                yield {**row, **said} if isinstance(row, dict) else row

    def _told(self, fields: dict[str, Any]) -> Told:
        region, tournament = fields.get("regionName"), fields.get("tournamentName")
        competition = self._by_name.get(fold(f"{region}/{tournament}"))
        if competition is None or (fields.get("sex") == _WOMEN and competition.sex != "women"):
            raise Fault(f"the competition {brief(f'{region}/{tournament}')} is not in competitions.toml")
        said = fields.get("status")
        claimed = _STATUSES.get(said) if type(said) is int else None
        if claimed is None:
            raise Fault(f"the status {brief(said)} is not known")
        kickoff = instant_of(fields.get("startTimeUtc"))
        home, away = teams_of(fields.get("homeTeamName"), fields.get("awayTeamName"))
        season = fields.get("seasonName")
        is_season = isinstance(season, str) and _SEASON.fullmatch(season)
        return Told(
            source_match_id=id_of(fields.get("id"), "id"),
            competition=competition,
            season=name_of(season, "the season") if is_season else season_of(competition, kickoff.date()),
            kickoff=kickoff,
            precision=KickoffPrecision.MINUTE,
            home_team=home,
            away_team=away,
            claimed=claimed,
            score=lambda: _score(fields, is_cup=not competition.tier),
            fixture=_fixture_of(fields),
            result=pick(fields, *_RESULT),
        )


def _id(row: Any) -> int | None:
    match_id = row.get("id") if isinstance(row, dict) else None
    return match_id if type(match_id) is int else None


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


def _score(fields: dict[str, Any], *, is_cup: bool) -> Score:
    elapsed = fields.get("elapsed")
    went_on = any(fields.get(name) is not None for name in _AFTER_90) or elapsed not in ("FT", None)
    if went_on or (is_cup and elapsed is None):
        return None
    found = score_of(fields.get("homeScore"), fields.get("awayScore"))
    if found is None:
        raise Fault("the match is finished, but has no score")
    return found
