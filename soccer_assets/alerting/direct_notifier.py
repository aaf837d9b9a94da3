"""Notifies the subscribers without the outbox, while the database cannot be used or its disk is full."""

import datetime as dt
import os
from pathlib import Path

from soccer_assets.alerting.delivery import send
from soccer_assets.alerting.disk_space import is_disk_full
from soccer_assets.alerting.faults import FAILURE, NEW, RECOVERED, Condition
from soccer_assets.alerting.notifier import AlertNotifier
from soccer_assets.alerting.outbox import Delivery
from soccer_assets.alerting.subscribers import Subscriber
from soccer_assets.clock import isoformat


class DatabaseDownNotifier:
    """Notifies each subscriber once of a fault and once of its recovery, without the outbox.

    The fault is that the database is down or its disk is full, unless another one is given.

    State is kept in memory: nothing can be stored while the database is down.
    """

    def __init__(self, notifier: AlertNotifier, home: Path, fault: Condition | None = None) -> None:
        """Bind to the notifier that has the subscribers and renders the messages, and to its home."""
        self._notifier = notifier
        self._home = home
        self._fault = fault
        self._open: Condition | None = None
        self._notified: set[str] = set()

    def down(self, now: dt.datetime, cause: str = "", what: str = "does not answer") -> bool:
        """Notify every subscriber that was not reached yet; whether all are reached now.

        Args:
            now: wall clock.
            cause: the database's own words.
            what: the predicate of the headline, such as "is read-only".
        """
        self._open = condition = self._open or self._fault or self._fault_of(now, cause, what)
        is_complete = True
        for subscriber in self._notifier.subscribers.all():
            is_due = (
                subscriber.id not in self._notified
                and subscriber.wants(condition)
                and not subscriber.is_muted(now)
            )
            if is_due:
                if self._send(subscriber, condition, NEW):
                    self._notified.add(subscriber.id)
                else:
                    is_complete = False
        return is_complete

    def _fault_of(self, now: dt.datetime, cause: str, what: str) -> Condition:
        """The full disk where there is one: the database's own error does not say so each time."""
        if is_disk_full(self._home):
            return Condition(
                kind="disk",
                subject="the disk of the home",
                severity=FAILURE,
                since=isoformat(now),
                what="is full",
                promise="space for what is stored",
                cause=cause,
                path="/runs",
                action="free space; what waits continues by itself",
            )
        return Condition(
            kind="database",
            subject="the database",
            severity=FAILURE,
            since=isoformat(now),
            what=what,
            cause=cause,
            path="/runs",
        )

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
            delivery_id=f"A-{condition.kind}-{transition}-{condition.since}",
            subscriber=subscriber.id,
            title=message.title,
            body=message.body,
            attempts=1,
            alerts=message.alerts,
        )
        return not send(subscriber, delivery, os.environ)
