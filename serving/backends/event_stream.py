"""Server-sent events: each worker tails the Redis stream once and fans entries out to its listeners.

A listener has a bounded queue. A client that does not keep up is disconnected and can resume with
``Last-Event-ID``. While Redis is unavailable listeners stay connected; afterwards they get every entry that
the stream still holds.
"""

import asyncio
import re
import weakref
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import structlog

from serving.backends.redis import OwnNames, RedisUnavailableError, connect, translate_redis_errors
from serving.background_tasks import cancel_and_wait
from serving.errors import ServingError
from soccer_assets.contract.events import Event

MAX_LISTENERS = 1_000
# Of one API key: its forgotten clients leave places for others.
MAX_LISTENERS_OF_KEY = 100
# At about 200 bytes an event: a client 200 events behind no longer reads.
MAX_UNREAD = 200
HEARTBEAT_SECONDS = 15.0

_BLOCK_MS = 3_000  # below the socket timeout, so that an idle stream is not taken for a dead server
_PAUSE_SECONDS = 1.0
_PAGE = 500

_NUMBER = re.compile("[0-9]{1,20}")

_log = structlog.get_logger()

# An entry of the stream: its id and the event as stored.
_Entry = tuple[str, bytes]


class EventsUnavailableError(ServingError):
    """Redis does not answer, or `MAX_LISTENERS` clients are connected."""


class TooManyStreamsError(ServingError):
    """`MAX_LISTENERS_OF_KEY` clients of one API key are connected."""


class _Listener:
    """Queue of one client's unread entries; None ends its stream."""

    def __init__(self, key_id: str = "") -> None:
        self.key_id = key_id
        self.unread: asyncio.Queue[_Entry | None] = asyncio.Queue(MAX_UNREAD)
        self.is_dropped = False

    def offer(self, entry: _Entry | None) -> None:
        """Queue an entry; a client whose queue is full is marked as dropped."""
        try:
            self.unread.put_nowait(entry)
        except asyncio.QueueFull:
            self.is_dropped = True


class EventStream:
    """The event stream of one worker.

    Args:
        url: of Redis; empty disables events.
        names: of the installation.
        heartbeat_seconds: a comment is sent after this much silence, so that proxies keep the connection.
    """

    def __init__(self, url: str, names: OwnNames, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._url = url
        self._names = names
        self._heartbeat_seconds = heartbeat_seconds
        # Only its stream holds a listener: that of a client who left before the first byte has no `finally`.
        self._listeners: weakref.WeakSet[_Listener] = weakref.WeakSet()
        self._tail: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def listeners(self) -> int:
        """Number of connected clients."""
        return len(self._listeners)

    async def listen(self, after: str | None, now_text: str, key_id: str = "") -> AsyncIterator[bytes]:
        """Subscribe a client: missed events first, then new ones, as server-sent event frames.

        Args:
            after: the last id the client received; None for new events only.
            now_text: time of the request, for the `reset` event that reports a gap.
            key_id: of the client's API key.

        Raises:
            EventsUnavailableError: Redis does not answer, or too many clients are connected.
            TooManyStreamsError: too many clients of this key are connected.
        """
        if not self._url or self._is_closed or len(self._listeners) >= MAX_LISTENERS:
            raise EventsUnavailableError
        if sum(listener.key_id == key_id for listener in self._listeners) >= MAX_LISTENERS_OF_KEY:
            raise TooManyStreamsError
        listener = _Listener(key_id)
        # Subscribe before reading the backlog: an entry in between is seen twice and sent once.
        self._listeners.add(listener)
        try:
            with translate_redis_errors():
                missed = await self._missed(after, now_text)
        except RedisUnavailableError as error:
            self._listeners.discard(listener)
            raise EventsUnavailableError from error
        if self._tail is None:
            self._tail = asyncio.create_task(self._follow(missed[-1][0]))
        return self._frames(listener, missed)

    def end_streams(self) -> None:
        """End all streams and accept no more: the sidecar shuts down."""
        self._is_closed = True
        for listener in tuple(self._listeners):
            listener.offer(None)

    async def close(self) -> None:
        """End all streams and disconnect from Redis."""
        self.end_streams()
        await cancel_and_wait(self._tail)

    async def _missed(self, after: str | None, now_text: str) -> list[_Entry]:
        """Entries after an id. The last one is always present and marks the position of the stream."""
        stream = self._names.get().events
        async with connect(self._url) as client:
            newest = await client.xrevrange(stream, count=1)
            end = newest[0][0].decode() if newest else "0-0"
            if after is None:
                return [(end, b"")]
            oldest = await client.xrange(stream, count=1)
            added = (await client.xinfo_stream(stream))["entries-added"] if newest else 0
            length = await client.xlen(stream)
            is_trimmed = added > length and (not oldest or _order(after) < _order(oldest[0][0].decode()))
            if is_trimmed or _order(after) > _order(end):
                # The stream was trimmed, or the server lost its data: entries may be missing.
                detail = {"missed_after": after}
                gap = msgspec.json.encode(Event(type="reset", at=now_text, detail=detail))
                return [(end, gap)]
            found: list[_Entry] = []
            start = after
            while page := await client.xrange(stream, min=f"({start}", count=_PAGE):
                found += [(name.decode(), fields[b"event"]) for name, fields in page if b"event" in fields]
                start = page[-1][0].decode()
            return [*found, (start, b"")]

    async def _frames(self, listener: _Listener, missed: list[_Entry]) -> AsyncIterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            for name, event in missed:
                if event:
                    yield _frame(name, event)
            last = _order(missed[-1][0])
            while not (listener.is_dropped or self._is_closed):
                try:
                    async with asyncio.timeout(self._heartbeat_seconds):
                        entry = await listener.unread.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if entry is None:
                    return
                if _order(entry[0]) > last:
                    yield _frame(*entry)
        finally:
            self._listeners.discard(listener)

    async def _follow(self, last: str) -> None:
        """Tail the stream and fan entries out, until cancelled."""
        while True:
            try:
                with translate_redis_errors():
                    async with connect(self._url) as client:
                        while True:
                            last = await self._next(client, last)
            except RedisUnavailableError as error:
                _log.warning("events interrupted", error=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _next(self, client: Any, last: str) -> str:
        answer = await client.xread({self._names.get().events: last}, count=_PAGE, block=_BLOCK_MS)
        for _, entries in answer or ():
            for name, fields in entries:
                last = name.decode()
                if b"event" in fields:
                    for listener in tuple(self._listeners):
                        listener.offer((last, fields[b"event"]))
        return last


def is_event_id(text: str) -> bool:
    """Whether a text is a Redis stream id, such as ``1764183600000-0``."""
    first, dash, second = text.partition("-")
    return bool(dash) and all(_NUMBER.fullmatch(part) and int(part) < 2**64 for part in (first, second))


def _order(name: str) -> tuple[int, int]:
    first, _, second = name.partition("-")
    return int(first), int(second)


def _frame(name: str, event: bytes) -> bytes:
    """One server-sent event: the id, the type, and the event as JSON."""
    try:
        kind = msgspec.json.decode(event, type=Event).type
    except msgspec.DecodeError:
        return b""  # another program's entry
    if not kind.isidentifier():
        return b""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (name.encode(), kind.encode(), event.replace(b"\n", b" "))
