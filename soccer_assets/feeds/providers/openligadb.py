"""OpenLigaDB: German leagues and the DFB-Pokal, maintained by volunteers, without a key.

One answer holds a season of one league. Result type 2 is the end of the official playing time; where types
are 0 the names tell. Of a cup match that went on, the score after 90 minutes is the result marked so
(``resultTypeKind``), or a level one of type 2; else the goals are unknown. A league has no extra time: what
is entered for it by mistake is left aside.
"""

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SETTING, SiteFeed
from soccer_assets.feeds.fields import (
    FieldError,
    brief,
    id_of,
    instant_of,
    score_of,
    teams_of,
)
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.json_rows import (
    ParsedMatch,
    Provider,
    Score,
    check_clocks,
    pick,
    round_of,
    season_label,
    shoot_out_of,
    venue_of,
    visible_matches,
)
from soccer_assets.feeds.protocol import FeedRefusedError
from soccer_assets.feeds.unreadable import JsonFile, UnreadFile, read_json_rows, refuse_if_all
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import KickoffPrecision, Window
from soccer_assets.football.placeholders import NOT_KNOWN
from soccer_assets.football.records import AfterNinety, RawMatch, Rejection, after_ninety

SOURCE = "openligadb"
FIRST_SEASON = 2002
ANSWERS_IN_MEMORY = 100

# The id of a team that is not known yet.
_NOT_DRAWN = 0
_HALF_TIME, _FULL_TIME, _EXTRA_TIME, _PENALTIES = 1, 2, 3, 4
_FULL_TIME_KIND = "After90Minutes"
# As volunteers write it: Elfmeterschießen, Elferschiessen, i.E., n. E.
_SHOOT_OUT = re.compile(r"elf(?:meter|er)schie|\b[in]\. ?e\.|shoot-?out")
# Goals after 90 minutes are entered with their minute or with 90: minutes from here on are of extra time.
_LATEST_MINUTE = 105
_FIXTURE = (
    *("matchID", "matchDateTimeUTC", "leagueShortcut", "leagueSeason", "group.groupName"),
    *("team1.teamId", "team1.teamName", "team2.teamId", "team2.teamName"),
)
_RESULT = ("matchIsFinished", "matchResults", "goals", "lastUpdateDateTime")


