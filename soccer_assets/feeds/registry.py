"""Which feeds there are: the entry points of the group ``soccer_assets.feeds``.

Someone else's wheel adds a provider with one class and one entry point, and nothing here changes. In its
``pyproject.toml``::

    [project.entry-points."soccer_assets.feeds"]
    my-provider = "my_package.my_provider:MyProviderFeed"

The class fulfils the protocol `soccer_assets.feeds.protocol.Feed`, carries the same ``name``, and has a
classmethod ``from_settings(settings)``. `soccer_assets.feeds.http.FileDoor` is there for its requests,
`soccer_assets.feeds.json_rows` for answers in JSON, `soccer_assets.feeds.provider_keys` for a key of its own.
"""

import datetime as dt
from importlib.metadata import entry_points
from typing import Any

import msgspec

from soccer_assets.feeds.feed_set import SeveralFeeds
from soccer_assets.feeds.protocol import Feed, FeedRefused
from soccer_assets.settings import Settings

GROUP = "soccer_assets.feeds"


def feed_names() -> list[str]:
    """Names of all installed feeds, sorted; imports none of them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def open_feeds(settings: Settings) -> Feed:
    """The feed of a home: one provider, or several in the order of their precedence.

    Raises:
        FeedRefused: one of the names is no feed, or simulated clubs stand beside real ones.
    """
    if len(settings.feeds) == 1:
        return open_feed(settings.feeds[0], settings)
    return SeveralFeeds(
        [
            open_feed(name, msgspec.structs.replace(settings, feed_url=settings.feed_urls.get(name, "")))
            for name in settings.feeds
        ]
    )


def open_feed(name: str, settings: Settings) -> Feed:
    """The feed of that name, built from the settings.

    Raises:
        FeedRefused: no installed feed has this name, or its code cannot be imported.
    """
    feed: Feed = _class_of(name).from_settings(settings)
    return feed


def result_lag_of(name: str) -> dt.timedelta:
    """How long after the final whistle that feed may take to tell a result.

    Raises:
        FeedRefused: no installed feed has this name, or its code cannot be imported.
    """
    lag: dt.timedelta = _class_of(name).result_lag
    return lag


def _class_of(name: str) -> Any:
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(feed_names()) or "none: install the package with `pip install -e .`"
        raise FeedRefused(f"SOCCER_FEED names {name!r}, which is no feed; there are: {known}")
    entry = next(iter(found))
    try:
        return entry.load()
    except (ImportError, AttributeError) as fault:
        raise FeedRefused(
            f"SOCCER_FEED names {name!r}, but {entry.value} cannot be loaded: {fault}"
        ) from fault
