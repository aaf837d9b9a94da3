"""Features: each match's state before kickoff, and the team state that the next match starts from."""

from collections.abc import Iterator

import dagster as dg

from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.columns import feature_schema
from soccer_assets.graph.pages.lineage import table_metadata
from soccer_assets.graph.pages.values import size
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.features.update import update_features


@dg.multi_asset(
    name="features",
    group_name="features",
    specs=[
        dg.AssetSpec(
            ["features", "team_state"],
            deps=[["exports", "match"]],
            description="Every team's ratings and form after its last known match: what the next match "
            "starts from, in the graph and in the sidecar alike. States of each July and the newest months "
            "are kept beside it as checkpoints: a late or corrected result is "
            "replayed from the last earlier one.",
            kinds={"python", "numpy"},
            owners=["team:models"],
            automation_condition=FOLLOW_UPSTREAM,
        ),
        dg.AssetSpec(
            ["features", "match_features"],
            deps=[["exports", "match"]],
            description="What was known about each match before its kickoff, one row a match: ratings, form, "
            "rest, averages of its competition. No row uses its own match or anything after kickoff.",
            kinds={"python", "parquet"},
            owners=["team:models"],
            automation_condition=FOLLOW_UPSTREAM,
            metadata=table_metadata("features/match_features", feature_schema(FEATURE_NAMES)),
        ),
    ],
)
def features(
    exports: dg.ResourceParam[Exports],
    object_store: dg.ResourceParam[ObjectStore],
) -> Iterator[dg.MaterializeResult]:
    """Ratings and form of every match of the current snapshot, recomputed from the first change on."""
    update = update_features(object_store, exports.manifest())
    manifest, state = update.manifest, update.state
    yield dg.MaterializeResult(
        asset_key=["features", "team_state"],
        data_version=dg.DataVersion(manifest.team_state.sha256),
        metadata={
            "dagster/row_count": len(state.team_names),
            "dagster/uri": f"{object_store.url}/{manifest.team_state.key}",
            "competitions": len(state.competition_names),
            "checkpoints": len(manifest.checkpoints),
            "snapshot_id": manifest.snapshot_id,
        },
    )
    yield dg.MaterializeResult(
        asset_key=["features", "match_features"],
        data_version=dg.DataVersion(manifest.snapshot_id),
        metadata={
            "dagster/row_count": manifest.table.rows,
            "dagster/uri": f"{object_store.url}/features/current.json",
            "feature_count": len(manifest.feature_names),
            "size": size(manifest.table.bytes),
            "replayed_from": update.replayed_from or "nothing changed",
            "months_written": len(manifest.months_written) if update.replayed_from else 0,
            "snapshot_id": manifest.snapshot_id,
        },
    )
