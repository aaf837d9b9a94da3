"""The event stream on Redis. It makes reloads immediate; without it, readers poll and stay correct."""

import functools
from typing import Any

import msgspec

from soccer_assets.contract.events import EVENT_STREAM_MAXLEN, Event
from soccer_assets.contract.installation import INSTALLATION_KEY, Installation, RedisNames
from soccer_assets.resources.object_store import ObjectStore

# Alerts are between two releases in the stream; announcing a release twice does no harm.
_LOOK_BACK = 100


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

        return redis.Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)

    def publish(self, event: Event) -> bool:
        """Append an event; False where Redis or the store is unavailable (readers poll anyway)."""
        stream = self._stream()
        if stream is None:
            return False
        import redis  # noqa: PLC0415

        try:
            self._client.xadd(
                stream,
                {"event": msgspec.json.encode(event)},
                maxlen=EVENT_STREAM_MAXLEN,
                approximate=True,
            )
        except redis.RedisError:
            return False
        return True

    def last_release(self) -> Event | None:
        """The newest event that names a release; None without one, or where Redis is unavailable."""
        stream = self._stream()
        if stream is None:
            return None
        import redis  # noqa: PLC0415

        try:
            entries = self._client.xrevrange(stream, count=_LOOK_BACK)
        except redis.RedisError:
            return None
        events = (msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries)
        return next((event for event in events if event.release_id is not None), None)

    def _stream(self) -> str | None:
        """The stream's name; None without an address, and until the store says whose it is."""
        if self._url and self._store is not None and self._names is None:
            try:
                data = self._store.read(INSTALLATION_KEY)
            except Exception:  # noqa: BLE001 - whatever the store's library raises: an event is no reason to fail
                return None
            if data is not None:
                self._names = RedisNames(msgspec.json.decode(data, type=Installation).id)
        return self._names.events if self._names else None
