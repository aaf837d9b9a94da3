"""Identity: which match a row without an id of its own speaks of, and which team a name means.

A source without ids is matched on its *meeting* (competition, season, home, away). A meeting may be played
more than once a season (the Scottish split, Apertura and Clausura), and a postponed match moves; so a row is
first held against the exact day, then against the nearest fixture that is still open, and only then new.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

import msgspec

from soccer_assets.football.names import fold

# An open fixture further away than this is another meeting of the same two teams, not a postponement.
_LONGEST_POSTPONEMENT = dt.timedelta(days=120)


class KnownMeeting(msgspec.Struct, frozen=True):
    """A stored match of one meeting."""

    source_match_id: str
    day: dt.date
    is_open: bool


def meeting_key(competition: str, season: str, home_team: str, away_team: str) -> str:
    """What two rows must share to speak of the same meeting."""
    return f"{competition}|{season}|{fold(home_team)}|{fold(away_team)}"


def assign_ids(meeting: str, days: Sequence[dt.date], known: Sequence[KnownMeeting]) -> list[str]:
    """The ids of one meeting's rows, in their order; a new one carries the day it was first seen on.

    Args:
        meeting: the key of `meeting_key`.
        days: UTC kickoff day of each row of one pass.
        known: the meeting's stored matches.
    """
    by_day = {one.day: one.source_match_id for one in known}
    taken = {by_day[day] for day in days if day in by_day}
    ids = []
    for day in days:
        found = by_day.get(day)
        if found is None:
            open_ones = [one for one in known if one.is_open and one.source_match_id not in taken]
            nearest = min(open_ones, key=lambda one: (abs(one.day - day), one.source_match_id), default=None)
            if nearest is not None and abs(nearest.day - day) <= _LONGEST_POSTPONEMENT:
                found = nearest.source_match_id
            else:
                found = _new_id(meeting, day, {one.source_match_id for one in known} | taken)
        taken.add(found)
        ids.append(found)
    return ids


def _new_id(meeting: str, day: dt.date, used: set[str]) -> str:
    wanted = f"{meeting}|{day:%Y%m%d}"
    number = 1
    while wanted in used:
        number += 1
        wanted = f"{meeting}|{day:%Y%m%d}-{number}"
    return wanted


def mint_match_id(source: str, source_match_id: str) -> str:
    """A match's id for ever: 64 bits of BLAKE2b in hex."""
    return _digest(f"{source}|{source_match_id}")


def mint_team_id(country: str, sex: str, age_group: str, name: str) -> str:
    """A team's id for ever: the same name in another country, sex or age group is another team."""
    return _digest(f"{country}|{sex}|{age_group}|{fold(name)}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
