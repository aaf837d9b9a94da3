"""Reads which release is current and what the kept releases consist of, for every part of the graph.

Not here: how a release is written (``releases/publish.py``), and the sidecar's reader.
"""

from collections.abc import Iterator

from soccer_assets.contract.release import MANIFEST_FILE, POINTER_KEY, Manifest, Pointer, release_key
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.stored_json import read_stored


def read_pointer(store: ObjectStore) -> Pointer | None:
    """The current release; None before the first."""
    return read_stored(store.read, POINTER_KEY, Pointer)


def read_manifest(store: ObjectStore, release_id: str) -> Manifest | None:
    """The manifest of a release; None where it is lost."""
    return read_stored(store.read, release_key(release_id, MANIFEST_FILE), Manifest)


def current_manifest(store: ObjectStore) -> Manifest | None:
    """The manifest of the current release; None before the first, and where it is lost."""
    pointer = read_pointer(store)
    return None if pointer is None else read_manifest(store, pointer.release_id)


def kept_manifests(store: ObjectStore) -> Iterator[Manifest]:
    """The manifests of all kept releases, but for one that is pruned meanwhile."""
    for key in store.list("releases/"):
        if key.endswith(f"/{MANIFEST_FILE}") and (manifest := read_stored(store.read, key, Manifest)):
            yield manifest
