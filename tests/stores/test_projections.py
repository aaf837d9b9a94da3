"""Stored projections: what is simulated anew, what is carried on, and what says why it is not projected."""

import datetime as dt
import itertools

import msgspec
import numpy as np
import pandas as pd
import pytest

from soccer_assets.contract.projections import PROJECTIONS_KEY, ProjectionList
from soccer_assets.football.features import compute_features
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.projections import read_projections, update_projections
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
    store: ObjectStore, matches: pd.DataFrame, state: TeamState, now: dt.datetime = NOW, **more: float
):
    return update_projections(store, matches, state, now, **({"seasons": 100} | more))


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
    found = _update(folder_store, matches, state).parts

    assert set(found) == {"ENG-1", "IRL-1", "MEX-1"}
    assert found["MEX-1"].not_projected.startswith("not projected: ")
    assert "10 clubs" in found["ENG-1"].not_projected
    part = found["IRL-1"]
    assert part.not_projected == ""
    assert part.matches_left == 180 - 45
    assert len(part.clubs) == 10
    assert np.allclose(sum(np.array(club.places) for club in part.clubs), 1, atol=1e-4)
    assert {band.name for band in part.bands} == set(part.clubs[0].bands)
    assert part.clubs[0].expected_points >= part.clubs[-1].expected_points
    assert {one.match_id for one in part.matches} <= set(matches["match_id"])
    assert read_projections(folder_store) == found


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
    assert after.parts["IRL-1"].key != first.parts["IRL-1"].key
    assert after.parts["IRL-1"].as_of > first.parts["IRL-1"].as_of
    assert len(folder_store.list("projections/IRL-1")) == 1


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
    listed = msgspec.json.decode(folder_store.read(PROJECTIONS_KEY) or b"", type=ProjectionList)
    folder_store.write(listed.parts["IRL-1"], b'{"clubs": ')

    assert read_projections(folder_store) == {}
    assert _update(folder_store, _season(), state).parts == first
    folder_store.write(PROJECTIONS_KEY, b"[]")
    assert _update(folder_store, _season(), state).parts == first
    assert read_projections(folder_store) == first


def test_matches_that_do_not_count_move_nothing(folder_store: ObjectStore, state: TeamState) -> None:
    """A quarantined result is simulated as if it were not known."""
    matches = _season()
    plain = _update(folder_store, matches, state).parts["IRL-1"]
    row = matches.index[matches["status"] == "finished"][0]
    matches.loc[row, "quarantine"] = "twice on a day"
    without = _update(folder_store, matches, state).parts["IRL-1"]

    assert without.matches_left == plain.matches_left + 1


def test_more_meetings_than_told_are_a_reason_of_that_league_alone(
    folder_store: ObjectStore, state: TeamState
) -> None:
    """A pair that met five times in four rounds: the league says so and the rest is published."""
    matches = _season()
    five = pd.concat([matches.head(1).assign(match_id=f"more {number}") for number in range(5)])
    found = _update(folder_store, pd.concat([matches, five]), state)

    assert "more often than told" in found.parts["IRL-1"].not_projected
    assert found.failed == {}
