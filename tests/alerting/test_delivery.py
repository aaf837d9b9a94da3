"""Delivery to real receivers: once, also after they were down or the sender was killed."""

import datetime as dt
import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from pytest_httpserver import HTTPServer

from soccer_assets.alerting.notifier import AlertDesk
from soccer_assets.alerting.outbox import LEASE
from soccer_assets.alerting.watchdog import LastWords
from soccer_assets.clock import Clock
from soccer_assets.contract.events import Event
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings
from soccer_assets.tables import alert_delivery
from tests.alerting.builders import NOW, STALE, Mailbox, condition


class HandClock:
    """A clock that tests move."""

    is_fixed = False

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> dt.datetime:
        """The instant it was moved to."""
        return self.instant

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.instant += dt.timedelta(**by)


@pytest.fixture
def clock() -> HandClock:
    """The desk's clock."""
    return HandClock()


@pytest.fixture
def desk(database: Database, tmp_path: Path, clock: HandClock) -> AlertDesk:
    """An alert desk on each engine."""
    return _desk(database, tmp_path, clock)


def _desk(database: Database, home: Path, clock: Clock, redis_url: str = "") -> AlertDesk:
    settings = Settings.from_env(
        {"SOCCER_HOME": str(home), "SOCCER_PUBLIC_URL": "https://soccer.example.org"}
    )
    return AlertDesk(settings, database, EventBus(redis_url), clock)


def _hook(httpserver: HTTPServer) -> str:
    return f"json://127.0.0.1:{httpserver.port}/alert"


def test_or_04_a_failing_run_and_its_recovery_reach_mail_and_webhook_once_each(
    desk: AlertDesk, clock: HandClock, mailbox: tuple[Mailbox, str], httpserver: HTTPServer
) -> None:
    """Predecessor's risk OR-04, no failure alerts: one message when bad, one when over, to each."""
    box, address = mailbox
    httpserver.expect_request("/alert", method="POST").respond_with_data("")
    mail = desk.subscribers.subscribe(address)
    desk.subscribers.subscribe(_hook(httpserver))
    failed = condition("refresh_hourly", kind="run", what="failed", path="/runs/abc")
    for _ in range(3):
        desk.report("graph", [failed])
        clock.move(minutes=1)
    for _ in range(2):
        desk.report("graph", [])
        clock.move(minutes=1)
    subjects = [str(one["Subject"]) for one in box.mails]
    assert subjects == [
        "[soccer] refresh_hourly failed (failure)",
        "[soccer] recovered: refresh_hourly failed",
    ]
    assert box.mails[0]["List-Unsubscribe"] == (
        f"<mailto:soccer@example.org?subject=unsubscribe%20{mail.id}>"
    )
    posted = [json.loads(request.get_data()) for request, _ in httpserver.log]
    assert [one["title"] for one in posted] == subjects
    assert "https://soccer.example.org/runs/abc" in posted[0]["message"]


def test_what_the_receiver_did_not_take_waits_and_arrives_once(
    desk: AlertDesk, clock: HandClock, httpserver: HTTPServer
) -> None:
    """A receiver that is down for a while: growing pauses, then one message, with one id throughout."""
    for _ in range(3):
        httpserver.expect_ordered_request("/alert").respond_with_data("", status=503)
    httpserver.expect_ordered_request("/alert").respond_with_data("")
    one = desk.subscribers.subscribe(_hook(httpserver))
    desk.report("graph", [STALE])
    assert desk.book.waiting()[one.id][0] == 1
    tries = [clock.now()]
    while desk.book.waiting():
        clock.move(seconds=10)
        if sum(desk_counts(desk)):
            tries.append(clock.now())
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(tries)]
    assert pauses == [30, 60, 120]
    ids = {request.headers["X-Soccer-Alert-Id"] for request, _ in httpserver.log}
    assert len(httpserver.log) == 4
    assert len(ids) == 1
    httpserver.check_assertions()


