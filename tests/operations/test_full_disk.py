"""A full disk under a running `soccer up`: nothing stays down, look-ups are answered, it is told once."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.down_parts import read_down_parts
from soccer_assets.alerting.subscribers import Subscribers
from tests.operations.kills import BESIDE, Client, System, kill_whole, running_system, wait_until
from tests.test_disk_full import fill

pytestmark = pytest.mark.trial

# A built home of two leagues takes 130 MB, most of it caches; from 1 GB free on the disk is well again.
DISK_MB = 1600
# Longer than a heartbeat of the daemon (30 s) and two checks of the watchdog (15 s).
FULL_SECONDS = 45.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """The whole system on a disk of its own; only root can mount one. Its logs are kept."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with running_system(folder / "home", 2, shares_caches=False) as running:
            yield running
    finally:
        logs = tmp_path / "logs"
        logs.mkdir()
        for log in (folder / "home" / "run").glob("*.log"):
            shutil.copy(log, logs)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _disk_alerts(httpserver: HTTPServer) -> list[dict[str, Any]]:
    messages = [request.get_json() for request, _ in httpserver.log]
    return [alert for message in messages for alert in message["alerts"] if alert["kind"] == "disk"]


def test_a_full_disk_takes_nothing_down(system: System, httpserver: HTTPServer) -> None:
    """Every part is killed while nothing can be written: all come back; only what is in flight can fail."""
    httpserver.expect_request("/told").respond_with_data("")
    alerts = Subscribers(system.stack.home / "alerts.json")
    alerts.subscribe(f"json://127.0.0.1:{httpserver.port}/told")
    sidecar = system.pid("sidecar")
    workers = {worker.pid for worker in system.workers()}
    with system.client() as client:
        filler = fill(system.stack.home.parent)
        full_since = time.monotonic()
        told = wait_until(lambda: bool(_disk_alerts(httpserver)))
        for part in BESIDE:
            _kill(system, part)
        wait_until(lambda: time.monotonic() - full_since > FULL_SECONDS)
        failed_beside = list(client.failed)
        same_sidecar = (system.pid("sidecar"), {worker.pid for worker in system.workers()})
        system.workers()[0].kill()
        wait_until(lambda: len({worker.pid for worker in system.workers()} - workers) == 1)
        _wait_for_answers(client)
        _kill(system, "sidecar")
        _wait_for_answers(client)
        still_down = read_down_parts(system.stack.home)
        filler.unlink()
        healed = wait_until(lambda: all(system.works(part) for part in BESIDE))
        wait_until(lambda: _disk_alerts(httpserver)[-1]["transition"] == "recovered")
        _wait_for_answers(client)
    row = (
        f"| full disk | {client.answered} | {len(client.failed)} {sorted(set(client.failed))} | "
        f"{client.slowest:.2f} s | told after {told:.0f} s | {healed:.1f} s |"
    )
    print(row)  # noqa: T201 - the table of the trial

    assert failed_beside == []
    assert same_sidecar == (sidecar, workers)
    assert len(client.failed) <= 2  # in flight on the killed worker, and on the killed sidecar
    assert still_down == []
    assert read_down_parts(system.stack.home) == []
    assert system.stack.process.poll() is None
    begin, end = _disk_alerts(httpserver)
    assert (begin["transition"], end["transition"]) == ("new", "recovered")
    assert begin["dedup_key"] == end["dedup_key"]


def _kill(system: System, part: str) -> None:
    """Kill a part with all that it started, and wait until it is started again."""
    before = system.pid(part)
    assert before is not None
    kill_whole(psutil.Process(before))
    wait_until(lambda: system.pid(part) not in (before, None))


def _wait_for_answers(client: Client) -> None:
    answered = client.answered
    wait_until(lambda: client.answered > answered + 20)
