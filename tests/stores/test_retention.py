"""Retention: old, unreferenced items are removed, all others stay."""

import datetime as dt
import hashlib
import os
from pathlib import Path

import dagster as dg
import msgspec
import pyarrow as pa
import pytest

from soccer_assets.contract.download_files import (
    DOWNLOADS_KEY,
    DownloadFile,
    DownloadsIndex,
    download_key,
)
from soccer_assets.contract.history_parts import (
    HistoryIndex,
    SeasonEntry,
    SeasonPart,
    history_key,
    history_mark_key,
)
from soccer_assets.contract.release import POINTER_KEY, FileEntry, Pointer, release_key
from soccer_assets.graph.jobs import JOBS, monitor_daily
from soccer_assets.graph.maintenance import prune_daily
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.parquet_parts import Part, TableManifest
from soccer_assets.stores import exports
from soccer_assets.stores.exports import CurrentExport, ExportManifest
from soccer_assets.stores.retention import _SCHEDULED_JOBS, KEPT_RELEASES, KEPT_SNAPSHOTS, prune

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/store")


def _age(store: ObjectStore, key: str, days: float) -> None:
    written = (NOW - dt.timedelta(days=days)).timestamp()
    os.utime(store.path(key), (written, written))


def _snapshot(store: ObjectStore, number: int, days: float) -> None:
    """A snapshot with one own part and one shared part."""
    parts = {
        month: Part(month=month, key=f"exports/match/{month}.parquet", sha256="", rows=1, bytes=1)
        for month in ("shared", f"own-{number}")
    }
    table = TableManifest(columns={}, parts=tuple(parts.values()))
    created = (NOW - dt.timedelta(days=days)).isoformat()
    manifest = ExportManifest(
        schema_version=1, snapshot_id=f"s{number}", created_at=created, tables={"match": table}
    )
    key = f"exports/manifests/s{number}.json"
    store.write(key, msgspec.json.encode(manifest))
    for part in parts.values():
        store.write(part.key, b"rows")
        _age(store, part.key, days)
    _age(store, key, days)


def _prune(store: ObjectStore):
    with dg.DagsterInstance.ephemeral() as instance:
        return prune(store, instance, NOW)


def test_old_snapshots_go_with_the_parts_that_only_they_had(store):
    """The newest snapshots keep all their parts, including a shared one."""
    for number in range(KEPT_SNAPSHOTS + 2):
        _snapshot(store, number, days=2 + number)
    pointer = CurrentExport(snapshot_id="s0", change_no=1)
    store.write(exports.CURRENT_KEY, msgspec.json.encode(pointer))

    counts = _prune(store)

    assert (counts.snapshots, counts.parts) == (2, 2)
    assert store.exists("exports/match/shared.parquet")
    assert store.exists(f"exports/match/own-{KEPT_SNAPSHOTS - 1}.parquet")
    assert not store.exists(f"exports/match/own-{KEPT_SNAPSHOTS}.parquet")
    assert not store.exists(f"exports/manifests/s{KEPT_SNAPSHOTS + 1}.json")


def test_the_current_snapshot_stays_however_old(store):
    """A home that was stopped for a year keeps the objects of its pointer."""
    for number in range(KEPT_SNAPSHOTS + 1):
        _snapshot(store, number, days=2 + number)
    pointer = CurrentExport(snapshot_id=f"s{KEPT_SNAPSHOTS}", change_no=1)
    store.write(exports.CURRENT_KEY, msgspec.json.encode(pointer))

    counts = _prune(store)

    assert counts.snapshots == 0
    assert store.exists(f"exports/match/own-{KEPT_SNAPSHOTS}.parquet")


def test_files_to_download_go_when_no_index_names_them(store):
    """Those of the current index stay however old, and the index with them."""
    file = DownloadFile(name="ledger.csv", table="ledger", format="csv", sha256="0" * 64, bytes=4, rows=1)
    index = DownloadsIndex(
        schema_version=1,
        made_at="2025-04-25T08:57:00Z",
        release_id="r1",
        feed="simulated",
        is_simulated=True,
        attribution=(),
        left_out=(),
        files=(file,),
    )
    old = download_key("1" * 64, "csv")
    store.write(DOWNLOADS_KEY, msgspec.json.encode(index))
    for key in (DOWNLOADS_KEY, download_key(file.sha256, file.format), old):
        if key != DOWNLOADS_KEY:
            store.write(key, b"rows")
        _age(store, key, days=2)

    counts = _prune(store)

    assert counts.parts == 1
    assert store.list("downloads") == sorted([download_key(file.sha256, file.format), DOWNLOADS_KEY])


