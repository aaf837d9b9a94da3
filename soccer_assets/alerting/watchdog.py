"""The watchdog: monitors what cannot report its own failure, the daemon's heartbeat and the sidecars.

A process of its own: a service in a deployment, or started by `soccer up`, whose end it survives: it tells of
an end that nobody ordered. One runs in a home at a time. It notifies the same subscribers
through the same outbox as the graph's alert sensor, and sends what that one left pending. While the database
is down it sends to the subscribers directly.
"""

import contextlib
import datetime as dt
import os
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import dagster as dg
import httpx
import sqlalchemy as sa
from filelock import FileLock, Timeout

from soccer_assets.alerting.alerting_error import AlertingError
from soccer_assets.alerting.direct_notifier import DirectNotifier
from soccer_assets.alerting.disk_space import disk_conditions
from soccer_assets.alerting.down_parts import read_down_parts
from soccer_assets.alerting.faults import FAILURE, Condition
from soccer_assets.alerting.notifier import AlertNotifier, NotifierCounts
from soccer_assets.alerting.publish_queue import queue_conditions, read_queue
from soccer_assets.alerting.running_parts import restart_of
from soccer_assets.alerting.subscribers import SubscriberError
from soccer_assets.bounded_call import BoundedCall
from soccer_assets.clock import Clock, SystemClock, isoformat
from soccer_assets.loopback import http_options
from soccer_assets.masking import mask
from soccer_assets.resources.database_faults import DatabaseUnavailableError, one_sentence
from soccer_assets.settings import Settings
from soccer_assets.signs_of_life import WATCHDOG, SignOfLife

# Of the faults that it observes, in the outbox.
_SOURCE = "watchdog"
_INTERVAL_SECONDS = 15.0
# The daemon writes its heartbeat every 30 s; a sidecar that reloads is busy for seconds.
_DAEMON_GRACE = dt.timedelta(seconds=120)
_SIDECAR_GRACE = dt.timedelta(seconds=45)
_QUEUE_GRACE = dt.timedelta(minutes=4)
_TIMEOUT_SECONDS = 5.0
# A lock is waited for up to 60 s; with 15 s between checks, a server that hangs is told within 2 minutes.
_LONGEST_CHECK_SECONDS = 80.0
# After an end of `soccer up` that nobody ordered, subscribers who cannot be reached are tried for this long.
_LAST_TRY_SECONDS = 600.0
# A watchdog that tells of the end of an earlier `soccer up` is waited for.
_TAKE_OVER_SECONDS = _LAST_TRY_SECONDS + 60.0

_HUNG = "hung: it did not answer, was killed and started again"
# Of the parts that `soccer up` may find hung.
_SEEN_BY_THEMSELVES = frozenset({"dagster-daemon", "sidecar"})

# A call that hangs is an OSError.
_DATABASE_FAULTS = (DatabaseUnavailableError, sa.exc.DBAPIError, dg.DagsterError, OSError)


class WatchdogRunningError(AlertingError):
    """Another watchdog watches this home."""


