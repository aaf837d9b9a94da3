"""Which names the pages may be asked under, and which page may send a request.

A foreign page can send requests to 127.0.0.1, and a foreign name can resolve to it (DNS rebinding). Browsers
say where a request comes from in Origin and Sec-Fetch-Site; scripts say nothing, and are no foreign page.
"""

import re
from urllib.parse import urlsplit

import msgspec

from soccer_assets.settings import HOST_NAME

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST_AND_PORT = rf"({HOST_NAME})(?::([0-9]{{1,5}}))?"
_HOST = re.compile(_HOST_AND_PORT)
_ORIGIN = re.compile(rf"(https?)://{_HOST_AND_PORT}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Names(msgspec.Struct, frozen=True):
    """The names under which the pages answer.

    Attributes:
        public_url: the address that others use; empty if none.
        others: more names, beside those of the loopback address.
    """

    public_url: str = ""
    others: tuple[str, ...] = ()

    def is_known(self, host: str) -> bool:
        """Whether a Host header names this server; its port does not matter."""
        found = _HOST.fullmatch(host.lower())
        public = _origin_of_url(self.public_url)
        known = {*LOOPBACK_NAMES, *self.others, *({public[1]} if public else ())}
        return found is not None and found[1] in known

    def is_own_page(self, origin: str, host: str) -> bool:
        """Whether an Origin is the page of the Host asked.

        Under the public name it must be the public address itself. Under another name host and port must be
        equal; a missing port is that of the Origin's scheme.
        """
        found, asked = _origin_of(origin), _HOST.fullmatch(host.lower())
        if found is None or asked is None:
            return False
        public = _origin_of_url(self.public_url)
        if public and asked[1] == public[1] and public[1] not in LOOPBACK_NAMES:
            return found == public
        return found[1:] == (asked[1], int(asked[2] or _DEFAULT_PORTS[found[0]]))


def _origin_of(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin; None where it is none, or more than one."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    return found[1], found[2], int(found[3] or _DEFAULT_PORTS[found[1]])


def _origin_of_url(url: str) -> tuple[str, str, int] | None:
    """The same of an address with a path."""
    parts = urlsplit(url)
    return _origin_of(f"{parts.scheme}://{parts.netloc}")