def test_what_is_younger_than_a_day_stays(store):
    """A part that a run wrote before its manifest is not removed."""
    store.write("exports/match/2026-03-new.parquet", b"rows")
    _age(store, "exports/match/2026-03-new.parquet", days=0.9)
    store.write("exports/match/2026-02-orphan.parquet", b"rows")
    _age(store, "exports/match/2026-02-orphan.parquet", days=1.1)

    counts = _prune(store)

    assert counts.parts == 1
    assert store.list("exports/match") == ["exports/match/2026-03-new.parquet"]


def test_old_releases_go_whole_and_the_current_one_stays(store):
    """The pointer's release stays even when newer ones were published and rolled back."""
    for number in range(KEPT_RELEASES + 3):
        for name in ("manifest.json", "predictions.sqlite"):
            store.write(release_key(f"r{number}", name), b"x")
            _age(store, release_key(f"r{number}", name), days=2 + number)
    current = f"r{KEPT_RELEASES + 2}"
    pointer = Pointer(
        schema_version=1, release_id=current, manifest_sha256="", model_version="1", published_at=""
    )
    store.write(POINTER_KEY, msgspec.json.encode(pointer))

    counts = _prune(store)

    assert counts.releases == 2
    assert store.exists(release_key(current, "manifest.json"))
    assert not store.exists(release_key(f"r{KEPT_RELEASES}", "predictions.sqlite"))
    assert store.exists(release_key("r0", "manifest.json"))


def _part(store: ObjectStore, content: msgspec.Struct, days: float) -> FileEntry:
    data = pa.compress(msgspec.json.encode(content), codec="zstd", asbytes=True)
    entry = FileEntry(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    store.write(history_key(entry.sha256), data)
    _age(store, history_key(entry.sha256), days)
    return entry


def test_parts_of_the_history_stay_as_long_as_a_release_that_was_served_with_them(store):
    """One part for each of three indexes: of the pointer, of a kept release, and of one that is pruned."""
    entries, parts = [], []
    for number in range(3):
        season = SeasonPart(
            schema_version=1, competition="A", season=f"{number}", tier=0, teams=(), models=(), matches=()
        )
        part = _part(store, season, days=40)
        season_entry = SeasonEntry("A", f"{number}", part.sha256, part.bytes, 0)
        index = HistoryIndex(schema_version=1, feed="toy", seasons=(season_entry,), teams=())
        entries.append(_part(store, index, days=40))
        parts.append(part)
    for number in range(KEPT_RELEASES + 1):
        of = entries[2 if number == KEPT_RELEASES else 1]
        for key in (release_key(f"r{number}", "manifest.json"), history_mark_key(f"r{number}", of.sha256)):
            store.write(key, b"x")
            _age(store, key, days=2 + number)
    pointer = Pointer(
        schema_version=1,
        release_id="r0",
        manifest_sha256="",
        model_version="1",
        published_at="",
        history=entries[0],
    )
    store.write(POINTER_KEY, msgspec.json.encode(pointer))

    counts = _prune(store)

    assert (counts.releases, counts.history) == (1, 2)
    assert [store.exists(history_key(part.sha256)) for part in parts] == [True, True, False]
    assert [store.exists(history_key(entry.sha256)) for entry in entries] == [True, True, False]


def test_a_run_that_holds_an_assets_last_materialisation_stays(store):
    """Only superseded runs of scheduled jobs are removed."""

    @dg.asset
    def thing() -> None:
        """Something."""

    job = dg.define_asset_job("refresh_hourly", [thing])
    definitions = dg.Definitions(assets=[thing], jobs=[job])
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=31)
    with dg.DagsterInstance.ephemeral() as instance:
        runs = [
            definitions.resolve_job_def("refresh_hourly").execute_in_process(instance=instance).run_id
            for _ in range(3)
        ]

        counts = prune(store, instance, later)

        assert counts.runs == 2
        assert [run.run_id for run in instance.get_runs()] == [runs[-1]]
        assert instance.get_latest_materialization_event(dg.AssetKey("thing")) is not None


def test_what_old_runs_printed_goes_and_a_backfills_run_stays(store, tmp_path):
    """The run that materialised a partition stays; its compute logs are removed."""

    @dg.asset
    def thing() -> None:
        """Something that prints."""
        print("loud")  # noqa: T201

    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=31)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        run_id = dg.materialize([thing], instance=instance).run_id
        logs = tmp_path / "storage" / run_id / "compute_logs"
        assert any(b"loud" in file.read_bytes() for file in logs.iterdir())

        prune(store, instance, NOW)
        assert logs.exists()
        prune(store, instance, later)

        assert not logs.exists()
        assert instance.has_run(run_id)


def test_every_job_that_starts_by_itself_is_pruned():
    """Old runs of scheduled jobs are removed; the first build, history read again and manual runs stay."""
    jobs = {job.name for job in (*JOBS, monitor_daily, prune_daily)}

    assert set(_SCHEDULED_JOBS) == jobs - {"build_everything", "reload_history"}
