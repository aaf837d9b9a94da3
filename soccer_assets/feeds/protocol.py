"""The protocol of a feed, and the errors it raises.

An adapter turns a provider's payloads into `RawMatch` rows, and each row it cannot parse into a `Rejection`
with the reason; a bad row never stops the pass. It keeps its provider's rate limit and splits long windows
itself.

The records themselves are in `soccer_assets.football.records`. A provider in a package of its own may import
them from here, with the protocol.
"""

import datetime as dt
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

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
    "FeedRefusedError",
    "FeedUnavailableError",
    "MatchOdds",
    "MatchStats",
    "RawMatch",
    "Rejection",
    "Repeat",
    "Row",
    "after_ninety",
    "assumes_postponed",
    "days_a_request",
    "declared_terms",
    "is_cheap_to_read_again",
]


class FeedError(Exception):
    """A feed cannot be read; the message names the setting and the address. Base of all errors of feeds."""


class FeedUnavailableError(FeedError):
    """The provider did not answer, or not now: a later attempt may succeed."""


class FeedRefusedError(FeedError):
    """A permanent error: wrong address or key, or not the provider's format. Retrying does not help."""


class Feed(Protocol):
    """A provider of matches.

    A feed may say what reading costs its provider, how it knows what was put off, and what its provider
    allows: see `is_cheap_to_read_again`, `days_a_request`, `assumes_postponed` and `declared_terms`.

    Attributes:
        name: the name in ``SOCCER_FEED``.
        is_simulated: whether its clubs are fictitious; a home holds either real or simulated clubs.
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
        """Every match whose kickoff day (UTC) lies in ``window``, as known at ``clock.now()``.

        A match that is not over comes without half-time score, closing odds or statistics, and without score
        unless it is live.

        Raises:
            FeedError: the provider cannot be read.
        """
        ...


def is_cheap_to_read_again(feed: Feed) -> bool:
    """Whether 30 days cost the feed's provider little more than three: it serves files or whole months.

    Such a feed is read 30 days back once a day, for corrections. False where a feed has no attribute of this
    name: one written before it was asked for is not read more than it expects.
    """
    return bool(getattr(feed, "is_cheap_to_read_again", False))


def days_a_request(feed: Feed) -> int | None:
    """How many days one request asks the feed's provider for; None where any window costs the same.

    Of such a feed old days are read only where a result is missing. None where a feed has no attribute of
    this name.
    """
    days: int | None = getattr(feed, "days_a_request", None)
    return days


def assumes_postponed(feed: Feed) -> bool:
    """Whether a match without a result counts as postponed after the lag, since the provider tells no status.

    A list that is no longer written looks the same, until it has a later result. A match that had a result is
    due (``stores/matches/taken_back.py``). False where a feed has no attribute of this name.
    """
    return bool(getattr(feed, "assumes_postponed", False))


_TERMS = {
    "attribution": "",
    "may_publish_results": False,
    "may_publish_live": False,
    "may_redistribute": False,
}


def declared_terms(feed: Feed) -> dict[str, Any]:
    """What a feed declares of its provider's terms: the line that names the source, and what is allowed.

    Without the attributes `may_publish_results`, `may_publish_live` and `may_redistribute` nothing is.
    """
    return {name: getattr(feed, name, default) for name, default in _TERMS.items()}


_OLD_NAMES = {"FeedRefused": FeedRefusedError, "FeedUnavailable": FeedUnavailableError}


def __getattr__(name: str) -> Any:
    """The old names of two errors, for providers that were written before they were renamed."""
    if name in _OLD_NAMES:
        new = _OLD_NAMES[name]
        warnings.warn(
            f"soccer_assets.feeds.protocol.{name} is now {new.__name__}", DeprecationWarning, stacklevel=2
        )
        return new
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
