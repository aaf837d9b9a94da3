"""The check of the history: the index that the pointer names, and its parts, are in the store."""

import dagster as dg

from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.history.parts import lost_parts
from soccer_assets.stores.release_manifests import read_pointer


@dg.asset_check(asset=["history", "parts"], name="index_is_whole", blocking=True)
def index_is_whole(object_store: dg.ResourceParam[ObjectStore]) -> dg.AssetCheckResult:
    """The index has the hash that the pointer names, and every part that it lists is in the store.

    The next run makes a lost part anew.
    """
    pointer = read_pointer(object_store)
    if pointer is None or pointer.history is None:
        return dg.AssetCheckResult(passed=True, description="nothing is published yet")
    lost = lost_parts(object_store, pointer.history.sha256)
    return dg.AssetCheckResult(
        passed=not lost,
        description=f"{len(lost)} objects are missing: {', '.join(lost[:3])}" if lost else None,
        metadata={"lost": len(lost), "index": pointer.history.sha256},
    )
