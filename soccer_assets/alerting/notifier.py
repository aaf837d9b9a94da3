"""The notifier: records what each subscriber is due from a source's conditions, and sends it."""

import contextlib
import functools
import os
import socket
from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.alert import Origin
from soccer_assets.alerting.delivery import deliver, send
from soccer_assets.alerting.faults import NEW, RECOVERED, TEST, WARNING, Condition, Notification
from soccer_assets.alerting.forecast_letter import render_news
from soccer_assets.alerting.forecast_news import TOPICS, news_of, topics_of
from soccer_assets.alerting.outbox import Delivery, Outbox
from soccer_assets.alerting.rendering import Message, render, scrubbed
from soccer_assets.alerting.subscribers import EVENTS, Subscriber, Subscribers
from soccer_assets.clock import Clock, SystemClock, isoformat
from soccer_assets.contract.events import Event
from soccer_assets.contract.following import UNSUBSCRIBED_PREFIX, unfollow_token
from soccer_assets.resources.database import Database
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.resources.object_store import ObjectStore
from soccer_assets.resources.resource_error import ResourceError
from soccer_assets.settings import Settings
from soccer_assets.stores.installation import read_identity
from soccer_assets.stores.ledger.followed import followed_matches
from soccer_assets.stores.releases.page_codes import read_pages_secret

# The event stream of `GET /events` is one more subscriber, which gets every alert at once.
_STREAM = Subscriber(id=EVENTS, url="", remind_hours=24.0 * 365)


class NotifierCounts(msgspec.Struct, frozen=True):
    """Counts of one evaluation."""

    conditions: int
    notifications: int
    sent: int
    failed: int


