"""football-data.org, version 4: twelve large competitions with a free key, results and fixtures by days.

``score.fullTime`` of a match with extra time counts extra time and shoot-out too; the score after 90 minutes
is then ``score.regularTime``. A second leg won 1-0 at 90 is a home win; without ``regularTime`` it has no
score.
https://docs.football-data.org/general/v4/overtime.html
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import (
    Fault,
    brief,
    decode_json,
    id_of,
    instant_of,
    json_object,
    noon_of,
    quiet_score_of,
    score_of,
    teams_of,
)
from soccer_assets.feeds.json_rows import Provider, Score, Told, matches_of, pick, season_label
from soccer_assets.feeds.keyed import KeyedFeed
from soccer_assets.feeds.protocol import FeedRefused
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, after_ninety

SOURCE = "football-data-org"
# At most ten days a request; one more is asked for on either side: no zone's midnight cuts a match off.
DAYS_A_REQUEST = 8

_STATUSES = {
    "SCHEDULED": MatchStatus.SCHEDULED,
    "TIMED": MatchStatus.SCHEDULED,
    "IN_PLAY": MatchStatus.LIVE,
    "PAUSED": MatchStatus.LIVE,
    "EXTRA_TIME": MatchStatus.LIVE,
    "PENALTY_SHOOTOUT": MatchStatus.LIVE,
    "FINISHED": MatchStatus.FINISHED,
    "POSTPONED": MatchStatus.POSTPONED,
    # Stopped; if it goes on it is told anew.
    "SUSPENDED": MatchStatus.ABANDONED,
    "CANCELLED": MatchStatus.CANCELLED,
    "AWARDED": MatchStatus.AWARDED,
}
_FIXTURE = (
    *("id", "utcDate", "matchday", "stage", "group", "competition.code", "competition.name"),
    *("season.id", "season.startDate", "season.endDate"),
    *("homeTeam.id", "homeTeam.name", "awayTeam.id", "awayTeam.name"),
)


class FootballDataOrgFeed(KeyedFeed):
    """Matches of football-data.org; ``v4/matches`` lies under the address."""

    name = SOURCE
    result_lag = dt.timedelta(hours=12)
    default_url = "https://api.football-data.org"
    key_header = "X-Auth-Token"

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as it is known at the clock's now.

        Raises:
            FeedUnavailable: the provider does not answer, or not now.
            FeedRefused: wrong address or key, or an answer that is not this provider's.
        """
        provider = Provider(SOURCE, self.result_lag, self._told, _fixture_of)
        day = window.start
        while day < window.end:
            part = Window(day, min(day + dt.timedelta(days=DAYS_A_REQUEST), window.end))
            yield from matches_of(self._read(part), provider, part, clock)
            day = part.end

    def _read(self, part: Window) -> list[Any]:
        codes = ",".join(sorted(self._by_name))
        first, last = part.start - dt.timedelta(days=1), part.end
        url = f"{self._base_url}/v4/matches?dateFrom={first}&dateTo={last}&competitions={codes}"
        data = self._door.read(url)
        where = f"{SETTING}: {url}"
        if data is None:
            raise FeedRefused(f"{where} is not there; set it to the address under which v4/matches lies")
        document = decode_json(data, where)
        matches = document.get("matches") if isinstance(document, dict) else None
        if not isinstance(matches, list):
            raise FeedRefused(f"{where}: an object with a list 'matches' was expected, not {brief(document)}")
        return matches

    def _told(self, fields: dict[str, Any]) -> Told:
        code = pick(fields, "competition.code").get("competition", {}).get("code")
        competition = self._by_name.get(code) if isinstance(code, str) else None
        if competition is None:
            raise Fault(f"the competition {brief(code)} is not in competitions.toml")
        said = fields.get("status")
        claimed = _STATUSES.get(said) if isinstance(said, str) else None
        if claimed is None:
            raise Fault(f"the status {brief(said)} is not known")
        kickoff, precision = instant_of(fields.get("utcDate")), KickoffPrecision.MINUTE
        # SCHEDULED without a time of its own; a match with one is TIMED.
        if said == "SCHEDULED" and kickoff.time() == dt.time(0):
            kickoff, precision = noon_of(kickoff.date()), KickoffPrecision.DAY
        teams = pick(fields, "homeTeam.name", "awayTeam.name")
        home, away = teams_of(*(teams.get(side, {}).get("name") for side in ("homeTeam", "awayTeam")))
        matchday = fields.get("matchday")
        return Told(
            source_match_id=id_of(fields.get("id"), "id"),
            competition=competition,
            season=season_label(competition, _start_year(fields), kickoff.date()),
            kickoff=kickoff,
            precision=precision,
            home_team=home,
            away_team=away,
            claimed=claimed,
            score=lambda: _score(fields.get("score"), is_finished=claimed is MatchStatus.FINISHED),
            half_time=lambda: _half_time(fields.get("score")),
            after_90=lambda: _after_90(fields.get("score")),
            round=str(matchday) if type(matchday) is int else None,
            fixture=_fixture_of(fields),
            result=pick(fields, "status", "score", "lastUpdated"),
        )


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


def _start_year(fields: dict[str, Any]) -> int | None:
    start = pick(fields, "season.startDate").get("season", {}).get("startDate")
    is_year = isinstance(start, str) and start[:4].isascii() and start[:4].isdigit()
    return int(start[:4]) if is_year else None


def _score(value: Any, *, is_finished: bool) -> Score:
    score = json_object(value, "the score")
    duration = score.get("duration")
    if duration not in ("REGULAR", "EXTRA_TIME", "PENALTY_SHOOTOUT"):
        raise Fault(f"the duration {brief(duration)} is not known")
    if duration != "REGULAR" and score.get("regularTime") is None:
        return None
    part = json_object(score.get("fullTime" if duration == "REGULAR" else "regularTime"), "the score")
    found = score_of(part.get("home"), part.get("away"))
    if found is None and is_finished:
        raise Fault("the match is finished, but has no score")
    return found


def _after_90(value: Any) -> AfterNinety | None:
    """``extraTime`` holds the goals of the extra time alone; ``penalties`` those of the shoot-out."""
    said = value if isinstance(value, dict) else {}
    parts = {
        name: quiet_score_of(part.get("home"), part.get("away"))
        for name in ("regularTime", "extraTime", "penalties")
        if isinstance(part := said.get(name), dict)
    }
    regular, extra = parts.get("regularTime"), parts.get("extraTime")
    total = (regular[0] + extra[0], regular[1] + extra[1]) if regular and extra else None
    went_on = said.get("duration") in {"EXTRA_TIME", "PENALTY_SHOOTOUT"}
    return after_ninety(total, parts.get("penalties"), went_on=went_on)


def _half_time(value: Any) -> tuple[Any, Any]:
    half = pick(value, "halfTime.home", "halfTime.away").get("halfTime", {})
    return half.get("home"), half.get("away")
