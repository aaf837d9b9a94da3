"""A finished match has its 90-minute score, or says why not: every adapter, all kinds of results."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import RawMatch, Rejection
from tests.feeds import test_hostile_rows as hostile

_PAIRS = ((None, None), (1, 1), (2, 1), ("2", "1"), (None, 2))


def api_football(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Statuses, and parts of the score."""
    for short, goals, full, extra, penalty in itertools.product(
        ("FT", "AET", "PEN"), _PAIRS, _PAIRS, _PAIRS[:2], ((None, None), (4, 3))
    ):
        fixture = {**row["fixture"], "status": {"short": short}}
        parts = {"fulltime": full, "extratime": extra, "penalty": penalty}
        score = {name: {"home": pair[0], "away": pair[1]} for name, pair in parts.items()}
        yield {**row, "fixture": fixture, "goals": {"home": goals[0], "away": goals[1]}, "score": score}


def archive(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Statuses and goals."""
    for status, goals in itertools.product(("FT", "AET", "PEN"), _PAIRS):
        home, away = ("" if count is None else count for count in goals)
        yield {**row, "status": status, "home_goals": home, "away_goals": away}


def espn(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Statuses, scores, shoot-outs and marks of the winner."""
    names = ("STATUS_FULL_TIME", "STATUS_FINAL", "STATUS_FINAL_AET", "STATUS_FINAL_PEN")
    for name, goals, shoot_out, marks in itertools.product(
        names, _PAIRS, ((None, None), (0, 0), (4, 3)), itertools.product((None, False, True), repeat=2)
    ):
        (game,) = row["competitions"]
        sides = [
            {**side, "score": goals[place], "shootoutScore": shoot_out[place], "winner": marks[place]}
            for place, side in enumerate(game["competitors"])
        ]
        status = {"type": {"name": name, "state": "post"}}
        yield {**row, "competitions": [{**game, "status": status, "competitors": sides}]}


def football_data(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Goals and results."""
    for goals, result in itertools.product(_PAIRS, ("", "H", "D", "A", "x")):
        yield {**row, "FTHG": goals[0], "FTAG": goals[1], "FTR": result}


def football_data_org(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Durations, winners and parts of the score."""
    durations = ("REGULAR", "EXTRA_TIME", "PENALTY_SHOOTOUT")
    for duration, winner, full, regular, penalties in itertools.product(
        durations, (None, "DRAW", "HOME_TEAM"), _PAIRS, _PAIRS[:3], ((None, None), (4, 3))
    ):
        parts = {"fullTime": full, "regularTime": regular, "penalties": penalties}
        score = {name: {"home": pair[0], "away": pair[1]} for name, pair in parts.items()}
        yield {**row, "score": {"duration": duration, "winner": winner, **score}}


def openfootball(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Parts of the score."""
    for full, extra, penalties in itertools.product(_PAIRS, _PAIRS[:3], ((None, None), (4, 3))):
        parts = {"ft": full, "et": extra, "p": penalties}
        yield {**row, "score": {name: list(pair) for name, pair in parts.items() if pair != (None, None)}}


def openligadb(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Types and names of results."""
    names = ("Endergebnis", "Halbzeit", "nach Verl\u00e4ngerung", "nach Elfmeterschie\u00dfen")
    told = [
        {"resultName": name, "resultTypeID": type_id, "pointsTeam1": 1, "pointsTeam2": points}
        for name, type_id, points in itertools.product(names, (0, 1, 2, 3, 4), (0, None))
    ]
    for size in (0, 1, 2):
        for results in itertools.combinations(told, size):
            yield {**row, "matchResults": list(results)}


def whoscored_json(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the match ended with, and all scores."""
    for elapsed, goals, extra, penalties in itertools.product(
        ("FT", "AET", "PEN", None, "?"), _PAIRS, _PAIRS[:2], ((None, None), (4, 3))
    ):
        scores = {"Score": goals, "ExtratimeScore": extra, "PenaltyScore": penalties}
        sides = {
            f"{side}{name}": pair[n]
            for name, pair in scores.items()
            for n, side in enumerate(("home", "away"))
        }
        yield {**row, "elapsed": elapsed, **sides}


@pytest.mark.parametrize(
    "results",
    [api_football, archive, espn, football_data, football_data_org, openfootball, openligadb, whoscored_json],
    ids=lambda one: one.__name__,
)
def test_a_finished_match_has_its_score_or_a_reason(
    results: Callable[[dict[str, Any]], Iterator[dict[str, Any]]], tmp_path: Path
) -> None:
    """Whatever is missing or contradicts itself: a label, a counted reason, or a rejection that says why."""
    provider = next(one for one in hostile.PROVIDERS if one.__name__ == results.__name__)(tmp_path)
    rows = list(results(provider.valid(0)))
    numbered = [{**row, **_id_of(provider.valid(number))} for number, row in enumerate(rows)]

    # One answer of ESPN has fewer than 500 matches.
    parts = (numbered[start : start + 400] for start in range(0, len(numbered), 400))
    found = [item for part in parts for item in provider.fetch(part)]

    assert len(found) == len(rows)
    finished = [one for one in found if isinstance(one, RawMatch) and one.status is MatchStatus.FINISHED]
    assert any(one.home_goals is not None for one in finished)
    assert all(one.home_goals is not None or one.after_90 for one in finished)
    assert all((one.home_goals is None) == (one.away_goals is None) for one in finished)
    assert all(one.reason for one in found if isinstance(one, Rejection))


def _id_of(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row that tell one match from another, where they lie beside its result."""
    names = ("id", "matchID", "match_id", "home_team", "team1", "HomeTeam")
    return {name: row[name] for name in names if name in row and isinstance(row[name], int | str)}
