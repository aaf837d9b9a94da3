"""Stored projections: what is simulated anew, what is carried on, and what says why it is not projected."""

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from soccer_assets.contract.season_projection import ProjectionsFile
from soccer_assets.football.features import compute_features
from soccer_assets.football.projections.season_input import SeasonInput, project
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.projections import parts as parts_module
from soccer_assets.stores.projections.parts import (
    LIST_KEY,
    ProjectionUpdate,
    Source,
    read_parts,
    update_projections,
)
from tests.football.helpers import match, table

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
_CLUBS = [f"Club {letter}" for letter in "ABCDEFGHIJ"]


def _season(competition: str = "IRL-1", season: str = "2026", clubs: int = 10) -> pd.DataFrame:
    """Half of a season of four rounds is played, a match in ten is listed ahead."""
    draw = np.random.default_rng(1)
    rows = []
    for number, (home, away) in enumerate(itertools.permutations(_CLUBS[:clubs], 2)):
        is_over = number % 2 == 0
        kickoff = NOW + dt.timedelta(days=-number if is_over else number)
        rows.append(
            {
                "match_id": f"{competition}-{number}",
                "competition": competition,
                "season": season,
                "tier": 0 if competition == "UEFA-CL" else 1,
                "kickoff": pd.Timestamp(kickoff),
                "kickoff_precision": "minute",
                "status": "finished" if is_over else "scheduled",
                "quarantine": None,
                "home_team_id": f"id {home}",
                "home_team": home,
                "away_team_id": f"id {away}",
                "away_team": away,
                "home_goals": int(draw.poisson(1.5)) if is_over else None,
                "away_goals": int(draw.poisson(1.1)) if is_over else None,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.astype({"home_goals": "Int16", "away_goals": "Int16"})


@pytest.fixture(scope="module")
def state() -> TeamState:
    """Ratings after the season's results."""
    over = _season().dropna(subset=["home_goals"])
    return compute_features(
        table(
            *(
                match(
                    *(row.match_id, int(row.kickoff.timestamp()), row.home_team_id, row.away_team_id),
                    f"{row.home_goals}-{row.away_goals}",
                    competition="IRL-1",
                    season="2026",
                )
                for row in over.itertuples()
            )
        )
    )[1]


def _update(
    store: ObjectStore,
    matches: pd.DataFrame,
    state: TeamState,
    now: dt.datetime = NOW,
    *,
    is_simulated: bool = False,
    **more: float,
) -> ProjectionUpdate:
    return update_projections(store, Source(matches, state, now, "toy", is_simulated, 100), **more)


def test_a_told_league_is_projected_and_the_others_say_why(
    folder_store: ObjectStore, state: TeamState
) -> None:
    """IRL-1 has ten clubs; MEX-1 is not projected; ENG-1 lacks half of its clubs; a cup is no league."""
    matches = pd.concat(
        [
            _season(),
            _season("MEX-1", "2025/2026"),
            _season("ENG-1", "2025/2026"),
            _season("UEFA-CL", "2025/2026"),
        ]
    )
    parts = _update(folder_store, matches, state).parts
    found = {code: part.projection for code, part in parts.items()}

    assert set(found) == {"ENG-1", "IRL-1", "MEX-1"}
    assert found["MEX-1"].not_projected.startswith("not projected: ")
    assert "10 clubs" in found["ENG-1"].not_projected
    part = found["IRL-1"]
    assert part.not_projected == ""
    assert part.matches_left == 180 - 45
    assert len(part.teams) == 10
    assert np.allclose(sum(np.array(line.places) for line in part.teams), 1, atol=1e-4)
    assert {band.name for band in part.bands} == set(part.teams[0].bands)
    assert part.teams[0].expected_points >= part.teams[-1].expected_points
    assert {one.match_id for one in part.matches} <= set(matches["match_id"])
    assert read_parts(folder_store) == parts


def test_threads_move_no_bit(
    folder_store: ObjectStore, state: TeamState, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Six leagues, several at once and one after the other: the same bytes, told in the same order."""
    codes = ("AUT-1", "FIN-1", "IRL-1", "NOR-1", "SUI-1", "SWE-1")
    matches = pd.concat([_season(code) for code in codes])
    at_once = _update(folder_store, matches, state, is_simulated=True)
    monkeypatch.setattr(parts_module, "_THREADS", 1)
    one_by_one = _update(ObjectStore(f"file://{tmp_path}/other"), matches, state, is_simulated=True)

    assert at_once.computed == one_by_one.computed == codes
    assert at_once.file() == one_by_one.file()


def test_a_release_carries_the_bytes_that_the_input_gives(
    folder_store: ObjectStore, state: TeamState
) -> None:
    """Simulated again from the file, as the sidecar does without assumptions: the same bytes."""
    file = _update(folder_store, _season(), state).file()
    part = msgspec.json.decode(file, type=ProjectionsFile).competitions["IRL-1"]
    season = msgspec.json.decode(bytes(part.inputs), type=SeasonInput)

    assert msgspec.json.encode(project(season)) == msgspec.json.encode(part.projection)
    assert list(part.projection.teams[0].bands) == [band.name for band in part.projection.bands]
    assert _update(folder_store, _season(), state).file() == file


def test_equal_inputs_are_not_simulated_twice_and_a_result_is(
    folder_store: ObjectStore, state: TeamState
) -> None:
    """The part keeps its bytes and its `as_of`; a new result makes a new part and removes the old one."""
    matches = _season()
    first = _update(folder_store, matches, state)
    again = _update(folder_store, matches, state, NOW + dt.timedelta(hours=1))
    row = matches.index[matches["status"] == "scheduled"][0]
    matches.loc[row, ["status", "home_goals", "away_goals"]] = ["finished", 3, 0]
    after = _update(folder_store, matches, state, NOW + dt.timedelta(hours=2))

    assert (first.computed, again.computed, after.computed) == (("IRL-1",), (), ("IRL-1",))
    assert again.parts == first.parts
    assert after.parts["IRL-1"].projection.key != first.parts["IRL-1"].projection.key
    assert after.parts["IRL-1"].projection.as_of > first.parts["IRL-1"].projection.as_of
    assert len(folder_store.list("projections/IRL-1")) == 1


def _with_result(matches: pd.DataFrame) -> pd.DataFrame:
    """The season with its next match played."""
    row = matches.index[matches["status"] == "scheduled"][0]
    after = matches.copy()
    after.loc[row, ["status", "home_goals", "away_goals"]] = ["finished", 3, 0]
    return after


def test_a_part_carries_the_course_of_its_season(folder_store: ObjectStore, state: TeamState) -> None:
    """A step for each part that was replaced, three days apart; a new season begins with none."""
    matches = _season()
    days, made = (0, 1, 3, 4, 8), []
    for day in days:
        made.append(_update(folder_store, matches, state, NOW + dt.timedelta(days=day)).parts["IRL-1"])
        _update(folder_store, matches, state, NOW + dt.timedelta(days=day, hours=1))
        matches = _with_result(matches)
    course = made[-1].course
    next_season = _season(season="2027")
    other = _update(folder_store, next_season, state, NOW + dt.timedelta(days=9)).parts["IRL-1"]

    assert set(course) == {line.team.id for line in made[0].projection.teams}
    for line in made[0].projection.teams:
        steps = course[line.team.id]
        assert [step.at for step in steps] == [_seconds(days[0]), _seconds(days[2])]
        assert (steps[0].points, steps[0].expected_points) == (line.points, round(line.expected_points, 1))
    assert [len(part.course) for part in made[:2]] == [0, 10]
    assert (other.projection.season, other.course) == ("2027", {})


def _seconds(day: int) -> int:
    return int((NOW + dt.timedelta(days=day)).timestamp())


def test_what_did_not_change_is_not_put_together_again(
    folder_store: ObjectStore, state: TeamState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look costs 30 ms a league: there is one for another row, rating or day, also while a league waits."""
    looks: list[str] = []
    look = parts_module._look

    def counted(code: str, *more: Any) -> Any:
        looks.append(code)
        return look(code, *more)

    monkeypatch.setattr(parts_module, "_look", counted)
    matches = pd.concat([_season(), _season("MEX-1", "2025/2026")], ignore_index=True)
    other = replace(state, teams=state.teams.copy())
    other.teams["strength"][3] += 0.1
    hours = (NOW + dt.timedelta(hours=hour) for hour in range(10))
    steps: list[tuple[TeamState, dt.datetime, dict[str, float], list[str]]] = [
        (state, next(hours), {}, ["IRL-1", "MEX-1"]),
        (state, next(hours), {}, []),
        (other, next(hours), {"cpu_seconds": 0.0}, ["IRL-1", "MEX-1"]),  # the clubs have the same ids
        (other, next(hours), {"cpu_seconds": 0.0}, []),
        (other, next(hours), {}, ["IRL-1"]),
        (other, next(hours), {}, []),
        (other, NOW + dt.timedelta(days=1), {}, ["IRL-1", "MEX-1"]),
    ]
    for ratings, now, limit, expected in steps:
        looks.clear()
        update = _update(folder_store, matches, ratings, now, **limit)
        assert looks == expected
        assert set(update.parts) == {"IRL-1", "MEX-1"}
        assert update.carried == (("IRL-1",) if limit else ())
    looks.clear()
    matches.loc[matches.index[-1], "kickoff"] += pd.Timedelta(hours=1)
    _update(folder_store, matches, other, NOW + dt.timedelta(days=1))
    assert looks == ["MEX-1"]


def test_without_time_a_league_keeps_its_last_part(folder_store: ObjectStore, state: TeamState) -> None:
    """It carries the last part with its own `as_of`; a league without one is left out."""
    matches = _season()
    nothing = _update(folder_store, matches, state, cpu_seconds=-1.0)
    first = _update(folder_store, matches, state)
    row = matches.index[matches["status"] == "scheduled"][0]
    matches.loc[row, ["status", "home_goals", "away_goals"]] = ["finished", 3, 0]
    late = _update(folder_store, matches, state, NOW + dt.timedelta(hours=1), cpu_seconds=-1.0)

    assert (nothing.parts, nothing.carried) == ({}, ("IRL-1",))
    assert late.carried == ("IRL-1",)
    assert late.parts == first.parts


def test_a_damaged_part_is_made_again(folder_store: ObjectStore, state: TeamState) -> None:
    """Of the list and of a part alike."""
    first = _update(folder_store, _season(), state).parts
    listed = msgspec.json.decode(folder_store.read(LIST_KEY) or b"")["parts"]
    folder_store.write(listed["IRL-1"], b'{"clubs": ')

    assert read_parts(folder_store) == {}
    assert _update(folder_store, _season(), state).parts == first
    folder_store.write(LIST_KEY, b"[]")
    assert _update(folder_store, _season(), state).parts == first
    assert read_parts(folder_store) == first


def test_matches_that_do_not_count_move_nothing(folder_store: ObjectStore, state: TeamState) -> None:
    """A quarantined result is simulated as if it were not known."""
    matches = _season()
    plain = _update(folder_store, matches, state).parts["IRL-1"].projection
    row = matches.index[matches["status"] == "finished"][0]
    matches.loc[row, "quarantine"] = "twice on a day"
    without = _update(folder_store, matches, state).parts["IRL-1"].projection

    assert without.matches_left == plain.matches_left + 1


def test_more_meetings_than_told_are_a_reason_of_that_league_alone(
    folder_store: ObjectStore, state: TeamState
) -> None:
    """A pair that met five times in four rounds: the league says so and the rest is published."""
    matches = _season()
    five = pd.concat([matches.head(1).assign(match_id=f"more {number}") for number in range(5)])
    found = _update(folder_store, pd.concat([matches, five]), state)

    assert "more often than told" in found.parts["IRL-1"].projection.not_projected
    assert found.failed == {}


def test_an_hourly_update_takes_new_results_only(folder_store: ObjectStore, state: TeamState) -> None:
    """A fixture that moved waits for the daily run; a result does not."""
    matches = _season()
    first = _update(folder_store, matches, state)
    row = matches.index[matches["status"] == "scheduled"][0]
    matches.loc[row, "kickoff"] += pd.Timedelta(days=20)
    moved = _update(folder_store, matches, state, cpu_seconds=60.0)
    matches.loc[row, ["status", "home_goals", "away_goals"]] = ["finished", 3, 0]
    played = _update(folder_store, matches, state, cpu_seconds=60.0)

    assert (moved.computed, moved.carried) == ((), ("IRL-1",))
    assert moved.parts == first.parts
    assert played.computed == ("IRL-1",)


def test_the_one_that_waited_longest_comes_first(folder_store: ObjectStore, state: TeamState) -> None:
    """Two leagues with a new result each: the older part is simulated before the younger."""
    one, other = _season("SIM-1"), _season("SIM-2")
    said: list[str] = []

    def play(*frames: pd.DataFrame) -> None:
        for frame in frames:
            row = frame.index[frame["status"] == "scheduled"][0]
            frame.loc[row, ["status", "home_goals", "away_goals"]] = ["finished", 3, 0]

    def update(now: dt.datetime) -> None:
        said.clear()
        _update(folder_store, pd.concat([one, other]), state, now, is_simulated=True, say=said.append)

    update(NOW)
    play(one)
    update(NOW + dt.timedelta(hours=1))
    play(one, other)
    update(NOW + dt.timedelta(hours=2))

    assert [line.split(":")[0] for line in said] == ["SIM-2", "SIM-1"]


def test_leagues_of_the_simulated_feed_have_its_rules(folder_store: ObjectStore, state: TeamState) -> None:
    """They are told nowhere: two matches a pair, and the bands of a tier."""
    matches = _season("SIM-1", "2026").assign(tier=2)
    part = _update(folder_store, matches, state, is_simulated=True).parts["SIM-1"].projection

    assert [band.name for band in part.bands] == ["title", "promoted"]
    assert part.matches_left == 45


def test_an_awarded_result_counts_and_is_counted(folder_store: ObjectStore, state: TeamState) -> None:
    """A fixture that was awarded is a result of the table."""
    matches = _season()
    plain = _update(folder_store, matches, state).parts["IRL-1"].projection
    row = matches.index[matches["status"] == "scheduled"][0]
    matches.loc[row, ["status", "home_goals", "away_goals"]] = ["awarded", 3, 0]
    given = _update(folder_store, matches, state).parts["IRL-1"].projection

    assert (plain.awarded, given.awarded) == (0, 1)
    assert given.matches_left == plain.matches_left - 1
