"""Identity: ids of matches and teams, also for sources without ids.

A source without ids is matched on its *meeting* (competition, season, home, away). A meeting may be played
more than once a season (the Scottish split, Apertura and Clausura), and a postponed match moves. So a row
is the stored match of the same day, else the nearest one that may have moved there, else a new match.
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from soccer_assets.football.club_sides import name_in_pool
from soccer_assets.football.text_folding import fold

# Of 17,159 meetings that were played again at the same ground in one season, none was on the next day: one
# day off is the same match with its date corrected. 86 were within two weeks of each other.
_CORRECTED_DATE = dt.timedelta(days=1)
_LONGEST_ADVANCE = dt.timedelta(days=14)
# An open fixture further back than this is another meeting of the same two teams, not a postponement.
_LONGEST_POSTPONEMENT = dt.timedelta(days=120)


class KnownMeeting(msgspec.Struct, frozen=True):
    """A stored match of one meeting."""

    source_match_id: str
    day: dt.date
    is_open: bool


def meeting_key(competition: str, season: str, home_team: str, away_team: str) -> str:
    """The key that all rows of one meeting share."""
    return f"{competition}|{season}|{fold(home_team)}|{fold(away_team)}"


def assign_ids(meeting: str, days: Sequence[dt.date], known: Sequence[KnownMeeting]) -> list[str]:
    """The ids of one meeting's rows, in their order; a new one carries the day it was first seen on.

    Rows of one day are one match; the order of the rows does not matter.

    Args:
        meeting: the key of `meeting_key`.
        days: UTC kickoff day of each row of stored pass.
        known: the meeting's stored matches.
    """
    ids = {stored.day: stored.source_match_id for stored in known}
    used = {stored.source_match_id for stored in known}
    unknown = sorted(set(days) - ids.keys())
    elsewhere = [stored for stored in known if stored.day not in set(days)]
    moves = sorted(
        (abs(day - stored.day), day, stored.source_match_id)
        for day in unknown
        for stored in elsewhere
        if _may_have_moved(stored, day)
    )
    taken = set()
    for _, day, source_match_id in moves:
        if day not in ids and source_match_id not in taken:
            ids[day] = source_match_id
            taken.add(source_match_id)
    for day in unknown:
        if day not in ids:
            ids[day] = _new_id(meeting, day, used)
    return [ids[day] for day in days]


def _may_have_moved(known: KnownMeeting, day: dt.date) -> bool:
    if abs(day - known.day) <= _CORRECTED_DATE:
        return True
    return known.is_open and known.day - _LONGEST_ADVANCE <= day <= known.day + _LONGEST_POSTPONEMENT


def _new_id(meeting: str, day: dt.date, used: set[str]) -> str:
    wanted = f"{meeting}|{day:%Y%m%d}"
    number = 1
    while wanted in used:
        number += 1
        wanted = f"{meeting}|{day:%Y%m%d}-{number}"
    return wanted


def mint_match_id(source: str, source_match_id: str) -> str:
    """The permanent id of a match: 64 bits of BLAKE2b in hex."""
    return _digest(f"{source}|{source_match_id}")


class Pool(NamedTuple):
    """The scope within which a name is one team."""

    country: str
    sex: str
    age_group: str
    squad: str = "first"

    def __str__(self) -> str:
        """The text in ids and aliases; the squad only where it is not the first."""
        return "|".join(self[:3] if self.squad == "first" else self)

    def team_id(self, name: str) -> str:
        """The permanent id of the pool's team of that name, see `mint_team_id`."""
        return mint_team_id(self.country, self.sex, self.age_group, name, self.squad)


@functools.lru_cache(maxsize=200_000)  # in a million matches each club occurs 80 times
def mint_team_id(country: str, sex: str, age_group: str, name: str, squad: str = "first") -> str:
    """The permanent id of a team; the same name in another pool is another team.

    What every name of the pool may carry, such as Women, tells no team apart (`name_in_pool`).
    """
    known_as = name_in_pool(name, sex, age_group, squad)
    return _digest(f"{Pool(country, sex, age_group, squad)}|{known_as}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
