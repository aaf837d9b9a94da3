"""Features: what was known about each match before its kickoff, and what the next match starts from."""

from collections.abc import Iterator

import dagster as dg

from soccer_assets.conditions import FOLLOW_UPSTREAM
from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.resources.exports import Exports
from soccer_assets.resources.feature_store import FeatureStore, match_table_of
from soccer_assets.resources.object_store import ObjectStore


@dg.multi_asset(
    name="features",
    group_name="features",
    specs=[
        dg.AssetSpec(
            ["features", "team_state"],
            deps=[["exports", "match"]],
            description="Every team's ratings and form after its last known match: what the next match "
            "starts from, in the graph and in the sidecar alike.",
            kinds={"python", "numpy"},
            owners=["team:models"],
            automation_condition=FOLLOW_UPSTREAM,
        ),
        dg.AssetSpec(
            ["features", "match_features"],
            deps=[["exports", "match"]],
            description="What was known about each match before its kickoff, one row a match: ratings, form, "
            "rest, the climate of its competition. No row sees its own match or anything after kickoff.",
            kinds={"python", "parquet"},
            owners=["team:models"],
            automation_condition=FOLLOW_UPSTREAM,
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[
                        dg.TableColumn("match_id", "string"),
                        *(dg.TableColumn(name, "double") for name in FEATURE_NAMES),
                    ]
                )
            },
        ),
    ],
)
def features(
    exports: dg.ResourceParam[Exports],
    feature_store: dg.ResourceParam[FeatureStore],
    object_store: dg.ResourceParam[ObjectStore],
) -> Iterator[dg.MaterializeResult]:
    """Ratings and form of every match of the current snapshot, in one pass in the order of time."""
    snapshot = exports.manifest()
    table, state = compute_features(match_table_of(exports.read_matches(snapshot)))
    manifest = feature_store.write(snapshot.snapshot_id, table, state)
    yield dg.MaterializeResult(
        asset_key=["features", "team_state"],
        data_version=dg.DataVersion(manifest.team_state_sha256),
        metadata={
            "dagster/row_count": len(state.team_names),
            "dagster/uri": f"{object_store.url}/{manifest.team_state_key}",
            "competitions": len(state.competition_names),
            "snapshot_id": manifest.snapshot_id,
        },
    )
    yield dg.MaterializeResult(
        asset_key=["features", "match_features"],
        data_version=dg.DataVersion(manifest.snapshot_id),
        metadata={
            "dagster/row_count": manifest.table.rows,
            "dagster/uri": f"{object_store.url}/features/current.json",
            "features": len(manifest.feature_names),
            "bytes": manifest.table.bytes,
            "snapshot_id": manifest.snapshot_id,
        },
    )
