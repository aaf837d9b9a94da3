"""The installed feeds: the entry points of the group ``soccer_assets.feeds``.

Another package adds a provider with one class and one entry point; nothing here changes. In its
``pyproject.toml``::

    [project.entry-points."soccer_assets.feeds"]
    my-provider = "my_package.my_provider:MyProviderFeed"

The class fulfils the protocol `soccer_assets.feeds.protocol.Feed`, has the same ``name``, and a classmethod
``from_settings(settings)``. It yields `RawMatch` and `Rejection` of `soccer_assets.feeds.protocol`.

Help for providers: `soccer_assets.feeds.base` (base classes), `soccer_assets.feeds.http.FileClient`
(requests), `soccer_assets.feeds.json_rows` (JSON answers; was ``feeds.told``),
`soccer_assets.feeds.provider_keys` (its key; was ``feeds.keys``). The old names ``http.FileDoor``,
``protocol.FeedRefused`` and ``protocol.FeedUnavailable`` still work, with a `DeprecationWarning`.
"""

import datetime as dt
from importlib.metadata import entry_points
from typing import Any

import msgspec

from soccer_assets.feeds.feed_set import FeedSet
from soccer_assets.feeds.protocol import Feed, FeedRefusedError
from soccer_assets.settings import Settings

GROUP = "soccer_assets.feeds"


def feed_names() -> list[str]:
    """Names of all installed feeds, sorted; does not import them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def open_feeds(settings: Settings) -> Feed:
    """The feed of a home: one provider, or a `FeedSet` in order of precedence.

    Raises:
        FeedRefusedError: a name is no installed feed, or simulated and real clubs are mixed.
    """
    if len(settings.feeds) == 1:
        return open_feed(settings.feeds[0], settings)
    return FeedSet(
        [
            open_feed(name, msgspec.structs.replace(settings, feed_url=settings.feed_urls.get(name, "")))
            for name in settings.feeds
        ]
    )


def open_feed(name: str, settings: Settings) -> Feed:
    """The feed of that name, built from the settings.

    Raises:
        FeedRefusedError: no installed feed has this name, or its code cannot be imported.
    """
    feed: Feed = _load_class(name).from_settings(settings)
    return feed


def result_lag_of(name: str) -> dt.timedelta:
    """How long after the final whistle that feed may take to report a result.

    Raises:
        FeedRefusedError: no installed feed has this name, or its code cannot be imported.
    """
    lag: dt.timedelta = _load_class(name).result_lag
    return lag


def _load_class(name: str) -> Any:
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(feed_names()) or "none: install the package with `pip install -e .`"
        raise FeedRefusedError(f"SOCCER_FEED names {name!r}, which is no feed; there are: {known}")
    entry = next(iter(found))
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise FeedRefusedError(
            f"SOCCER_FEED names {name!r}, but {entry.value} cannot be loaded: {error}"
        ) from error
