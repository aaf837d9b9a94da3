"""The event stream on Redis. It makes reloads immediate; without it, readers poll and stay correct."""

import functools
from typing import Any

import msgspec

from soccer_assets.contract.events import EVENT_STREAM, EVENT_STREAM_MAXLEN, Event

# Alerts are between two releases in the stream; announcing a release twice does no harm.
_LOOK_BACK = 100


class EventBus:
    """Appends events to a bounded stream; without an address it does nothing."""

    def __init__(self, url: str) -> None:
        """The stream at ``url``; nothing is opened before the first event."""
        self._url = url

    @functools.cached_property
    def _client(self) -> Any:
        import redis  # noqa: PLC0415 - only publishing runs need it

        return redis.Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)

    def publish(self, event: Event) -> bool:
        """Append an event; False where Redis is unavailable (readers poll anyway)."""
        if not self._url:
            return False
        import redis  # noqa: PLC0415

        try:
            self._client.xadd(
                EVENT_STREAM,
                {"event": msgspec.json.encode(event)},
                maxlen=EVENT_STREAM_MAXLEN,
                approximate=True,
            )
        except redis.RedisError:
            return False
        return True

    def last_release(self) -> Event | None:
        """The newest event that names a release; None without one, or where Redis is unavailable."""
        if not self._url:
            return None
        import redis  # noqa: PLC0415

        try:
            entries = self._client.xrevrange(EVENT_STREAM, count=_LOOK_BACK)
        except redis.RedisError:
            return None
        events = (msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries)
        return next((event for event in events if event.release_id is not None), None)
