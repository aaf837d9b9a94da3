"""API-Football, version 3: results and fixtures of every day, with a key.

``score.fulltime`` is the score after 90 minutes, ``goals`` the one after extra time: a second leg won 1-0 at
90 is a home win. Of a match that ended at 90 minutes (``FT``) both are the same, and one of them is enough.
Where they contradict each other, or ``teams.*.winner``, the row is rejected. Errors come with HTTP 200 and a
field ``errors``. The free plan covers yesterday to tomorrow with a hundred requests a day; other plans cover
any day.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, KeyedFeed
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    id_of,
    instant_of,
    noon_of,
    score_of,
    score_or_none,
    unknown_status,
)
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.json_rows import (
    ParsedMatch,
    Provider,
    Score,
    check_clocks,
    check_winner,
    named_teams,
    pick,
    round_of,
    season_label,
    shoot_out_of,
    venue_of,
    visible_matches,
    winner_of,
)
from soccer_assets.feeds.protocol import FeedRefusedError, FeedUnavailableError
from soccer_assets.feeds.provider_keys import key_variable
from soccer_assets.feeds.unreadable import Answers, JsonFile, UnreadFile, rows_of_answer, unreadable_file
from soccer_assets.football.club_sides import side_of_competition
from soccer_assets.football.competitions import INTERNATIONAL
from soccer_assets.football.matches import KickoffPrecision, MatchStatus, Outcome, Window
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
# Countries that go by another name with the provider, or that changed theirs.
_ALSO_CALLED = {
    "turkiye": "turkey",
    "czech republic": "czechia",
    "republic of ireland": "ireland",
    "korea republic": "south korea",
    "china pr": "china",
    "united states": "usa",
}
# Errors that end with the next minute or day; all others are permanent.
_TRANSIENT = frozenset({"rateLimit", "requests"})
_FIXTURE = (
    *("fixture.id", "fixture.date", "league.id", "league.name", "league.country", "league.season"),
    *("league.round", "teams.home.id", "teams.home.name", "teams.away.id", "teams.away.name"),
)
# Scored by both sides together in the shortest shoot-outs.
_FEWEST_PENALTIES = 3


class ApiFootballFeed(KeyedFeed):
    """Matches of API-Football in the catalogue's leagues; requests go to ``fixtures`` below the address.

    Attributes:
        outside_catalogue: rows that were left out, by country, name and id of their league.
    """

    name = SOURCE
    # Its terms allow what the key's plan does, which is not known here.
    attribution = "Data: API-Football"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    result_lag = dt.timedelta(hours=6)
    default_url = "https://v3.football.api-sports.io"
    key_header = "x-apisports-key"
    # A request a day: 30 of the free plan's 100.
    is_cheap_to_read_again = False
    days_a_request = 1

    def __init__(
        self, base_url: str, client: FileClient, history_start: dt.date | None, clock: Clock
    ) -> None:
        super().__init__(base_url, client, history_start, clock)
        self.outside_catalogue: Counter[str] = Counter()

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Raises:
            FeedUnavailableError: the provider does not answer, or the quota is used up.
            FeedRefusedError: wrong address or key, a plan without these days, or no answer can be read.
        """
        provider = Provider(SOURCE, self.result_lag, self._parse, _fixture_of)
        answers = Answers()
        for number in range((window.end - window.start).days):
            day = window.start + dt.timedelta(days=number)
            rows = answers.rows(self._read(day))
            outside = [row for row in rows if self._is_outside_catalogue(row)]
            self.outside_catalogue.update(map(_league_name, outside))
            rows = [row for row in rows if not self._is_outside_catalogue(row)]
            yield from visible_matches(rows, provider, Window(day, day + dt.timedelta(days=1)), clock)
        yield from answers.reports()

    def _is_outside_catalogue(self, row: Any) -> bool:
        """Whether the row belongs to a league outside the catalogue; the provider has over a thousand."""
        league = pick(row, "league.id").get("league", {}).get("id")
        return type(league) is int and league > 0 and str(league) not in self._by_name

    def _read(self, day: dt.date) -> list[Any] | UnreadFile:
        url = f"{self._base_url}/fixtures?date={day}&timezone=UTC"
        where = f"{SETTING}: {url}"
        data = self._client.read(url)
        if data is None:
            raise FeedRefusedError(
                f"{where} does not exist; set it to the address that has fixtures below it"
            )
        asked = JsonFile(SOURCE, url, "", "an object with a list 'response'")
        return rows_of_answer(
            asked, self._client.without_secrets_in(data), lambda document: self._rows_of(document, url)
        )

    def _rows_of(self, document: Any, url: str) -> list[Any] | UnreadFile | None:
        where = f"{SETTING}: {url}"
        errors = document.get("errors") if isinstance(document, dict) else None
        if errors:
            message = f"{where} answers with errors: {self._redacted(errors)}"
            if isinstance(errors, dict) and errors.keys() <= _TRANSIENT:
                raise FeedUnavailableError(message)
            raise FeedRefusedError(f"{message}; check the plan and {key_variable(SOURCE)}")
        rows = document.get("response") if isinstance(document, dict) else None
        if not isinstance(rows, list):
            return None
        pages = pick(document, "paging.total").get("paging", {}).get("total", 1)
        if str(document.get("results", len(rows))) != str(len(rows)) or pages != 1:
            fault = f"{len(rows)} rows are not all; the next look asks again"
            report = unreadable_file(SOURCE, url, "", b"", fault)
            return UnreadFile(report, FeedUnavailableError(f"{where}: {fault}"))
        return rows

    def _redacted(self, errors: Any) -> str:
        return self._client.without_secrets(str(errors)[:300])

    def _parse(self, fields: dict[str, Any]) -> ParsedMatch:
        fixture_fields = _fixture_of(fields)
        league, fixture, teams = (fixture_fields.get(name, {}) for name in ("league", "fixture", "teams"))
        competition = self._by_name.get(str(league.get("id")))
        if competition is None:
            raise FieldError(f"the league {brief(league.get('id'))} is no id of a league")
        country = league.get("country")
        is_world = competition.country == INTERNATIONAL
        if not is_world and _country(country) != _country(competition.country):
            raise FieldError(
                f"league {league['id']} is {competition.code}, but lies in {brief(country)}",
                "correct its id in competitions.toml",
            )
        if side_of_competition(str(league.get("name")))[0] != competition.sex:
            raise FieldError(
                f"league {league['id']} is {competition.code} of {competition.sex}, but is called "
                f"{brief(league.get('name'))}",
                "correct its id in competitions.toml",
            )
        code = pick(fields, "fixture.status.short").get("fixture", {}).get("status", {}).get("short")
        reported_status = _STATUSES.get(code) if isinstance(code, str) else None
        if reported_status is None:
            raise unknown_status(code)
        kickoff, precision = instant_of(fixture.get("date")), KickoffPrecision.MINUTE
        if reported_status is MatchStatus.TBD:
            kickoff, precision = noon_of(kickoff.date()), KickoffPrecision.DAY
        check_clocks(kickoff, "fixture.date", fields["fixture"].get("timestamp"), "fixture.timestamp")
        is_open = reported_status is not MatchStatus.FINISHED
        sides = fields.get("teams")
        home, away, undrawn = named_teams(
            *(sides.get(side) if isinstance(sides, dict) else None for side in ("home", "away")),
            is_open=is_open,
        )
        return ParsedMatch(
            source_match_id=id_of(fixture.get("id"), "fixture.id"),
            competition=competition,
            season=season_label(competition, league.get("season"), kickoff.date()),
            kickoff=kickoff,
            precision=precision,
            home_team=home,
            away_team=away,
            team_ids=(teams.get("home", {}).get("id"), teams.get("away", {}).get("id")),
            undrawn=undrawn,
            reported_status=reported_status,
            score=lambda: (
                _final_score(fields, str(code))
                if reported_status is MatchStatus.FINISHED
                else _part(fields, "goals", score_of)
            ),
            half_time=lambda: _half_time(fields),
            after_90=lambda: _after_90(fields, str(code)),
            round=round_of(league.get("round")),
            venue=venue_of(fields["fixture"].get("venue"), "name", "city"),
            fixture=fixture_fields,
            result=pick(fields, "status", "goals", "score")
            | {"status": pick(fields, "fixture.status").get("fixture", {}).get("status")},
        )


