"""The event stream on Redis. It makes reloads immediate; without it, readers poll and stay correct."""

import functools
from collections.abc import Callable
from typing import Any

import msgspec

from soccer_assets.contract.events import EVENT_STREAM_MAXLEN, Event
from soccer_assets.contract.installation import INSTALLATION_KEY, Installation, RedisNames
from soccer_assets.resources.object_store import ObjectStore

# Entries read at once: alerts lie between two releases.
_PAGE = 100
# Another event in the stream while one is decided makes it decide again.
_ATTEMPTS = 20


class EventBus:
    """Appends events to the bounded stream of an installation; without an address it does nothing.

    Args:
        url: of Redis; nothing is opened before the first event.
        store: says whose stream it is; no event is published before it does.
    """

    def __init__(self, url: str, store: ObjectStore | None = None) -> None:
        self._url = url
        self._store = store
        self._names: RedisNames | None = None

    @functools.cached_property
    def _client(self) -> Any:
        import redis  # noqa: PLC0415 - only publishing runs need it
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        # Without the library's retries: an append that timed out may have been made.
        return redis.Redis.from_url(
            self._url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    def publish(self, event: Event) -> bool:
        """Append an event; False where Redis or the store is unavailable (readers poll anyway)."""
        stream = self._stream()
        if stream is None:
            return False
        import redis  # noqa: PLC0415

        try:
            _append(self._client, stream, event)
        except redis.RedisError:
            return False
        return True

    def publish_next(self, next_event: Callable[[Event | None], Event | None]) -> bool:
        """Append the event that follows from the newest release of the stream, at most once and in order.

        Args:
            next_event: gets the newest event that names a release, None without one, and returns what to
                append, None for nothing. Where another event was appended while it decided, nothing is
                appended and it is asked again.

        Returns:
            Whether an event was appended; False also where Redis or the store is unavailable.
        """
        stream = self._stream()
        if stream is None:
            return False
        import redis  # noqa: PLC0415

        try:
            with self._client.pipeline() as transaction:
                for _ in range(_ATTEMPTS):
                    transaction.watch(stream)
                    event = next_event(_newest_release(transaction, stream))
                    if event is None:
                        return False
                    transaction.multi()
                    _append(transaction, stream, event)
                    try:
                        transaction.execute()
                    except redis.WatchError:
                        continue
                    return True
        except redis.RedisError:
            pass
        return False

    def last_release(self) -> Event | None:
        """The newest event that names a release; None without one, or where Redis is unavailable."""
        stream = self._stream()
        if stream is None:
            return None
        import redis  # noqa: PLC0415

        try:
            return _newest_release(self._client, stream)
        except redis.RedisError:
            return None

    def _stream(self) -> str | None:
        """The stream's name; None without an address, and until the store says whose it is."""
        if self._url and self._store is not None and self._names is None:
            try:
                if (data := self._store.read(INSTALLATION_KEY)) is not None:
                    self._names = RedisNames(msgspec.json.decode(data, type=Installation).id)
            except Exception:  # noqa: BLE001 - a store's fault or a damaged object: an event is no reason to fail
                return None
        return self._names.events if self._names else None


def _append(client: Any, stream: str, event: Event) -> None:
    fields = {"event": msgspec.json.encode(event)}
    client.xadd(stream, fields, maxlen=EVENT_STREAM_MAXLEN, approximate=True)


def _newest_release(client: Any, stream: str) -> Event | None:
    """The newest event that names a release, however many alerts follow it."""
    newest = "+"
    while entries := client.xrevrange(stream, max=newest, count=_PAGE):
        for entry_id, fields in entries:
            event = msgspec.json.decode(fields[b"event"], type=Event)
            if event.release_id is not None:
                return event
            newest = f"({entry_id.decode()}"
    return None
