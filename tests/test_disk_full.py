"""A full disk: an alert is sent, stored data stays intact, and the last release is served."""

import contextlib
import datetime as dt
import errno
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import sqlalchemy as sa
from litestar.testing import TestClient

from serving.app import create_app
from soccer_assets.alerting.disk_space import disk_conditions
from soccer_assets.football.matches import Window
from soccer_assets.resources.database import Database
from soccer_assets.resources.database_faults import DatabaseUnavailableError
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.stores.exports import Exports
from soccer_assets.stores.matches.normalise import update_matches
from soccer_assets.stores.matches.raw import store_raw
from soccer_assets.tables import match, match_raw
from tests.builders import COMPETITIONS, NOW, two_leagues
from tests.serving import processes
from tests.serving.builders import (
    READER,
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    write_keys,
    write_status,
)

WINDOW = Window(dt.date(2025, 1, 1), dt.date(2027, 1, 1))
DISK_MB = 24


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small separate disk; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
        while out.write(bytes(4096)):
            pass
    assert shutil.disk_usage(folder).free == 0
    return filler


def counts(database: Database) -> tuple[int, int, str]:
    """Raw rows, matches, and the database's own integrity check."""
    with database.reading() as connection:
        raw, matches = (
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (match_raw, match)
        )
        return raw, matches, str(connection.exec_driver_sql("PRAGMA integrity_check").scalar_one())


def test_a_full_disk_loses_nothing_and_the_last_release_answers(disk, migrated_file):
    """Ingest and export fail without a trace, the sidecar answers; with free space both work again."""
    file = disk / "soccer.db"
    file.write_bytes(migrated_file.read_bytes())
    database, store = Database(f"sqlite:///{file}"), ObjectStore(f"file://{disk}/store")
    first, all_rows = two_leagues(20), two_leagues(3000)

    def ingest(rows: list[object]) -> None:
        store_raw(database, rows, asset="livescores/history", source="fake", window=WINDOW, now=NOW)
        update_matches(database, COMPETITIONS, NOW)

    ingest(first)
    exports = Exports(store, database)
    manifest, _ = exports.update(NOW)
    make_release(disk / "store", [make_prediction("m1")])
    write_status(disk / "store")
    write_keys(disk / "store")
    settings = make_settings(disk)
    with TestClient(create_app(settings, scorer=StubScorer())) as sidecar:
        filler = fill(disk)

        with pytest.raises(DatabaseUnavailableError, match="the database has no space left on its disk"):
            ingest(all_rows)
        with pytest.raises(OSError, match="No space left") as fault:
            store.write("exports/match/never.parquet", bytes(DISK_MB * 2**20))

        assert fault.value.errno == errno.ENOSPC
        assert counts(database) == (len(first), len(first), "ok")
        assert exports.manifest() == manifest
        assert exports.read_matches(manifest).num_rows == len(first)
        (alert,) = disk_conditions(disk, NOW)
        assert (alert.kind, alert.subject, alert.what) == ("disk", str(disk), "is on a disk that is full")
        assert sidecar.get("/predict/m1", headers=READER).status_code == 200
    with TestClient(create_app(settings, scorer=StubScorer())) as restarted:
        assert restarted.get("/predict/m1", headers=READER).status_code == 200
    filler.unlink()
    ingest(all_rows)
    after, _ = exports.update(NOW)

    assert counts(database) == (len(all_rows), len(all_rows), "ok")
    assert exports.read_matches(after).num_rows == len(all_rows)
    assert not store.exists("exports/match/never.parquet")
    database.engine.dispose()


@pytest.mark.slow
def test_a_sidecar_worker_that_starts_on_a_full_disk_answers(disk: Path) -> None:
    """Its metrics lie in memory: a page of a file that the disk cannot hold would end it, again and again."""
    processes.publish(disk, "r1")
    write_status(disk / "store")
    write_keys(disk / "store")
    memory = Path("/dev/shm")  # noqa: S108 - read only
    with processes.sidecar(disk, 2) as (address, process):

        def workers() -> set[psutil.Process]:
            children = psutil.Process(process.pid).children()
            alive = (child for child in children if child.status() != psutil.STATUS_ZOMBIE)
            return {child for child in alive if "resource_tracker" not in str(child.cmdline())}

        processes.wait_until(lambda: processes.ready_release(address) == "r1")
        metrics = Path(psutil.Process(process.pid).environ()["PROMETHEUS_MULTIPROC_DIR"])
        before = workers()
        fill(disk)
        min(before, key=lambda worker: worker.pid).kill()
        processes.wait_until(lambda: len(workers() - before) == 1)
        (started,) = workers() - before
        processes.wait_until(lambda: answers(address) == [200] * 20)
        counted = 'soccer_http_requests_total{method="GET",route="/predict/{match_id}",status="200"}'

        assert counted in httpx.get(f"{address}/metrics", timeout=60).text
        assert started in workers()
        assert metrics.is_relative_to(memory)
    assert not metrics.exists()


def answers(address: str) -> list[int]:
    """The status of twenty look-ups, each on a connection of its own: they meet both workers."""
    found = []
    for _ in range(20):
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"{address}/predict/m1", headers=READER, timeout=60)
            found.append(answer.status_code)
    return found