class Watchdog:
    """Checks the daemon, the sidecars and the disk, and remembers when each was last healthy."""

    def __init__(
        self,
        settings: Settings,
        now: dt.datetime,
        *,
        daemon_grace: dt.timedelta = _DAEMON_GRACE,
        sidecar_grace: dt.timedelta = _SIDECAR_GRACE,
        queue_grace: dt.timedelta = _QUEUE_GRACE,
    ) -> None:
        """Start at ``now``.

        Args:
            settings: addresses of the sidecars and the home's folder.
            now: wall clock; nothing counts as missing before its grace period from here.
            daemon_grace: age of the newest heartbeat from which the daemon counts as down.
            sidecar_grace: time without a 200 from ``/ready`` from which a sidecar counts as down.
            queue_grace: time from which a queue that stands is a fault.
        """
        self._settings = settings
        self._sidecars = settings.sidecars or (f"http://127.0.0.1:{settings.serving_port}",)
        self._started = now
        self._queue_grace = queue_grace
        self._queue_checked = now
        self._queue_stands_since: dt.datetime | None = None
        self._last_ready = dict.fromkeys(self._sidecars, now)
        self._daemon_grace = daemon_grace
        self._sidecar_grace = sidecar_grace

    def check(self, instance: dg.DagsterInstance, now: dt.datetime) -> list[Condition]:
        """Everything that is down or nearly full now."""
        sidecars = [self._sidecar(url, now) for url in self._sidecars]
        found = [*sidecars, self._daemon(instance, now)]
        down = [condition for condition in found if condition is not None]
        return [
            *down,
            *self._parts(),
            *self._queue(instance, now),
            *disk_conditions(self._settings.home, now),
        ]

    def _queue(self, instance: dg.DagsterInstance, now: dt.datetime) -> list[Condition]:
        """The queue of runs that publish, where it stood at every check of the grace period.

        A machine that slept is late with everything when it wakes, and its next run comes within minutes.
        """
        found = queue_conditions(read_queue(instance), now)
        has_slept = now - self._queue_checked > self._queue_grace
        self._queue_checked = now
        if not found or (has_slept and self._queue_grace):
            self._queue_stands_since = None
        elif self._queue_stands_since is None:
            self._queue_stands_since = now
        stands_since = self._queue_stands_since
        return found if stands_since is not None and now - stands_since >= self._queue_grace else []

    def _parts(self) -> list[Condition]:
        """The parts of `soccer up` that ended too often and stay down, or hung.

        A daemon or sidecar that hangs is seen here by itself.
        """
        return [
            Condition(
                kind="process",
                subject=part.name,
                severity=FAILURE,
                since=part.since,
                what=_HUNG if part.hung else "is down: it ended five times within five minutes",
                promise="an answer within 2 minutes" if part.hung else "a part that ends is started again",
                cause=mask(part.cause, os.environ),
                path="/deployment/daemons",
                action=f"nothing, unless it hangs again: then read {part.log}"
                if part.hung
                else f"read {part.log}, remove the cause, stop `soccer up` with Ctrl-C and start it again",
            )
            for part in read_down_parts(self._settings.home)
            if not (part.hung and part.name in _SEEN_BY_THEMSELVES)
        ]

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
            action=restart_of(self._settings.home, "dagster-daemon"),
        )

    def _sidecar(self, url: str, now: dt.datetime) -> Condition | None:
        try:
            ready = f"{url.rstrip('/')}/ready"
            answer = httpx.get(ready, timeout=_TIMEOUT_SECONDS, **http_options(ready))
            status = answer.status_code
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
            action="" if self._settings.sidecars else restart_of(self._settings.home, "sidecar"),
        )


def watch(
    settings: Settings, *, once: bool, say: Callable[[str], object], up: IO[bytes] | None = None
) -> None:
    """Check every 15 seconds, for ever or once, and notify the subscribers.

    Args:
        settings: of the home.
        once: check once without grace periods, then return.
        say: gets one line an event.
        up: a pipe that `soccer up` keeps open. When it closes, `soccer up` is gone: an orderly stop would
            have stopped the watchdog first. It notifies the subscribers, tries for 10 minutes, and ends.

    Raises:
        WatchdogRunningError: another watchdog watches this home.
    """
    if once:
        _watch(settings, once=True, say=say, up=None)
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.home / "watchdog.lock")
    try:
        _acquire(lock, settings.home, _TAKE_OVER_SECONDS if up else 0.0)
    except Timeout:
        raise WatchdogRunningError(
            f"another watchdog watches SOCCER_HOME={settings.home}; stop it first (`soccer up` starts one)"
        ) from None
    with lock:
        _watch(settings, once=False, say=say, up=up)


def _acquire(lock: FileLock, home: Path, seconds: float) -> None:
    """Take a lock, and give signs of life while another watchdog has it."""
    end = time.monotonic() + seconds
    while True:
        try:
            lock.acquire(timeout=min(seconds, _INTERVAL_SECONDS))
        except Timeout:
            if time.monotonic() >= end:
                raise
            SignOfLife(home, WATCHDOG).give()
        else:
            return


