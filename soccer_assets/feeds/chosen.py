"""A feed of which only some competitions are wanted."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping

from soccer_assets.clock import Clock
from soccer_assets.feeds.feed_set import SeveralFeeds, members_of
from soccer_assets.feeds.protocol import Feed, FeedRefused
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, Row

_CODES_SHOWN = 12


class ChosenCompetitions:
    """A feed without the matches of other competitions."""

    def __init__(self, feed: Feed, codes: Collection[str]) -> None:
        """Remember what is wanted of it."""
        self._feed = feed
        self._codes = frozenset(codes)
        self.name = feed.name
        self.is_simulated = feed.is_simulated
        self.result_lag: dt.timedelta = feed.result_lag

    def first_month(self) -> dt.date:
        """The feed's own."""
        return self._feed.first_month()

    def competitions(self) -> Mapping[str, Competition]:
        """Those that are wanted and that it has."""
        return {code: one for code, one in self._feed.competitions().items() if code in self._codes}

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """Its matches of the wanted competitions, and every row that it could not read."""
        for row in self._feed.fetch(window, clock):
            if not isinstance(row, RawMatch) or row.competition in self._codes:
                yield row


def choose(feed: Feed, codes: Collection[str]) -> Feed:
    """The feed, or each of several, with these competitions only; with all where none is named.

    Raises:
        FeedRefused: a code is no competition of the feed.
    """
    known = feed.competitions()
    if strangers := sorted(set(codes) - known.keys()):
        shown = ", ".join(sorted(known)[:_CODES_SHOWN]) + (", ..." if len(known) > _CODES_SHOWN else "")
        raise FeedRefused(f"{', '.join(strangers)} is no competition of the feed {feed.name}; it has {shown}")
    if not codes:
        return feed
    if isinstance(feed, SeveralFeeds):
        return SeveralFeeds([ChosenCompetitions(one, codes) for one in members_of(feed)])
    return ChosenCompetitions(feed, codes)
