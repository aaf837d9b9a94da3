"""Learns which names of two sources are the same team, from their shared fixtures.

Names are not matched by similar spelling. A name is matched where it is spelled the same, or where its
fixtures agree: on the same days, against opponents that are matched already, the same team played each time.
Where no spelling is shared (Spain in football-data and openfootball), the calendars of all teams are laid
over each other, and what they suggest counts only where the fixtures of all suggested teams agree.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from soccer_assets.football.text_folding import fold

# Fixtures that must agree, with none against.
LEAST_AGREEING = 3
# Match days at home or away that a suggested team must share: half a round of a league of twelve.
LEAST_SHARED_DAYS = 10

_Turn = tuple[dt.date, bool]  # a day, and whether at home
_Fixture = tuple[dt.date, str, bool]  # a day, the opponent, and whether the opponent is at home


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
    opponents: dict[_Fixture, str] = {}
    names: dict[str, str] = {}
    for meeting in known:
        opponents[meeting.day, meeting.home, True] = meeting.away
        opponents[meeting.day, meeting.away, False] = meeting.home
        names.setdefault(fold(meeting.home), meeting.home)
        names.setdefault(fold(meeting.away), meeting.away)
    fixtures: defaultdict[str, list[_Fixture]] = defaultdict(list)
    for meeting in other:
        fixtures[meeting.home].append((meeting.day, meeting.away, False))
        fixtures[meeting.away].append((meeting.day, meeting.home, True))
    placed = {name: names[fold(name)] for name in fixtures if fold(name) in names}
    while True:
        found = _agreed(fixtures.keys() - placed.keys(), fixtures, placed, opponents)
        if not found:
            suggested = _suggested(fixtures, placed, opponents)
            found = _confirmed(suggested, fixtures, placed, opponents)
        if not found:
            return placed
        placed.update(found)


def _agreed(
    names: Iterable[str],
    fixtures: Mapping[str, list[_Fixture]],
    placed: Mapping[str, str],
    opponents: Mapping[_Fixture, str],
) -> dict[str, str]:
    """The names whose fixtures against placed opponents agree on one team."""
    found = {}
    for name in names:
        votes = _votes(fixtures[name], placed, opponents)
        if len(votes) == 1 and votes.total() >= LEAST_AGREEING:
            found[name] = next(iter(votes))
    return found


def _votes(
    fixtures: Iterable[_Fixture], placed: Mapping[str, str], opponents: Mapping[_Fixture, str]
) -> Counter[str]:
    """How often each team played what a name played against placed opponents."""
    teams = (opponents.get((day, placed.get(name, ""), is_home)) for day, name, is_home in fixtures)
    return Counter(team for team in teams if team is not None)


def _suggested(
    fixtures: Mapping[str, list[_Fixture]], placed: Mapping[str, str], opponents: Mapping[_Fixture, str]
) -> dict[str, str]:
    """By open name the team that shares the most days at home and away, each the other's first choice."""
    taken = set(placed.values())
    turns: defaultdict[_Turn, list[str]] = defaultdict(list)
    for day, opponent, is_opponent_home in opponents:
        if opponent not in taken:
            turns[day, is_opponent_home].append(opponent)
    shared: dict[str, Counter[str]] = {
        name: Counter(
            team for day, _, is_opponent_home in fixtures[name] for team in turns[day, not is_opponent_home]
        )
        for name in sorted(fixtures.keys() - placed.keys())
    }
    first_choice: dict[str, str] = {}
    for name, teams in shared.items():
        team, days = max(teams.items(), key=lambda choice: (choice[1], choice[0]), default=("", 0))
        if days >= LEAST_SHARED_DAYS:
            first_choice[name] = team
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for name, team in first_choice.items():
        wanted[team].append(name)
    return {max(of, key=lambda name: (shared[name][team], name)): team for team, of in wanted.items()}


def _confirmed(
    suggested: Mapping[str, str],
    fixtures: Mapping[str, list[_Fixture]],
    placed: Mapping[str, str],
    opponents: Mapping[_Fixture, str],
) -> dict[str, str]:
    """The suggestions that the fixtures among suggested and placed teams confirm, and none contradicts.

    The least confirmed are dropped first: a wrong one contradicts the right ones that it meets.
    """
    kept = dict(suggested)
    while kept:
        shares, both = {}, {**placed, **kept}
        for name, team in kept.items():
            votes = _votes(fixtures[name], both, opponents)
            is_enough = votes[team] >= LEAST_AGREEING
            shares[name] = votes[team] / votes.total() if is_enough else 0.0
        least = min(shares.values())
        if least == 1.0:
            return kept
        kept = {name: team for name, team in kept.items() if shares[name] > least}
    return {}
