"""Several feeds in one home, in the order of their precedence.

Each competition belongs to the first feed that has it: no match is told by two. What a later feed says of it
is stored as it came and goes no further.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import Feed, FeedRefused
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import Window
from soccer_assets.football.records import Row


class SeveralFeeds:
    """Feeds that a home takes matches from, the first before the others."""

    def __init__(self, members: Sequence[Feed]) -> None:
        """Join them.

        Raises:
            FeedRefused: some have real clubs and some simulated ones.
        """
        self.members = tuple(members)
        self.name = "+".join(feed.name for feed in members)
        self.result_lag = max(feed.result_lag for feed in members)
        kinds = {feed.is_simulated for feed in members}
        if len(kinds) > 1:
            raise FeedRefused(
                f"SOCCER_FEED={self.name} mixes real and simulated clubs; a home holds one kind"
            )
        (self.is_simulated,) = kinds

    def first_month(self) -> dt.date:
        """The earliest of all."""
        return min(feed.first_month() for feed in self.members)

    def competitions(self) -> Mapping[str, Competition]:
        """Those of all; one that two feeds have is the first one's."""
        return {
            code: competition
            for feed in reversed(self.members)
            for code, competition in feed.competitions().items()
        }

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """The rows of all, one feed after the other.

        Raises:
            FeedError: one of them cannot be read.
        """
        for feed in self.members:
            yield from feed.fetch(window, clock)


def members_of(feed: Feed) -> tuple[Feed, ...]:
    """The feeds that a feed consists of: itself, where it is one provider's."""
    return feed.members if isinstance(feed, SeveralFeeds) else (feed,)


def owners_of(feed: Feed) -> dict[str, str] | None:
    """By competition, the name of the feed whose matches count; None where there is one feed only."""
    if not isinstance(feed, SeveralFeeds):
        return None
    return {code: one.name for one in reversed(feed.members) for code in one.competitions()}
