"""The table of any season, played or under way, from its matches: by the league's rules where they are told.

Without rules a league has three points for a win, goal difference and goals. Awarded results count, matches
in doubt do not. Not here: the tie-breakers (``standings.py``) and how a season goes on (``projection.py``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from soccer_assets.football.league_blocks import Stage
from soccer_assets.football.matches import COUNTED_STATUSES, OPEN_STATUSES
from soccer_assets.football.projections import season_rules
from soccer_assets.football.projections.season_rules import (
    NotProjectedError,
    SeasonRules,
    awarded_score,
    load_awarded,
    named_club,
)
from soccer_assets.football.projections.standings import Played, Standing, league_table


class SeasonMatch(NamedTuple):
    """A match of the season; sides by id."""

    day: dt.date
    home: str
    away: str
    status: str
    goals: tuple[int, int] | None
    is_doubtful: bool


class SeasonStandings(NamedTuple):
    """A table, and the rules that it follows; ``source`` is empty where none are told."""

    lines: list[Standing]
    source: str
    stages: int


def season_standings(
    competition: str,
    season: str,
    tier: int,
    matches: Sequence[SeasonMatch],
    names: Mapping[str, str],
    today: dt.date,
    *,
    is_simulated: bool = False,
) -> SeasonStandings:
    """The table of a league's season as known today.

    Args:
        competition: code.
        season: label.
        tier: of the competition, from 1.
        matches: of the season, played or not.
        names: of every side by id.
        today: deductions announced later are unknown.
        is_simulated: the clubs are fictitious: no rules of a real league hold.
    """
    used = [one for one in matches if not one.is_doubtful and one.status in COUNTED_STATUSES | OPEN_STATUSES]
    sides = [side for one in used for side in (one.home, one.away)]
    try:
        if is_simulated:
            clubs = sorted(set(sides))
            rules = season_rules.simulated_rules(competition, season, len(clubs), tier)
        else:
            rules, clubs = rules_and_clubs(competition, season, sides, names, today)
    except NotProjectedError:
        rules, clubs = _plain(competition, season, sides)
    members, has_awarded = set(clubs), _has_awarded(competition, season)
    results = [
        Played(one.home, one.away, *score)
        for one in used
        if one.home in members and one.away in members and one.home != one.away
        if (score := _score(rules, one, names, has_awarded=has_awarded)) is not None
    ]
    lines = league_table(rules, clubs, results, today, rules_names(rules, clubs, names))
    return SeasonStandings(lines, rules.source, len(rules.stages))


def rules_and_clubs(
    competition: str, season: str, sides: Iterable[str], names: Mapping[str, str], today: dt.date
) -> tuple[SeasonRules, list[str]]:
    """The rules for the clubs that are left: without guests of play-offs, and without annulled clubs.

    Args:
        competition: code.
        season: label.
        sides: id of both sides of each match that is played or open.
        names: of every side by id.
        today: what is annulled later is not annulled yet.

    Raises:
        NotProjectedError: the league or its season has no rules, or another number of clubs.
    """
    told = season_rules.season_rules(competition, season)
    counts = Counter(sides)
    gone = {named_club(one.club, list(names.values())) for one in told.annulled if one.day <= today}
    ranked = sorted(counts, key=lambda club: (-counts[club], club))
    clubs = sorted(club for club in ranked[: told.clubs] if names[club] not in gone)
    return season_rules.season_rules(competition, season, len(clubs)), clubs


def rules_names(rules: SeasonRules, clubs: Collection[str], names: Mapping[str, str]) -> dict[str, str]:
    """Club id -> its name in the deductions of the rules."""
    ids = {names[club]: club for club in clubs}
    found = {one.club: named_club(one.club, ids) for one in rules.deductions}
    return {ids[name]: told for told, name in found.items() if name is not None}


def _plain(competition: str, season: str, sides: list[str]) -> tuple[SeasonRules, list[str]]:
    clubs = sorted(set(sides))
    rules = SeasonRules(
        competition=competition,
        season=season,
        clubs=len(clubs),
        stages=(Stage(meets=2),),
        ties=("goal_difference", "goals"),
        bands=(),
        source="",
    )
    return rules, clubs


def _has_awarded(competition: str, season: str) -> bool:
    """Whether a committee decided any of its results: those of all others need no look."""
    told = load_awarded()
    of = (competition, season)
    return any((one.competition, one.season) == of for one in told.results) or any(
        (one.competition, one.season) == of for one in told.clubs
    )


def _score(
    rules: SeasonRules, one: SeasonMatch, names: Mapping[str, str], *, has_awarded: bool
) -> tuple[int, int] | None:
    if has_awarded:
        sides = names[one.home], names[one.away]
        awarded = awarded_score(rules.competition, rules.season, one.day, *sides)
        if awarded is not None:
            return awarded
    return one.goals if one.status in COUNTED_STATUSES else None
