"""Exports: both match tables as parquet in the object store, under one snapshot id."""

from collections.abc import Iterator

import dagster as dg

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed
from soccer_assets.graph import freshness
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.columns import column_schema
from soccer_assets.graph.pages.lineage import table_metadata
from soccer_assets.graph.pages.values import size
from soccer_assets.graph.retries import refused
from soccer_assets.resources.database import Database
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import MATCH_RAW_SCHEMA, MATCH_SCHEMA, Exports
from soccer_assets.stores.releases.origin import OriginRefusedError, require_origin


@dg.multi_asset(
    name="exports",
    group_name="exports",
    specs=[
        dg.AssetSpec(
            ["exports", "match_raw"],
            deps=[["matches", "match"]],
            description="The feed's rows as parquet: one immutable part a month, listed in a manifest "
            "that it shares with `exports/match`. A run writes only the months it changed.",
            kinds={"python", "parquet"},
            owners=["team:data"],
            automation_condition=FOLLOW_UPSTREAM,
            freshness_policy=freshness.EXPORTS,
            metadata=table_metadata("exports/match_raw", column_schema(MATCH_RAW_SCHEMA)),
        ),
        dg.AssetSpec(
            ["exports", "match"],
            deps=[["matches", "match"]],
            description="The normalised matches as parquet, under the same snapshot id as the raw ones: "
            "readers find both tables of a snapshot or neither.",
            kinds={"python", "parquet"},
            owners=["team:data"],
            automation_condition=FOLLOW_UPSTREAM,
            freshness_policy=freshness.EXPORTS,
            metadata=table_metadata("exports/match", column_schema(MATCH_SCHEMA)),
        ),
    ],
)
def exports(
    exports: dg.ResourceParam[Exports],
    database: dg.ResourceParam[Database],
    object_store: dg.ResourceParam[ObjectStore],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> Iterator[dg.MaterializeResult]:
    """Both tables; only the months that changed are written. Nothing of a lost or foreign database is."""
    with refused(OriginRefusedError):
        require_origin(database, object_store, is_simulated=feed.is_simulated)
    manifest, months_written = exports.update(clock.now())
    for name, table in manifest.tables.items():
        yield dg.MaterializeResult(
            asset_key=["exports", name],
            data_version=dg.DataVersion(manifest.snapshot_id),
            metadata={
                "dagster/row_count": table.rows,
                "dagster/uri": f"{object_store.url}/exports/manifests/{manifest.snapshot_id}.json",
                "snapshot_id": manifest.snapshot_id,
                "months": len(table.parts),
                "months_written": months_written[name],
                "size": size(table.bytes),
            },
        )
