"""What the providers with an address share: where they are asked, how far back, for which competitions."""

import datetime as dt
from collections.abc import Mapping
from typing import ClassVar, Self

from soccer_assets.feeds.http import FileDoor
from soccer_assets.football.competitions import Competition, competitions_of_feed
from soccer_assets.settings import Settings

SETTING = "SOCCER_FEED_URL"


class SiteFeed:
    """The part of a feed that its answers do not touch.

    Args:
        base_url: the provider's address, or that of a copy.
        door: reads addresses.
        history_start: first day wanted; None for all there is.

    Attributes:
        default_url: the provider's own address.
        first_day: the first one it has.
        requests_per_minute: its limit; None where it publishes none and serves files.
    """

    name: str
    is_simulated = False
    default_url: ClassVar[str]
    first_day: ClassVar[dt.date]
    requests_per_minute: ClassVar[int | None] = None

    def __init__(self, base_url: str, door: FileDoor, history_start: dt.date | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._door = door
        self._history_start = history_start or self.first_day
        self._competitions = competitions_of_feed(self.name)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed at ``SOCCER_FEED_URL``, or at the provider's own address."""
        return cls(settings.feed_url or cls.default_url, cls._door_of(settings), settings.history_start)

    @classmethod
    def _door_of(cls, settings: Settings, headers: Mapping[str, str] | None = None) -> FileDoor:
        return FileDoor(
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
