"""The alert desk: takes what a source sees, writes down the news for each subscriber, sends what waits."""

import os
from collections.abc import Sequence

import msgspec

from soccer_assets.alerting.delivery import deliver, send
from soccer_assets.alerting.faults import NEW, RECOVERED, Condition, Line
from soccer_assets.alerting.outbox import Book, Delivery
from soccer_assets.alerting.rendering import Message, render, scrubbed
from soccer_assets.alerting.subscribers import Subscriber, Subscribers
from soccer_assets.clock import Clock, SystemClock, isoformat
from soccer_assets.contract.events import Event
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.settings import Settings

# Clients of `GET /events` hear every alert: the stream is one more subscriber, that is sent to at once.
_STREAM = Subscriber(id="events", url="", remind_hours=24.0 * 365)


class DeskCounts(msgspec.Struct, frozen=True):
    """What one look did."""

    conditions: int
    news: int
    sent: int
    waiting: int


class AlertDesk:
    """Where conditions become messages."""

    def __init__(self, settings: Settings, database: Database, events: EventBus, clock: Clock) -> None:
        """Bind it to a home; ``clock`` is the wall clock but in tests."""
        self._feed = ",".join(settings.feeds)
        self._public_url = settings.public_url
        self._events = events
        self._clock = clock
        self.subscribers = Subscribers(settings.alerts_file)
        self.book = Book(database)

    @classmethod
    def of(cls, settings: Settings) -> "AlertDesk":
        """The desk of a home, on the wall clock: alerts speak of the real world, not of a replayed one."""
        return cls(settings, Database(settings.database_url), EventBus(settings.redis_url), SystemClock())

    def report(self, source: str, conditions: Sequence[Condition]) -> DeskCounts:
        """Tell every subscriber what is new of what ``source`` sees, and send what is due.

        Raises:
            SubscriberError: the subscribers' file cannot be used.
        """
        now = self._clock.now()
        seen = [scrubbed(one, os.environ) for one in conditions]
        subscribers = self.subscribers.all()
        news = sum(len(self.book.note(one, source, seen, now, self._render)) for one in subscribers)
        for line in self.book.note(_STREAM, source, seen, now, None):
            self._announce(line)
        sent, waiting = deliver(self.book, subscribers, os.environ, now)
        return DeskCounts(len(seen), news, sent, waiting)

    def test(self, subscriber: Subscriber) -> str:
        """Send a message that says that it is a test; returns why it did not leave, or nothing."""
        body = f"What:    this is a test; nothing is wrong\nFeed:    {self._feed}"
        delivery = Delivery(
            delivery_id="A-test", subscriber=subscriber.id, title="[soccer] a test", body=body, attempts=1
        )
        return send(subscriber, delivery, os.environ)

    def message(self, condition: Condition, turn: str = NEW) -> Message:
        """The words of a condition that just began, or of another turn of it."""
        return self._render([Line(turn=turn, condition=condition)])

    def _render(self, lines: Sequence[Line]) -> Message:
        return render(lines, feed=self._feed, public_url=self._public_url, now=self._clock.now())

    def _announce(self, line: Line) -> None:
        condition = line.condition
        self._events.publish(
            Event(
                type="freshness" if condition.kind == "freshness" else "alert",
                at=isoformat(self._clock.now()),
                detail={
                    "kind": condition.kind,
                    "subject": condition.subject,
                    "state": "passing" if line.turn == RECOVERED else condition.severity,
                    "since": condition.since,
                },
            )
        )
