"""The event stream: slow clients, and ids."""

import pytest

from serving.backends.event_stream import MAX_UNREAD, EventStream, _Listener, is_event_id
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
