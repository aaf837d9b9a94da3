"""API-Football, version 3: results and fixtures of every day, with a key.

``score.fulltime`` is the score after 90 minutes, ``goals`` the one after extra time: a second leg won 1-0 at
90 is a home win. Errors come with HTTP 200 and a field ``errors``. The free plan covers yesterday to tomorrow
with a hundred requests a day; other plans cover any day.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, KeyedFeed
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    decode_json,
    id_of,
    instant_of,
    json_object,
    name_of,
    noon_of,
    score_of,
    score_or_none,
    teams_of,
)
from soccer_assets.feeds.json_rows import (
    ParsedMatch,
    Provider,
    Score,
    pick,
    season_label,
    venue_of,
    visible_matches,
)
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.provider_keys import key_variable
from soccer_assets.football.competitions import INTERNATIONAL
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Window
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, after_ninety
from soccer_assets.football.text_folding import fold

SOURCE = "api-football"

_STATUSES = {
    "TBD": MatchStatus.TBD,
    "NS": MatchStatus.SCHEDULED,
    **dict.fromkeys(("1H", "HT", "2H", "ET", "BT", "P", "LIVE", "INT"), MatchStatus.LIVE),
    **dict.fromkeys(("FT", "AET", "PEN"), MatchStatus.FINISHED),
    "PST": MatchStatus.POSTPONED,
    "CANC": MatchStatus.CANCELLED,
    # Stopped; if it goes on, the provider reports it again.
    "SUSP": MatchStatus.ABANDONED,
    "ABD": MatchStatus.ABANDONED,
    "AWD": MatchStatus.AWARDED,
    "WO": MatchStatus.AWARDED,
}
# Errors that end with the next minute or day; all others are permanent.
_TRANSIENT = frozenset({"rateLimit", "requests"})
_FIXTURE = (
    *("fixture.id", "fixture.date", "league.id", "league.name", "league.country", "league.season"),
    *("league.round", "teams.home.id", "teams.home.name", "teams.away.id", "teams.away.name"),
)


class ApiFootballFeed(KeyedFeed):
    """Matches of API-Football in the catalogue's leagues; requests go to ``fixtures`` below the address."""

    name = SOURCE
    result_lag = dt.timedelta(hours=6)
    default_url = "https://v3.football.api-sports.io"
    key_header = "x-apisports-key"

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Raises:
            FeedUnavailableError: the provider does not answer, or the quota is used up.
            FeedRefusedError: wrong address or key, a plan without these days, or another answer.
        """
        provider = Provider(SOURCE, self.result_lag, self._parse, _fixture_of)
        for number in range((window.end - window.start).days):
            day = window.start + dt.timedelta(days=number)
            rows = [row for row in self._read(day) if not self._is_outside_catalogue(row)]
            yield from visible_matches(rows, provider, Window(day, day + dt.timedelta(days=1)), clock)

    def _is_outside_catalogue(self, row: Any) -> bool:
        """Whether the row belongs to a league outside the catalogue; the provider has over a thousand."""
        league = pick(row, "league.id").get("league", {}).get("id")
        return type(league) is int and league > 0 and str(league) not in self._by_name

    def _read(self, day: dt.date) -> list[Any]:
        url = f"{self._base_url}/fixtures?date={day}&timezone=UTC"
        where = f"{SETTING}: {url}"
        data = self._client.read(url)
        if data is None:
            raise FeedRefusedError(
                f"{where} does not exist; set it to the address that has fixtures below it"
            )
        document = decode_json(data, where)
        errors = document.get("errors") if isinstance(document, dict) else None
        if errors:
            message = f"{where} answers with errors: {self._redacted(errors)}"
            if isinstance(errors, dict) and errors.keys() <= _TRANSIENT:
                raise FeedUnavailableError(message)
            raise FeedRefusedError(f"{message}; check the plan and {key_variable(SOURCE)}")
        rows = document.get("response") if isinstance(document, dict) else None
        if not isinstance(rows, list):
            raise FeedRefusedError(
                f"{where}: an object with a list 'response' was expected, not {brief(document)}"
            )
        pages = pick(document, "paging.total").get("paging", {}).get("total", 1)
        if document.get("results", len(rows)) != len(rows) or pages != 1:
            raise FeedUnavailableError(f"{where}: {len(rows)} rows are not all; try again later")
        return rows

    def _redacted(self, errors: Any) -> str:
        return self._client.without_secrets(str(errors)[:300])

    def _parse(self, fields: dict[str, Any]) -> ParsedMatch:
        fixture_fields = _fixture_of(fields)
        league, fixture, teams = (fixture_fields.get(name, {}) for name in ("league", "fixture", "teams"))
        competition = self._by_name.get(str(league.get("id")))
        if competition is None:
            raise FieldError(f"the league {brief(league.get('id'))} is no number")
        country = league.get("country")
        is_world = competition.country == INTERNATIONAL
        if not is_world and (not isinstance(country, str) or fold(country) != fold(competition.country)):
            raise FieldError(f"league {league['id']} is {competition.code}, but lies in {brief(country)}")
        code = pick(fields, "fixture.status.short").get("fixture", {}).get("status", {}).get("short")
        reported_status = _STATUSES.get(code) if isinstance(code, str) else None
        if reported_status is None:
            raise FieldError(f"the status {brief(code)} is not known")
        kickoff, precision = instant_of(fixture.get("date")), KickoffPrecision.MINUTE
        if reported_status is MatchStatus.TBD:
            kickoff, precision = noon_of(kickoff.date()), KickoffPrecision.DAY
        home, away = teams_of(*(teams.get(side, {}).get("name") for side in ("home", "away")))
        round_name = league.get("round")
        return ParsedMatch(
            source_match_id=id_of(fixture.get("id"), "fixture.id"),
            competition=competition,
            season=season_label(competition, league.get("season"), kickoff.date()),
            kickoff=kickoff,
            precision=precision,
            home_team=home,
            away_team=away,
            team_ids=(teams.get("home", {}).get("id"), teams.get("away", {}).get("id")),
            reported_status=reported_status,
            score=lambda: _score(fields, is_finished=reported_status is MatchStatus.FINISHED),
            half_time=lambda: _half_time(fields),
            after_90=lambda: _after_90(fields, went_on=code in {"AET", "PEN"}),
            round=None if round_name is None else name_of(round_name, "the round"),
            venue=venue_of(fields["fixture"].get("venue"), "name", "city"),
            fixture=fixture_fields,
            result=pick(fields, "status", "goals", "score")
            | {"status": pick(fields, "fixture.status").get("fixture", {}).get("status")},
        )


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


def _score(fields: dict[str, Any], *, is_finished: bool) -> Score:
    if not is_finished:
        goals = json_object(fields.get("goals"), "goals")
        return score_of(goals.get("home"), goals.get("away"))
    score = json_object(fields.get("score"), "the score")
    part = json_object(score.get("fulltime"), "the score")
    found = score_of(part.get("home"), part.get("away"))
    if found is None:
        raise FieldError("the match is finished, but has no score")
    return found


def _after_90(fields: dict[str, Any], *, went_on: bool) -> AfterNinety | None:
    """``goals`` is the score after extra time, ``score.penalty`` the shoot-out."""
    goals = fields.get("goals")
    shootout = pick(fields, "score.penalty.home", "score.penalty.away").get("score", {}).get("penalty", {})
    total = score_or_none(goals.get("home"), goals.get("away")) if isinstance(goals, dict) else None
    penalties = score_or_none(shootout.get("home"), shootout.get("away"))
    return after_ninety(total, penalties, went_on=went_on)


def _half_time(fields: dict[str, Any]) -> tuple[Any, Any]:
    half = pick(fields, "score.halftime.home", "score.halftime.away").get("score", {}).get("halftime", {})
    return half.get("home"), half.get("away")
