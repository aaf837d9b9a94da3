"""Finds a model's file in the kept releases by its hash."""

import hashlib

import msgspec

from soccer_assets.contract.release import MANIFEST_FILE, MODEL_FILE, Manifest, release_key
from soccer_assets.resources.object_store import ObjectStore


def released_model(store: ObjectStore, sha256: str) -> bytes | None:
    """The file of the model with this hash; None where no kept release serves it.

    Every release has its champion's file, so a champion is found here when the registry has lost it.
    """
    for key in store.list("releases"):
        if not key.endswith(f"/{MANIFEST_FILE}"):
            continue
        encoded = store.read(key)
        if encoded is None:  # pruned meanwhile
            continue
        manifest = msgspec.json.decode(encoded, type=Manifest)
        entry = manifest.files.get(MODEL_FILE)
        if entry is not None and entry.sha256 == sha256:
            data = store.read(release_key(manifest.release_id, MODEL_FILE))
            if data is not None and hashlib.sha256(data).hexdigest() == sha256:
                return data
    return None
