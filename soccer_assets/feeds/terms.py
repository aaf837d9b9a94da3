"""What the providers of a home allow to be made of their matches, as each feed declares it."""

from soccer_assets.contract.release import FeedTerms
from soccer_assets.feeds.feed_set import members_of
from soccer_assets.feeds.protocol import Feed, declared_terms


def terms_of(feed: Feed) -> tuple[FeedTerms, ...]:
    """The terms of a feed, or of each member of a set; nothing is allowed that a feed does not declare."""
    return tuple(FeedTerms(feed=member.name, **declared_terms(member)) for member in members_of(feed))