class OpenLigaDbFeed(SiteFeed):
    """Matches of OpenLigaDB.

    Requests go below the address to ``getmatchdata/``. Each season is read once by an object.
    """

    name = SOURCE
    # Community data that asks for its source to be named; no licence was read, so nothing more is allowed.
    attribution = "Data: OpenLigaDB (openligadb.de)"
    may_publish_results = False
    may_publish_live = False
    may_redistribute = False
    default_url = "https://api.openligadb.de"
    first_day = dt.date(FIRST_SEASON, 7, 1)
    # Volunteers enter results within a day; after six days only a league's administrator can.
    result_lag = dt.timedelta(days=6)
    assumes_postponed = True
    # No limit is published; the server is run by volunteers.
    requests_per_minute = 60

    def __init__(self, base_url: str, client: FileClient, history_start: dt.date | None = None) -> None:
        super().__init__(base_url, client, history_start)
        self._load = lru_cache(maxsize=ANSWERS_IN_MEMORY)(self._read)

    def fetch(self, window: Window, clock: Clock) -> Iterator[RawMatch | Rejection]:
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        Raises:
            FeedUnavailableError: the provider does not answer.
            FeedRefusedError: not one season is there, or not one can be read.
        """
        is_found = False
        unread: list[UnreadFile] = []
        years = range(max(FIRST_SEASON, window.start.year - 1), window.end.year + 1)
        seasons = [
            (competition, year)
            for year in years
            # 2019/20 ended in July 2020.
            if window.start < dt.date(year + 1, 8, 1) and dt.date(year, 7, 1) < window.end
            for competition in self._competitions.values()
        ]
        for competition, year in seasons:
            rows = self._load(competition.code, year)
            if isinstance(rows, UnreadFile):
                unread.append(rows)
                continue
            is_found = is_found or rows is not None
            provider = Provider(SOURCE, self.result_lag, _reader(competition, year), _fixture_of)
            yield from visible_matches(rows or [], provider, window, clock)
        if seasons and not is_found:
            refuse_if_all(unread)
            first = self._address(seasons[0][0].feeds[SOURCE], seasons[0][1])
            raise FeedRefusedError(
                f"{SETTING}: no season is there, not even {first}; "
                f"set it to the address that has getmatchdata/ below it"
            )
        yield from (one.report for one in unread)

    def _address(self, shortcut: str, year: int) -> str:
        return f"{self._base_url}/getmatchdata/{shortcut}/{year}"

    def _read(self, code: str, year: int) -> list[Any] | UnreadFile | None:
        url = self._address(self._competitions[code].feeds[SOURCE], year)
        asked = JsonFile(SOURCE, url, code, "a list of matches")
        rows = read_json_rows(self._client, asked, lambda found: found if isinstance(found, list) else None)
        return [_camel_case(row) for row in rows] if isinstance(rows, list) else rows


def _camel_case(value: Any) -> Any:
    """Keys in camel case: older answers write ``MatchID`` for ``matchID``."""
    if isinstance(value, dict):
        return {f"{key[:1].lower()}{key[1:]}": _camel_case(inner) for key, inner in value.items()}
    return [_camel_case(inner) for inner in value] if isinstance(value, list) else value


def _fixture_of(fields: dict[str, Any]) -> dict[str, Any]:
    return pick(fields, *_FIXTURE)


def _reader(competition: Competition, year: int) -> Any:
    def read(fields: dict[str, Any]) -> ParsedMatch:
        results = fields.get("matchResults")
        goals = fields.get("goals")
        fixture = _fixture_of(fields)
        teams = [fixture.get("team1", {}), fixture.get("team2", {})]
        home, away = teams_of(
            *(NOT_KNOWN if team.get("teamId") == _NOT_DRAWN else team.get("teamName") for team in teams)
        )
        is_finished = fields.get("matchIsFinished")
        if not isinstance(is_finished, bool):
            raise FieldError(f"matchIsFinished is {brief(is_finished)}, neither true nor false")
        group = fixture.get("group", {}).get("groupName")
        kickoff = instant_of(fields.get("matchDateTimeUTC"))
        season = season_label(competition, year, kickoff.date())
        check_clocks(kickoff, "matchDateTimeUTC", fields.get("matchDateTime"), "matchDateTime")
        return ParsedMatch(
            source_match_id=id_of(fields.get("matchID"), "matchID"),
            competition=competition,
            season=season,
            kickoff=kickoff,
            precision=KickoffPrecision.MINUTE,
            home_team=home,
            away_team=away,
            team_ids=(teams[0].get("teamId"), teams[1].get("teamId")),
            undrawn=_undrawn(teams),
            reported_status=None,
            has_result=lambda: is_finished and bool(results),
            open_fault=_open_fault(results, is_finished=is_finished),
            score=lambda: _score(results, goals, is_cup=not competition.tier),
            half_time=lambda: _half_time(results),
            after_90=lambda: _after_90(results, goals, is_cup=not competition.tier),
            round=round_of(group),
            venue=venue_of(fields.get("location"), "locationStadium", "locationCity"),
            fixture=fixture,
            result=pick(fields, *_RESULT),
        )

    return read


def _undrawn(teams: list[dict[str, Any]]) -> str:
    """Which team has the id of a team that is not known yet; empty where none has."""
    bare = [
        f"the {side} team {brief(team.get('teamName'))}"
        for side, team in zip(("home", "away"), teams, strict=True)
        if team.get("teamId") == _NOT_DRAWN
    ]
    has = "has" if len(bare) == 1 else "have"
    return f"{' and '.join(bare)} {has} the id 0, which is no team's" if bare else ""


def _open_fault(results: Any, *, is_finished: bool) -> str:
    """What is wrong with a match that was played and has no result of its end."""
    if is_finished and not results:
        return "the match is finished, but has no result; add it at the source"
    if results and not is_finished:
        return "the match has a result, but is not finished; finish it at the source"
    return ""


def _results_of(results: Any) -> list[dict[str, Any]]:
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise FieldError(f"the results {brief(results)} are not a list of objects")
    return results


def _score(results: Any, goals: Any, *, is_cup: bool) -> Score:
    """The score after 90 minutes; None where a match went on and nothing tells its score at that moment."""
    found = _results_of(results)
    regular = [result for result in found if result.get("resultTypeKind") == _FULL_TIME_KIND]
    if not regular:
        regular = [result for result in found if _type_of(result) == _FULL_TIME]
    if not regular:
        raise FieldError("the match is finished, but has no result of its end", "add it at the source")
    scores = {score_of(result.get("pointsTeam1"), result.get("pointsTeam2")) for result in regular}
    if len(scores) > 1:
        raise FieldError(f"the match has {len(scores)} different results of its end", "delete the wrong one")
    score = scores.pop()
    if score is None:
        raise FieldError("the match is finished, but its result has no points", "add them at the source")
    if (
        is_cup
        and regular[0].get("resultTypeKind") != _FULL_TIME_KIND
        and _after_90(results, goals, is_cup=is_cup)
    ):
        # A one-leg match goes on when it is level after 90 minutes: any other score is of its very end.
        is_level = score[0] == score[1]
        told_apart = _goals_in_90(goals) in (None, score)
        return score if is_level and told_apart else None
    return score


def _after_90(results: Any, goals: Any, *, is_cup: bool) -> AfterNinety | None:
    """How a cup match was decided that went on; a league's match never does, whatever else is entered."""
    if not is_cup:
        return None
    found = _results_of(results)
    extra = [result for result in found if _type_of(result) == _EXTRA_TIME]
    shoot_out = [result for result in found if _type_of(result) == _PENALTIES]
    has_shoot_out = bool(shoot_out) or any(_is_shoot_out(goal) for goal in _goals(goals))
    went_on = bool(extra) or has_shoot_out or any(map(_is_extra_time, _goals(goals)))
    if not went_on:
        return None
    score = score_of(extra[0].get("pointsTeam1"), extra[0].get("pointsTeam2")) if extra else None
    penalties = (
        shoot_out_of(shoot_out[0].get("pointsTeam1"), shoot_out[0].get("pointsTeam2")) if shoot_out else None
    )
    return after_ninety(score, penalties, went_on=True, has_shoot_out=has_shoot_out)


