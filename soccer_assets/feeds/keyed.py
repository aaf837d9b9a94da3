"""What the providers with a key share: the header of the key, and how far back their free plans go."""

import datetime as dt
from typing import ClassVar, Self

from soccer_assets.clock import Clock
from soccer_assets.feeds.base import SiteFeed
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.provider_keys import provider_key
from soccer_assets.settings import Settings

HISTORY = dt.timedelta(days=3 * 366)


class KeyedFeed(SiteFeed):
    """A provider that wants a key in a header.

    Args:
        base_url: the provider's address, or that of a copy.
        door: reads addresses, with the key in its headers.
        history_start: first day wanted; None for July three years ago.
        clock: tells which year that is.

    Attributes:
        key_header: HTTP header in which the provider wants the key.
        requests_per_minute: the free plan's.
    """

    key_header: ClassVar[str]
    requests_per_minute = 10

    def __init__(self, base_url: str, door: FileDoor, history_start: dt.date | None, clock: Clock) -> None:
        start = history_start or (clock.now().date() - HISTORY).replace(month=7, day=1)
        super().__init__(base_url, door, start)
        self._by_name = {one.feeds[self.name]: one for one in self._competitions.values()}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed with the key of its environment variable.

        Raises:
            FeedRefused: there is no key.
        """
        door = cls._door_of(settings, {cls.key_header: provider_key(cls.name)})
        return cls(settings.feed_url or cls.default_url, door, settings.history_start, settings.clock)
