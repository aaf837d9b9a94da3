"""The event stream on Redis: what makes a reload immediate. Correctness never hangs on it."""

import functools
from typing import Any

import msgspec

from soccer_assets.contract import EVENT_STREAM, EVENT_STREAM_MAXLEN, Event


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

    def last(self) -> Event | None:
        """The newest event; None where there is none or the stream cannot be reached."""
        if not self._url:
            return None
        import redis  # noqa: PLC0415

        try:
            entries = self._client.xrevrange(EVENT_STREAM, count=1)
        except redis.RedisError:
            return None
        return msgspec.json.decode(entries[0][1][b"event"], type=Event) if entries else None