def _watch(settings: Settings, *, once: bool, say: Callable[[str], object], up: IO[bytes] | None) -> None:
    clock, notifier = SystemClock(), AlertNotifier.of(settings)
    graces = ("daemon_grace", "sidecar_grace", "queue_grace") if once else ()
    grace = dict.fromkeys(graces, dt.timedelta(0))
    watchdog = Watchdog(settings, clock.now(), **grace)
    direct = DirectNotifier(notifier, settings.home, _SOURCE)
    sign = SignOfLife(settings.home, WATCHDOG)
    conditions: list[Condition] = []
    # Of every connection of this process, Dagster's own too.
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
    with contextlib.ExitStack() as opened:
        instances: list[dg.DagsterInstance] = []

        def check() -> tuple[list[Condition], NotifierCounts]:
            with one_sentence():
                if not instances:  # here: its database may not open on a full disk, and later it does
                    instances.append(opened.enter_context(dg.DagsterInstance.get()))
                notifier.database.probe()
                found = watchdog.check(instances[0], clock.now())
                return found, direct.report(found)

        checked = BoundedCall(check, _LONGEST_CHECK_SECONDS)
        while True:
            sign.give()
            try:
                conditions, counts = checked()
                if once or counts.notifications:
                    say(f"{counts.conditions} faults, {counts.sent} messages sent")
                    for condition in conditions:
                        say(f"  {condition.subject} {condition.what} since {condition.since}")
            except SubscriberError as error:
                say(str(error))
            except _DATABASE_FAULTS as error:
                cause, what = _words_of(error)
                say(f"the database {what}: {cause}")
                _notify_directly(direct, clock.now(), cause, what, say)
            if once:
                return
            if _is_gone(up, _INTERVAL_SECONDS):
                say("soccer up is gone")
                notify_up_is_gone(notifier, settings.home, conditions, clock, say)
                return


def _notify_directly(
    direct: DirectNotifier, now: dt.datetime, cause: str, what: str, say: Callable[[str], object]
) -> bool:
    """Whether all subscribers are reached now."""
    try:
        return direct.down(now, cause, what)
    except SubscriberError as error:
        say(str(error))
        return False


def _words_of(error: Exception) -> tuple[str, str]:
    """The database's own words, and the predicate of the sentence about it."""
    if isinstance(error, DatabaseUnavailableError):
        return error.detail, error.predicate
    return mask(str(getattr(error, "orig", error)), os.environ), "does not answer"


def _is_gone(up: IO[bytes] | None, seconds: float) -> bool:
    """Wait some seconds; whether `soccer up` disappeared meanwhile."""
    if up is None:
        time.sleep(seconds)
        return False
    readable, _, _ = select.select([up], [], [], seconds)
    return bool(readable) and not up.read(1)


def up_is_gone(now: dt.datetime) -> Condition:
    """The fault that `soccer up` disappeared without an orderly stop."""
    return Condition(
        kind="process",
        subject="soccer up",
        severity=FAILURE,
        since=isoformat(now),
        what="ended without being stopped",
        promise="it runs until Ctrl-C or SIGTERM",
        cause="killed by hand, by the system for want of memory, or with its session; or an error, which is "
        "the last line of its output",
        impact="nothing runs on this machine: look-ups are refused and no result is read",
        path="/runs",
        action="start `soccer up` again; it continues from what is stored",
    )


def notify_up_is_gone(
    notifier: AlertNotifier,
    home: Path,
    conditions: Sequence[Condition],
    clock: Clock,
    say: Callable[[str], object],
    *,
    seconds: float = _LAST_TRY_SECONDS,
    interval: float = _INTERVAL_SECONDS,
) -> None:
    """Notify every subscriber that `soccer up` ended, until each was reached or the time is over.

    Args:
        notifier: of the home.
        home: its folder.
        conditions: the faults that held before; they still do.
        clock: wall clock.
        say: gets one line an event.
        seconds: the longest time.
        interval: between two tries.
    """
    gone = up_is_gone(clock.now())
    direct = DirectNotifier(notifier, home, _SOURCE, gone)
    end = time.monotonic() + seconds

    def is_notified() -> bool:
        direct.report([*conditions, gone])
        return not notifier.outbox.pending()

    notified = BoundedCall(is_notified, _LONGEST_CHECK_SECONDS)
    while True:
        try:
            if notified():
                return
        except SubscriberError as error:
            say(str(error))
        except _DATABASE_FAULTS as error:
            cause, what = _words_of(error)
            say(f"the database {what}: {cause}")
            if _notify_directly(direct, clock.now(), cause, what, say):
                return
        if time.monotonic() >= end:
            return
        time.sleep(interval)
