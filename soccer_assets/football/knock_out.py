"""Who goes on from a cup tie: one match, or two legs with their aggregate.

After 90 minutes of the match that decides, the aggregate counts, then away goals where they are told to, then
30 minutes at a third of the match's own goal rates, where a cup has them, then a shoot-out that either side
wins alike. Away goals counted in UEFA's cups until 2020/21, in extra time too. Not here: the forecast of the
match itself.
"""

import math
from collections import defaultdict
from typing import Literal

import msgspec

from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.match_scores import Grid, outcome_of_grid, poisson, rates_grid

# 30 of 90 minutes.
EXTRA_TIME_SHARE = 1.0 / 3.0
SHOOT_OUT = 0.5
LAST_SEASON_OF_AWAY_GOALS = "2020/2021"
# Log ratio of the goals of a side at home to those of the same side away, against the same opponent: what
# turns the rates of a first leg into those of its return leg. The mean of two-legged ties of 2000 to 2011.
HOME_ADVANTAGE = 0.45


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a tie beside the match itself.

    Attributes:
        first_leg: goals of the side at home now and of the other one, in the first leg; None where this
            match alone decides, or is the first leg.
        is_first_leg: the return leg is still to come.
        counts_away_goals: of two sides level on aggregate, the one with more goals away goes on.
        shoots_out_at_once: a shoot-out follows 90 minutes without extra time.
        level_is_home: of two sides level at the end of the match that decides, or of its extra time, the one
            at home goes on: the better placed in its league.
    """

    first_leg: tuple[int, int] | None = None
    is_first_leg: bool = False
    counts_away_goals: bool = False
    shoots_out_at_once: bool = False
    level_is_home: Literal["no", "at_once", "after_extra_time"] = "no"


def away_goals_count(competition: str, season: str) -> bool:
    """Whether away goals decide two-legged ties of a competition in a season."""
    return competition.startswith("UEFA-") and season <= LAST_SEASON_OF_AWAY_GOALS


def p_home_advances(grid: Grid, goals: GoalModel, tie: Tie, so_far: tuple[int, int] = (0, 0)) -> float:
    """Probability that the side at home goes on.

    Args:
        grid: of the goals until the end of 90 minutes, from now on.
        goals: what the grid before kickoff is made of: the rates of extra time and of a return leg.
        tie: what decides beside this match.
        so_far: goals of both sides in this match before the grid's.
    """
    if not tie.is_first_leg:
        own, other = tie.first_leg or (0, 0)
        counts = tie.counts_away_goals and tie.first_leg is not None
        leg = _DecidingLeg(grid, goals, tie, counts_away_goals=counts)
        return leg.p_home_advances(own + so_far[0] - other - so_far[1], own - so_far[1])
    ratio = math.exp(HOME_ADVANTAGE)
    back = msgspec.structs.replace(
        goals, home_rate=goals.away_rate * ratio, away_rate=goals.home_rate / ratio
    )
    leg = _DecidingLeg(rates_grid(back), back, tie, counts_away_goals=tie.counts_away_goals)
    return sum(
        p * (1.0 - leg.p_home_advances(so_far[1] + j - so_far[0] - i, so_far[1] + j))
        for i, row in enumerate(grid)
        for j, p in enumerate(row)
    )


class _DecidingLeg:
    """The match after which a tie is decided."""

    def __init__(self, grid: Grid, goals: GoalModel, tie: Tie, *, counts_away_goals: bool) -> None:
        self._counts_away_goals = counts_away_goals
        self._after_level = SHOOT_OUT if tie.level_is_home == "no" else 1.0
        if not tie.shoots_out_at_once and tie.level_is_home != "at_once":
            self._after_level = _p_extra_time(goals, self._after_level, counts_away_goals=counts_away_goals)
        self._by_margin: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for i, row in enumerate(grid):
            for j, p in enumerate(row):
                self._by_margin[i - j].append((j, p))
        most = len(grid)
        self._above, tail = {}, 0.0
        for margin in range(most, -most - 1, -1):
            self._above[margin] = tail
            tail += sum(p for _, p in self._by_margin.get(margin, ()))
        self._most = most

    def p_home_advances(self, lead: int, away_goals_ahead: int) -> float:
        """Probability that the side at home goes on.

        Args:
            lead: goals by which it leads on aggregate before the grid's goals.
            away_goals_ahead: its away goals, of the first leg, minus the other side's before the grid's.
        """
        if abs(lead) > self._most:
            return float(lead > 0)
        p = self._above[-lead]
        for away_goals, chance in self._by_margin.get(-lead, ()):
            ahead = away_goals_ahead - away_goals if self._counts_away_goals else 0
            p += chance * (float(ahead > 0) if ahead else self._after_level)
        return p


def _p_extra_time(goals: GoalModel, after_it: float, *, counts_away_goals: bool) -> float:
    """Probability that the side at home goes on once both are level; ``after_it`` if they stay so."""
    home, away = poisson(goals.home_rate * EXTRA_TIME_SHARE), poisson(goals.away_rate * EXTRA_TIME_SHARE)
    wins, level, _ = outcome_of_grid([[p * q for q in away] for p in home])
    # Level with goals, the side away has scored more of them away.
    still_level = home[0] * away[0] if counts_away_goals else level
    return wins + still_level * after_it
