"""The watchdog: watches what cannot report its own death, the daemon's heartbeat and the sidecars.

A process of its own: a child of `soccer up`, a service in a deployment. It tells the same subscribers by the
same book as the graph's sensor, and sends what that one left waiting. Where even the database is gone it
speaks to the subscribers directly.
"""

import datetime as dt
import os
import time
from collections.abc import Callable

import dagster as dg
import httpx
import sqlalchemy as sa

from soccer_assets.alerting.delivery import send
from soccer_assets.alerting.detection import disk_conditions
from soccer_assets.alerting.faults import FAILURE, NEW, RECOVERED, Condition
from soccer_assets.alerting.notifier import AlertDesk
from soccer_assets.alerting.outbox import Delivery
from soccer_assets.alerting.rendering import scrub
from soccer_assets.alerting.subscribers import Subscriber, SubscriberError
from soccer_assets.clock import SystemClock, isoformat
from soccer_assets.settings import Settings

_LOOK_EVERY_SECONDS = 15.0
# The daemon writes its heartbeat every 30 s; a sidecar that reloads is busy for seconds.
_DAEMON_GRACE = dt.timedelta(seconds=120)
_SIDECAR_GRACE = dt.timedelta(seconds=45)
_TIMEOUT_SECONDS = 5.0


class Watchdog:
    """What the watchdog remembers between two looks: since when each thing is missing."""

    def __init__(
        self,
        settings: Settings,
        now: dt.datetime,
        *,
        daemon_grace: dt.timedelta = _DAEMON_GRACE,
        sidecar_grace: dt.timedelta = _SIDECAR_GRACE,
    ) -> None:
        """Begin to watch at ``now``."""
        self._settings = settings
        self._sidecars = settings.sidecars or (f"http://127.0.0.1:{settings.serving_port}",)
        self._begun = now
        self._seen = dict.fromkeys(self._sidecars, now)
        self._daemon_grace = daemon_grace
        self._sidecar_grace = sidecar_grace

    def look(self, instance: dg.DagsterInstance, now: dt.datetime) -> list[Condition]:
        """What is missing now."""
        gone = [one for url in self._sidecars if (one := self._sidecar(url, now)) is not None]
        daemon = self._daemon(instance, now)
        return [*gone, *([daemon] if daemon else []), *disk_conditions(self._settings.home, now)]

    def _daemon(self, instance: dg.DagsterInstance, now: dt.datetime) -> Condition | None:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
        last = max((dt.datetime.fromtimestamp(beat, dt.UTC) for beat in beats), default=self._begun)
        if now - last <= self._daemon_grace or now - self._begun <= self._daemon_grace:
            return None
        return Condition(
            kind="daemon",
            subject="dagster-daemon",
            severity=FAILURE,
            since=isoformat(last),
            what="is gone: it gave no heartbeat",
            promise="a heartbeat every 30 seconds",
            path="/deployment/daemons",
        )

    def _sidecar(self, url: str, now: dt.datetime) -> Condition | None:
        try:
            status = httpx.get(f"{url.rstrip('/')}/ready", timeout=_TIMEOUT_SECONDS).status_code
            cause = "" if status == httpx.codes.OK else f"/ready answers {status}"
        except httpx.HTTPError as error:
            cause = scrub(str(error), os.environ) or type(error).__name__
        if not cause:
            self._seen[url] = now
            return None
        if now - self._seen[url] <= self._sidecar_grace:
            return None
        return Condition(
            kind="sidecar",
            subject=scrub(url, os.environ),
            severity=FAILURE,
            since=isoformat(self._seen[url]),
            what="is gone: it does not answer",
            promise="an answer within 5 seconds",
            cause=cause,
            path="/assets/releases/current",
        )


def watch(settings: Settings, *, once: bool, say: Callable[[str], object]) -> None:
    """Look every 15 seconds, for ever or once, and tell the subscribers."""
    clock, desk = SystemClock(), AlertDesk.of(settings)
    grace = {"daemon_grace": dt.timedelta(0), "sidecar_grace": dt.timedelta(0)} if once else {}
    watchdog = Watchdog(settings, clock.now(), **grace)
    last_words = LastWords(desk)
    with dg.DagsterInstance.get() as instance:
        while True:
            try:
                conditions = watchdog.look(instance, clock.now())
                counts = desk.report("watchdog", conditions)
                last_words.database_is_back()
                if once or counts.news:
                    say(f"{counts.conditions} missing or failing, {counts.sent} messages sent")
                    for one in conditions:
                        say(f"  {one.subject} {one.what} since {one.since}")
            except SubscriberError as error:
                say(str(error))
            except sa.exc.OperationalError as error:
                say(scrub(f"the database does not answer: {error.orig}", os.environ))
                last_words.database_is_gone(clock.now())
            if once:
                return
            time.sleep(_LOOK_EVERY_SECONDS)


class LastWords:
    """Tells once that the database is gone, and once that it is back, where nothing can be written down."""

    def __init__(self, desk: AlertDesk) -> None:
        """Remember whom to tell."""
        self._desk = desk
        self._gone: Condition | None = None
        self._told: set[str] = set()

    def database_is_gone(self, now: dt.datetime) -> None:
        """Tell every subscriber that was not told yet; who cannot be reached is tried at the next look."""
        self._gone = gone = self._gone or Condition(
            kind="database",
            subject="the database",
            severity=FAILURE,
            since=isoformat(now),
            what="does not answer",
            path="/runs",
        )
        for one in self._desk.subscribers.all():
            is_asked = one.id not in self._told and one.wants(gone) and not one.is_muted(now)
            if is_asked and self._send(one, gone, NEW):
                self._told.add(one.id)

    def database_is_back(self) -> None:
        """Tell those who were told that it was gone; who cannot be reached is tried at the next look."""
        if self._gone is None:
            return
        waiting = {one.id: one for one in self._desk.subscribers.all() if one.id in self._told}
        self._told = {id_ for id_, one in waiting.items() if not self._send(one, self._gone, RECOVERED)}
        if not self._told:
            self._gone = None

    def _send(self, subscriber: Subscriber, condition: Condition, turn: str) -> bool:
        """Whether the message left; tried again it has the same id."""
        message = self._desk.message(condition, turn)
        delivery = Delivery(
            delivery_id=f"A-database-{turn}-{condition.since}",
            subscriber=subscriber.id,
            title=message.title,
            body=message.body,
            attempts=1,
        )
        return not send(subscriber, delivery, os.environ)
