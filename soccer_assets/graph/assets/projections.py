"""Projections: how each league's season may end, simulated from the ratings of now."""

from collections.abc import Mapping

import dagster as dg
import numpy as np

from soccer_assets.clock import Clock
from soccer_assets.contract.season_projection import SeasonProjection
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.plots import drawing_version, has_pages, projection_plot
from soccer_assets.graph.pages.values import markdown, table
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.projections.drawn_map import drawn_map
from soccer_assets.stores.projections.parts import ProjectionUpdate, table_rows, update_projections
from soccer_assets.stores.projections.season_ledger import (
    SeasonScores,
    mean_scores,
    settled_seasons,
    update_season_ledger,
)
from soccer_assets.stores.projections.source import read_source
from soccer_assets.stores.releases.publish import Releases

# The hourly run gives so much CPU time to competitions with a new result; the others keep their last part.
HOURLY_CPU_SECONDS = 3.0
HOURLY = "refresh_hourly"


@dg.asset(
    key=["projections", "season"],
    # After the release: publishing neither waits for a simulation nor fails with it. The projections follow
    # it, and a release takes the last ones along.
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
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """How each league's season may end: expected points, final places, title and relegation.

    One part a competition, simulated 10,000 times from the strengths of today; one whose results, fixtures,
    ratings and rules are the last part's is not simulated again. What cannot be projected says why.
    """
    source = read_source(exports, feature_store, feed, clock.now())
    limit = HOURLY_CPU_SECONDS if context.run.job_name == HOURLY else None
    update = update_projections(object_store, source, limit, context.log.info)
    for competition, why in update.failed.items():
        context.log.warning("%s keeps its last projection: %s", competition, why)
    is_new = releases.publish_projections(update.file())
    ledger = update_season_ledger(object_store, update.parts, source.now)
    return dg.MaterializeResult(
        metadata={
            **_metadata(update, object_store),
            **_scores(settled_seasons(object_store)),
            "is_published_now": is_new,
            "ledger_entries": ledger.recorded,
            "seasons_settled": ledger.settled,
        }
    )


def _metadata(update: ProjectionUpdate, store: ObjectStore) -> Mapping[str, dg.MetadataValue]:
    projections = [part.projection for part in update.parts.values()]
    told = [one for one in projections if one.teams]
    reasons = [(one.competition, one.not_projected) for one in projections if one.not_projected]
    found: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(sum(len(one.teams) for one in told)),
        "dagster/uri": dg.MetadataValue.text(f"{store.url}/projections"),
        "projected_competitions": dg.MetadataValue.int(len(told)),
        "simulated_now": dg.MetadataValue.text(", ".join(update.computed) or "none"),
        "kept_for_lack_of_time": dg.MetadataValue.text(", ".join(update.carried) or "none"),
        "kept_for_a_fault": dg.MetadataValue.md(markdown(("competition", "why"), update.failed.items())),
        "not_projected": dg.MetadataValue.md(markdown(("competition", "why"), reasons)),
    }
    found |= table("season_table", table_rows(told))
    drawn = _largest(told)
    if drawn is not None and has_pages():
        shows = f"{drawn.key} {drawing_version()}"
        image = drawn_map(store, shows, lambda: projection_map(drawn).value or "")
        found["final_places"] = dg.MetadataValue.md(image)
    return found


def projection_map(drawn: SeasonProjection) -> dg.MarkdownMetadataValue:
    """The map of a season's final places."""
    return projection_plot(
        f"{drawn.competition} {drawn.season}",
        [line.team.name for line in drawn.teams],
        np.array([line.places for line in drawn.teams]),
    ).metadata


def _scores(seasons: list[SeasonScores]) -> Mapping[str, dg.MetadataValue]:
    """A row a cut: how many seasons are over, and their mean RPS."""
    rows: list[Mapping[str, str | int]] = [
        {"share_played": f"{cut:.0%}", "seasons": count, "rps": f"{rps:.4f}"}
        for cut, (count, rps) in mean_scores(seasons).items()
    ]
    return table("settled_seasons", rows)


def _largest(told: list[SeasonProjection]) -> SeasonProjection | None:
    """The one whose map is drawn: of the most matches left, the first by code."""
    return min(told, key=lambda one: (-one.matches_left, one.competition), default=None)
