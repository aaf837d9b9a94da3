"""Every part of a running `soccer up` is killed while a client asks: what failed, how long, who heard.

`pytest -m trial -s tests/operations/test_kills.py` prints the table.
"""

import json
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
from tests.operations.kills import Client, kill_whole, wait_until
from tests.operations.test_up import Stack

pytestmark = pytest.mark.trial

WORKERS = 3
# Their end touches no look-up.
BESIDE = ("valkey", "dagster-code", "dagster-webserver", "dagster-daemon", "worker", "watchdog")


class System:
    """A `soccer up` with several sidecar workers, and a client that asks for a prediction of its release."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.key = (stack.home / "dev.key").read_text().strip()
        self.base = f"http://127.0.0.1:{stack.serving_port}"
        page = self.get("/predict/matches/?limit=1").json()
        self.look_up = f"{self.base}/predict/{page['items'][0]['match_id']}"

    def get(self, path: str) -> httpx.Response:
        """An answer of the sidecar."""
        return httpx.get(f"{self.base}{path}", headers={"X-API-Key": self.key}, timeout=30, trust_env=False)

    def client(self) -> Client:
        """A client that asks for as long as its context lasts."""
        return Client(self.look_up, self.key)

    def pid(self, name: str) -> int | None:
        """The process id of a part, None while it has none."""
        for child in json.loads((self.stack.home / "run" / "children.json").read_bytes()):
            if child["name"] == name:
                return int(child["pid"])
        return None

    def works(self, name: str) -> bool:
        """Whether a part does its work, not only runs."""
        pid = self.pid(name)
        if pid is None or not psutil.pid_exists(pid):
            return False
        graphql = f"http://127.0.0.1:{self.stack.dagster_port}/graphql"
        query = {
            "dagster-webserver": "{ version }",
            "dagster-code": '{ repositoryOrError(repositorySelector: {repositoryName: "__repository__", '
            'repositoryLocationName: "soccer_assets"}) { __typename } }',
        }.get(name)
        if query is not None:
            try:
                answer = httpx.post(graphql, json={"query": query}, timeout=30, trust_env=False).json()
            except httpx.TransportError:
                return False
            return name != "dagster-code" or answer["data"]["repositoryOrError"]["__typename"] == "Repository"
        if name == "valkey":
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(self.stack.home / "run" / "sockets" / "valkey.sock"))
                except OSError:
                    return False
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        return True

    def workers(self) -> list[psutil.Process]:
        """The sidecar's worker processes."""
        pid = self.pid("sidecar")
        assert pid is not None
        return [
            child
            for child in psutil.Process(pid).children()
            if "resource_tracker" not in str(child.cmdline())
        ]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, shared by all kills: each must leave it as it was."""
    stack = Stack(tmp_path_factory.mktemp("kills") / "home", SOCCER_SERVING_WORKERS=str(WORKERS))
    try:
        stack.wait_for("running; Ctrl-C stops everything")
        yield System(stack)
    finally:
        stack.stop()


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
    _, alive = psutil.wait_procs(orphans, timeout=30)
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
