"""The event stream on Redis: what makes a reload immediate. Correctness never hangs on it."""

import functools
from typing import Any

import msgspec

from soccer_assets.contract.events import EVENT_STREAM, EVENT_STREAM_MAXLEN, Event

# Alerts lie between two releases; a release announced twice does no harm.
_LOOK_BACK = 100


class EventBus:
    """Appends events to a bounded stream; without an address it is silent."""

    def __init__(self, url: str) -> None:
        """Remember the address; nothing is opened before the first event."""
        self._url = url

    @functools.cached_property
    def _client(self) -> Any:
        import redis  # noqa: PLC0415 - only publishing runs need it

        return redis.Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)

    def publish(self, event: Event) -> bool:
        """Append an event; False where the stream cannot be reached (readers poll anyway)."""
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
        """The newest event that names a release; None where there is none or the stream is out of reach."""
        if not self._url:
            return None
        import redis  # noqa: PLC0415

        try:
            entries = self._client.xrevrange(EVENT_STREAM, count=_LOOK_BACK)
        except redis.RedisError:
            return None
        events = (msgspec.json.decode(fields[b"event"], type=Event) for _, fields in entries)
        return next((event for event in events if event.release_id is not None), None)