def _type_of(result: dict[str, Any]) -> int:
    """Which result it is: by its type, or by its name where the type is 0, as in seasons before 2010.

    Raises:
        FieldError: type and name contradict each other about end and half-time.
    """
    name = str(result.get("resultName") or "").casefold()
    if "elfmeter" in name:
        return _PENALTIES
    if "verl\u00e4ngerung" in name:
        return _EXTRA_TIME
    named = _FULL_TIME if "endergebnis" in name else _HALF_TIME if "halbzeit" in name else 0
    given = result.get("resultTypeID")
    if type(given) is not int or given <= 0:
        return named
    if {named, given} == {_HALF_TIME, _FULL_TIME}:
        raise FieldError(
            f"the result {brief(result.get('resultName'))} has the type {given}, which is the one of "
            f"{'the end' if given == _FULL_TIME else 'half-time'}"
        )
    return given


def _goals(goals: Any) -> list[dict[str, Any]]:
    return [goal for goal in goals if isinstance(goal, dict)] if isinstance(goals, list) else []


def _is_shoot_out(goal: dict[str, Any]) -> bool:
    return _SHOOT_OUT.search(str(goal.get("comment") or "").casefold()) is not None


def _is_extra_time(goal: dict[str, Any]) -> bool:
    """Whether a goal is marked so, or told at a minute that stoppage time never reached."""
    minute = goal.get("matchMinute")
    return goal.get("isOvertime") is True or (type(minute) is int and minute > _LATEST_MINUTE)


def _goals_in_90(goals: Any) -> Score:
    """The score by the last goal of the 90 minutes that is entered; None where none is."""
    regular = [goal for goal in _goals(goals) if not _is_extra_time(goal) and not _is_shoot_out(goal)]
    if not regular:
        return None
    return score_of(regular[-1].get("scoreTeam1"), regular[-1].get("scoreTeam2"))


def _half_time(results: Any) -> tuple[Any, Any]:
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict) and _type_of(result) == _HALF_TIME:
            return result.get("pointsTeam1"), result.get("pointsTeam2")
    return None, None
