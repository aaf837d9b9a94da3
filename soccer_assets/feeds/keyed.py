"""What the providers with a key share: where they are asked, the header of the key, and how far back."""

import datetime as dt
from collections.abc import Mapping
from typing import ClassVar, Self

from soccer_assets.clock import Clock
from soccer_assets.feeds.http import FileDoor
from soccer_assets.feeds.keys import provider_key
from soccer_assets.football.competitions import Competition, load_competitions
from soccer_assets.settings import Settings

SETTING = "SOCCER_FEED_URL"
HISTORY = dt.timedelta(days=3 * 366)


class KeyedFeed:
    """The part of a feed that its answers do not touch.

    Args:
        base_url: the provider's address, or that of a copy.
        door: reads addresses, with the key in its headers.
        history_start: first day wanted; None for July three years ago.
        clock: tells which year that is.

    Attributes:
        key_header: HTTP header in which the provider wants the key.
        requests_per_minute: the free plan's.
    """

    name: str
    is_simulated = False
    default_url: ClassVar[str]
    key_header: ClassVar[str]
    requests_per_minute: ClassVar[int] = 10

    def __init__(self, base_url: str, door: FileDoor, history_start: dt.date | None, clock: Clock) -> None:
        self._base_url = base_url.rstrip("/")
        self._door = door
        self._history_start = history_start or (clock.now().date() - HISTORY).replace(month=7, day=1)
        self._competitions = {
            competition.feeds[self.name]: competition
            for competition in load_competitions().values()
            if self.name in competition.feeds
        }

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The feed with the key of its environment variable.

        Raises:
            FeedRefused: there is no key.
        """
        door = FileDoor(
            SETTING,
            settings.home / "cache" / "feeds",
            headers={cls.key_header: provider_key(cls.name)},
            requests_per_minute=cls.requests_per_minute,
        )
        return cls(settings.feed_url or cls.default_url, door, settings.history_start, settings.clock)

    def first_month(self) -> dt.date:
        """July three years ago, or the month of ``SOCCER_HISTORY_START``."""
        return self._history_start.replace(day=1)

    def competitions(self) -> Mapping[str, Competition]:
        """The competitions of the catalogue that have a name for this feed."""
        return {competition.code: competition for competition in self._competitions.values()}
