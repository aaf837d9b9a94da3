"""Sessions of the pages: stateless cookies, valid in every worker and replica as long as their key is.

A cookie holds key id, instants of issue and expiry, and a nonce, under an HMAC-SHA256 with the installation's
secret. The key is looked up in the key ring at every request: a revoked key ends its sessions within seconds,
without Redis or a database. Forms carry a token under the same secret, bound to a cookie of their own.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

import msgspec

SESSION_SECONDS = 12 * 3600
FORM_SECONDS = 3600

# Of the clocks of two replicas.
_SKEW_SECONDS = 60
_LONGEST = 400


class Session(msgspec.Struct, frozen=True, array_like=True):
    """A signed-in person: the key they signed in with, and when; seconds since 1970."""

    key_id: str
    issued: int
    expires: int
    nonce: str


class Sessions:
    """Writes and verifies the cookies of one installation.

    Args:
        secret: of the installation, 32 random bytes.
        installation: its id; cookies of another one on the same host have other names and other signatures.
        is_https: the pages are reached by https, so that cookies are sent there only.
        now: seconds since 1970.
    """

    def __init__(
        self, secret: bytes, installation: str, *, is_https: bool, now: Callable[[], float] = time.time
    ) -> None:
        self._secret = hashlib.sha256(secret + installation.encode()).digest()
        self._now = now
        prefix = "__Host-" if is_https else ""
        short = hashlib.sha256(installation.encode()).hexdigest()[:12]
        self.cookie = f"{prefix}soccer-{short}"
        self.form_cookie = f"{prefix}soccer-form-{short}"
        self.is_https = is_https

    def issue(self, key_id: str) -> str:
        """The cookie of a new session of a key."""
        now = int(self._now())
        session = Session(key_id, now, now + SESSION_SECONDS, secrets.token_urlsafe(12))
        return self._sealed(b"session", msgspec.json.encode(session))

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None if it is absent, forged, or over."""
        content = self._opened(b"session", cookie)
        if content is None:
            return None
        try:
            session = msgspec.json.decode(content, type=Session)
        except msgspec.DecodeError:
            return None
        now = self._now()
        is_current = session.issued - _SKEW_SECONDS <= now < session.expires
        return session if is_current and session.expires - session.issued <= SESSION_SECONDS else None

    def link_token(self, key_id: str, team_id: str) -> str:
        """What a calendar or feed of a team is asked for with; it holds as long as the key."""
        return self._sealed(b"link", msgspec.json.encode((key_id, team_id)))

    def read_link(self, token: str, team_id: str) -> str | None:
        """The id of the key that a link was made with; None if it is forged, or of another team."""
        content = self._opened(b"link", token)
        if content is None:
            return None
        key_id, own_team = msgspec.json.decode(content, type=tuple[str, str])
        return key_id if own_team == team_id else None

    def new_form(self) -> tuple[str, str]:
        """The cookie and the hidden field of a form."""
        nonce = secrets.token_urlsafe(18)
        until = int(self._now()) + FORM_SECONDS
        return nonce, self._sealed(b"form", f"{until} {nonce}".encode())

    def is_own_form(self, cookie: str | None, field: str) -> bool:
        """Whether a form was sent by the browser that it was given to, within the hour."""
        content = self._opened(b"form", field)
        if content is None or not cookie:
            return False
        until, _, nonce = content.decode(errors="replace").partition(" ")
        return until.isdecimal() and self._now() < int(until) and hmac.compare_digest(nonce, cookie)

    def _sealed(self, purpose: bytes, content: bytes) -> str:
        return f"{_text(content)}.{_text(self._mac(purpose, content))}"

    def _opened(self, purpose: bytes, sealed: str | None) -> bytes | None:
        if not sealed or len(sealed) > _LONGEST or not sealed.isascii():
            return None
        try:
            content, mac = (_bytes(part) for part in sealed.split("."))
        except (ValueError, binascii.Error):
            return None
        return content if hmac.compare_digest(mac, self._mac(purpose, content)) else None

    def _mac(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + b"\0" + content, "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
