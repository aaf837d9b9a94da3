"""Providers' keys from environment variables."""

import os

from soccer_assets.feeds.protocol import FeedRefusedError


def key_variable(feed: str) -> str:
    """Name of the variable that holds a feed's key: ``SOCCER_API_FOOTBALL_KEY`` for ``api-football``."""
    return f"SOCCER_{feed.upper().replace('-', '_')}_KEY"


def provider_key(feed: str) -> str:
    """The key of a feed.

    Raises:
        FeedRefusedError: the variable is empty, or not printable ASCII; the message never shows its content.
    """
    variable = key_variable(feed)
    key = os.environ.get(variable, "").strip()
    if not key:
        raise FeedRefusedError(f"the feed {feed!r} needs a key: set {variable}")
    if not (key.isascii() and key.isprintable()):
        raise FeedRefusedError(f"{variable} holds characters that no key has; copy the key again")
    return key