def _league_name(row: Any) -> str:
    league = pick(row, "league.country", "league.name", "league.id").get("league", {})
    return f"{league.get('country')}/{league.get('name')} (league {league.get('id')})"


def _country(name: Any) -> Any:
    """A country's name without differences of spelling: the provider writes ``Czech-Republic``."""
    folded = fold(name.replace("-", " ")) if isinstance(name, str) else None
    return _ALSO_CALLED.get(folded, folded) if folded else name


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


class _Result(NamedTuple):
    """The parts of the result of a finished match; those beside the 90 minutes None where they are invalid.

    Attributes:
        full_time: after 90 minutes.
        total: at the end, a shoot-out not counted.
        extra: goals of the extra time alone.
        penalties: goals of the shoot-out.
        has_shoot_out: whether there was one, also where its goals are unknown.
        went_on: whether the match had extra time or a shoot-out.
    """

    full_time: Score
    total: Score
    extra: Score
    penalties: Score
    has_shoot_out: bool
    went_on: bool


def _result(fields: dict[str, Any], code: str) -> _Result:
    full_time = _part(fields, "score.fulltime", score_of)
    total, extra = (_part(fields, name, score_or_none) for name in ("goals", "score.extratime"))
    penalties = _part(fields, "score.penalty", shoot_out_of)
    has_shoot_out = code == "PEN" or penalties is not None
    total = _without_shoot_out(total, full_time, extra, penalties)
    # A stray extra time of 0-0 changes nothing; one that leads to another total is one.
    is_longer = extra is not None and None not in (total, full_time) and total != full_time
    went_on = has_shoot_out or code == "AET" or is_longer
    return _Result(full_time, total, extra, penalties, has_shoot_out, went_on)


