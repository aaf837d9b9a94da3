"""Delivery to real receivers: at least once, also after an outage or a killed sender."""

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

from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.outbox import LEASE
from soccer_assets.clock import Clock
from soccer_assets.contract.events import Event
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.settings import Settings
from soccer_assets.tables import alert_delivery
from tests.alerting.builders import NOW, STALE, Mailbox, condition
from tests.builders import EVENT_STREAM


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
    """The notifier's clock."""
    return HandClock()


@pytest.fixture
def notifier(database: Database, tmp_path: Path, clock: HandClock) -> AlertNotifier:
    """An alert notifier on each engine."""
    return _notifier(database, tmp_path, clock)


def _notifier(
    database: Database, home: Path, clock: Clock, redis_url: str = "", store: ObjectStore | None = None
) -> AlertNotifier:
    settings = Settings.from_env(
        {"SOCCER_HOME": str(home), "SOCCER_PUBLIC_URL": "https://soccer.example.org"}
    )
    return AlertNotifier(settings, database, EventBus(redis_url, store), clock)


def _hook(httpserver: HTTPServer) -> str:
    return f"json://127.0.0.1:{httpserver.port}/alert"


def test_or_04_a_failing_run_and_its_recovery_reach_mail_and_webhook_once_each(
    notifier: AlertNotifier, clock: HandClock, mailbox: tuple[Mailbox, str], httpserver: HTTPServer
) -> None:
    """Predecessor's risk OR-04, no failure alerts: one message when bad, one when over, to each."""
    box, address = mailbox
    httpserver.expect_request("/alert", method="POST").respond_with_data("")
    mail = notifier.subscribers.subscribe(address)
    notifier.subscribers.subscribe(_hook(httpserver))
    failed = condition("refresh_hourly", kind="run", what="failed", path="/runs/abc")
    for _ in range(3):
        notifier.report("graph", [failed])
        clock.move(minutes=1)
    for _ in range(2):
        notifier.report("graph", [], lambda _ended: "healing-run")
        clock.move(minutes=1)
    subjects = [str(mail["Subject"]) for mail in box.mails]
    assert subjects == [
        "[soccer] refresh_hourly failed (failure)",
        "[soccer] recovered: refresh_hourly succeeded again",
    ]
    assert box.mails[0]["List-Unsubscribe"] == (
        f"<mailto:soccer@example.org?subject=unsubscribe%20{mail.id}>"
    )
    posted = [json.loads(request.get_data()) for request, _ in httpserver.log]
    assert [alert["title"] for alert in posted] == subjects
    assert "https://soccer.example.org/runs/abc" in posted[0]["message"]
    assert "https://soccer.example.org/runs/healing-run" in posted[1]["message"]


def test_a_failed_delivery_is_retried_with_backoff_and_arrives_once(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer
) -> None:
    """A receiver that is down for a while: exponential backoff, then one message, with one id throughout."""
    for _ in range(3):
        httpserver.expect_ordered_request("/alert").respond_with_data("", status=503)
    httpserver.expect_ordered_request("/alert").respond_with_data("")
    subscriber = notifier.subscribers.subscribe(_hook(httpserver))
    notifier.report("graph", [STALE])
    assert notifier.outbox.pending()[subscriber.id][0] == 1
    tries = [clock.now()]
    while notifier.outbox.pending():
        clock.move(seconds=10)
        if sum(report_counts(notifier)):
            tries.append(clock.now())
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(tries)]
    assert pauses == [30, 60, 120]
    ids = {request.headers["X-Soccer-Alert-Id"] for request, _ in httpserver.log}
    assert len(httpserver.log) == 4
    assert len(ids) == 1
    httpserver.check_assertions()


