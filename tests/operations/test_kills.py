"""Every part of a running `soccer up` is killed while a client asks: what failed, how long, who heard.

`pytest -m trial -s tests/operations/test_kills.py` prints the table.
"""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.down_parts import read_down_parts
from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.operations.supervisor import MOST_ENDS
from tests.operations.kills import BESIDE, Client, System, kill_whole, running_system, wait_until
from tests.operations.test_up import Stack

pytestmark = pytest.mark.trial

WORKERS = 3


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, shared by all kills: each must leave it as it was."""
    with running_system(tmp_path_factory.mktemp("kills") / "home", WORKERS) as running:
        yield running


def _report(part: str, client: Client, back: float, told: str) -> None:
    print(  # noqa: T201 - the table of this trial
        f"| {part} | {client.answered} | {len(client.failed)} {sorted(set(client.failed))} | "
        f"{client.slowest:.2f} s | {back:.1f} s | {told} |"
    )


@pytest.mark.parametrize("part", BESIDE)
def test_a_killed_part_comes_back_and_no_look_up_fails(system: System, part: str) -> None:
    """Kill -9 of a part and all that it started."""
    before = system.pid(part)
    assert before is not None
    with system.client() as client:
        wait_until(lambda: client.answered > 5)
        kill_whole(psutil.Process(before))
        back = wait_until(lambda: system.pid(part) not in (before, None) and system.works(part))
        answered = client.answered
        wait_until(lambda: client.answered > answered + 5)
    _report(part, client, back, "no")

    assert client.failed == []
    assert system.stack.process.poll() is None
    assert read_down_parts(system.stack.home) == []


@pytest.mark.parametrize("part", BESIDE)
def test_a_part_that_hangs_comes_back_and_no_look_up_fails(system: System, part: str) -> None:
    """SIGSTOP: it lives, holds its files and sockets, and does nothing."""
    before = system.pid(part)
    assert before is not None
    with system.client() as client:
        wait_until(lambda: client.answered > 5)
        psutil.Process(before).suspend()
        back = wait_until(lambda: system.pid(part) not in (before, None) and system.works(part))
        answered = client.answered
        wait_until(lambda: client.answered > answered + 5)
        wait_until(lambda: read_down_parts(system.stack.home) == [])
    _report(f"{part}, stopped", client, back, "until it answers")

    assert client.failed == []


def test_a_sidecar_worker_that_hangs_is_replaced(system: System) -> None:
    """What waits for it fails or waits; the next connections are answered."""
    stopped = system.workers()[0]
    stopped.suspend()
    back = wait_until(lambda: not stopped.is_running() and len(system.workers()) == WORKERS)
    with system.client() as client:
        wait_until(lambda: client.answered > 20)
    _report("one of 3 sidecar workers, stopped", client, back, "no")

    assert client.failed == []


def test_a_killed_sidecar_worker_loses_only_what_it_had_in_flight(system: System) -> None:
    """One client has at most one request in flight; the worker is back, and so is its share of the load."""
    before = {worker.pid for worker in system.workers()}
    with system.client() as client:
        wait_until(lambda: client.answered > 5)
        system.workers()[0].kill()
        back = wait_until(lambda: len({worker.pid for worker in system.workers()} - before) == 1)
        answered = client.answered
        wait_until(lambda: client.answered > answered + 20)
    _report("one of 3 sidecar workers", client, back, "no")

    assert len(client.failed) <= 1


def test_a_killed_sidecar_listens_all_the_time(system: System) -> None:
    """Kill -9 of the server and its workers: connections wait for the next one, none is refused."""
    before = system.pid("sidecar")
    assert before is not None
    with system.client() as client:
        wait_until(lambda: client.answered > 5)
        kill_whole(psutil.Process(before))
        answered = client.answered
        with socket.create_connection(("127.0.0.1", system.stack.serving_port), timeout=2):
            pass
        back = wait_until(lambda: client.answered > answered + 5)
    _report("sidecar, whole", client, back, "no")

    assert len(client.failed) <= 1
    assert "ConnectError" not in client.failed


def test_a_killed_parent_of_the_sidecars_workers_leaves_none_behind(system: System) -> None:
    """Its workers are not its part's any more: they end, and the next server has its own."""
    before = system.pid("sidecar")
    assert before is not None
    orphans = system.workers()
    psutil.Process(before).kill()
    back = wait_until(lambda: system.pid("sidecar") not in (before, None))
    _, alive = psutil.wait_procs(orphans, timeout=300)
    wait_until(lambda: system.get("/ready").status_code == httpx.codes.OK)

    assert back < 30
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_a_part_that_dies_five_times_stays_down_and_is_told_once(
    system: System, httpserver: HTTPServer
) -> None:
    """The webserver dies at once each time; the others go on, and the subscribers hear of it."""
    httpserver.expect_request("/told").respond_with_data("")
    Subscribers(system.stack.home / "alerts.json").subscribe(
        f"json://127.0.0.1:{httpserver.port}/told", kinds=("process",)
    )
    with system.client() as client:
        for _ in range(MOST_ENDS):
            if read_down_parts(system.stack.home):
                break  # it was killed before, in this module
            before = system.pid("worker")
            assert before is not None
            kill_whole(psutil.Process(before))
            wait_until(
                lambda: bool(
                    system.pid("worker") not in (before, None) or read_down_parts(system.stack.home)  # noqa: B023
                )
            )
        back = wait_until(lambda: len(httpserver.log) == 1)
    _report("worker, five times", client, back, httpserver.log[0][0].get_json()["title"])

    assert [part.name for part in read_down_parts(system.stack.home)] == ["worker"]
    assert client.failed == []
    assert all(system.works(name) for name in BESIDE if name != "worker")


def test_a_killed_up_is_told_and_the_next_one_takes_over(system: System, httpserver: HTTPServer) -> None:
    """All children end but the watchdog, which tells; the next start recovers."""
    httpserver.expect_request("/told").respond_with_data("")
    alerts = Subscribers(system.stack.home / "alerts.json")
    for subscriber in alerts.all():
        alerts.unsubscribe(subscriber.id)
    alerts.subscribe(f"json://127.0.0.1:{httpserver.port}/told", kinds=("process",))
    system.stack.process.send_signal(signal.SIGKILL)
    told = wait_until(
        lambda: any("ended without being stopped" in _text(each[0].get_json()) for each in httpserver.log)
    )
    again = Stack(system.stack.home)
    try:
        again.wait_for("running; Ctrl-C stops everything")
        wait_until(
            lambda: any("recovered: soccer up" in _text(each[0].get_json()) for each in httpserver.log)
        )
    finally:
        again.stop()
    print(f"| soccer up | | | | told after {told:.1f} s, recovered by the next start |")  # noqa: T201


def _text(message: dict[str, str]) -> str:
    return f"{message['title']}\n{message['message']}"


def test_a_home_with_a_long_path_starts(tmp_path: Path) -> None:
    """A unix socket's path may hold 107 bytes, the home's has 200; nothing is left in the short folder."""
    home = tmp_path / ("d" * (199 - len(str(tmp_path)) if len(str(tmp_path)) < 190 else 9))
    stack = Stack(home, "--once")
    code = stack.process.wait(600)

    assert code == 0, stack.output
    assert not (home / "run" / "sockets.path").exists()
