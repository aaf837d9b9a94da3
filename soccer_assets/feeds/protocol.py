"""The protocol of a feed: what every adapter takes and gives.

An adapter turns a provider's payloads into `RawMatch` rows, or into a `Rejection` with the reason, and never
stops at a row it cannot understand. It knows its provider's limits and splits windows by itself.

The records themselves are in `soccer_assets.football.records`. A provider in a package of its own may import
them from here, with the protocol.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Protocol

from soccer_assets.clock import Clock
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import Window
from soccer_assets.football.records import (
    AfterNinety,
    MatchOdds,
    MatchStats,
    RawMatch,
    Rejection,
    Repeat,
    Row,
    after_ninety,
)

__all__ = [
    "AfterNinety",
    "Feed",
    "FeedError",
    "FeedRefused",
    "FeedUnavailable",
    "MatchOdds",
    "MatchStats",
    "RawMatch",
    "Rejection",
    "Repeat",
    "Row",
    "after_ninety",
]


class FeedError(Exception):
    """A feed cannot be read; the message names the setting and the address."""


class FeedUnavailable(FeedError):
    """The provider did not answer, or not now: trying again later may help."""


class FeedRefused(FeedError):
    """The provider's answer will not get better by itself: wrong address or key, not the promised format."""


class Feed(Protocol):
    """A provider of matches.

    Attributes:
        name: the name in ``SOCCER_FEED``.
        is_simulated: whether its clubs are fictitious; a home holds one kind only.
        result_lag: how long after the final whistle a result may take to appear.
    """

    name: str
    is_simulated: bool
    result_lag: dt.timedelta

    def first_month(self) -> dt.date:
        """The first day of the first month the provider has matches for."""
        ...

    def competitions(self) -> Mapping[str, Competition]:
        """Every competition the provider may have matches of, by code."""
        ...

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """Every match whose kickoff day (UTC) lies in ``window``, as it is known at the clock's now.

        A match that is not over by now comes without half-time score, closing odds or statistics, and without
        score but for the one a live match has reached.

        Raises:
            FeedError: the provider cannot be read.
        """
        ...
