"""Retention of stored files and runs. Matches, raw rows and the ledger are never removed.

Snapshots, features, releases, downloads, and parts of the ledger's copy and of the history are removed when
nothing refers to them. Old runs of scheduled jobs are removed, except those with an asset's last
materialisation; the compute logs of old runs are removed in either case. Nothing younger than a day is
removed: a run may be writing it, or a sidecar reading it. Dagster's own retention removes ticks
(`dagster.yaml`, `up.INSTANCE`), and the event stream is bounded by its length.
"""

import datetime as dt
from collections.abc import Iterable

import dagster as dg
import msgspec

from soccer_assets.contract.download_files import (
    DOWNLOADS_FOLDER,
    DOWNLOADS_KEY,
    DownloadsIndex,
    download_key,
)
from soccer_assets.contract.history_parts import HISTORY_FOLDER, marked_history
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores import exports
from soccer_assets.stores.exports import CurrentExport, ExportManifest
from soccer_assets.stores.features.store import find_features
from soccer_assets.stores.history.parts import STATE_KEY, HistoryState, named_keys
from soccer_assets.stores.ledger.parquet_copy import FOLDER, MANIFEST_KEY, read_copy
from soccer_assets.stores.release_manifests import read_pointer
from soccer_assets.stores.stored_json import decoded, decoded_or_none

KEPT_SNAPSHOTS = 30
KEPT_RELEASES = 30
KEPT_RUN_DAYS = 30

_MINIMUM_AGE = dt.timedelta(days=1)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# Dagster knows which partitions are materialised from the events of their runs alone.
_SCHEDULED_JOBS = (
    *("refresh_hourly", "refresh_daily", "prune_daily", "monitor_daily"),
    *("retrain_model", "rollback_champion"),
)


class PruneCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Number of removed items by kind."""

    snapshots: int
    parts: int
    releases: int
    history: int
    runs: int


def prune(store: ObjectStore, instance: dg.DagsterInstance, now: dt.datetime) -> PruneCounts:
    """Remove old files that nothing refers to, and old runs.

    Args:
        store: the object store of a home.
        instance: Dagster's storage of runs.
        now: real time, which dates files and runs.
    """
    snapshots, parts = _prune_snapshots(store, now)
    return PruneCounts(
        snapshots=snapshots,
        parts=parts
        + _prune_features(store, now)
        + _prune_ledger_copy(store, now)
        + _prune_downloads(store, now),
        releases=_prune_releases(store, now),
        history=_prune_history(store, now),
        runs=_prune_runs(instance, now),
    )


def _prune_snapshots(store: ObjectStore, now: dt.datetime) -> tuple[int, int]:
    manifests = {
        key: decoded(key, store.read(key) or b"", ExportManifest) for key in store.list("exports/manifests")
    }
    newest = sorted(manifests, key=lambda key: manifests[key].created_at, reverse=True)
    kept = set(newest[:KEPT_SNAPSHOTS]) | {
        key for key in newest if manifests[key].snapshot_id in _snapshots_in_use(store)
    }
    removed = _delete(store, (key for key in newest if key not in kept), now)
    used = {
        part.key
        for key in manifests.keys() - set(removed)
        for table in manifests[key].tables.values()
        for part in table.parts
    }
    parts = [*store.list("exports/match"), *store.list("exports/match_raw")]
    return len(removed), len(_delete(store, (key for key in parts if key not in used), now))


def _snapshots_in_use(store: ObjectStore) -> set[str]:
    used = set()
    if data := store.read(exports.CURRENT_KEY):
        used.add(decoded(exports.CURRENT_KEY, data, CurrentExport).snapshot_id)
    if features := find_features(store):
        used.add(features.snapshot_id)
    return used


def _prune_features(store: ObjectStore, now: dt.datetime) -> int:
    manifest = find_features(store)
    if manifest is None:
        return 0
    used = manifest.keys
    files = [*store.list("features/match_features"), *store.list("features/team_state")]
    return len(_delete(store, (key for key in files if key not in used), now))


def _prune_ledger_copy(store: ObjectStore, now: dt.datetime) -> int:
    copy = read_copy(store)
    if copy is None:
        return 0
    used = {part.key for table in (copy.entries, copy.scores) for part in table.parts} | {MANIFEST_KEY}
    return len(_delete(store, (key for key in store.list(FOLDER) if key not in used), now))


def _prune_downloads(store: ObjectStore, now: dt.datetime) -> int:
    data = store.read(DOWNLOADS_KEY)
    if data is None:
        return 0
    index = decoded(DOWNLOADS_KEY, data, DownloadsIndex)
    used = {download_key(file.sha256, file.format) for file in index.files} | {DOWNLOADS_KEY}
    return len(_delete(store, (key for key in store.list(DOWNLOADS_FOLDER) if key not in used), now))


def _prune_releases(store: ObjectStore, now: dt.datetime) -> int:
    current = read_pointer(store)
    if current is None:
        return 0
    files: dict[str, list[str]] = {}
    for key in store.list("releases"):
        if key.count("/") == 2:  # noqa: PLR2004 - releases/{release_id}/{file}
            files.setdefault(key.split("/")[1], []).append(key)
    written = {release: max(store.modified_at(key) for key in keys) for release, keys in files.items()}
    old = sorted(written, key=lambda release: written[release], reverse=True)[KEPT_RELEASES:]
    removed = [
        release for release in old if release != current.release_id and now - written[release] > _MINIMUM_AGE
    ]
    for release in removed:
        for key in files[release]:
            store.delete(key)
    return len(removed)


def _prune_history(store: ObjectStore, now: dt.datetime) -> int:
    """Remove parts that no kept release's index names; call it after the releases."""
    state = decoded_or_none(store.read(STATE_KEY), HistoryState)
    named = {state.index.sha256} if state else set[str]()
    current = read_pointer(store)
    if current is not None and current.history is not None:
        named.add(current.history.sha256)
    named |= {marked for key in store.list("releases") if (marked := marked_history(key)) is not None}
    used = {STATE_KEY}
    for sha256 in named:
        used |= named_keys(store, sha256)
    return len(_delete(store, (key for key in store.list(HISTORY_FOLDER) if key not in used), now))


def _prune_runs(instance: dg.DagsterInstance, now: dt.datetime) -> int:
    keys = instance.all_asset_keys()
    events = [instance.get_latest_materialization_event(key) for key in keys]
    kept = {event.run_id for event in events if event is not None}
    removed, before = 0, now - dt.timedelta(days=KEPT_RUN_DAYS)
    for run_id in instance.get_run_ids(dg.RunsFilter(statuses=_ENDED, created_before=before)):
        # A kept run has the same facts in its events; its compute logs are not needed.
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    for job in _SCHEDULED_JOBS:
        old = dg.RunsFilter(job_name=job, statuses=_ENDED, created_before=before)
        for run_id in instance.get_run_ids(old):
            if run_id not in kept:
                instance.delete_run(run_id)
                removed += 1
    return removed


def _delete(store: ObjectStore, keys: Iterable[str], now: dt.datetime) -> list[str]:
    old = [key for key in keys if now - store.modified_at(key) > _MINIMUM_AGE]
    for key in old:
        store.delete(key)
    return old
