"""What was told to whom, and what is still to be delivered: two tables, so that no restart forgets any.

What a subscriber was told and the message that tells it are written in one transaction: it is made once. It
leaves at least once: who sends it takes it for a while, and a sender that dies leaves it to the next.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.faults import Condition, Line, Told, tell
from soccer_assets.alerting.rendering import Message
from soccer_assets.alerting.subscribers import Subscriber
from soccer_assets.resources.database import Database, upsert
from soccer_assets.tables import alert_delivery, alert_told

# How long a sender may take before another believes it dead.
LEASE = dt.timedelta(seconds=90)
_FIRST_PAUSE = dt.timedelta(seconds=30)
_LONGEST_PAUSE = dt.timedelta(hours=1)
# How long a message that arrived can be looked up in the table.
_KEPT = dt.timedelta(days=30)

Render = Callable[[Sequence[Line]], Message]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way to a subscriber; the id stays the same however often it is tried."""

    delivery_id: str
    subscriber: str
    title: str
    body: str
    attempts: int


class Book:
    """The two tables."""

    def __init__(self, database: Database) -> None:
        """Remember the database."""
        self._database = database

    def note(
        self,
        subscriber: Subscriber,
        source: str,
        conditions: Sequence[Condition],
        now: dt.datetime,
        render: Render | None,
    ) -> tuple[Line, ...]:
        """Compare what holds with what the subscriber was told; write the news down for delivery.

        Args:
            subscriber: who may be told.
            source: who looked (`graph`, `watchdog`): it speaks for its own conditions only.
            conditions: all that the source sees now.
            now: wall clock.
            render: makes the message of the news; None where the caller tells it at once.

        Returns:
            The news; empty where there is none, or while the subscriber is muted.
        """
        if subscriber.is_muted(now):
            return ()
        wanted = [one for one in conditions if subscriber.wants(one)]
        mine = (alert_told.c.subscriber == subscriber.id, alert_told.c.source == source)
        with self._database.reading() as connection:
            told = _told(connection, *mine)
        # Most looks find nothing new: they must not queue up for the write lock.
        if not tell(told, wanted, now, dt.timedelta(hours=subscriber.remind_hours)).lines:
            return ()
        with self._database.writing() as connection:
            told = _told(connection, *mine)
            news = tell(told, wanted, now, dt.timedelta(hours=subscriber.remind_hours))
            connection.execute(sa.delete(alert_told).where(*mine))
            upsert(
                connection,
                alert_told,
                [
                    {
                        "subscriber": subscriber.id,
                        "source": source,
                        "condition": key,
                        "record": msgspec.json.encode(one.condition).decode(),
                        "told_at": one.told_at,
                    }
                    for key, one in news.told.items()
                ],
            )
            if news.lines and render is not None:
                self._add(connection, subscriber, render(news.lines), now)
        return news.lines

    def take_due(self, now: dt.datetime) -> list[Delivery]:
        """The oldest message of each subscriber, where it is due; nobody else gets it while the lease lasts.

        In order: a recovery never overtakes the alert that still waits for its receiver.
        """
        waiting = (
            sa.select(alert_delivery)
            .where(alert_delivery.c.delivered_at.is_(None))
            .order_by(alert_delivery.c.created_at, alert_delivery.c.delivery_id)
        )
        with self._database.reading() as connection:
            if not _due_heads(connection, waiting, now):
                return []
        with self._database.writing() as connection:
            rows = _due_heads(connection, waiting, now)
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
            )
            for row in rows
        ]

    def delivered(self, delivery: Delivery, now: dt.datetime) -> None:
        """The receiver took it; what arrived a month ago is forgotten."""
        self._update(delivery, delivered_at=now, last_error="")
        with self._database.writing() as connection:
            connection.execute(sa.delete(alert_delivery).where(alert_delivery.c.delivered_at < now - _KEPT))

    def failed(self, delivery: Delivery, reason: str, now: dt.datetime) -> None:
        """The receiver did not take it: again later, with longer pauses, for as long as it takes."""
        pause = min(_FIRST_PAUSE * 2 ** min(delivery.attempts - 1, 10), _LONGEST_PAUSE)
        self._update(delivery, next_try_at=now + pause, last_error=reason)

    def forget(self, subscriber_id: str) -> None:
        """Drop what waits for a subscriber who left."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(alert_told).where(alert_told.c.subscriber == subscriber_id))
            connection.execute(
                sa.delete(alert_delivery).where(
                    alert_delivery.c.subscriber == subscriber_id, alert_delivery.c.delivered_at.is_(None)
                )
            )

    def waiting(self) -> Mapping[str, tuple[int, str]]:
        """By subscriber: how many messages wait, and why the newest did not leave."""
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


def _told(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> dict[str, Told]:
    rows = connection.execute(sa.select(alert_told).where(*where)).all()
    return {
        row.condition: Told(condition=msgspec.json.decode(row.record, type=Condition), told_at=row.told_at)
        for row in rows
    }


def _due_heads(connection: sa.Connection, waiting: sa.Select[Any], now: dt.datetime) -> list[sa.Row[Any]]:
    heads: dict[str, sa.Row[Any]] = {}
    for row in connection.execute(waiting):
        heads.setdefault(row.subscriber, row)
    return [row for row in heads.values() if row.next_try_at <= now]