def test_a_recovery_never_overtakes_its_alert(
    desk: AlertDesk, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request("/alert").respond_with_data("", status=503)
    httpserver.expect_request("/alert").respond_with_data("")
    desk.subscribers.subscribe(_hook(httpserver))
    desk.report("graph", [STALE])
    clock.move(seconds=10)
    desk.report("graph", [])
    assert len(httpserver.log) == 1
    clock.move(seconds=20)
    desk.report("graph", [])
    titles = [json.loads(request.get_data())["title"] for request, _ in httpserver.log]
    assert titles[1:] == [titles[0], "[soccer] recovered: releases/current is stale"]


def desk_counts(desk: AlertDesk) -> tuple[int, int]:
    """Messages that left, and that must wait, at one more look at the same fault."""
    counts = desk.report("graph", [STALE])
    return counts.sent, counts.waiting


def test_a_hundred_faults_at_once_are_one_message(
    desk: AlertDesk, httpserver: HTTPServer, clock: HandClock
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    desk.subscribers.subscribe(_hook(httpserver))
    desk.report("graph", [condition(f"features/{number}") for number in range(100)])
    clock.move(minutes=1)
    desk.report("graph", [])
    titles = [json.loads(request.get_data())["title"] for request, _ in httpserver.log]
    assert titles == ["[soccer] 100 alerts: 100 need attention", "[soccer] 100 alerts: 100 recovered"]


def test_a_muted_subscriber_hears_afterwards_of_what_is_still_open(
    desk: AlertDesk, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    one = desk.subscribers.subscribe(_hook(httpserver))
    desk.subscribers.mute(one.id, NOW + dt.timedelta(hours=2))
    desk.report("graph", [STALE, condition("features/team_state")])
    clock.move(hours=1)
    desk.report("graph", [STALE])
    assert httpserver.log == []
    clock.move(hours=1)
    desk.report("graph", [STALE])
    assert [json.loads(request.get_data())["title"] for request, _ in httpserver.log] == [
        "[soccer] releases/current is stale (failure)"
    ]


def test_two_sources_do_not_recover_each_others_faults(desk: AlertDesk, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    desk.subscribers.subscribe(_hook(httpserver))
    desk.report("graph", [STALE])
    desk.report("watchdog", [])
    desk.report("graph", [STALE])
    assert len(httpserver.log) == 1


def test_who_left_is_sent_nothing(desk: AlertDesk, clock: HandClock, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/alert").respond_with_data("", status=503)
    one = desk.subscribers.subscribe(_hook(httpserver))
    desk.report("graph", [STALE])
    desk.subscribers.unsubscribe(one.id)
    clock.move(hours=1)
    desk.report("graph", [STALE])
    assert len(httpserver.log) == 1
    assert not desk.book.waiting()


def test_a_missing_variable_keeps_the_message_and_says_so(
    desk: AlertDesk, clock: HandClock, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    one = desk.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/${{ALERT_PATH}}")
    desk.report("graph", [STALE])
    assert "ALERT_PATH" in desk.book.waiting()[one.id][1]
    monkeypatch.setenv("ALERT_PATH", "alert")
    clock.move(minutes=1)
    desk.report("graph", [STALE])
    assert len(httpserver.log) == 1


def test_why_a_message_waits_holds_no_part_of_its_address(
    desk: AlertDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver's exception often quotes the address, tokens and all."""
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415

    def refuse(self: NotifyJSON, *_arguments: object, **_options: object) -> bool:
        raise OSError(f"cannot reach {self.host}{self.fullpath}?token=T0KEN-VALUE")

    monkeypatch.setattr(NotifyJSON, "send", refuse)
    one = desk.subscribers.subscribe("json://hooks.example.org/services/B0123456?token=T0KEN-VALUE")
    desk.report("graph", [STALE])
    reason = desk.book.waiting()[one.id][1]
    assert reason.startswith("OSError: cannot reach ")
    assert not re.search("example|B0123456|T0KEN", reason)


@pytest.mark.parametrize("dies", ["before the receiver", "after the receiver"])
def test_a_sender_killed_in_the_middle_leaves_the_message_to_the_next(
    sqlite_database: Database, tmp_path: Path, clock: HandClock, httpserver: HTTPServer, dies: str
) -> None:
    """At least once, with one id: only a receiver that took it from a sender who then died sees it twice."""
    httpserver.expect_request("/alert").respond_with_data("")
    desk = _desk(sqlite_database, tmp_path, clock)
    desk.subscribers.subscribe(_hook(httpserver))
    script = f"""
        import datetime as dt, os
        from pathlib import Path
        from soccer_assets.alerting import notifier as module
        from soccer_assets.alerting import delivery as courier
        from soccer_assets.resources.database import Database
        from tests.alerting.builders import STALE
        from tests.alerting.test_delivery import HandClock, _desk
        real = courier.send
        def killed(*arguments):
            if {dies == "after the receiver"}:
                real(*arguments)
            os._exit(9)
        courier.send = killed
        database, home = Database({sqlite_database.url!r}), Path({str(tmp_path)!r})
        _desk(database, home, HandClock()).report("graph", [STALE])
    """
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], check=False, env=os.environ, cwd=Path.cwd()
    )
    assert killed.returncode == 9
    clock.move(seconds=LEASE.total_seconds() - 1)
    assert desk_counts(desk) == (0, 0)
    clock.move(seconds=1)
    assert desk_counts(desk) == (1, 0)
    clock.move(hours=1)
    assert desk_counts(desk) == (0, 0)
    ids = [request.headers["X-Soccer-Alert-Id"] for request, _ in httpserver.log]
    assert len(ids) == (2 if dies == "after the receiver" else 1)
    assert len(set(ids)) == 1


def test_every_alert_is_an_event_for_the_sidecars_clients(
    sqlite_database: Database, tmp_path: Path, clock: HandClock, valkey_url: str
) -> None:
    import msgspec  # noqa: PLC0415
    import redis  # noqa: PLC0415

    client = redis.Redis.from_url(valkey_url)
    client.delete("soccer:events")
    desk = _desk(sqlite_database, tmp_path, clock, valkey_url)
    for look in ([STALE], [STALE], []):
        desk.report("graph", look)
    events = [
        msgspec.json.decode(fields[b"event"], type=Event) for _, fields in client.xrange("soccer:events")
    ]
    assert [(one.type, one.detail["state"]) for one in events] == [
        ("freshness", "failure"),
        ("freshness", "passing"),
    ]
    client.delete("soccer:events")


def test_what_stays_bad_is_reminded_of_after_the_hours_that_were_asked_for(
    desk: AlertDesk, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    desk.subscribers.subscribe(_hook(httpserver), remind_hours=2)
    for _ in range(5):
        desk.report("graph", [STALE])
        clock.move(hours=1)
    assert [json.loads(request.get_data())["title"] for request, _ in httpserver.log] == [
        "[soccer] releases/current is stale (failure)",
        "[soccer] still: releases/current is stale (failure)",
        "[soccer] still: releases/current is stale (failure)",
    ]


def test_a_message_that_arrived_a_month_ago_is_forgotten_and_one_that_waits_is_not(
    desk: AlertDesk, clock: HandClock, httpserver: HTTPServer, database: Database
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    httpserver.expect_request("/down").respond_with_data("", status=503)
    desk.subscribers.subscribe(_hook(httpserver))
    lost = desk.subscribers.subscribe(_hook(httpserver).replace("/alert", "/down"))
    for days in (0, 29, 2):
        clock.move(days=days)
        desk.report("graph", [condition(f"features/{days}")])
    with database.reading() as connection:
        kept = connection.execute(sa.select(alert_delivery).order_by(alert_delivery.c.created_at)).all()
    assert len([row for row in kept if row.subscriber == lost.id]) == 3
    assert {row.created_at for row in kept if row.subscriber != lost.id} == {
        NOW + dt.timedelta(days=29),
        NOW + dt.timedelta(days=31),
    }


def test_a_database_that_goes_and_comes_back_is_told_once_each_without_it(
    tmp_path: Path, clock: HandClock, httpserver: HTTPServer
) -> None:
    """Nothing can be written down then: the watchdog remembers whom it told, and tries again who was not."""
    httpserver.expect_oneshot_request("/alert").respond_with_data("", status=503)
    httpserver.expect_request("/alert").respond_with_data("")
    desk = _desk(Database("postgresql+psycopg2://nobody@127.0.0.1:1/gone"), tmp_path, clock)
    desk.subscribers.subscribe(_hook(httpserver))
    desk.subscribers.subscribe(_hook(httpserver), kinds=("run",))
    words = LastWords(desk)
    for _ in range(3):
        words.database_is_gone(clock.now())
        clock.move(minutes=1)
    for _ in range(2):
        words.database_is_back()
    told = [
        (json.loads(request.get_data())["title"], request.headers["X-Soccer-Alert-Id"])
        for request, response in httpserver.log
        if response.status_code == 200
    ]
    assert told == [
        ("[soccer] the database does not answer (failure)", "A-database-new-2026-11-24T09:00:00Z"),
        ("[soccer] recovered: the database does not answer", "A-database-recovered-2026-11-24T09:00:00Z"),
    ]
