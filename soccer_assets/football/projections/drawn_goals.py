"""The compiled draws of a simulated season: strengths of clubs, their drift, and scores.

Clubs are numbers from 0; rates are goals in 90 minutes.
"""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.projections.random_stream import normal, uniform
from soccer_assets.football.ratings.compile_cache import compiled

# Strengths drift in steps of so many days; a step a match gives the same final tables.
DRIFT_DAYS = 14
_MOST_GOALS = 15
_UNROLLED = 4
_HALF, _THIRD = 1.0 / 2.0, 1.0 / 3.0


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
def poisson(mean: float, stream: NDArray[np.uint64]) -> int:
    """A Poisson count of at most 15, by inversion."""
    none = math.exp(-mean)
    return _invert(uniform(stream), none, none * mean, mean, none * mean)


@compiled
def _invert(drawn: float, none: float, one: float, mean: float, plain_one: float) -> int:
    """The count at a uniform number, Poisson but for the probabilities of none and one.

    The first five are added up without a branch: which count comes cannot be foretold, and a processor that
    foretells wrongly loses more time than the sums take.
    """
    two = plain_one * mean * _HALF
    three = two * mean * _THIRD
    up_to_one = none + one
    up_to_two = up_to_one + two
    up_to_three = up_to_two + three
    goals = (drawn > none) + (drawn > up_to_one) + (drawn > up_to_two) + (drawn > up_to_three)
    if goals < _UNROLLED:
        return goals
    p = three * mean / _UNROLLED
    left = drawn - up_to_three
    while left > p and goals < _MOST_GOALS:
        left -= p
        goals += 1
        p *= mean / goals
    return goals


@compiled
def _score(home_mean: float, away_mean: float, rho: float, stream: NDArray[np.uint64]) -> tuple[int, int]:
    """A score: two Poisson counts, the four lowest weighted after Dixon & Coles (1997).

    Their weights leave both counts Poisson: the home side's is drawn first, the other's given it.
    """
    home = poisson(home_mean, stream)
    none = math.exp(-away_mean)
    one = none * away_mean
    none_weight, one_weight = 1.0, 1.0
    if home == 0:
        none_weight, one_weight = 1.0 - home_mean * away_mean * rho, 1.0 + home_mean * rho
    elif home == 1:
        none_weight, one_weight = 1.0 + away_mean * rho, 1.0 - rho
    return home, _invert(uniform(stream), none * none_weight, one * one_weight, away_mean, one)


@compiled
def drift_strengths(
    strength: NDArray[np.float64],
    steps: int,
    deviation: float,
    correlation: float,
    stream: NDArray[np.uint64],
) -> None:
    """Move attack and defence of every club by so many steps, in place."""
    scale = deviation * math.sqrt(steps)
    other = math.sqrt(1.0 - correlation * correlation)
    for club in range(len(strength)):
        one, two = normal(stream), normal(stream)
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
    strength: NDArray[np.float64],
    home: int,
    away: int,
    level: float,
    advantage: float,
    rho: float,
    stream: NDArray[np.uint64],
) -> tuple[int, int]:
    """A score after 90 minutes; an advantage of -2 times the home side's own is neutral ground."""
    home_rate, away_rate = goal_rates(strength, home, away, level, advantage)
    return _score(home_rate, away_rate, rho, stream)


@compiled
def draw_club(
    strength: NDArray[np.float64],
    club: int,
    mean: NDArray[np.float64],
    root: NDArray[np.float64],
    stream: NDArray[np.uint64],
) -> None:
    """Draw the strengths of one club, in place, from its mean and the factor of its covariance."""
    one, two, three = normal(stream), normal(stream), normal(stream)
    strength[club, 0] = mean[0] + root[0, 0] * one
    strength[club, 1] = mean[1] + root[1, 0] * one + root[1, 1] * two
    strength[club, 2] = mean[2] + root[2, 0] * one + root[2, 1] * two + root[2, 2] * three


@compiled
def draw_strengths(
    strength: NDArray[np.float64],
    lots: NDArray[np.float64],
    strength_mean: NDArray[np.float64],
    strength_root: NDArray[np.float64],
    stream: NDArray[np.uint64],
) -> None:
    """Draw every club's strengths, and its lot, in place."""
    for club in range(len(strength)):
        draw_club(strength, club, strength_mean[club], strength_root[club], stream)
        lots[club] = uniform(stream)
