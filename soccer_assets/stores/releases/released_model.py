"""Finds a model's file in the kept releases by its hash."""

import hashlib

from soccer_assets.contract.release import MODEL_FILE, release_key
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.release_manifests import kept_manifests


def released_model(store: ObjectStore, sha256: str) -> bytes | None:
    """The file of the model with this hash; None where no kept release serves it.

    Every release has its champion's file, so a champion is found here when the registry has lost it.
    """
    for manifest in kept_manifests(store):
        entry = manifest.files.get(MODEL_FILE)
        if entry is not None and entry.sha256 == sha256:
            data = store.read(release_key(manifest.release_id, MODEL_FILE))
            if data is not None and hashlib.sha256(data).hexdigest() == sha256:
                return data
    return None