def _without_shoot_out(total: Score, full_time: Score, extra: Score, penalties: Score) -> Score:
    """The total after extra time, also where the goals of the shoot-out were added to it."""
    if total is None or full_time is None or penalties is None:
        return total
    rest = (total[0] - penalties[0], total[1] - penalties[1])
    scored = (rest[0] - full_time[0], rest[1] - full_time[1])
    if extra is not None:
        return rest if scored == extra else total
    # No extra time has as many goals as a shoot-out, for both sides.
    return rest if min(scored) >= 0 and sum(penalties) >= _FEWEST_PENALTIES else total


def _final_score(fields: dict[str, Any], code: str) -> Score:
    """The score after 90 minutes; None where a match went on and nothing tells its score at that moment."""
    result = _result(fields, code)
    full_time, total = result.full_time, result.total
    if not result.went_on:
        # Raises where ``goals`` alone tells the score and is invalid.
        full_time = full_time or _part(fields, "goals", score_of)
        total = total or full_time
        if full_time is None or total is None:
            raise FieldError("the match is finished, but has no score", "add it at the source")
    if full_time is not None and total is not None and _contradict(result, full_time, total):
        raise FieldError(
            f"the score after 90 minutes {full_time[0]}-{full_time[1]} contradicts the one at the end "
            f"{total[0]}-{total[1]}: one of them is wrong"
        )
    # After two legs a shoot-out has another winner than the match.
    decider = result.penalties if result.has_shoot_out else total
    if decider is not None:
        what = "the shoot-out" if decider is result.penalties else "the score"
        check_winner(decider, _winner(fields), has_shoot_out=result.has_shoot_out, what=what)
    # Goals in extra time, and still the same total: the extra time was added to the 90 minutes.
    is_added = result.went_on and result.extra not in (None, (0, 0)) and full_time == total
    return None if is_added else full_time


def _contradict(result: _Result, full_time: tuple[int, int], total: tuple[int, int]) -> bool:
    if not result.went_on:
        return full_time != total
    return full_time[0] > total[0] or full_time[1] > total[1]


def _winner(fields: dict[str, Any]) -> Outcome | None:
    """Draws have null on both sides, like matches without marks."""
    teams = pick(fields, "teams.home.winner", "teams.away.winner").get("teams", {})
    return winner_of(*(teams.get(side, {}).get("winner") for side in ("home", "away")))


def _part(fields: dict[str, Any], path: str, parse: Callable[[Any, Any], Score]) -> Score:
    """The pair at ``path.home`` and ``path.away``."""
    value: Any = fields
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return None
    if not isinstance(value, dict):
        return parse(value, None)
    return parse(value.get("home"), value.get("away"))


def _after_90(fields: dict[str, Any], code: str) -> AfterNinety | None:
    result = _result(fields, code)
    return after_ninety(
        result.total, result.penalties, went_on=result.went_on, has_shoot_out=result.has_shoot_out
    )


def _half_time(fields: dict[str, Any]) -> tuple[Any, Any]:
    half = pick(fields, "score.halftime.home", "score.halftime.away").get("score", {}).get("halftime", {})
    return half.get("home"), half.get("away")
