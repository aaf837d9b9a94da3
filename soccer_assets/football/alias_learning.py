"""Learns which names of two sources are the same team, from their shared fixtures.

Names are not matched by similar spelling. A name is matched where it is spelled the same, or where its
fixtures agree: on the same days, against opponents that are matched already, the same team played each time.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from soccer_assets.football.text_folding import fold

# Fixtures that must agree, with none against.
LEAST_AGREEING = 3


class Meeting(msgspec.Struct, frozen=True):
    """One fixture of one source, teams by the source's names."""

    day: dt.date
    home: str
    away: str


def learn_aliases(known: Iterable[Meeting], other: Iterable[Meeting]) -> dict[str, str]:
    """Names of ``other`` -> names of ``known``, for fixtures of one country.

    Each round matches the names whose fixtures against matched opponents agree on one team at least three
    times; rounds go on until none is added. A name that any fixture contradicts is left out.
    """
    opponents: dict[tuple[dt.date, str, bool], str] = {}
    names: dict[str, str] = {}
    for meeting in known:
        opponents[meeting.day, meeting.home, True] = meeting.away
        opponents[meeting.day, meeting.away, False] = meeting.home
        names.setdefault(fold(meeting.home), meeting.home)
        names.setdefault(fold(meeting.away), meeting.away)
    fixtures: defaultdict[str, list[tuple[dt.date, str, bool]]] = defaultdict(list)
    for meeting in other:
        fixtures[meeting.home].append((meeting.day, meeting.away, False))
        fixtures[meeting.away].append((meeting.day, meeting.home, True))
    placed = {name: names[fold(name)] for name in fixtures if fold(name) in names}
    while True:
        found = {}
        for name in fixtures.keys() - placed.keys():
            votes: Counter[str] = Counter()
            for day, opponent, is_opponent_home in fixtures[name]:
                team = opponents.get((day, placed.get(opponent, ""), is_opponent_home))
                if team is not None:
                    votes[team] += 1
            if len(votes) == 1 and votes.total() >= LEAST_AGREEING:
                found[name] = next(iter(votes))
        if not found:
            return placed
        placed.update(found)
