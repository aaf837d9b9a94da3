"""Following a forecast: the link that ends it with one click, and where the sidecar leaves the wish."""

import hashlib
import hmac

UNSUBSCRIBED_PREFIX = "auth/unsubscribed/"

_PURPOSE = b"soccer follow\0"
_CHARACTERS = 32  # 128 bits


def unfollow_token(secret: bytes, subscriber: str) -> str:
    """What the link of a follower ends with: nobody can make another's."""
    mac = hmac.digest(hashlib.sha256(_PURPOSE + secret).digest(), subscriber.encode(), "sha256")
    return f"{subscriber}.{mac.hex()[:_CHARACTERS]}"


def follower_of(secret: bytes, token: str) -> str | None:
    """The subscriber whose link ends with a token; None for a forged one."""
    subscriber = token.partition(".")[0]
    is_own = hmac.compare_digest(token.encode(), unfollow_token(secret, subscriber).encode())
    return subscriber if is_own and subscriber.isalnum() and subscriber.isascii() else None
