"""A disk that is full while `soccer up` runs on it: nothing stays down, look-ups are answered, it is told."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.down_parts import read_down_parts
from soccer_assets.alerting.subscribers import Subscribers
from tests.operations.kills import BESIDE, System, kill_whole, running_system, wait_until
from tests.test_disk_full import fill

pytestmark = pytest.mark.trial

# A built home of two leagues takes 130 MB, most of it caches.
DISK_MB = 400
# Longer than a heartbeat of the daemon (30 s) and two checks of the watchdog (15 s).
FULL_SECONDS = 45.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """The whole system on a disk of its own; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        with running_system(folder / "home", 2) as running:
            yield running
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_takes_nothing_down(system: System, httpserver: HTTPServer) -> None:
    """Every part but the sidecar is killed while nothing can be written: all come back, no look-up fails."""
    httpserver.expect_request("/told").respond_with_data("")
    alerts = Subscribers(system.stack.home / "alerts.json")
    alerts.subscribe(f"json://127.0.0.1:{httpserver.port}/told")
    sidecar = system.pid("sidecar")
    with system.client() as client:
        filler = fill(system.stack.home.parent)
        full_since = time.monotonic()
        told = wait_until(
            lambda: any("is full" in request.get_data(as_text=True) for request, _ in httpserver.log)
        )
        for part in BESIDE:
            before = system.pid(part)
            assert before is not None
            kill_whole(psutil.Process(before))
            wait_until(lambda: system.pid(part) not in (before, None))  # noqa: B023
        wait_until(lambda: time.monotonic() - full_since > FULL_SECONDS)
        still_down = read_down_parts(system.stack.home)
        filler.unlink()
        healed = wait_until(lambda: all(system.works(part) for part in BESIDE))
        answered = client.answered
        wait_until(lambda: client.answered > answered + 5)
    row = (
        f"| full disk | {client.answered} | {len(client.failed)} | told after {told:.0f} s | {healed:.1f} s |"
    )
    print(row)  # noqa: T201 - the table of the trial

    assert client.failed == []
    assert system.pid("sidecar") == sidecar
    assert still_down == []
    assert read_down_parts(system.stack.home) == []
    assert system.stack.process.poll() is None
