"""football-data.org, version 4: twelve large competitions with a free key, results and fixtures by days.

``score.fullTime`` of a match with extra time counts extra time and shoot-out too; the score after 90 minutes
is then ``score.regularTime``. A match with extra time and without ``regularTime`` has no score. A winner that
contradicts the score is rejected: nobody can tell which of the two is wrong.
https://docs.football-data.org/general/v4/overtime.html
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, KeyedFeed
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    id_of,
    instant_of,
    json_object,
    noon_of,
    score_of,
    score_or_none,
    unknown_status,
)
from soccer_assets.feeds.json_rows import (
    ParsedMatch,
    Provider,
    Score,
    check_winner,
    named_teams,
    pick,
    season_label,
    shoot_out_of,
    venue_of,
    visible_matches,
)
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.unreadable import Answers, JsonFile, UnreadFile, rows_of_answer
from soccer_assets.football.competitions import UNKNOWN_COMPETITION
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Outcome, Window
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, after_ninety

SOURCE = "football-data-org"
# The limit is ten days a request; a day more on either side covers kickoffs near midnight in any time zone.
DAYS_A_REQUEST = 8

_STATUSES = {
    "SCHEDULED": MatchStatus.SCHEDULED,
    "TIMED": MatchStatus.SCHEDULED,
    "LIVE": MatchStatus.LIVE,
    "IN_PLAY": MatchStatus.LIVE,
    "PAUSED": MatchStatus.LIVE,
    "EXTRA_TIME": MatchStatus.LIVE,
    "PENALTY_SHOOTOUT": MatchStatus.LIVE,
    "FINISHED": MatchStatus.FINISHED,
    "POSTPONED": MatchStatus.POSTPONED,
    # Stopped; if it goes on, the provider reports it again.
    "SUSPENDED": MatchStatus.ABANDONED,
    "CANCELLED": MatchStatus.CANCELLED,
    "CANCELED": MatchStatus.CANCELLED,
    "AWARDED": MatchStatus.AWARDED,
}
_WINNERS = {"HOME_TEAM": Outcome.HOME, "DRAW": Outcome.DRAW, "AWAY_TEAM": Outcome.AWAY}
_GROUPS = frozenset({"REGULAR_SEASON", "GROUP_STAGE", "LEAGUE_STAGE"})
_FIXTURE = (
    *("id", "utcDate", "matchday", "stage", "group", "competition.code", "competition.name"),
    *("season.id", "season.startDate", "season.endDate"),
    *("homeTeam.id", "homeTeam.name", "awayTeam.id", "awayTeam.name"),
)


class FootballDataOrgFeed(KeyedFeed):
    """Matches of football-data.org; requests go to ``v4/matches`` below the address."""

    name = SOURCE
    # Its terms allow what the key's plan does, which is not known here.
    attribution = "Football data provided by the Football-Data.org API"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    result_lag = dt.timedelta(hours=12)
    default_url = "https://api.football-data.org"
    key_header = "X-Auth-Token"
    # Four requests for 30 days, of ten a minute.
    is_cheap_to_read_again = True
    days_a_request = DAYS_A_REQUEST

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Raises:
            FeedUnavailableError: the provider does not answer, or not now.
            FeedRefusedError: wrong address or key, or not one answer is in this provider's format.
        """
        provider = Provider(SOURCE, self.result_lag, self._parse, _fixture_of)
        answers = Answers()
        day = window.start
        while day < window.end:
            part = Window(day, min(day + dt.timedelta(days=DAYS_A_REQUEST), window.end))
            yield from visible_matches(answers.rows(self._read(part)), provider, part, clock)
            day = part.end
        yield from answers.reports()

    def _read(self, part: Window) -> list[Any] | UnreadFile:
        codes = ",".join(sorted(self._by_name))
        first, last = part.start - dt.timedelta(days=1), part.end
        url = f"{self._base_url}/v4/matches?dateFrom={first}&dateTo={last}&competitions={codes}"
        data = self._client.read(url)
        if data is None:
            raise FeedRefusedError(
                f"{SETTING}: {url} does not exist; set it to the address that has v4/matches below it"
            )
        asked = JsonFile(SOURCE, url, "", "an object with a list 'matches'")
        return rows_of_answer(asked, self._client.without_secrets_in(data), _matches_of)

    def _parse(self, fields: dict[str, Any]) -> ParsedMatch:
        code = pick(fields, "competition.code").get("competition", {}).get("code")
        competition = self._by_name.get(code) if isinstance(code, str) else None
        if competition is None:
            raise FieldError(UNKNOWN_COMPETITION.format(brief(code)), "add it there, or do without it")
        status_code = fields.get("status")
        reported_status = _STATUSES.get(status_code) if isinstance(status_code, str) else None
        if reported_status is None:
            raise unknown_status(status_code)
        kickoff, precision = instant_of(fields.get("utcDate")), KickoffPrecision.MINUTE
        # SCHEDULED without a time of its own; a match with one is TIMED.
        if status_code == "SCHEDULED" and kickoff.time() == dt.time(0):
            kickoff, precision = noon_of(kickoff.date()), KickoffPrecision.DAY
        is_open = reported_status is not MatchStatus.FINISHED
        home, away, undrawn = named_teams(fields.get("homeTeam"), fields.get("awayTeam"), is_open=is_open)
        return ParsedMatch(
            source_match_id=id_of(fields.get("id"), "id"),
            competition=competition,
            season=season_label(competition, _start_year(fields), kickoff.date()),
            kickoff=kickoff,
            precision=precision,
            home_team=home,
            away_team=away,
            team_ids=(fields["homeTeam"].get("id"), fields["awayTeam"].get("id")),
            undrawn=undrawn,
            reported_status=reported_status,
            score=lambda: _score(fields.get("score"), is_finished=reported_status is MatchStatus.FINISHED),
            half_time=lambda: _half_time(fields.get("score")),
            after_90=lambda: _after_90(fields.get("score")),
            round=_round(fields, is_cup=not competition.tier),
            venue=venue_of({"name": fields.get("venue")}, "name"),
            fixture=_fixture_of(fields),
            result=pick(fields, "status", "score", "lastUpdated"),
        )


