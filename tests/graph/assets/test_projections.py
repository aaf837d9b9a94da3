"""The asset of season projections: what its page says, and that publishing does not depend on it."""

import dagster as dg
import pytest

from soccer_assets.graph.assets import projections
from soccer_assets.graph.jobs import JOBS
from soccer_assets.stores.projections import read_projections
from tests.builders import two_leagues
from tests.graph.assets.conftest import Graph, history_of

_STAGES = (
    *("matches/match", "matches/odds", "exports/match_raw", "exports/match"),
    *("features/team_state", "features/match_features", "projections/season"),
)


def test_the_asset_says_what_is_projected_and_what_is_not(graph: Graph) -> None:
    """Two leagues of a few clubs each: both say why there is no projection, none fails."""
    graph.feed.items = two_leagues()
    assert graph.run("livescores/history", tags=history_of("2025-03-01", "2025-04-01")).success
    result = graph.run(*_STAGES)
    assert result.success

    shown = graph.metadata(result, "projections/season")
    parts = read_projections(graph.store)
    assert parts
    for competition, part in parts.items():
        assert part.not_projected.startswith("not projected: ")
        assert competition in shown["not_projected"]
    assert shown["projected_competitions"] == 0
    assert shown["simulated_now"] == ", ".join(sorted(parts))


def test_no_asset_of_a_release_waits_for_projections() -> None:
    """The release is upstream: a projection that takes long or fails comes after it."""
    (asset,) = [one for one in vars(projections).values() if isinstance(one, dg.AssetsDefinition)]
    assert dg.AssetKey(["releases", "current"]) in asset.dependency_keys


@pytest.mark.parametrize("name", ["refresh_hourly", "refresh_daily", "retrain_model", "rollback_champion"])
def test_each_publishing_job_updates_projections(name: str) -> None:
    """What changed is projected after every release."""
    (job,) = [job for job in JOBS if job.name == name]
    assert "projections" in str(job.selection)
