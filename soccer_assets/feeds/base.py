"""Base classes of providers that are asked over HTTP: address, key, rate limit, history, competitions."""

import datetime as dt
from collections.abc import Mapping
from typing import ClassVar, Self

from soccer_assets.clock import Clock
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.provider_keys import provider_key
from soccer_assets.football.competitions import Competition, competitions_of_feed
from soccer_assets.settings import Settings

SETTING = "SOCCER_FEED_URL"
# The free plans of the providers with a key go back three seasons.
KEYED_HISTORY = dt.timedelta(days=3 * 366)


class SiteFeed:
    """A provider with an address; subclasses add ``fetch``.

    Args:
        base_url: the provider's address, or that of a copy.
        client: reads addresses.
        history_start: first day wanted; None for all there is.

    Attributes:
        default_url: the provider's own address.
        first_day: the first day it has matches of.
        requests_per_minute: its limit; None where it publishes none and serves files.
        is_cheap_to_read_again: whether it serves files or months, so that 30 days cost it little more than 3.
        days_a_request: days that one request asks for; None where any window costs the same.
    """

    name: str
    is_simulated = False
    is_cheap_to_read_again: ClassVar[bool] = True
    days_a_request: ClassVar[int | None] = None
    default_url: ClassVar[str]
    first_day: ClassVar[dt.date]
    requests_per_minute: ClassVar[int | None] = None

    def __init__(self, base_url: str, client: FileClient, history_start: dt.date | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = client
        self._history_start = history_start or self.first_day
        self._competitions = competitions_of_feed(self.name)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed at ``SOCCER_FEED_URL``, or at the provider's own address."""
        return cls(settings.feed_url or cls.default_url, cls._client_for(settings), settings.history_start)

    @classmethod
    def _client_for(cls, settings: Settings, headers: Mapping[str, str] | None = None) -> FileClient:
        return FileClient(
            SETTING,
            settings.home / "cache" / "feeds",
            headers=headers,
            requests_per_minute=cls.requests_per_minute,
        )

    def first_month(self) -> dt.date:
        """The month of the provider's first day, or of ``SOCCER_HISTORY_START``."""
        return self._history_start.replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """The competitions of the catalogue that have a name for this feed, by code."""
        return self._competitions


class KeyedFeed(SiteFeed):
    """A provider that requires a key in an HTTP header.

    Args:
        base_url: the provider's address, or that of a copy.
        client: reads addresses, with the key in its headers.
        history_start: first day wanted; None for July three years ago.
        clock: determines the current year.

    Attributes:
        key_header: HTTP header of the key.
        requests_per_minute: the free plan's limit.
    """

    key_header: ClassVar[str]
    requests_per_minute = 10

    def __init__(
        self, base_url: str, client: FileClient, history_start: dt.date | None, clock: Clock
    ) -> None:
        start = history_start or (clock.now().date() - KEYED_HISTORY).replace(month=7, day=1)
        super().__init__(base_url, client, start)
        self._by_name = {
            competition.feeds[self.name]: competition for competition in self._competitions.values()
        }

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed with the key of its environment variable.

        Raises:
            FeedRefusedError: there is no key.
        """
        client = cls._client_for(settings, {cls.key_header: provider_key(cls.name)})
        return cls(settings.feed_url or cls.default_url, client, settings.history_start, settings.clock)