def _matches_of(document: Any) -> list[Any] | None:
    matches = document.get("matches") if isinstance(document, dict) else None
    return matches if isinstance(matches, list) else None


def _round(fields: dict[str, Any], *, is_cup: bool) -> str | None:
    """The matchday; of a cup the stage, such as Quarter finals, where it is no group."""
    stage, matchday = fields.get("stage"), fields.get("matchday")
    if is_cup and isinstance(stage, str) and stage and stage not in _GROUPS:
        return stage.replace("_", " ").capitalize()
    return str(matchday) if type(matchday) is int else None


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


def _start_year(fields: dict[str, Any]) -> int | None:
    start = pick(fields, "season.startDate").get("season", {}).get("startDate")
    is_year = isinstance(start, str) and start[:4].isascii() and start[:4].isdigit()
    return int(start[:4]) if is_year else None


def _score(value: Any, *, is_finished: bool) -> Score:
    score = json_object(value, "the score")
    duration = _duration_of(score)
    if is_finished:
        total = _part(score, "fullTime")
        if total is not None:
            check_winner(total, _winner(score), has_shoot_out=duration == "PENALTY_SHOOTOUT")
            _check_regular(_part(score, "regularTime"), total)
    if duration != "REGULAR" and score.get("regularTime") is None:
        return None
    part = json_object(score.get("fullTime" if duration == "REGULAR" else "regularTime"), "the score")
    found = score_of(part.get("home"), part.get("away"))
    if found is None and is_finished and duration == "REGULAR":
        raise FieldError("the match is finished, but has no score", "add it at the source")
    return found


def _check_regular(regular: Score, total: tuple[int, int]) -> None:
    """Hold the score after 90 minutes against the one at the end.

    Raises:
        FieldError: goals were lost after 90 minutes: one of them is wrong.
    """
    if regular is not None and (regular[0] > total[0] or regular[1] > total[1]):
        raise FieldError(
            f"the score after 90 minutes {regular[0]}-{regular[1]} contradicts the one at the end "
            f"{total[0]}-{total[1]}: one of them is wrong"
        )


def _duration_of(score: dict[str, Any]) -> str:
    """How long the match went.

    A shoot-out that is filled in counts, whatever the duration says, and so do goals of an extra time and a
    score after 90 minutes that is not the one at the end.
    """
    duration = score.get("duration")
    if duration not in ("REGULAR", "EXTRA_TIME", "PENALTY_SHOOTOUT"):
        raise unknown_status(duration, "the duration")
    if _shoot_out(score) is not None:
        return "PENALTY_SHOOTOUT"
    total, regular, extra = (_part(score, name) for name in ("fullTime", "regularTime", "extraTime"))
    is_longer = extra not in (None, (0, 0)) or (None not in (regular, total) and regular != total)
    return "EXTRA_TIME" if duration == "REGULAR" and is_longer else str(duration)


def _shoot_out(score: dict[str, Any]) -> Score:
    part = score.get("penalties")
    return shoot_out_of(part.get("home"), part.get("away")) if isinstance(part, dict) else None


def _winner(score: dict[str, Any]) -> Outcome | None:
    winner = score.get("winner")
    return _WINNERS.get(winner) if isinstance(winner, str) else None


def _part(score: dict[str, Any], name: str) -> tuple[int, int] | None:
    part = score.get(name)
    return score_or_none(part.get("home"), part.get("away")) if isinstance(part, dict) else None


def _after_90(value: Any) -> AfterNinety | None:
    """``extraTime`` holds the goals of the extra time alone; ``penalties`` those of the shoot-out."""
    score = value if isinstance(value, dict) else {}
    regular, extra = (_part(score, name) for name in ("regularTime", "extraTime"))
    total = (regular[0] + extra[0], regular[1] + extra[1]) if regular and extra else None
    duration = _duration_of(score)
    return after_ninety(
        total,
        _shoot_out(score),
        went_on=duration != "REGULAR",
        has_shoot_out=duration == "PENALTY_SHOOTOUT",
    )


def _half_time(value: Any) -> tuple[Any, Any]:
    half = pick(value, "halfTime.home", "halfTime.away").get("halfTime", {})
    return half.get("home"), half.get("away")
