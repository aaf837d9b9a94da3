"""The check of the downloads: every file that the index names is in the store, whole."""

import hashlib

import dagster as dg

from soccer_assets.contract.download_files import DOWNLOADS_KEY, DownloadsIndex, download_key
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import decoded


@dg.asset_check(asset=["downloads", "files"], name="files_are_whole", blocking=True)
def files_are_whole(object_store: dg.ResourceParam[ObjectStore]) -> dg.AssetCheckResult:
    """Every file that the index names is in the store and has its hash.

    Delete a damaged one and run again.
    """
    index = decoded(DOWNLOADS_KEY, object_store.read(DOWNLOADS_KEY) or b"", DownloadsIndex)
    damaged = [
        file.name
        for file in index.files
        if hashlib.sha256(object_store.read(download_key(file.sha256, file.format)) or b"").hexdigest()
        != file.sha256
    ]
    return dg.AssetCheckResult(
        passed=not damaged,
        description=f"damaged or missing: {', '.join(damaged)}" if damaged else None,
        metadata={"damaged": len(damaged), "files": len(index.files)},
    )