class AlertNotifier:
    """Turns conditions into messages."""

    def __init__(self, settings: Settings, database: Database, events: EventBus, clock: Clock) -> None:
        """Bind to a home; ``clock`` is the wall clock outside tests."""
        self._settings = settings
        self._database = database
        self._events = events
        self._clock = clock
        self.subscribers = Subscribers(settings.alerts_file)
        self.database = database
        self.outbox = Outbox(database)

    @classmethod
    def of(cls, settings: Settings) -> "AlertNotifier":
        """The notifier of a home, on the wall clock: alerts concern the real world, not a replayed one."""
        store = ObjectStore(settings.store_url, settings.s3_endpoint_url)
        events = EventBus(settings.redis_url, store)
        return cls(settings, Database(settings.database_url), events, SystemClock())

    @functools.cached_property
    def _origin(self) -> Origin:
        """Asked for once: the key of a fault must not change between its begin and its end."""
        settings, installation = self._settings, ""
        with (
            contextlib.suppress(ResourceError, sa.exc.SQLAlchemyError),
            self._database.reading() as connection,
        ):
            installation = read_identity(connection).id
        return Origin(
            host=socket.gethostname(),
            home=str(settings.home),
            feed=",".join(settings.feeds),
            installation=installation,
            pages=settings.public_url.rstrip("/") or f"http://127.0.0.1:{settings.dagster_port}",
            is_public=bool(settings.public_url),
        )

    def report(
        self,
        source: str,
        conditions: Sequence[Condition],
        healing_run: Callable[[Condition], str] | None = None,
    ) -> NotifierCounts:
        """Record what is due to each subscriber from the conditions of ``source``, and send due messages.

        Args:
            source: the observer; it ends its own conditions only.
            conditions: everything that it observes now.
            healing_run: id of the run that ended a condition, empty where none did; None where no run ends
                conditions of this source.

        Raises:
            SubscriberError: the subscribers' file cannot be used.
        """
        now = self._clock.now()
        current = [scrubbed(condition, os.environ) for condition in conditions]
        subscribers = self.subscribers.all()
        ended = self.outbox.ended(source, current) if healing_run else []
        healing_runs = {each.key: run for each in ended if healing_run and (run := healing_run(each))}

        def rendered(notifications: Sequence[Notification]) -> Message:
            return self._render(notifications, healing_runs)

        notifications = sum(
            len(self.outbox.record(subscriber, source, current, now, rendered)) for subscriber in subscribers
        )
        for notification in self.outbox.record(_STREAM, source, current, now, None):
            self._publish(notification)
        sent, failed = deliver(self.outbox, subscribers, os.environ, now)
        return NotifierCounts(len(current), notifications, sent, failed)

    def tell_followers(self, store: ObjectStore) -> int:
        """Send followers the news of their forecasts; returns how many news there were.

        Those who clicked on the link that ends it are removed first.

        Raises:
            SubscriberError: the subscribers' file cannot be used.
        """
        self._remove_unsubscribed(store)
        followers = [each for each in self.subscribers.all() if each.follows]
        if not followers:
            return 0
        world, now = self._settings.clock.now(), self._clock.now()
        topics = {topic for follower in followers for topic in follower.follows}
        named = {kind: {one.partition(":")[2] for one in topics if one.startswith(kind)} for kind in TOPICS}
        matches = followed_matches(self._database, named["team:"], named["match:"], world)
        count = 0
        for follower in followers:
            own = [each for each in matches if topics_of(each) & set(follower.follows)]
            news = [found for each in own if (found := news_of(each, follower.since or now)) is not None]
            letter = functools.partial(self._letter, follower, read_pages_secret(store))
            count += len(self.outbox.record(follower, "forecasts", news, now, letter))
        deliver(self.outbox, followers, os.environ, now)
        return count

    def _letter(
        self, follower: Subscriber, secret: bytes | None, notifications: Sequence[Notification]
    ) -> Message:
        settings = self._settings
        pages = settings.pages_url or f"http://127.0.0.1:{settings.serving_port}{settings.root_path}"
        link = f"{pages}/unsubscribe/{unfollow_token(secret, follower.id)}" if secret else ""
        return render_news(notifications, pages=pages, link=link, follower=follower.id, origin=self._origin)

    def _remove_unsubscribed(self, store: ObjectStore) -> None:
        for key in store.list(UNSUBSCRIBED_PREFIX):
            subscriber = key.removeprefix(UNSUBSCRIBED_PREFIX)
            if any(each.id == subscriber and each.follows for each in self.subscribers.all()):
                self.subscribers.unsubscribe(subscriber)
            self.outbox.delete_subscriber(subscriber)
            store.delete(key)

    def test(self, subscriber: Subscriber) -> str:
        """Send a test message, of a fault that begins and ends; returns the error, empty on success."""
        fault = Condition(
            kind=TEST,
            subject="the test",
            severity=WARNING,
            since=isoformat(self._clock.now()),
            what="has begun",
            headline="a test: nothing is wrong",
        )
        both = [Notification(transition=transition, condition=fault) for transition in (NEW, RECOVERED)]
        origin = self._origin
        body = (
            "What:     this is a test; nothing is wrong\n"
            f"Host:     {origin.host}, home {origin.home}\nFeed:     {origin.feed}"
        )
        delivery = Delivery(
            delivery_id="A-test",
            subscriber=subscriber.id,
            title="[soccer] a test",
            body=body,
            attempts=1,
            alerts=self._render(both).alerts,
        )
        return send(subscriber, delivery, os.environ)

    def message(self, condition: Condition, transition: str = NEW) -> Message:
        """The message for one transition of a condition."""
        return self._render([Notification(transition=transition, condition=condition)])

    def _render(
        self, notifications: Sequence[Notification], healing_runs: Mapping[str, str] | None = None
    ) -> Message:
        return render(
            notifications, origin=self._origin, now=self._clock.now(), healing_runs=healing_runs or {}
        )

    def _publish(self, notification: Notification) -> None:
        condition = notification.condition
        self._events.publish(
            Event(
                type="freshness" if condition.kind == "freshness" else "alert",
                at=isoformat(self._clock.now()),
                detail={
                    "kind": condition.kind,
                    "subject": condition.subject,
                    "state": "passing" if notification.transition == RECOVERED else condition.severity,
                    "since": condition.since,
                },
            )
        )
