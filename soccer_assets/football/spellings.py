"""What is seen of a feed's spellings, what is known of them, and what is decided."""

import datetime as dt
from collections.abc import Collection, Mapping
from enum import StrEnum

import msgspec


class Why(StrEnum):
    """What decided a spelling."""

    WRITTEN_DOWN = "written down in team_names.toml"
    BY_HAND = "decided by hand"
    BEFORE = "stored before spellings were resolved"
    HEALED = "two clubs of an older home were one"
    SAME_MATCH = "the same match is reported under both names"
    ROSTER = "the season's roster is full"
    CONTINUITY = "a club of the season before or after is missing, and only this name is like it"
    LIKENESS = "only one known club is spelled like it and could have played its matches"
    FIRST = "among the competition's first matches in this home"
    NOBODY_LIKE_IT = "no known club of the country is spelled like it"
    RIVALS = "it plays beside or against every club that is spelled like it, and the roster has a place"


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A match as evidence: teams by their spelling, or by the club's name where that is decided.

    Attributes:
        is_league: whether the competition is a league, in which a club plays once a season.
        score: after 90 minutes; None where it is not known.
    """

    competition: str
    season: str
    day: dt.date
    home: str
    away: str
    is_league: bool = True
    score: tuple[int, int] | None = None


class Decided(msgspec.Struct, frozen=True):
    """A spelling and the club it means; a new club goes by its spelling."""

    club: str
    why: Why


class Held(msgspec.Struct, frozen=True):
    """A spelling that stays open.

    Attributes:
        guess: the likeliest club; None where nobody is like it.
        reason: what is in doubt, as a sentence.
    """

    guess: str | None
    reason: str


class Spellings(msgspec.Struct, frozen=True):
    """What is known without evidence, within one country.

    All names are folded.

    Attributes:
        groups: spelling -> all names of its club.
        apart: pairs of names that are two clubs, each pair in alphabetical order.
        by_hand: spelling -> club, as a person decided; a spelling that is its own club is a new one.
    """

    groups: Mapping[str, tuple[str, ...]] = {}
    apart: Collection[tuple[str, str]] = frozenset()
    by_hand: Mapping[str, str] = {}
