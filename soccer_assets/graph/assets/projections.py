"""Projections: how each told league's season may end, simulated from the ratings of now."""

import datetime as dt
from collections.abc import Mapping

import dagster as dg
import numpy as np
import pandas as pd

from soccer_assets.clock import Clock
from soccer_assets.contract.projections import SeasonProjection
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.plots import projection_plot
from soccer_assets.graph.pages.values import markdown, table
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import months_between
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.projections import (
    MATCH_COLUMNS,
    SEASON_DAYS,
    ProjectionUpdate,
    band_rows,
    update_projections,
)

# The hourly run gives so much CPU time to competitions with something new; the others keep their last part.
HOURLY_CPU_SECONDS = 3.0
HOURLY = "refresh_hourly"


@dg.asset(
    key=["projections", "season"],
    # After the release: publishing neither waits for a simulation nor fails with it.
    deps=[["exports", "match"], ["features", "team_state"], ["releases", "current"]],
    group_name="projections",
    kinds={"python", "numpy"},
    owners=["team:models"],
    automation_condition=FOLLOW_UPSTREAM,
)
def season(
    context: dg.AssetExecutionContext,
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    object_store: dg.ResourceParam[ObjectStore],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """How each told league's season may end: expected points, final places, title and relegation.

    One part a competition, simulated 10,000 times from the strengths of today; one whose results, fixtures,
    ratings and rules are the last part's is not simulated again. What cannot be projected says why.
    """
    now = clock.now()
    manifest = feature_store.manifest()
    since, until = now - dt.timedelta(days=SEASON_DAYS), now + dt.timedelta(days=SEASON_DAYS)
    matches: pd.DataFrame = exports.read_matches(
        exports.manifest(manifest.snapshot_id), months_between(since, until), list(MATCH_COLUMNS)
    ).to_pandas()
    state = TeamState.from_bytes(feature_store.read_team_state(manifest))
    limit = HOURLY_CPU_SECONDS if context.run.job_name == HOURLY else None
    update = update_projections(object_store, matches, state, now, limit)
    for competition, why in update.failed.items():
        context.log.warning("%s keeps its last projection: %s", competition, why)
    return dg.MaterializeResult(metadata=_metadata(update, object_store.url))


def _metadata(update: ProjectionUpdate, store_url: str) -> Mapping[str, dg.MetadataValue]:
    told = [part for part in update.parts.values() if part.clubs]
    reasons = [part for part in update.parts.values() if part.not_projected]
    found: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(sum(len(part.clubs) for part in told)),
        "dagster/uri": dg.MetadataValue.text(f"{store_url}/projections"),
        "projected_competitions": dg.MetadataValue.int(len(told)),
        "simulated_now": dg.MetadataValue.text(", ".join(update.computed) or "none"),
        "kept_for_lack_of_time": dg.MetadataValue.text(", ".join(update.carried) or "none"),
        "kept_for_a_fault": dg.MetadataValue.md(markdown(("competition", "why"), update.failed.items())),
        "not_projected": dg.MetadataValue.md(
            markdown(("competition", "why"), ((one.competition, one.not_projected) for one in reasons))
        ),
    }
    found |= table("season_table", band_rows(told))
    newest = _largest(told)
    if newest is not None:
        found["final_places"] = projection_plot(
            f"{newest.competition} {newest.season}",
            [club.name for club in newest.clubs],
            np.array([club.places for club in newest.clubs]),
        ).metadata
    return found


def _largest(told: list[SeasonProjection]) -> SeasonProjection | None:
    """The one whose map is drawn: of the most matches left, the first by code."""
    return min(told, key=lambda part: (-part.matches_left, part.competition), default=None)
