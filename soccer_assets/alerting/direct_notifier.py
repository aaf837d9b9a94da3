"""Notifies the subscribers without the outbox, while the database cannot be used or its disk is full.

What is sent so is recorded in the outbox once the database can be used again: the fault then ends as any
other does, and a full disk of which the outbox told when it was nearly full is not told again.
"""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

from soccer_assets.alerting.delivery import send
from soccer_assets.alerting.direct_state import DirectState, Entry
from soccer_assets.alerting.disk_space import disk_conditions, is_disk_full
from soccer_assets.alerting.faults import FAILURE, NEW, Condition, Notified
from soccer_assets.alerting.notifier import AlertNotifier, NotifierCounts
from soccer_assets.alerting.outbox import Delivery
from soccer_assets.alerting.subscribers import Subscriber
from soccer_assets.clock import isoformat


class DirectNotifier:
    """Notifies each subscriber once of a fault that the outbox cannot take.

    The fault is that the database is down or its disk is full, unless another one is given.
    """

    def __init__(
        self, notifier: AlertNotifier, home: Path, source: str, fault: Condition | None = None
    ) -> None:
        """Bind to a notifier, which has the subscribers and renders the messages.

        Args:
            notifier: of the home.
            home: its folder.
            source: the observer, as in the outbox.
            fault: the fault to notify of.
        """
        self._notifier = notifier
        self._home = home
        self._source = source
        self._fault = fault
        self._open: Condition | None = None
        self._state = DirectState(home)

    def down(self, now: dt.datetime, cause: str = "", what: str = "does not answer") -> bool:
        """Notify every subscriber that was not reached yet; whether all are reached now.

        Args:
            now: wall clock.
            cause: the database's own words.
            what: the predicate of the headline, such as "is read-only".
        """
        self._open = condition = self._open or self._fault or self.fault_of(now, cause, what)
        is_complete = True
        for subscriber in self._notifier.subscribers.all():
            is_due = (
                not self._state.holds(subscriber.id, condition)
                and subscriber.wants(condition)
                and not subscriber.is_muted(now)
            )
            if not is_due:
                continue
            if self._send(subscriber, condition):
                notified = Notified(condition=condition, notified_at=now)
                self._state.add(Entry(subscriber=subscriber.id, notified=notified, is_recorded=False))
            else:
                is_complete = False
        return is_complete

    def fault_of(self, now: dt.datetime, cause: str, what: str = "does not answer") -> Condition:
        """The full disk where there is one: the database's own error does not say so each time."""
        if is_disk_full(self._home):
            (condition,) = disk_conditions(self._home, now, cause)
            return condition
        return Condition(
            kind="database",
            subject="the database",
            severity=FAILURE,
            since=isoformat(now),
            what=what,
            cause=cause,
            path="/runs",
        )

    def report(self, conditions: Sequence[Condition]) -> NotifierCounts:
        """Report through the outbox, of a database that can be used: what was sent without it ends here, too.

        Args:
            conditions: everything that the source observes now.

        Raises:
            DatabaseUnavailableError: the database cannot be used.
            SubscriberError: the subscribers' file cannot be used.
        """
        sent = self._state.unrecorded()
        if sent:
            known = {subscriber.id for subscriber in self._notifier.subscribers.all()}
            notified = [(entry.subscriber, entry.notified) for entry in sent if entry.subscriber in known]
            self._notifier.outbox.adopt(self._source, notified)
            self._state.mark_recorded(sent)
        counts = self._notifier.report(self._source, conditions)
        self._open = None
        self._state.mirror(
            Entry(subscriber=subscriber, notified=notified, is_recorded=True)
            for subscriber, notified in self._notifier.outbox.notified(self._source)
        )
        return counts

    def _send(self, subscriber: Subscriber, condition: Condition) -> bool:
        """Whether the message was delivered; a retry has the same id."""
        message = self._notifier.message(condition)
        delivery = Delivery(
            delivery_id=f"A-{condition.kind}-{NEW}-{condition.since}",
            subscriber=subscriber.id,
            title=message.title,
            body=message.body,
            attempts=1,
            alerts=message.alerts,
        )
        return not send(subscriber, delivery, os.environ)
