"""The history beside a release: what the sidecar's pages need of past matches, a part a season."""

import dagster as dg

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.values import size
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.features.store import FeatureStore
from soccer_assets.stores.history.parts import HistorySource, update_history
from soccer_assets.stores.history.strengths import strengths_of
from soccer_assets.stores.releases.publish import Releases


@dg.asset(
    key=["history", "parts"],
    # After the release: publishing neither waits for the history nor fails with it. The history follows the
    # release, and a new release takes the last index along.
    deps=[["features", "match_features"], ["predictions", "ledger"], ["releases", "current"]],
    group_name="history",
    kinds={"python", "json"},
    owners=["team:serving"],
    automation_condition=FOLLOW_UPSTREAM,
)
def parts(
    context: dg.AssetExecutionContext,
    database: dg.ResourceParam[Database],
    feature_store: dg.ResourceParam[FeatureStore],
    object_store: dg.ResourceParam[ObjectStore],
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Past matches with their official forecasts, strengths before kickoff, and tables: a part a season.

    Parts are named by the hash of their content and never changed; the index that the release's pointer names
    lists them. Only seasons with a changed match or a new forecast are written again.
    """
    source = HistorySource(
        database=database,
        strengths_of=strengths_of(feature_store, feature_store.manifest()),
        feed=feed.name,
        is_simulated=feed.is_simulated,
        now=clock.now(),
    )
    update = update_history(object_store, source, context.log.info)
    is_new = releases.publish_history(update.entry)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(update.entry.sha256),
        metadata={
            "dagster/row_count": sum(season.matches for season in update.index.seasons),
            "dagster/uri": f"{object_store.url}/history",
            "seasons": len(update.index.seasons),
            "teams": sum(country.teams for country in update.index.teams),
            "size": size(sum(season.bytes for season in update.index.seasons)),
            "parts_written": update.written,
            "written": size(update.bytes_written),
            "is_made_anew": update.is_whole,
            "is_published_now": is_new,
        },
    )
