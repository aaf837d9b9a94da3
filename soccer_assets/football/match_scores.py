"""The score grid of one match in plain Python: the sidecar's own process reads markets off it.

The same grid as that of ``score_grid.py``, which makes many at once with numpy, and its first half: each goal
falls in it with the same chance, independent of the others (binomial thinning), so that the half-time score
has the law that belongs to the full grid.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

from soccer_assets.contract.markets import GoalModel

# Scores of 0 to 15 goals a side: all but 1e-4 of a count with mean 6.
GRID_GOALS = 16

Grid = Sequence[Sequence[float]]
"""Probability of each score, home goals first; adds up to 1."""

Outcome = tuple[float, float, float]
"""Probabilities of home, draw and away."""


def grid_of(goals: GoalModel, probabilities: Outcome) -> Grid:
    """Probability of every score of one match, see `score_grid.score_grid`.

    Raises:
        ValueError: a rate is not above 0, or probabilities do not add up to 1.
    """
    grid = _dixon_coles(goals)
    factors = _factors(grid, probabilities)
    return [[p * factors[outcome(i - j)] for j, p in enumerate(row)] for i, row in enumerate(grid)]


def rates_grid(goals: GoalModel) -> Grid:
    """Probability of every score by the rates alone, where no other forecast is known.

    Raises:
        ValueError: a rate is not above 0.
    """
    grid = _dixon_coles(goals)
    total = sum(map(sum, grid))
    return [[p / total for p in row] for row in grid]


def outcome_factors(goals: GoalModel, probabilities: Outcome) -> Outcome:
    """What the rates' own grid is multiplied with where home, draw and away win, to keep the probabilities.

    Raises:
        ValueError: a rate is not above 0, or the probabilities do not add up to 1.
    """
    return _factors(_dixon_coles(goals), probabilities)


def _dixon_coles(goals: GoalModel) -> Grid:
    if not (goals.home_rate > 0.0 and goals.away_rate > 0.0):
        raise ValueError("goal rates are above 0")
    home, away = poisson(goals.home_rate), poisson(goals.away_rate)
    grid = [[p * q for q in away] for p in home]
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        grid[i][j] *= low_score_weight(goals, i, j)
    return grid


def _factors(grid: Grid, probabilities: Outcome) -> Outcome:
    if abs(sum(probabilities) - 1.0) > 1e-5:  # noqa: PLR2004  as the grid of many does
        raise ValueError("probabilities of home, draw and away must add up to 1")
    home, draw, away = (p / mass for p, mass in zip(probabilities, outcome_of_grid(grid), strict=True))
    return home, draw, away


def low_score_weight(goals: GoalModel, home: int, away: int) -> float:
    """Dixon and Coles' weight of a score: 1 where a side has more than one goal."""
    rho = goals.draw_correlation
    if home > 1 or away > 1:
        return 1.0
    if home and away:
        return 1.0 - rho
    if home:
        return max(1.0 + goals.away_rate * rho, 0.0)
    if away:
        return max(1.0 + goals.home_rate * rho, 0.0)
    return max(1.0 - goals.home_rate * goals.away_rate * rho, 0.0)


def outcome(difference: int) -> int:
    """0 where home goals minus away goals is above 0, 1 at 0, 2 below."""
    return (difference < 1) + (difference < 0)


def outcome_of_grid(grid: Grid, home_lead: int = 0) -> Outcome:
    """What home wins, draws and away wins of a grid add up to, where home leads by ``home_lead`` already."""
    added = [0.0, 0.0, 0.0]
    for i, row in enumerate(grid):
        for j, p in enumerate(row):
            added[outcome(home_lead + i - j)] += p
    return added[0], added[1], added[2]


def half_time_outcome(grid: Grid, share: float, home_lead: int = 0) -> Outcome:
    """Probabilities of home, draw and away at half-time.

    Args:
        grid: of the goals until full time, from now on.
        share: chance that one of these goals falls before half-time.
        home_lead: goals by which home leads now.
    """
    chances = thinned(share, home_lead)
    added = [0.0, 0.0, 0.0]
    for row, chances_of_row in zip(grid, chances, strict=True):
        for p, by_outcome in zip(row, chances_of_row, strict=True):
            for at in range(3):
                added[at] += p * by_outcome[at]
    return added[0], added[1], added[2]


def poisson(rate: float) -> list[float]:
    """Probabilities of 0 to 15 goals, without those of more; a rate of 0 has none."""
    if rate <= 0.0:
        return [1.0] + [0.0] * (GRID_GOALS - 1)
    log_rate = math.log(rate)
    return [math.exp(count * log_rate - rate - math.lgamma(count + 1)) for count in range(GRID_GOALS)]


# A share a competition: a few hundred. In play each minute has its own.
@lru_cache(maxsize=1024)
def thinned(share: float, home_lead: int) -> list[list[Outcome]]:
    """The half-time outcome, given each score of the goals to come; arguments as in `half_time_outcome`."""
    kept = [
        [math.comb(n, k) * share**k * (1.0 - share) ** (n - k) for k in range(n + 1)]
        for n in range(GRID_GOALS)
    ]
    return [[_difference(home, away, home_lead) for away in kept] for home in kept]


def _difference(home: Sequence[float], away: Sequence[float], home_lead: int) -> Outcome:
    added = [0.0, 0.0, 0.0]
    for i, p in enumerate(home):
        for j, q in enumerate(away):
            added[outcome(home_lead + i - j)] += p * q
    return added[0], added[1], added[2]
