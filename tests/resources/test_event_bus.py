"""The event stream on a real Valkey, and without one."""

from collections.abc import Iterator

import pytest
import redis

from soccer_assets.contract.events import EVENT_STREAM_MAXLEN, Event
from soccer_assets.resources import event_bus
from soccer_assets.resources.event_bus import EventBus
from soccer_assets.stores.installation import name_store, new_id
from tests.builders import EVENT_STREAM


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    """A client of a server whose stream is empty."""
    with redis.Redis.from_url(valkey_url) as client:
        client.delete(EVENT_STREAM)
        yield client


def release(number: int) -> Event:
    """The event of a release."""
    return Event(type="release", at="2025-04-25T09:00:00Z", release_id=f"r{number}", detail={"n": "1"})


def test_an_event_is_appended_and_read_back(valkey_url, client, named_store):
    """The newest release is the one that was published last, with all its fields."""
    bus = EventBus(valkey_url, named_store)
    assert bus.last_release() is None

    assert [bus.publish(release(number)) for number in (1, 2)] == [True, True]
    assert bus.last_release() == release(2)
    assert client.xlen(EVENT_STREAM) == 2


def test_other_events_do_not_hide_the_last_release(valkey_url, client, named_store):
    """Alerts after a release leave it the newest release."""
    bus = EventBus(valkey_url, named_store)
    bus.publish(release(1))
    for _ in range(250):  # several pages of the look back
        bus.publish(Event(type="alert", at="2025-04-25T10:00:00Z"))

    assert bus.last_release() == release(1)


def test_the_stream_is_bounded(valkey_url, client, named_store, monkeypatch):
    """Old events are trimmed, in whole nodes of a hundred, so that the stream never fills the memory."""
    monkeypatch.setattr(event_bus, "EVENT_STREAM_MAXLEN", 200)
    bus = EventBus(valkey_url, named_store)
    for number in range(500):
        bus.publish(release(number))

    assert 200 <= client.xlen(EVENT_STREAM) <= 300
    assert bus.last_release() == release(499)
    assert EVENT_STREAM_MAXLEN == 10_000


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1/0"])
def test_without_a_server_events_are_dropped_and_said_to_be(url, named_store):
    """Without an address or an answer nothing is raised, and `publish` returns False."""
    bus = EventBus(url, named_store)

    assert bus.publish(release(1)) is False
    assert bus.last_release() is None


def test_without_an_id_no_event_is_published(valkey_url, folder_store):
    """It would have no stream; one that the store names later is used."""
    bus = EventBus(valkey_url, folder_store)
    assert bus.publish(release(1)) is False
    assert bus.last_release() is None
    name_store(folder_store, new_id())
    assert bus.publish(release(1)) is True
    assert bus.last_release() == release(1)


def test_an_event_that_was_decided_on_an_older_stream_is_decided_again(valkey_url, client, named_store):
    """What another process appends meanwhile is seen by the second decision, which may be for nothing."""
    one, other = EventBus(valkey_url, named_store), EventBus(valkey_url, named_store)
    seen = []

    def next_event(last):
        seen.append(last)
        if last is None:
            other.publish(release(1))
        return release(2) if len(seen) < 3 else None

    assert one.publish_next(next_event) is True
    assert one.publish_next(next_event) is False
    assert seen == [None, release(1), release(2)]
    assert client.xlen(EVENT_STREAM) == 2


def test_a_lost_connection_appends_no_event_twice(valkey_url, client, named_store, monkeypatch):
    """The server took the event and its answer got lost: it is not sent again."""
    bus = EventBus(valkey_url, named_store)
    assert bus.publish(release(1)) is True
    real = redis.Connection.read_response

    def lost(self, *arguments, **options):
        real(self, *arguments, **options)
        raise redis.TimeoutError("the answer came too late")

    monkeypatch.setattr(redis.Connection, "read_response", lost)
    assert bus.publish(release(2)) is False
    monkeypatch.undo()
    assert client.xlen(EVENT_STREAM) == 2