def test_a_recovery_never_overtakes_its_alert(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request("/alert").respond_with_data("", status=503)
    httpserver.expect_request("/alert").respond_with_data("")
    notifier.subscribers.subscribe(_hook(httpserver))
    notifier.report("graph", [STALE])
    clock.move(seconds=10)
    notifier.report("graph", [])
    assert len(httpserver.log) == 1
    clock.move(seconds=20)
    notifier.report("graph", [])
    titles = [json.loads(request.get_data())["title"] for request, _ in httpserver.log]
    assert titles[1:] == [titles[0], "[soccer] recovered: releases/current is fresh again"]


def report_counts(notifier: AlertNotifier) -> tuple[int, int]:
    """Messages delivered and failed at one more report of the same fault."""
    counts = notifier.report("graph", [STALE])
    return counts.sent, counts.failed


def test_a_hundred_faults_at_once_are_one_message(
    notifier: AlertNotifier, httpserver: HTTPServer, clock: HandClock
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    notifier.subscribers.subscribe(_hook(httpserver))
    notifier.report("graph", [condition(f"features/{number}") for number in range(100)])
    clock.move(minutes=1)
    notifier.report("graph", [])
    titles = [json.loads(request.get_data())["title"] for request, _ in httpserver.log]
    assert len(titles) == 2
    assert titles[0].endswith("features/2 is stale (failure); and 97 more")
    assert titles[1].endswith("recovered: features/1 is fresh again; and 98 more")


def test_a_muted_subscriber_is_notified_afterwards_of_open_faults(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    subscriber = notifier.subscribers.subscribe(_hook(httpserver))
    notifier.subscribers.mute(subscriber.id, NOW + dt.timedelta(hours=2))
    notifier.report("graph", [STALE, condition("features/team_state")])
    clock.move(hours=1)
    notifier.report("graph", [STALE])
    assert httpserver.log == []
    clock.move(hours=1)
    notifier.report("graph", [STALE])
    assert [json.loads(request.get_data())["title"] for request, _ in httpserver.log] == [
        "[soccer] releases/current is stale (failure)"
    ]


def test_two_sources_do_not_recover_each_others_faults(
    notifier: AlertNotifier, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    notifier.subscribers.subscribe(_hook(httpserver))
    notifier.report("graph", [STALE])
    notifier.report("watchdog", [])
    notifier.report("graph", [STALE])
    assert len(httpserver.log) == 1


def test_an_unsubscribed_receiver_gets_nothing(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/alert").respond_with_data("", status=503)
    subscriber = notifier.subscribers.subscribe(_hook(httpserver))
    notifier.report("graph", [STALE])
    notifier.subscribers.unsubscribe(subscriber.id)
    clock.move(hours=1)
    notifier.report("graph", [STALE])
    assert len(httpserver.log) == 1
    assert not notifier.outbox.pending()


def test_a_missing_variable_keeps_the_message_pending(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    subscriber = notifier.subscribers.subscribe(f"json://127.0.0.1:{httpserver.port}/${{ALERT_PATH}}")
    notifier.report("graph", [STALE])
    assert "ALERT_PATH" in notifier.outbox.pending()[subscriber.id][1]
    monkeypatch.setenv("ALERT_PATH", "alert")
    clock.move(minutes=1)
    notifier.report("graph", [STALE])
    assert len(httpserver.log) == 1


def test_a_delivery_error_holds_no_part_of_the_address(
    notifier: AlertNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver's exception often quotes the address, tokens and all."""
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415

    def refuse(self: NotifyJSON, *_arguments: object, **_options: object) -> bool:
        raise OSError(f"cannot reach {self.host}{self.fullpath}?token=T0KEN-VALUE")

    monkeypatch.setattr(NotifyJSON, "send", refuse)
    subscriber = notifier.subscribers.subscribe(
        "json://hooks.example.org/services/B0123456?token=T0KEN-VALUE"
    )
    notifier.report("graph", [STALE])
    reason = notifier.outbox.pending()[subscriber.id][1]
    assert reason.startswith("OSError: cannot reach ")
    assert not re.search("example|B0123456|T0KEN", reason)


@pytest.mark.parametrize("dies", ["before the receiver", "after the receiver"])
def test_the_message_of_a_killed_sender_is_sent_by_the_next(
    sqlite_database: Database, tmp_path: Path, clock: HandClock, httpserver: HTTPServer, dies: str
) -> None:
    """At least once, with one id: it arrives twice only where the sender died after sending it."""
    httpserver.expect_request("/alert").respond_with_data("")
    notifier = _notifier(sqlite_database, tmp_path, clock)
    notifier.subscribers.subscribe(_hook(httpserver))
    script = f"""
        import datetime as dt, os
        from pathlib import Path
        from soccer_assets.alerting import notifier as module
        from soccer_assets.alerting import delivery
        from soccer_assets.resources.database import Database
        from tests.alerting.builders import STALE
        from tests.alerting.test_delivery import HandClock, _notifier
        real = delivery.send
        def killed(*arguments):
            if {dies == "after the receiver"}:
                real(*arguments)
            os._exit(9)
        delivery.send = killed
        database, home = Database({sqlite_database.url!r}), Path({str(tmp_path)!r})
        _notifier(database, home, HandClock()).report("graph", [STALE])
    """
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], check=False, env=os.environ, cwd=Path.cwd()
    )
    assert killed.returncode == 9
    clock.move(seconds=LEASE.total_seconds() - 1)
    assert report_counts(notifier) == (0, 0)
    clock.move(seconds=1)
    assert report_counts(notifier) == (1, 0)
    clock.move(hours=1)
    assert report_counts(notifier) == (0, 0)
    ids = [request.headers["X-Soccer-Alert-Id"] for request, _ in httpserver.log]
    assert len(ids) == (2 if dies == "after the receiver" else 1)
    assert len(set(ids)) == 1


def test_every_alert_is_an_event_for_the_sidecars_clients(
    sqlite_database: Database, tmp_path: Path, clock: HandClock, valkey_url: str, named_store: ObjectStore
) -> None:
    import msgspec  # noqa: PLC0415
    import redis  # noqa: PLC0415

    client = redis.Redis.from_url(valkey_url)
    client.delete(EVENT_STREAM)
    notifier = _notifier(sqlite_database, tmp_path, clock, valkey_url, named_store)
    for conditions in ([STALE], [STALE], []):
        notifier.report("graph", conditions)
    events = [msgspec.json.decode(fields[b"event"], type=Event) for _, fields in client.xrange(EVENT_STREAM)]
    assert [(event.type, event.detail["state"]) for event in events] == [
        ("freshness", "failure"),
        ("freshness", "passing"),
    ]
    client.delete(EVENT_STREAM)


def test_an_open_fault_is_repeated_after_the_subscribers_hours(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    notifier.subscribers.subscribe(_hook(httpserver), remind_hours=2)
    for _ in range(5):
        notifier.report("graph", [STALE])
        clock.move(hours=1)
    assert [json.loads(request.get_data())["title"] for request, _ in httpserver.log] == [
        "[soccer] releases/current is stale (failure)",
        "[soccer] still: releases/current is stale (failure)",
        "[soccer] still: releases/current is stale (failure)",
    ]


def test_a_delivered_message_is_deleted_after_30_days_and_a_pending_one_is_not(
    notifier: AlertNotifier, clock: HandClock, httpserver: HTTPServer, database: Database
) -> None:
    httpserver.expect_request("/alert").respond_with_data("")
    httpserver.expect_request("/down").respond_with_data("", status=503)
    notifier.subscribers.subscribe(_hook(httpserver))
    lost = notifier.subscribers.subscribe(_hook(httpserver).replace("/alert", "/down"))
    for days in (0, 29, 2):
        clock.move(days=days)
        notifier.report("graph", [condition(f"features/{days}")])
    with database.reading() as connection:
        kept = connection.execute(sa.select(alert_delivery).order_by(alert_delivery.c.created_at)).all()
    assert len([row for row in kept if row.subscriber == lost.id]) == 3
    assert {row.created_at for row in kept if row.subscriber != lost.id} == {
        NOW + dt.timedelta(days=29),
        NOW + dt.timedelta(days=31),
    }


@pytest.mark.parametrize("secret", ["p@ss/w:rd", "%41", "a+b c&d=e#f?g", "%2F%252F", "$HOME ${X}"])
def test_a_variable_arrives_as_it_is_in_every_part_of_an_address(
    notifier: AlertNotifier, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """In user, password and query, decoded once: no part of a value becomes the host."""
    httpserver.expect_request("/alert").respond_with_data("")
    monkeypatch.setenv("HOOK_PART", secret)
    port = httpserver.port
    notifier.subscribers.subscribe(f"json://me:${{HOOK_PART}}@127.0.0.1:{port}/alert?-to=${{HOOK_PART}}")
    notifier.report("graph", [STALE])
    ((request, _),) = httpserver.log
    assert request.authorization is not None
    assert request.authorization.password == secret
    assert request.args["to"] == secret


@pytest.mark.parametrize("secret", ["p@ss/w:rd", "abc", "x y%41"])
def test_the_error_of_an_unreachable_receiver_holds_no_part_of_a_variable(
    notifier: AlertNotifier, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415

    def refuse(self: NotifyJSON, *_arguments: object, **_options: object) -> bool:
        raise OSError(f"cannot reach {self.url()} with {self.password!r}")

    monkeypatch.setattr(NotifyJSON, "send", refuse)
    monkeypatch.setenv("HOOK_PART", secret)
    subscriber = notifier.subscribers.subscribe("json://me:${HOOK_PART}@127.0.0.1:9/alert")
    notifier.report("graph", [STALE])
    assert secret not in notifier.outbox.pending()[subscriber.id][1]
