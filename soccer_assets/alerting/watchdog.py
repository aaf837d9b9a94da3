"""The watchdog: monitors what cannot report its own failure, the daemon's heartbeat and the sidecars.

A process of its own: a child of `soccer up`, a service in a deployment. It notifies the same subscribers
through the same outbox as the graph's alert sensor, and sends what that one left pending. While the database
is down it sends to the subscribers directly.
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
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.outbox import Delivery
from soccer_assets.alerting.subscribers import Subscriber, SubscriberError
from soccer_assets.clock import SystemClock, isoformat
from soccer_assets.masking import mask
from soccer_assets.settings import Settings

_INTERVAL_SECONDS = 15.0
# The daemon writes its heartbeat every 30 s; a sidecar that reloads is busy for seconds.
_DAEMON_GRACE = dt.timedelta(seconds=120)
_SIDECAR_GRACE = dt.timedelta(seconds=45)
_TIMEOUT_SECONDS = 5.0


class Watchdog:
    """Checks the daemon, the sidecars and the disk, and remembers when each was last healthy."""

    def __init__(
        self,
        settings: Settings,
        now: dt.datetime,
        *,
        daemon_grace: dt.timedelta = _DAEMON_GRACE,
        sidecar_grace: dt.timedelta = _SIDECAR_GRACE,
    ) -> None:
        """Start at ``now``.

        Args:
            settings: addresses of the sidecars and the home's folder.
            now: wall clock; nothing counts as missing before its grace period from here.
            daemon_grace: age of the newest heartbeat from which the daemon counts as down.
            sidecar_grace: time without a 200 from ``/ready`` from which a sidecar counts as down.
        """
        self._settings = settings
        self._sidecars = settings.sidecars or (f"http://127.0.0.1:{settings.serving_port}",)
        self._started = now
        self._last_ready = dict.fromkeys(self._sidecars, now)
        self._daemon_grace = daemon_grace
        self._sidecar_grace = sidecar_grace

    def check(self, instance: dg.DagsterInstance, now: dt.datetime) -> list[Condition]:
        """Everything that is down or nearly full now."""
        sidecars = [self._sidecar(url, now) for url in self._sidecars]
        found = [*sidecars, self._daemon(instance, now)]
        down = [condition for condition in found if condition is not None]
        return [*down, *disk_conditions(self._settings.home, now)]

    def _daemon(self, instance: dg.DagsterInstance, now: dt.datetime) -> Condition | None:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
        last = max((dt.datetime.fromtimestamp(beat, dt.UTC) for beat in beats), default=self._started)
        if now - last <= self._daemon_grace or now - self._started <= self._daemon_grace:
            return None
        return Condition(
            kind="daemon",
            subject="dagster-daemon",
            severity=FAILURE,
            since=isoformat(last),
            what="is down: no heartbeat",
            promise="a heartbeat every 30 seconds",
            path="/deployment/daemons",
        )

    def _sidecar(self, url: str, now: dt.datetime) -> Condition | None:
        try:
            status = httpx.get(f"{url.rstrip('/')}/ready", timeout=_TIMEOUT_SECONDS).status_code
            cause = "" if status == httpx.codes.OK else f"/ready answers {status}"
        except httpx.HTTPError as error:
            cause = mask(str(error), os.environ) or type(error).__name__
        if not cause:
            self._last_ready[url] = now
            return None
        if now - self._last_ready[url] <= self._sidecar_grace:
            return None
        return Condition(
            kind="sidecar",
            subject=mask(url, os.environ),
            severity=FAILURE,
            since=isoformat(self._last_ready[url]),
            what="is down: it does not answer",
            promise="an answer within 5 seconds",
            cause=cause,
            path="/assets/releases/current",
        )


def watch(settings: Settings, *, once: bool, say: Callable[[str], object]) -> None:
    """Check every 15 seconds, for ever or once, and notify the subscribers.

    Args:
        settings: of the home.
        once: check once without grace periods, then return.
        say: gets one line an event.
    """
    clock, notifier = SystemClock(), AlertNotifier.of(settings)
    grace = {"daemon_grace": dt.timedelta(0), "sidecar_grace": dt.timedelta(0)} if once else {}
    watchdog = Watchdog(settings, clock.now(), **grace)
    fallback = DatabaseDownNotifier(notifier)
    with dg.DagsterInstance.get() as instance:
        while True:
            try:
                conditions = watchdog.check(instance, clock.now())
                counts = notifier.report("watchdog", conditions)
                fallback.recovered()
                if once or counts.notifications:
                    say(f"{counts.conditions} faults, {counts.sent} messages sent")
                    for condition in conditions:
                        say(f"  {condition.subject} {condition.what} since {condition.since}")
            except SubscriberError as error:
                say(str(error))
            except sa.exc.OperationalError as error:
                say(mask(f"the database does not answer: {error.orig}", os.environ))
                fallback.down(clock.now())
            if once:
                return
            time.sleep(_INTERVAL_SECONDS)


class DatabaseDownNotifier:
    """Notifies each subscriber once that the database is down and once that it recovered, without the outbox.

    State is kept in memory: nothing can be stored while the database is down.
    """

    def __init__(self, notifier: AlertNotifier) -> None:
        """Bind to the notifier that has the subscribers and renders the messages."""
        self._notifier = notifier
        self._open: Condition | None = None
        self._notified: set[str] = set()

    def down(self, now: dt.datetime) -> None:
        """Notify every subscriber that was not reached yet; the next check retries the others."""
        self._open = condition = self._open or Condition(
            kind="database",
            subject="the database",
            severity=FAILURE,
            since=isoformat(now),
            what="does not answer",
            path="/runs",
        )
        for subscriber in self._notifier.subscribers.all():
            is_due = (
                subscriber.id not in self._notified
                and subscriber.wants(condition)
                and not subscriber.is_muted(now)
            )
            if is_due and self._send(subscriber, condition, NEW):
                self._notified.add(subscriber.id)

    def recovered(self) -> None:
        """Notify everyone who got the alert; the next check retries those who cannot be reached."""
        if self._open is None:
            return
        waiting = [each for each in self._notifier.subscribers.all() if each.id in self._notified]
        self._notified = {each.id for each in waiting if not self._send(each, self._open, RECOVERED)}
        if not self._notified:
            self._open = None

    def _send(self, subscriber: Subscriber, condition: Condition, transition: str) -> bool:
        """Whether the message was delivered; a retry has the same id."""
        message = self._notifier.message(condition, transition)
        delivery = Delivery(
            delivery_id=f"A-database-{transition}-{condition.since}",
            subscriber=subscriber.id,
            title=message.title,
            body=message.body,
            attempts=1,
        )
        return not send(subscriber, delivery, os.environ)
