"""Copies the objects of a store into an archive, and says what the copied state refers to."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from soccer_assets.contract.history_parts import HistoryIndex, history_key
from soccer_assets.contract.release import MANIFEST_FILE, POINTER_KEY, Manifest, Pointer, release_key
from soccer_assets.contract.season_projection import projections_key
from soccer_assets.operations.backup.archive import ArchiveWriter
from soccer_assets.operations.backup.progress import Progress
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores import exports
from soccer_assets.stores.exports import CurrentExport, ExportManifest
from soccer_assets.stores.features import store as features
from soccer_assets.stores.features.store import FeatureManifest
from soccer_assets.stores.history.parts import decompress
from soccer_assets.stores.ledger import parquet_copy
from soccer_assets.stores.ledger.parquet_copy import LedgerCopy
from soccer_assets.stores.releases.backup_lease import LEASE_KEY
from soccer_assets.stores.stored_json import decoded

# Named by their content, or by a number that is never used again: written once.
_WRITTEN_ONCE = re.compile(
    r"exports/(match|match_raw|manifests)/|features/(match_features|team_state)/"
    r"|predictions/ledger/(entries|scores)/|releases/[^/]+/|model/scorecards/|history/[0-9a-f]{64}"
)
_READERS = 8


def is_written_once(key: str) -> bool:
    """Whether an object never changes."""
    return _WRITTEN_ONCE.match(key) is not None


def written_once(store: ObjectStore) -> list[str]:
    """Keys of the objects that never change, without those of releases that are not finished."""
    keys = [key for key in store.list("") if is_written_once(key)]
    finished = {key.removesuffix(MANIFEST_FILE) for key in keys if _is_manifest(key)}
    return [key for key in keys if not key.startswith("releases/") or f"{key.rsplit('/', 1)[0]}/" in finished]


def read_changing(store: ObjectStore) -> dict[str, bytes]:
    """Every object that is written again and again, but the pointer; each is small."""
    keys = [key for key in store.list("") if not is_written_once(key)]
    found = {key: store.read(key) for key in keys if key not in {POINTER_KEY, LEASE_KEY}}
    return {key: data for key, data in found.items() if data is not None}


def copy_objects(
    store: ObjectStore, keys: Iterable[str], writer: ArchiveWriter, folder: str, progress: Progress
) -> None:
    """Copy objects into a folder of the archive, where it lacks them; some are pruned meanwhile."""
    wanted = [key for key in keys if f"{folder}/{key}" not in writer.files]

    def copy(key: str) -> None:
        try:
            with store.filesystem.open(store.path(key), "rb") as source:
                writer.copy(f"{folder}/{key}", source)
        except FileNotFoundError:
            return

    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        for done, _ in enumerate(pool.map(copy, wanted), 1):
            progress.at(done, len(wanted))


def referred(read: Callable[[str], bytes | None]) -> Iterator[tuple[str, str]]:
    """Key and hash of each object that the pointer and the other current objects refer to.

    Args:
        read: reads an object of the copied state.
    """
    yield from _of_release(read)
    if data := read(exports.CURRENT_KEY):
        current = decoded(exports.CURRENT_KEY, data, CurrentExport)
        name = f"exports/manifests/{current.snapshot_id}.json"
        if manifest := read(name):
            tables = decoded(name, manifest, ExportManifest).tables
            yield from ((part.key, part.sha256) for table in tables.values() for part in table.parts)
    if data := read(parquet_copy.MANIFEST_KEY):
        copy = decoded(parquet_copy.MANIFEST_KEY, data, LedgerCopy)
        yield from ((part.key, part.sha256) for table in (copy.entries, copy.scores) for part in table.parts)
    if data := read(features.CURRENT_KEY):
        found = decoded(features.CURRENT_KEY, data, FeatureManifest)
        yield from ((part.key, part.sha256) for part in found.table.parts)
        yield from ((state.key, state.sha256) for state in (found.team_state, *found.checkpoints))


def lost(read: Callable[[str], bytes | None], hashes: Mapping[str, str]) -> list[str]:
    """Keys that the copied state refers to and that were not copied with the hash that it names."""
    return sorted(key for key, sha256 in referred(read) if hashes.get(key) != sha256)


def _of_release(read: Callable[[str], bytes | None]) -> Iterator[tuple[str, str]]:
    data = read(POINTER_KEY)
    if data is None:
        return
    pointer = decoded(POINTER_KEY, data, Pointer)
    key = release_key(pointer.release_id, MANIFEST_FILE)
    yield key, pointer.manifest_sha256
    if manifest := read(key):
        for name, entry in decoded(key, manifest, Manifest).files.items():
            yield release_key(pointer.release_id, name), entry.sha256
    if pointer.projections is not None:
        yield projections_key(pointer.release_id, pointer.projections), pointer.projections.sha256
    if pointer.history is not None:
        yield from _of_history(read, pointer.history.sha256)


def _of_history(read: Callable[[str], bytes | None], sha256: str) -> Iterator[tuple[str, str]]:
    """The index, and every part that it names."""
    yield history_key(sha256), sha256
    if data := read(history_key(sha256)):
        index = decoded(history_key(sha256), decompress(data), HistoryIndex)
        hashes = [part.sha256 for part in index.seasons] + [part.sha256 for part in index.teams]
        yield from ((history_key(one), one) for one in hashes)


def _is_manifest(key: str) -> bool:
    return key.startswith("releases/") and key.endswith(f"/{MANIFEST_FILE}")
