"""The watchdog beside `soccer up`: parts that stay down, an end that nobody ordered, one a home."""

import datetime as dt
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import psutil
import pytest
from filelock import FileLock
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.direct_notifier import DirectNotifier
from soccer_assets.alerting.down_parts import DownPart, write_down_parts
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.running_parts import RunningPart, write_running_parts
from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.alerting.watchdog import (
    Watchdog,
    WatchdogRunningError,
    _acquire,
    _is_gone,
    _notify_directly,
    notify_up_is_gone,
    watch,
)
from soccer_assets.bounded_call import BoundedCall
from soccer_assets.clock import SystemClock
from soccer_assets.resources.database import Database
from soccer_assets.resources.database_faults import DatabaseUnavailableError
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings
from soccer_assets.signs_of_life import WATCHDOG, SignOfLife
from tests.alerting.builders import condition
from tests.operations.kills import wait_until
from tests.services import free_ports


def _settings(home: Path) -> Settings:
    return Settings.from_env({"SOCCER_HOME": str(home)})


def _notifier(settings: Settings, database: Database) -> AlertNotifier:
    return AlertNotifier(settings, database, EventBus(""), SystemClock())


def _titles(httpserver: HTTPServer) -> list[str]:
    return [request.get_json()["title"] for request, answer in httpserver.log if answer.status_code == 200]


def test_a_part_that_stays_down_is_a_fault_until_the_next_start(tmp_path: Path) -> None:
    """Its log is named; an empty list is no fault."""
    (tmp_path / "run").mkdir()
    watchdog = Watchdog(_settings(tmp_path), SystemClock().now())
    write_down_parts(
        tmp_path,
        [DownPart("worker", "2026-11-24T09:00:00Z", "exit code 1: no memory", "/home/run/worker.log")],
    )
    (fault,) = watchdog._parts()
    write_down_parts(tmp_path, [])

    assert fault.key == "process:worker"
    assert fault.cause == "exit code 1: no memory"
    assert "/home/run/worker.log" in fault.action
    assert watchdog._parts() == []


def test_a_part_that_hung_is_told_once_and_by_who_sees_it_best(tmp_path: Path) -> None:
    """The daemon and the sidecar are seen by the watchdog itself."""
    (tmp_path / "run").mkdir()
    watchdog = Watchdog(_settings(tmp_path), SystemClock().now())
    hung = [
        DownPart(name, "2026-11-24T09:00:00Z", "", f"/run/{name}.log", hung=True)
        for name in ("valkey", "sidecar", "dagster-daemon")
    ]
    write_down_parts(tmp_path, hung)
    (fault,) = watchdog._parts()

    assert fault.key == "process:valkey"
    assert "started again" in fault.what
    assert "/run/valkey.log" in fault.action


def test_a_watchdog_that_waits_for_another_gives_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`soccer up` would take it for hung: the other one may tell for 10 minutes. Then it takes over."""
    monkeypatch.setattr("soccer_assets.alerting.watchdog._INTERVAL_SECONDS", 0.01)
    lock = tmp_path / "watchdog.lock"
    with ThreadPoolExecutor(1) as pool:
        with FileLock(lock):
            waiting = pool.submit(_acquire, FileLock(lock), tmp_path, 600)
            wait_until(SignOfLife(tmp_path, WATCHDOG).path.exists)
            assert not waiting.done()
        waiting.result()


def test_a_watchdog_without_a_usable_list_of_subscribers_goes_on(tmp_path: Path) -> None:
    """The database is away and so is the list: that is said, and tried again."""
    settings = _settings(tmp_path)
    settings.alerts_file.mkdir()
    notifier = _notifier(settings, Database(f"sqlite:///{tmp_path}/soccer.db"))
    said: list[str] = []

    direct = DirectNotifier(notifier, tmp_path, "watchdog")
    is_reached = _notify_directly(direct, SystemClock().now(), "refused", "is away", said.append)

    assert not is_reached
    assert "alerts.json cannot be read (Is a directory)" in said[0]


@pytest.mark.parametrize(("name", "kind"), [("dagster-daemon", "daemon"), ("sidecar", "sidecar")])
def test_what_hangs_is_named_with_the_command_that_ends_it(tmp_path: Path, name: str, kind: str) -> None:
    """By the pid of the process that runs, and not by one that another program has since."""
    (tmp_path / "run").mkdir()
    (port,) = free_ports(1)
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path), "SOCCER_SERVING_PORT": str(port)})
    began = SystemClock().now()
    watchdog, later = Watchdog(settings, began), began + dt.timedelta(seconds=121)
    created = psutil.Process().create_time()

    def action() -> str:
        with dg.DagsterInstance.ephemeral() as instance:
            return next(each.action for each in watchdog.check(instance, later) if each.kind == kind)

    assert action() == ""
    write_running_parts(tmp_path / "run", [RunningPart(name, os.getpid(), created - 60)])
    assert action() == ""
    write_running_parts(tmp_path / "run", [RunningPart(name, os.getpid(), created)])
    assert action() == (
        f"`soccer up` starts it again within 4 minutes, and at once after `kill -9 {os.getpid()}`; its log "
        f"is {tmp_path / 'run' / f'{name}.log'}"
    )


def test_a_closed_pipe_is_the_end_of_soccer_up() -> None:
    """An open one is not; without `soccer up` there is none."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as up:
        assert not _is_gone(up, 0)
        os.close(writing)
        assert _is_gone(up, 60)
    assert not _is_gone(None, 0)


