"""Faults that the outbox cannot take: each is told once and ends once, whoever tells of it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from soccer_assets.alerting import disk_space
from soccer_assets.alerting.direct_notifier import DirectNotifier
from soccer_assets.alerting.disk_space import disk_conditions
from soccer_assets.alerting.faults import Condition
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.clock import SystemClock
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings
from tests.alerting.builders import condition

Free = Callable[[int], None]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Sets how many bytes the disk has left."""

    def set_free(size: int) -> None:
        usage = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=size))
        monkeypatch.setattr(disk_space, "shutil", usage)

    set_free(10**12)
    return set_free


class Home:
    """A home with one subscriber, watched by one watchdog after the other."""

    def __init__(self, folder: Path, database: Database, httpserver: HTTPServer) -> None:
        self.folder = folder
        self._database = database
        self._server = httpserver
        settings = Settings.from_env({"SOCCER_HOME": str(folder)})
        self._notifier = AlertNotifier(settings, database, EventBus(""), SystemClock())
        self._notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/told")
        self.start_watchdog()

    def start_watchdog(self) -> None:
        """The next one knows what is stored only."""
        self._direct = DirectNotifier(self._notifier, self.folder, "watchdog")

    def check(self, *others: Condition) -> None:
        """A check with a database that can be used."""
        self._direct.report([*disk_conditions(self.folder, SystemClock().now()), *others])

    def check_without_database(self, what: str = "does not answer", cause: str = "") -> bool:
        """A check with one that cannot."""
        return self._direct.down(SystemClock().now(), cause, what)

    def told(self) -> list[dict[str, Any]]:
        """The alerts that arrived, in order."""
        return [
            alert
            for request, answer in self._server.log
            if answer.status_code == 200
            for alert in request.get_json()["alerts"]
        ]


@pytest.fixture
def home(tmp_path: Path, sqlite_database: Database, httpserver: HTTPServer) -> Home:
    """A home whose receiver answers."""
    httpserver.expect_request("/told").respond_with_data("")
    return Home(tmp_path, sqlite_database, httpserver)


NEARLY, FULL, WELL = 300_000_000, 0, 10**12


@pytest.mark.parametrize(
    "story",
    [
        [NEARLY, FULL, WELL],
        [FULL, WELL],
        [FULL, NEARLY, WELL],
        [NEARLY, FULL, NEARLY, FULL, WELL],
        [FULL, "killed", FULL, WELL],
        [NEARLY, FULL, "killed", FULL, NEARLY, WELL],
        [FULL, "killed", WELL],
        [FULL, FULL, "killed", NEARLY, "killed", FULL, "killed", WELL, WELL],
    ],
    ids=lambda story: "-".join(str(step) for step in story),
)
def test_a_full_disk_is_one_alert_with_one_recovery(home: Home, free: Free, story: list[int | str]) -> None:
    """Nearly full through the outbox, full without it, with kills of the watchdog in between."""
    for step in story:
        if isinstance(step, str):
            home.start_watchdog()
            continue
        free(step)
        if step == FULL:
            home.check_without_database(cause="database or disk is full")
        else:
            home.check()

    begin, end = home.told()
    assert (begin["transition"], end["transition"]) == ("new", "recovered")
    assert begin["dedup_key"] == end["dedup_key"]
    assert begin["kind"] == "disk"
    assert begin["since"] == end["since"]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_database_outage_is_one_alert_with_one_recovery(home: Home, *, is_killed: bool) -> None:
    """A watchdog that is killed meanwhile tells nobody again, and the next one tells of the recovery."""
    home.check()
    home.check_without_database("is read-only: a standby", "cannot execute INSERT")
    if is_killed:
        home.start_watchdog()
    home.check_without_database("does not answer")
    for _ in range(2):
        home.check()

    begin, end = home.told()
    assert begin["headline"] == "the database is read-only: a standby (failure)"
    assert begin["cause"] == "cannot execute INSERT"
    assert end["headline"] == "recovered: the database answers again"
    assert begin["dedup_key"] == end["dedup_key"]


def test_other_faults_are_neither_told_again_nor_ended_by_an_outage(home: Home) -> None:
    """What was open before the outage is open after it."""
    open_before = condition("dagster-daemon", kind="daemon", what="is down")
    home.check(open_before)
    home.check_without_database()
    home.start_watchdog()
    home.check(open_before)

    assert [(alert["subject"], alert["transition"]) for alert in home.told()] == [
        ("dagster-daemon", "new"),
        ("the database", "new"),
        ("the database", "recovered"),
    ]


@pytest.mark.parametrize(("size", "kind"), [(FULL, "disk"), (WELL, "database")])
def test_a_full_disk_is_named_where_the_database_only_fails(
    home: Home, free: Free, size: int, kind: str
) -> None:
    """SQLite calls it a full database or an I/O error; on a disk with space the database is the fault."""
    free(size)
    home.check_without_database(cause="database or disk is full")
    home.check_without_database(cause="disk I/O error")

    (alert,) = home.told()
    assert alert["kind"] == kind
    assert alert["cause"] == "database or disk is full"


def test_who_was_not_reached_is_tried_again(
    tmp_path: Path, sqlite_database: Database, httpserver: HTTPServer
) -> None:
    """Nobody else is, and every attempt has the same id."""
    httpserver.expect_oneshot_request("/told").respond_with_data("", status=503)
    httpserver.expect_request("/told").respond_with_data("")
    home = Home(tmp_path, sqlite_database, httpserver)

    reached = [home.check_without_database() for _ in range(3)]

    assert reached == [False, True, True]
    assert len(home.told()) == 1
    assert len({request.headers["X-Soccer-Alert-Id"] for request, _ in httpserver.log}) == 1


def test_the_state_needs_no_space(home: Home) -> None:
    """Its file has one size and one place on the disk, whatever it holds."""
    file = home.folder / "run" / "notified.json"
    before = file.stat()
    home.check_without_database()
    after = file.stat()

    assert (after.st_size, after.st_blocks, after.st_ino) == (before.st_size, before.st_blocks, before.st_ino)
    assert "the database" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("contents", [b"", b"[{", b"\0" * 65_536, b'{"a": 1}'])
def test_a_state_that_cannot_be_read_is_ignored(home: Home, contents: bytes) -> None:
    """It tells once more, and goes on."""
    (home.folder / "run" / "notified.json").write_bytes(contents)
    home.start_watchdog()
    home.check_without_database()
    home.check()

    assert [alert["transition"] for alert in home.told()] == ["new", "recovered"]
