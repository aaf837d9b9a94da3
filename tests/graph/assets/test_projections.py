"""The asset of season projections: its page, what a release carries, and that no release depends on it."""

import datetime as dt

import dagster as dg
import msgspec
import pytest

from soccer_assets.contract.release import CHAMPION, Pointer
from soccer_assets.contract.season_projection import ProjectionsFile, projections_key
from soccer_assets.football.matches import MatchStatus
from soccer_assets.football.records import RawMatch
from soccer_assets.graph.assets import projections
from soccer_assets.graph.jobs import JOBS
from tests.builders import two_leagues
from tests.graph.assets.conftest import Graph, history_of
from tests.graph.assets.test_refresh import HOURLY, TO_RELEASE
from tests.models import elo_model

SEASON = "projections/season"


def _half_a_season() -> list[RawMatch]:
    """Two leagues of six clubs: 20 of 30 matches are played."""
    items = two_leagues(30)
    for place, match in enumerate(items):
        if place % 30 >= 20:
            kickoff = match.kickoff + dt.timedelta(days=40)
            items[place] = msgspec.structs.replace(
                match, kickoff=kickoff, status=MatchStatus.SCHEDULED, home_goals=None, away_goals=None
            )
    return items


@pytest.fixture
def filled(graph: Graph) -> Graph:
    """A graph whose two leagues are stored."""
    graph.feed.items = _half_a_season()
    assert graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01")).success
    return graph


def _published(graph: Graph) -> tuple[Pointer, ProjectionsFile]:
    pointer = graph.releases.pointer()
    data = graph.store.read(projections_key(pointer.release_id, pointer.projections))
    return pointer, msgspec.json.decode(data, type=ProjectionsFile)


def test_projections_follow_the_release_and_fail_without_it(
    filled: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has a table and a map. An asset that raises leaves a new release with the last projections."""
    result = filled.run(*HOURLY, SEASON)
    assert result.success, [event.message for event in result.get_step_failure_events()]

    shown = filled.metadata(result, SEASON)
    pointer, carried = _published(filled)
    assert shown["projected_competitions"] == len(carried.competitions) == 2
    assert shown["simulated_now"] == ", ".join(sorted(carried.competitions))
    assert shown["is_published_now"] is True
    assert len(shown["season_table"].records) == shown["dagster/row_count"] == 12
    assert "final_places" in shown
    for part in carried.competitions.values():
        assert part.projection.matches_left == 10
        assert {one.match_id for one in part.projection.matches}

    with monkeypatch.context() as undrawn:
        undrawn.setattr(projections, "projection_map", None)
        again = filled.metadata(filled.run(SEASON), SEASON)
    assert (again["simulated_now"], again["is_published_now"]) == ("none", False)
    assert again["final_places"] == shown["final_places"]

    def broken(*_arguments: object) -> None:
        raise RuntimeError("no projection today")

    monkeypatch.setattr(projections, "update_projections", broken)
    filled.registry.add(elo_model(0.9), CHAMPION)
    result = filled.run(*TO_RELEASE, SEASON)
    assert [event.step_key for event in result.get_step_failure_events()] == ["projections__season"]
    after, kept = _published(filled)
    assert after.release_id != pointer.release_id
    assert kept == carried


@pytest.mark.parametrize(
    "name", ["refresh_hourly", "refresh_daily", "retrain_model", "rollback_champion", "build_everything"]
)
def test_each_publishing_job_updates_projections_after_its_release(name: str) -> None:
    """Nothing of a release is behind them: it neither waits for a simulation nor fails with it."""
    (asset,) = [one for one in vars(projections).values() if isinstance(one, dg.AssetsDefinition)]
    assert dg.AssetKey(["releases", "current"]) in asset.dependency_keys
    (job,) = [job for job in JOBS if job.name == name]
    assert "projections" in str(job.selection) or job.selection == dg.AssetSelection.all()