def test_the_end_of_soccer_up_is_told_once_and_recovers_nothing_else(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    """A receiver that is down at first is tried again; faults that were open stay open."""
    httpserver.expect_oneshot_request("/told").respond_with_data("")
    httpserver.expect_request("/told").respond_with_data("")
    database = Database(f"sqlite:///{tmp_path}/soccer.db")
    database.migrate()
    notifier = _notifier(_settings(tmp_path), database)
    notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/told")
    open_before = condition("the disk", kind="disk", what="is nearly full")
    notifier.report("watchdog", [open_before])

    notify_up_is_gone(notifier, tmp_path, [open_before], SystemClock(), print, seconds=60, interval=0.05)
    notifier.report("watchdog", [open_before])

    assert _titles(httpserver) == [
        "[soccer] the disk is nearly full (failure)",
        "[soccer] soccer up ended without being stopped (failure)",
        "[soccer] recovered: soccer up runs again",
    ]


def test_the_end_is_told_although_the_database_is_gone_too(tmp_path: Path, httpserver: HTTPServer) -> None:
    """A machine that loses one loses both: the message goes out without the outbox."""
    httpserver.expect_oneshot_request("/told").respond_with_data("", status=503)
    httpserver.expect_request("/told").respond_with_data("")
    database = Database("postgresql+psycopg2://nobody@127.0.0.1:1/gone")
    notifier = _notifier(_settings(tmp_path), database)
    notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/told")

    notify_up_is_gone(notifier, tmp_path, [], SystemClock(), print, seconds=60, interval=0.05)

    assert _titles(httpserver) == ["[soccer] soccer up ended without being stopped (failure)"]


def test_nobody_reachable_ends_with_the_time(tmp_path: Path, httpserver: HTTPServer) -> None:
    """The message stays in the outbox for the next watchdog."""
    httpserver.expect_request("/told").respond_with_data("", status=503)
    database = Database(f"sqlite:///{tmp_path}/soccer.db")
    database.migrate()
    notifier = _notifier(_settings(tmp_path), database)
    notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/told")

    notify_up_is_gone(notifier, tmp_path, [], SystemClock(), print, seconds=0.1, interval=0.05)

    assert len(notifier.outbox.pending()) == 1


def test_a_home_has_one_watchdog(tmp_path: Path) -> None:
    """A second one is refused in a sentence; the lock is free when the first has ended."""
    failed: list[Exception] = []

    def second() -> None:
        try:
            watch(_settings(tmp_path), once=False, say=print)
        except WatchdogRunningError as error:
            failed.append(error)

    with FileLock(tmp_path / "watchdog.lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(60)

    assert [str(error).startswith("another watchdog watches") for error in failed] == [True]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_the_sidecar_is_asked_without_a_proxy(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A proxy of the environment does not know this machine's loopback address."""
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    httpserver.expect_request("/ready").respond_with_data("")
    now = SystemClock().now()
    watchdog = Watchdog(_settings(tmp_path), now)

    assert watchdog._sidecar(f"http://127.0.0.1:{httpserver.port}", now) is None
    assert len(httpserver.log) == 1


def test_the_watchdog_tells_of_a_database_server_that_is_silent(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and never answers: the subscribers hear it without the outbox."""
    httpserver.expect_request("/hook").respond_with_data("")
    said: list[str] = []
    with dg.instance_for_test(), socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql+psycopg2://soccer@127.0.0.1:{server.getsockname()[1]}/soccer?connect_timeout=2"
        settings = Settings.from_env({"SOCCER_HOME": str(tmp_path), "SOCCER_DATABASE_URL": url})
        monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
        Subscribers(settings.alerts_file).subscribe(f"json://127.0.0.1:{httpserver.port}/hook")
        watch(settings, once=True, say=said.append)

    (title,) = _titles(httpserver)
    assert "the database does not answer" in title
    assert said[0].startswith("the database does not answer: ")


def test_a_call_that_hangs_is_given_up_and_not_made_again_until_it_ends() -> None:
    """A server that is stopped in the middle of an answer leaves one thread, not one a check."""
    release, calls = threading.Event(), []

    def ask() -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            release.wait()
        return len(calls)

    call = BoundedCall(ask, 0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError, match="no answer within"):
            call()
    assert calls == [0]
    release.set()
    call = _patient(call)
    assert call() == 2
    assert calls == [0, 1]


def test_the_exception_of_a_bounded_call_is_its_own() -> None:
    """The caller handles it as if there were no thread."""

    def ask() -> int:
        raise DatabaseUnavailableError("is locked")

    with pytest.raises(DatabaseUnavailableError, match="is locked"):
        BoundedCall(ask, 60)()


def _patient(call: BoundedCall[int]) -> BoundedCall[int]:
    """The same call with a minute to answer: the machine may be busy."""
    call._seconds = 60
    return call
