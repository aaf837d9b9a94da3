"""The ground of a match from the row to the release: neutral, and at home for the side named second."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from soccer_assets.clock import parse_instant
from soccer_assets.contract.release import CHAMPION
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.identity import mint_match_id
from soccer_assets.football.records import RawMatch, Venue
from tests.builders import COMPETITIONS, raw_match, two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.graph.assets.test_refresh import HOURLY, bodies

GROUND = Venue("Park of B", "Testtown")
CUP = msgspec.structs.replace(load_competitions()["ENG-LC"], country="Testland")
FIRST, SECOND = "TST-1 team A", "TST-1 team B"


@pytest.fixture
def answer(graph: Graph, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., dict[str, Any]]:
    """What the release says of a cup's match after an hourly run; home matches of B tell its ground."""
    league = [
        msgspec.structs.replace(row, venue=GROUND) if row.home_team == SECOND else row
        for row in two_leagues()
    ]
    monkeypatch.setattr(graph.feed, "competitions", lambda: COMPETITIONS | {CUP.code: CUP})
    graph.feed.items = list(league)
    graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01"))

    def read(home: str, away: str, **changes: Any) -> dict[str, Any]:
        cup_match: RawMatch = raw_match(
            source_match_id="cup",
            payload={"id": "cup"},
            competition=CUP.code,
            kickoff=parse_instant("2025-05-02T19:00:00Z"),
            home_team=home,
            away_team=away,
            **changes,
        )
        graph.feed.items = [*league, cup_match]
        assert graph.run(*HOURLY).success
        return bodies(graph, tmp_path)[mint_match_id("fake", "cup"), CHAMPION]

    return read


def test_a_final_of_a_cup_is_served_neutral_whichever_side_is_named_first(answer):
    """Exchanged sides have exchanged probabilities and goals to 1e-9; a semi-final has a home side."""
    one, other = (answer(*sides, round="Final") for sides in ((FIRST, SECOND), (SECOND, FIRST)))
    at_home = answer(FIRST, SECOND, round="Semi-finals")

    assert (one["neutral"], other["neutral"], at_home["neutral"]) == (True, True, False)
    assert one["home_team"] == other["away_team"]
    assert one["p_home"] == pytest.approx(other["p_away"], abs=1e-9)
    assert one["p_draw"] == pytest.approx(other["p_draw"], abs=1e-9)
    assert one["p_away"] == pytest.approx(other["p_home"], abs=1e-9)
    assert one["expected_goals"]["home"] == pytest.approx(other["expected_goals"]["away"], abs=1e-9)
    assert at_home["p_home"] - one["p_home"] > 0.01


def test_a_finalist_named_second_at_its_own_ground_is_served_as_at_home(answer):
    """The answer keeps the order of the names; its numbers are those of the same match at home."""
    named_second, named_first = (
        answer(*sides, round="Final", venue=GROUND) for sides in ((FIRST, SECOND), (SECOND, FIRST))
    )

    assert (named_second["neutral"], named_first["neutral"]) == (False, False)
    assert named_second["home_team"]["name"] == FIRST
    assert named_second["p_away"] == pytest.approx(named_first["p_home"], abs=1e-12)
    assert named_second["p_home"] == pytest.approx(named_first["p_away"], abs=1e-12)
    assert named_second["expected_goals"]["away"] == pytest.approx(named_first["expected_goals"]["home"])
    assert [reason["log_odds"] for reason in named_second["reasons"]] == pytest.approx(
        [-reason["log_odds"] for reason in named_first["reasons"]]
    )
