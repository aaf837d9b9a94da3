"""What comes from one address in a minute, and its limit: unknown keys, and views of public pages.

A key is 256 random bits, which nobody guesses; the limit keeps one client from filling logs and metrics. A
known key is never refused for its address, which it may share with others. Behind trusted proxies the address
is the last one in `X-Forwarded-For` that is not theirs.
"""

import ipaddress
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from litestar.connection import ASGIConnection

from serving.http.rate_limit import WINDOW_SECONDS

# Addresses counted at a time; those beyond share one counter.
_MOST_ADDRESSES = 10_000
_OTHERS = "others"
# A provider gives each customer a network of this size.
_IPV6_PREFIX = 64

# [2001:db8::1], [2001:db8::1]:443 or 10.0.0.5:443
_WITH_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([0-9.]+))(?::[0-9]{1,5})?")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressLimit:
    """What was counted in the current minute, by address.

    Args:
        per_minute: how many an address may send; 0 for no limit.
        trusted: addresses or networks of proxies whose `X-Forwarded-For` is believed.
        now: seconds since 1970.
    """

    def __init__(
        self, per_minute: int, trusted: Sequence[str] = (), now: Callable[[], float] = time.time
    ) -> None:
        self._limit = per_minute
        self._trusted = tuple(ipaddress.ip_network(network, strict=False) for network in trusted)
        self._now = now
        self._window = 0
        self._counts: defaultdict[str, int] = defaultdict(int)

    def count(self, peer: str, forwarded_for: str) -> int:
        """Count one of a client.

        Args:
            peer: address of the connection.
            forwarded_for: the header, empty without one.

        Returns:
            0 while the address is within the limit, otherwise the seconds until its next minute begins.
        """
        second = int(self._now())
        if second // WINDOW_SECONDS != self._window:
            self._window = second // WINDOW_SECONDS
            self._counts.clear()
        address = self.address(peer, forwarded_for)
        if address not in self._counts and len(self._counts) >= _MOST_ADDRESSES:
            address = _OTHERS
        self._counts[address] += 1
        is_over = 0 < self._limit < self._counts[address]
        return WINDOW_SECONDS - second % WINDOW_SECONDS if is_over else 0

    def count_sender(self, connection: ASGIConnection[Any, Any, Any, Any]) -> int:
        """Count one of the sender of a request; returns as `count`."""
        peer = connection.client.host if connection.client else ""
        return self.count(peer, connection.headers.get("x-forwarded-for", ""))

    def is_trusted(self, peer: str) -> bool:
        """Whether a connection comes from a proxy that is believed."""
        address = _parse(peer)
        return address is not None and any(address in network for network in self._trusted)

    def address(self, peer: str, forwarded_for: str) -> str:
        """The address of the client, or its network."""
        found = _parse(peer)
        for hop in reversed(forwarded_for.split(",")):
            if found is None or not any(found in network for network in self._trusted):
                break
            address = _parse(hop.strip())
            if address is None:
                break
            found = address
        if found is None:
            return peer
        if found.version == 4:  # noqa: PLR2004 - of the Internet Protocol
            return str(found)
        return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))


def _parse(text: str) -> _Address | None:
    """The address without the port that some proxies append; an IPv4 client of an IPv6 socket is one."""
    with_port = _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address(with_port[1] or with_port[2] if with_port else text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
