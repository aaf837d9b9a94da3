"""Header fields in several lines: lists are joined, a field of one value is refused (RFC 9110, 5.3).

Proxies may split a list into lines, or add a line of their own to what the client wrote: read alone, the
first line of `X-Forwarded-For` would be the client's word, and half of `If-None-Match` would be lost.
"""

from collections.abc import Iterable

from serving.errors import ServingError

# Of two different values neither counts: which one is read would decide who asks, or for what.
_OF_ONE_VALUE = frozenset({
    *(b"authorization", b"content-type", b"host", b"last-event-id", b"origin", b"x-api-key", b"x-token"),
})  # fmt: skip
# The route answers a repeated one in its own words.
_LEFT_ALONE = frozenset({b"idempotency-key"})

Headers = list[tuple[bytes, bytes]]


class RepeatedHeaderError(ServingError):
    """A field of one value came with different ones; the message is its name."""


def joined(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The header fields, each in one line, in the order of their first lines.

    Args:
        headers: names in lower case, and values.

    Raises:
        RepeatedHeaderError: a field of one value came with different ones.
    """
    fields: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    lines: Headers = []
    for name, values in fields.items():
        if name in _LEFT_ALONE:
            lines += [(name, value) for value in values]
            continue
        if name in _OF_ONE_VALUE and len(set(values)) > 1:
            raise RepeatedHeaderError(name.decode())
        distinct = values[:1] if name in _OF_ONE_VALUE else values
        lines.append((name, (b"; " if name == b"cookie" else b", ").join(distinct)))
    return lines
