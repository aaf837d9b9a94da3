"""League tables by the league's own rules, from results.

A table counts points, awarded results and deductions as known on a day; clubs level on points are separated
by the tie-breakers of the season's rules. What no rule separates stands in order of the clubs' names. Not
here: how a season goes on (``projection.py``).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.projections import table_order
from soccer_assets.football.projections.season_rules import SeasonRules

# Criteria of `league_blocks.Tie` as the compiled code knows them.
CRITERIA = {
    "goal_difference": table_order.GOAL_DIFFERENCE,
    "goals": table_order.GOALS,
    "wins": table_order.WINS,
    "away_goals": table_order.AWAY_GOALS,
    "away_wins": table_order.AWAY_WINS,
    "half_point": table_order.HALF_POINT,
    "stage_place": table_order.STAGE_PLACE,
    "stage_points": table_order.STAGE_POINTS,
    "h2h_points": table_order.H2H_BY_POINTS,
    "h2h_goal_difference": table_order.H2H_BY_GOAL_DIFFERENCE,
    "h2h_goals": table_order.H2H_BY_GOALS,
    "h2h_away_goals": table_order.H2H_BY_AWAY_GOALS,
    "h2h_wins": table_order.H2H_BY_WINS,
}
SHARES = {
    "all": table_order.KEEP_ALL,
    "half_up": table_order.HALF_UP,
    "half_down": table_order.HALF_DOWN,
    "none": table_order.KEEP_NONE,
}
FRESH = {"h2h": table_order.FRESH_H2H, "goals": table_order.FRESH_GOALS}


class Played(NamedTuple):
    """A result that counts in the table."""

    home: str
    away: str
    home_goals: int
    away_goals: int


class Standing(NamedTuple):
    """A line of a table.

    Attributes:
        points: after deductions.
        points_off: points that were taken; below zero where more were given back.
        is_drawn: no rule separates the club from a neighbour.
    """

    club: str
    place: int
    played: int
    wins: int
    draws: int
    losses: int
    goals: int
    goals_against: int
    points: int
    points_off: int = 0
    is_drawn: bool = False


class Tallies(NamedTuple):
    """What the clubs of a season have so far, by number of the club; see `kernel.simulate`."""

    points: NDArray[np.int64]
    tally: NDArray[np.int64]
    h2h: NDArray[np.int64]

    @classmethod
    def of(cls, results: Sequence[tuple[int, int, int, int]], clubs: int, win: int) -> "Tallies":
        """Count results (home, away, goals of both)."""
        told = cls(
            np.zeros(clubs, np.int64),
            np.zeros((clubs, table_order.TALLIES), np.int64),
            np.zeros((clubs, clubs, table_order.H2H), np.int64),
        )
        table_order.add_results(*told[1:], told.points, np.array(results, np.int64).reshape(-1, 4), win)
        return told


def criteria_codes(rules: SeasonRules, stage: int) -> NDArray[np.int64]:
    """The tie-breakers of a stage as the compiled code knows them."""
    return np.array([CRITERIA[tie] for tie in rules.ties_of(stage)], np.int64)


def league_table(
    rules: SeasonRules,
    clubs: Sequence[str],
    results: Sequence[Played],
    day: dt.date = dt.date.max,
    names: Mapping[str, str] | None = None,
) -> list[Standing]:
    """The table of the season's first stage, or of a season of one stage, as known on a day.

    Args:
        rules: of the season.
        clubs: of the season, once each.
        results: of these clubs; the awarded score of an awarded match.
        day: deductions announced later are unknown, and those effective later do not count yet.
        names: club -> its name in the rules, where deductions and annulled clubs name it otherwise.

    Raises:
        ValueError: a club comes twice, plays itself, or is not of the season.
    """
    if len(set(clubs)) != len(clubs):
        raise ValueError("a club comes twice in the season")
    told = names or {}
    rules_name = {club: told.get(club, club) for club in clubs}
    gone = {one.club for one in rules.annulled if one.day <= day}
    annulled = {club for club in clubs if rules_name[club] in gone}
    # By name: what no rule separates then stands in that order.
    ordered = sorted(set(clubs) - annulled) + sorted(annulled)
    number = {club: place for place, club in enumerate(ordered)}
    counted = []
    for one in results:
        if one.home == one.away or one.home not in number or one.away not in number:
            raise ValueError(f"{one.home} - {one.away} is no match of two clubs of the season")
        if not annulled & {one.home, one.away}:
            counted.append((number[one.home], number[one.away], one.home_goals, one.away_goals))
    points, tally, h2h = Tallies.of(counted, len(ordered), rules.win)
    off = np.array([rules.points_off(rules_name[club], day, in_table=True) for club in ordered], np.int64)
    points -= off
    codes = criteria_codes(rules, 0)
    complete = rules.stages[0].meets if rules.h2h_when_complete else 0
    lots = np.arange(len(ordered), 0, -1.0)
    order, other = np.arange(len(ordered)), np.arange(len(ordered))
    for places, drawn in ((order, lots), (other, -lots)):
        table_order.rank_clubs(
            places, 0, len(ordered) - len(annulled), points, tally, h2h, codes, drawn, complete
        )
    losses = np.zeros(len(ordered), np.int64)
    for home, away, home_goals, away_goals in counted:
        losses[home] += home_goals < away_goals
        losses[away] += away_goals < home_goals
    played = h2h[:, :, table_order.H2H_MATCHES].sum(axis=1)
    return [
        Standing(
            club=ordered[club],
            place=place + 1,
            played=int(played[club]),
            wins=int(tally[club, table_order.WINS]),
            draws=int(played[club] - tally[club, table_order.WINS] - losses[club]),
            losses=int(losses[club]),
            goals=int(tally[club, table_order.GOALS]),
            goals_against=int(tally[club, table_order.GOALS] - tally[club, table_order.GOAL_DIFFERENCE]),
            points=int(points[club]),
            points_off=int(off[club]),
            is_drawn=bool(club != other[place]),
        )
        for place, club in enumerate(order.tolist())
    ]
