"""Releases: files, then manifest, then pointer, then event. The only way out of the graph."""

from collections.abc import Mapping
from functools import partial

import dagster as dg
import pandas as pd

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.graph.assets.predictions import UPCOMING
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.values import timestamp
from soccer_assets.graph.retries import refused
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.monitoring.result_latency import ResultLatency, result_latency
from soccer_assets.stores.releases.current_status import current_status
from soccer_assets.stores.releases.draft import ReleaseDrafts, StalePredictionsError
from soccer_assets.stores.releases.origin import OriginRefusedError, require_origin
from soccer_assets.stores.releases.publish import Releases


@dg.asset(
    key=["releases", "current"],
    ins={"predictions": dg.AssetIn(UPCOMING, input_manager_key="parquet_io_manager")},
    deps=[["predictions", "ledger"], ["features", "team_state"]],
    group_name="releases",
    kinds={"python", "sqlite"},
    owners=["team:serving"],
    automation_condition=FOLLOW_UPSTREAM,
    freshness_policy=freshness.RELEASES,
)
def current(
    context: dg.AssetExecutionContext,
    predictions: pd.DataFrame,
    database: dg.ResourceParam[Database],
    release_drafts: dg.ResourceParam[ReleaseDrafts],
    object_store: dg.ResourceParam[ObjectStore],
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """The release that the sidecar answers from.

    Predictions with their rendered bodies, the team state, the names of teams and competitions, the champion,
    and a manifest with the hash of each. The pointer is written last, then the event.
    """
    now = clock.now()
    with refused(OriginRefusedError):  # first: the status too is this database's
        origin = require_origin(database, object_store, is_simulated=feed.is_simulated)
    is_healed = releases.reconcile(now)
    lease = releases.lease()
    with refused(StalePredictionsError):
        content = release_drafts.draft(predictions, now)
    # Before the pointer: a sidecar that loads the first release finds its status too.
    status = releases.write_status(
        partial(current_status, database, feed, clock, context.instance, freshness.WATCHED), now
    )
    published = releases.publish(content.draft, content.model, content.team_state, now, lease, origin)
    manifest = published.manifest
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.release_id),
        metadata={
            "dagster/row_count": manifest.prediction_rows,
            "dagster/uri": f"{object_store.url}/releases/{manifest.release_id}",
            "release_id": manifest.release_id,
            "is_new_release": published.is_new,
            "is_event_published": published.is_announced,
            "lost_event_republished": is_healed,
            "champion": f"{content.champion.facts.recipe}, version {content.champion.version}",
            "ledger_head": manifest.ledger_head or "empty",
            "checked_at": timestamp(status.checked_at, "never"),
            "newest_result": timestamp(status.data_as_of, "no result yet"),
            "next_result_due": timestamp(status.next_expected_at, "no match is waiting for its result"),
            "result_latency": dg.MetadataValue.md(_latency_table(result_latency(database, now))),
        },
    )


def _latency_table(by_feed: Mapping[str, ResultLatency]) -> str:
    if not by_feed:
        return "no predicted match was played in the last 30 days"
    lines = ["| feed | matches | median hours | slowest hours |", "|---|---|---|---|"]
    lines += [
        f"| {feed} | {latency.matches} | {latency.median_hours:.1f} | {latency.slowest_hours:.1f} |"
        for feed, latency in by_feed.items()
    ]
    return "\n".join(lines)
