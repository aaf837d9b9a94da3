"""Downloads: what the home has said and found, as files."""

from collections.abc import Mapping

import dagster as dg
import pandas as pd

from soccer_assets.clock import Clock
from soccer_assets.feeds.feed_set import owners_of
from soccer_assets.feeds.protocol import Feed
from soccer_assets.feeds.terms import terms_of
from soccer_assets.graph.assets.predictions import UPCOMING
from soccer_assets.graph.automation_conditions import FOLLOW_UPSTREAM
from soccer_assets.graph.pages.values import size, table
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.downloads.files import DownloadSource, write_downloads
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.releases.publish import Releases


@dg.asset(
    key=["downloads", "files"],
    ins={"predictions": dg.AssetIn(UPCOMING, input_manager_key="parquet_io_manager")},
    # After what stands beside the release: publishing neither waits for files nor fails with them.
    deps=[
        *(["predictions", "ledger"], ["exports", "match"], ["releases", "current"]),
        *(["projections", "season"], ["history", "parts"]),
    ],
    group_name="downloads",
    kinds={"python", "parquet"},
    owners=["team:serving"],
    automation_condition=FOLLOW_UPSTREAM,
)
def files(
    predictions: pd.DataFrame,
    exports: dg.ResourceParam[Exports],
    object_store: dg.ResourceParam[ObjectStore],
    releases: dg.ResourceParam[Releases],
    feed: dg.ResourceParam[Feed],
    clock: dg.ResourceParam[Clock],
) -> dg.MaterializeResult:
    """Predictions, ledger with results, ratings, tables and projections as CSV and parquet.

    Files are named by the hash of their content. What a provider does not allow to hand on is left out.
    """
    pointer = releases.pointer()
    if pointer is None:
        raise dg.Failure("nothing is published yet; materialise releases/current first")
    index = write_downloads(
        DownloadSource(
            store=object_store,
            exports=exports,
            upcoming=predictions,
            pointer=pointer,
            feed=feed.name,
            is_simulated=feed.is_simulated,
            terms=terms_of(feed),
            owners=owners_of(feed),
            now=clock.now(),
        )
    )
    listed: list[Mapping[str, str | int]] = [
        {"file": one.name, "rows": one.rows, "size": size(one.bytes)} for one in index.files
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/uri": f"{object_store.url}/downloads",
            "release_id": index.release_id,
            "left_out": " ".join(index.left_out) or "nothing",
            **table("files", listed),
        }
    )
