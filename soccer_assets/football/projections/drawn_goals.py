"""The compiled draws of a simulated season: strengths of clubs, their drift, and scores.

Clubs are numbers from 0; rates are goals in 90 minutes.
"""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.compile_cache import compiled

# Strengths drift in steps of so many days; a step a match gives the same final tables.
DRIFT_DAYS = 14
_MOST_GOALS = 15


class Strengths(NamedTuple):
    """Strengths of the clubs today, as each simulated season draws them.

    Attributes:
        mean: (n, 3) attack, defence, own home advantage.
        root: (n, 3, 3) lower Cholesky factors of their covariances.
        common: level, home advantage, and standard deviations of both, for all clubs of the league.
        drift: standard deviation of a step of `DRIFT_DAYS`, and the correlation of attack and defence in it.
        rho: Dixon-Coles correlation.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    common: NDArray[np.float64]
    drift: NDArray[np.float64]
    rho: float


@compiled
def poisson(mean: float) -> int:
    """A Poisson count of at most 15, by inversion."""
    left = np.random.random()  # noqa: NPY002  numba's own generator, seeded by `simulate`
    p = math.exp(-mean)
    goals = 0
    while left > p and goals < _MOST_GOALS:
        left -= p
        goals += 1
        p *= mean / goals
    return goals


@compiled
def _score(home_mean: float, away_mean: float, rho: float) -> tuple[int, int]:
    """A score: two Poisson counts, the four lowest weighted after Dixon & Coles (1997), by rejection."""
    most = max(
        1.0, 1.0 - rho, 1.0 - home_mean * away_mean * rho, 1.0 + home_mean * rho, 1.0 + away_mean * rho
    )
    while True:
        home, away = poisson(home_mean), poisson(away_mean)
        weight = 1.0
        if home < 2 and away < 2:  # noqa: PLR2004
            if home == 0 and away == 0:
                weight = 1.0 - home_mean * away_mean * rho
            elif home == 0:
                weight = 1.0 + home_mean * rho
            elif away == 0:
                weight = 1.0 + away_mean * rho
            else:
                weight = 1.0 - rho
        if np.random.random() * most <= weight:  # noqa: NPY002
            return home, away


@compiled
def drift_strengths(strength: NDArray[np.float64], steps: int, deviation: float, correlation: float) -> None:
    """Move attack and defence of every club by so many steps, in place."""
    scale = deviation * math.sqrt(steps)
    other = math.sqrt(1.0 - correlation * correlation)
    for club in range(len(strength)):
        one, two = np.random.standard_normal(), np.random.standard_normal()  # noqa: NPY002
        strength[club, 0] += scale * one
        strength[club, 1] += scale * (correlation * one + other * two)


@compiled
def goal_rates(
    strength: NDArray[np.float64], home: int, away: int, level: float, advantage: float
) -> tuple[float, float]:
    """Rates of both sides, from strengths (attack, defence, home advantage of a club's own)."""
    own = strength[home, 2]
    home_log = level + advantage / 2.0 + strength[home, 0] - strength[away, 1] + own
    away_log = level - advantage / 2.0 + strength[away, 0] - strength[home, 1] - own
    home_log, away_log = min(max(home_log, -3.0), 2.3), min(max(away_log, -3.0), 2.3)
    return math.exp(home_log), math.exp(away_log)


@compiled
def play_match(
    strength: NDArray[np.float64], home: int, away: int, level: float, advantage: float, rho: float
) -> tuple[int, int]:
    """A score after 90 minutes; an advantage of -2 times the home side's own is neutral ground."""
    home_rate, away_rate = goal_rates(strength, home, away, level, advantage)
    return _score(home_rate, away_rate, rho)


@compiled
def draw_club(
    strength: NDArray[np.float64], club: int, mean: NDArray[np.float64], root: NDArray[np.float64]
) -> None:
    """Draw the strengths of one club, in place, from its mean and the factor of its covariance."""
    one = np.random.standard_normal()  # noqa: NPY002
    two = np.random.standard_normal()  # noqa: NPY002
    three = np.random.standard_normal()  # noqa: NPY002
    strength[club, 0] = mean[0] + root[0, 0] * one
    strength[club, 1] = mean[1] + root[1, 0] * one + root[1, 1] * two
    strength[club, 2] = mean[2] + root[2, 0] * one + root[2, 1] * two + root[2, 2] * three


@compiled
def draw_strengths(
    strength: NDArray[np.float64],
    lots: NDArray[np.float64],
    strength_mean: NDArray[np.float64],
    strength_root: NDArray[np.float64],
) -> None:
    """Draw every club's strengths, and its lot, in place."""
    for club in range(len(strength)):
        draw_club(strength, club, strength_mean[club], strength_root[club])
        lots[club] = np.random.random()  # noqa: NPY002
