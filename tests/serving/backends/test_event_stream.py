"""The event stream: slow clients, and ids."""

import asyncio
import gc

import pytest

from serving.backends.event_stream import (
    MAX_LISTENERS_OF_KEY,
    MAX_UNREAD,
    EventStream,
    TooManyStreamsError,
    _Listener,
    is_event_id,
)
from serving.backends.redis import OwnNames


def test_a_client_that_does_not_read_is_dropped():
    """A full queue gives the client up, and holds no more than its bound."""
    listener = _Listener()
    for number in range(MAX_UNREAD + 50):
        listener.offer((f"{number}-0", b"{}"))

    assert listener.is_dropped
    assert listener.unread.qsize() == MAX_UNREAD
    assert EventStream("", OwnNames()).listeners == 0


@pytest.mark.parametrize(
    ("text", "is_id"), [("1-0", True), ("", False), ("-", False), ("1", False), ("٣-0", False)]
)
def test_only_ids_of_the_stream_are_taken(text, is_id):
    """Anything else in Last-Event-ID is refused before Redis is asked."""
    assert is_event_id(text) is is_id


def test_a_key_has_a_limited_number_of_streams_and_what_was_left_is_free(valkey_url):
    """A stream that its client left counts no more, also one that never began; other keys have places."""

    async def follow():
        events = EventStream(valkey_url, OwnNames("listeners"))
        streams = [await events.listen(None, "now", "a") for _ in range(MAX_LISTENERS_OF_KEY)]
        with pytest.raises(TooManyStreamsError):
            await events.listen(None, "now", "a")
        other = await events.listen(None, "now", "b")
        assert events.listeners == MAX_LISTENERS_OF_KEY + 1
        begun = streams.pop()
        await anext(begun)
        await begun.aclose()
        del begun
        streams.clear()  # never begun
        gc.collect()
        assert events.listeners == 1
        assert await anext(await events.listen(None, "now", "a"))
        await events.close()
        await other.aclose()

    asyncio.run(follow())
