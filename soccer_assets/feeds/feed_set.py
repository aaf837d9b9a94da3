"""A home's feeds as one: a set in order of precedence, and a filter by competition.

Each competition belongs to the first feed that has it, so no match comes from two feeds. Rows of a later feed
for that competition are stored raw, held against the first feed's, and not used, unless a person trusts the
later feed (``stores/matches/feed_trust.py``).
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

from soccer_assets.clock import Clock
from soccer_assets.feeds.protocol import (
    Feed,
    FeedRefusedError,
    assumes_postponed,
    days_a_request,
    declared_terms,
    is_cheap_to_read_again,
)
from soccer_assets.football.competitions import Competition
from soccer_assets.football.matches import Window
from soccer_assets.football.records import RawMatch, Row

_CODES_SHOWN = 12


class FeedSet:
    """Several feeds in order of precedence; itself a `Feed`.

    Args:
        members: the feeds, the one that takes precedence first.

    Raises:
        FeedRefusedError: some have real clubs and some simulated ones.
    """

    def __init__(self, members: Sequence[Feed]) -> None:
        self.members = tuple(members)
        self.name = "+".join(feed.name for feed in members)
        self.result_lag = max(feed.result_lag for feed in members)
        kinds = {feed.is_simulated for feed in members}
        if len(kinds) > 1:
            raise FeedRefusedError(
                f"SOCCER_FEED={self.name} mixes real and simulated clubs; a home holds one kind"
            )
        (self.is_simulated,) = kinds

    def first_month(self) -> dt.date:
        """The earliest first month of all members."""
        return min(feed.first_month() for feed in self.members)

    def competitions(self) -> Mapping[str, Competition]:
        """The competitions of all members by code; where two members have one, the first member's."""
        return {
            code: competition
            for feed in reversed(self.members)
            for code, competition in feed.competitions().items()
        }

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """The rows of all members, one member after the other.

        Raises:
            FeedError: a member cannot be read.
        """
        for feed in self.members:
            yield from feed.fetch(window, clock)


class CompetitionFilter:
    """A feed reduced to some competitions; itself a `Feed`.

    Args:
        feed: the feed to filter.
        codes: the competitions to keep.
    """

    def __init__(self, feed: Feed, codes: Collection[str]) -> None:
        self._feed = feed
        self._codes = frozenset(codes)
        self.name = feed.name
        self.is_simulated = feed.is_simulated
        self.result_lag: dt.timedelta = feed.result_lag
        self.is_cheap_to_read_again = is_cheap_to_read_again(feed)
        self.days_a_request = days_a_request(feed)
        self.assumes_postponed = assumes_postponed(feed)
        vars(self).update(declared_terms(feed))

    def first_month(self) -> dt.date:
        """The feed's first month."""
        return self._feed.first_month()

    def competitions(self) -> Mapping[str, Competition]:
        """The feed's competitions that are kept, by code."""
        return {
            code: competition
            for code, competition in self._feed.competitions().items()
            if code in self._codes
        }

    def fetch(self, window: Window, clock: Clock) -> Iterator[Row]:
        """The feed's matches of these competitions, and every row it could not read."""
        for row in self._feed.fetch(window, clock):
            if not isinstance(row, RawMatch) or row.competition in self._codes:
                yield row


def filter_competitions(feed: Feed, codes: Collection[str]) -> Feed:
    """The feed, or each member of a set, reduced to these competitions; unchanged where ``codes`` is empty.

    Raises:
        FeedRefusedError: a code is no competition of the feed.
    """
    known = feed.competitions()
    if unknown := sorted(set(codes) - known.keys()):
        shown = ", ".join(sorted(known)[:_CODES_SHOWN]) + (", ..." if len(known) > _CODES_SHOWN else "")
        raise FeedRefusedError(
            f"{', '.join(unknown)} is no competition of the feed {feed.name}; it has {shown}"
        )
    if not codes:
        return feed
    filtered = [CompetitionFilter(member, codes) for member in members_of(feed)]
    return FeedSet(filtered) if len(filtered) > 1 else filtered[0]


def members_of(feed: Feed) -> tuple[Feed, ...]:
    """The members of a set; the feed itself where it is one provider's."""
    return feed.members if isinstance(feed, FeedSet) else (feed,)


def names_of(feed: Feed) -> list[str]:
    """The names of the members of a set; the feed's own where it is one provider's."""
    return [member.name for member in members_of(feed)]


def owners_of(feed: Feed) -> dict[str, str] | None:
    """By competition, the name of the feed whose matches count; None where there is one feed only."""
    members = members_of(feed)
    if len(members) == 1:
        return None
    return {code: member.name for member in reversed(members) for code in member.competitions()}
