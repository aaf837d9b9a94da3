"""The transactional outbox: subscribers' notification state and their pending messages, in two tables.

State and message are written in one transaction, so that each message is created exactly once. Delivery is at
least once: a sender leases a message, and when the lease expires another sender retries it with the same id.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.alert import Alert
from soccer_assets.alerting.faults import Condition, Notification, Notified, diff
from soccer_assets.alerting.rendering import Message
from soccer_assets.alerting.subscribers import Subscriber
from soccer_assets.resources.bulk_rows import upsert
from soccer_assets.resources.database import Database
from soccer_assets.tables import alert_delivery, alert_told

# A sender that does not report within this time is taken for dead.
LEASE = dt.timedelta(seconds=90)
_FIRST_BACKOFF = dt.timedelta(seconds=30)
_MAX_BACKOFF = dt.timedelta(hours=1)
# Delivered messages stay in the table for this long.
_RETENTION = dt.timedelta(days=30)

Render = Callable[[Sequence[Notification]], Message]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message for a subscriber; every attempt has the same id."""

    delivery_id: str
    subscriber: str
    title: str
    body: str
    attempts: int
    alerts: tuple[Alert, ...] = ()


class Outbox:
    """Reads and writes the two tables."""

    def __init__(self, database: Database) -> None:
        """Bind to a database."""
        self._database = database

    def record(
        self,
        subscriber: Subscriber,
        source: str,
        conditions: Sequence[Condition],
        now: dt.datetime,
        render: Render | None,
    ) -> tuple[Notification, ...]:
        """Record the subscriber's due notifications and queue their message.

        Args:
            subscriber: the receiver; its filters and its mute apply.
            source: the observer (`graph`, `watchdog`); it recovers its own conditions only.
            conditions: everything that the source observes now.
            now: wall clock.
            render: makes the message to queue; None where the caller delivers at once.

        Returns:
            The notifications; empty where none is due, or while the subscriber is muted.
        """
        if subscriber.is_muted(now):
            return ()
        wanted = [condition for condition in conditions if subscriber.wants(condition)]
        remind_after = dt.timedelta(hours=subscriber.remind_hours)
        mine = (alert_told.c.subscriber == subscriber.id, alert_told.c.source == source)
        with self._database.reading() as connection:
            notified = _read_notified(connection, *mine)
        # Most evaluations change nothing: they must not wait for the write lock.
        if not diff(notified, wanted, now, remind_after).notifications:
            return ()
        with self._database.writing() as connection:
            notified = _read_notified(connection, *mine)
            changes = diff(notified, wanted, now, remind_after)
            connection.execute(sa.delete(alert_told).where(*mine))
            upsert(
                connection,
                alert_told,
                [
                    {"subscriber": subscriber.id, "source": source, **_columns_of(state)}
                    for state in changes.notified.values()
                ],
            )
            if changes.notifications and render is not None:
                self._add(connection, subscriber, render(changes.notifications), now)
        return changes.notifications

    def ended(self, source: str, conditions: Sequence[Condition]) -> list[Condition]:
        """The faults of a source that a subscriber was notified of and that hold no longer."""
        current = {condition.key for condition in conditions}
        with self._database.reading() as connection:
            notified = connection.execute(
                sa.select(alert_told.c.condition, alert_told.c.record)
                .where(alert_told.c.source == source)
                .distinct()
            ).all()
        found = {
            row.condition: msgspec.json.decode(row.record, type=Condition)
            for row in notified
            if row.condition not in current
        }
        return list(found.values())

    def notified(self, source: str) -> list[tuple[str, Notified]]:
        """The faults that a source has notified subscribers of and that hold, with the subscriber's id."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(alert_told).where(alert_told.c.source == source)).all()
        return [(row.subscriber, _notified_of(row)) for row in rows]

    def adopt(self, source: str, notified: Sequence[tuple[str, Notified]]) -> None:
        """Record notifications that were sent without the outbox; what it has already stays.

        Args:
            source: the observer.
            notified: subscriber's id, the fault and when it was sent.
        """
        with self._database.writing() as connection:
            query = sa.select(alert_told.c.subscriber, alert_told.c.condition)
            known = {tuple(row) for row in connection.execute(query.where(alert_told.c.source == source))}
            rows = [
                {"subscriber": subscriber, "source": source, **_columns_of(state)}
                for subscriber, state in notified
                if (subscriber, state.condition.key) not in known
            ]
            upsert(connection, alert_told, rows)

    def take_due(self, now: dt.datetime) -> list[Delivery]:
        """Lease the oldest pending message of each subscriber, where it is due.

        Messages of a subscriber leave in order: a recovery never overtakes its alert.
        """
        pending = (
            sa.select(alert_delivery)
            .where(alert_delivery.c.delivered_at.is_(None))
            .order_by(alert_delivery.c.created_at, alert_delivery.c.delivery_id)
        )
        with self._database.reading() as connection:
            if not _due_heads(connection, pending, now):
                return []
        with self._database.writing() as connection:
            rows = _due_heads(connection, pending, now)
            connection.execute(
                sa.update(alert_delivery)
                .where(alert_delivery.c.delivery_id.in_([row.delivery_id for row in rows]))
                .values(next_try_at=now + LEASE, attempts=alert_delivery.c.attempts + 1)
            )
        return [
            Delivery(
                delivery_id=row.delivery_id,
                subscriber=row.subscriber,
                title=row.title,
                body=row.body,
                attempts=row.attempts + 1,
                alerts=msgspec.json.decode(row.alerts or "[]", type=tuple[Alert, ...]),
            )
            for row in rows
        ]

    def mark_delivered(self, delivery: Delivery, now: dt.datetime) -> None:
        """Record a successful delivery, and delete messages delivered more than 30 days ago."""
        self._update(delivery, delivered_at=now, last_error="")
        with self._database.writing() as connection:
            connection.execute(
                sa.delete(alert_delivery).where(alert_delivery.c.delivered_at < now - _RETENTION)
            )

    def mark_failed(self, delivery: Delivery, reason: str, now: dt.datetime) -> None:
        """Schedule a retry with exponential backoff, 30 s to 1 h, without limit."""
        backoff = min(_FIRST_BACKOFF * 2 ** min(delivery.attempts - 1, 10), _MAX_BACKOFF)
        self._update(delivery, next_try_at=now + backoff, last_error=reason)

    def delete_subscriber(self, subscriber_id: str) -> None:
        """Delete the state and the pending messages of a subscriber."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(alert_told).where(alert_told.c.subscriber == subscriber_id))
            connection.execute(
                sa.delete(alert_delivery).where(
                    alert_delivery.c.subscriber == subscriber_id, alert_delivery.c.delivered_at.is_(None)
                )
            )

    def pending(self) -> Mapping[str, tuple[int, str]]:
        """By subscriber: the number of pending messages, and the newest one's last error."""
        with self._database.reading() as connection:
            rows = connection.execute(
                sa.select(alert_delivery.c.subscriber, alert_delivery.c.last_error)
                .where(alert_delivery.c.delivered_at.is_(None))
                .order_by(alert_delivery.c.created_at)
            ).all()
        counts: dict[str, tuple[int, str]] = {}
        for row in rows:
            counts[row.subscriber] = (counts.get(row.subscriber, (0, ""))[0] + 1, row.last_error)
        return counts

    def _add(
        self, connection: sa.Connection, subscriber: Subscriber, message: Message, now: dt.datetime
    ) -> None:
        connection.execute(
            sa.insert(alert_delivery).values(
                delivery_id=f"A-{uuid.uuid4().hex[:12]}",
                subscriber=subscriber.id,
                title=message.title,
                body=message.body,
                alerts=msgspec.json.encode(message.alerts).decode(),
                created_at=now,
                attempts=0,
                next_try_at=now,
                last_error="",
            )
        )

    def _update(self, delivery: Delivery, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(
                sa.update(alert_delivery)
                .where(alert_delivery.c.delivery_id == delivery.delivery_id)
                .values(**values)
            )


def _read_notified(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> dict[str, Notified]:
    rows = connection.execute(sa.select(alert_told).where(*where)).all()
    return {row.condition: _notified_of(row) for row in rows}


def _notified_of(row: sa.Row[Any]) -> Notified:
    return Notified(condition=msgspec.json.decode(row.record, type=Condition), notified_at=row.told_at)


def _columns_of(notified: Notified) -> dict[str, object]:
    return {
        "condition": notified.condition.key,
        "record": msgspec.json.encode(notified.condition).decode(),
        "told_at": notified.notified_at,
    }


def _due_heads(connection: sa.Connection, pending: sa.Select[Any], now: dt.datetime) -> list[sa.Row[Any]]:
    heads: dict[str, sa.Row[Any]] = {}
    for row in connection.execute(pending):
        heads.setdefault(row.subscriber, row)
    return [row for row in heads.values() if row.next_try_at <= now]
