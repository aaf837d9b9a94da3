"""Goal rates behind a price: Shin's probabilities, and the two Poisson rates whose score grid has them."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import LEAST_LOG_GOALS, MOST_LOG_GOALS

# As in the goal model's grid: scores of 0 to 10 goals a side.
GRID_GOALS = 11
_INVERSES = (0.0, *(1.0 / goals for goals in range(1, GRID_GOALS)))
_BISECTIONS = 50  # of the share of insiders: to 1e-15
_MOST_STEPS = 60
_LARGEST_STEP = 1.0  # log goals
_CONVERGED = 1e-10  # of both log odds together
# A start that most prices are a few steps from: equal rates of 1.1, a third of the log odds for each side.
_START_LOG, _START_SLOPE = 0.1, 0.28


@compiled
def shin_probabilities(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (n, 3) of decimal prices (n, 3), all above 1, after Shin (1993, doi 10.2307/2234240).

    The same as `modelling.odds.devig_shin` to 1e-12, compiled: 240,000 rows take a tenth of a second.
    """
    probabilities = np.empty_like(prices)
    for row in range(len(prices)):
        inverse = 1.0 / prices[row, 0], 1.0 / prices[row, 1], 1.0 / prices[row, 2]
        book = inverse[0] + inverse[1] + inverse[2]
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2.0
            total = (
                _shin(inverse[0], book, middle)
                + _shin(inverse[1], book, middle)
                + _shin(inverse[2], book, middle)
            )
            if total > 1.0:
                low = middle
            else:
                high = middle
        home, draw, away = (
            _shin(inverse[0], book, low),
            _shin(inverse[1], book, low),
            _shin(inverse[2], book, low),
        )
        total = home + draw + away
        probabilities[row, 0], probabilities[row, 1], probabilities[row, 2] = (
            home / total,
            draw / total,
            away / total,
        )
    return probabilities


@compiled
def _shin(inverse: float, book: float, insiders: float) -> float:
    root = math.sqrt(insiders * insiders + 4.0 * (1.0 - insiders) * inverse * inverse / book)
    return (root - insiders) / (2.0 * (1.0 - insiders))


@compiled
def log_goal_rates(
    probabilities: NDArray[np.float64], draw_correlations: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log rates (n, 2) of both sides whose score grid has the probabilities (n, 3), and where there are any.

    Newton's method on the log odds of home against away and of a draw against their geometric mean: most rows
    take 4 steps. Some probabilities have no such grid, those of a draw above .6 or so among them.

    Args:
        probabilities: of home, draw and away, above 0.
        draw_correlations: (n,) Dixon-Coles rho of each match.
    """
    rates = np.zeros((len(probabilities), 2))
    is_found = np.zeros(len(probabilities), np.bool_)
    for row in range(len(probabilities)):
        home_p, draw_p, away_p = probabilities[row, 0], probabilities[row, 1], probabilities[row, 2]
        odds = math.log(home_p / away_p)
        draw_odds = math.log(draw_p) - 0.5 * math.log(home_p * away_p)
        home, away = _START_LOG + _START_SLOPE * odds, _START_LOG - _START_SLOPE * odds
        for _ in range(_MOST_STEPS):
            if not (LEAST_LOG_GOALS <= home <= MOST_LOG_GOALS and LEAST_LOG_GOALS <= away <= MOST_LOG_GOALS):
                break
            found, draw_found, slopes = _grid_slopes(math.exp(home), math.exp(away), draw_correlations[row])
            miss, draw_miss = found - odds, draw_found - draw_odds
            if abs(miss) + abs(draw_miss) < _CONVERGED:
                rates[row, 0], rates[row, 1] = home, away
                is_found[row] = True
                break
            determinant = slopes[0] * slopes[3] - slopes[1] * slopes[2]
            home_step = (slopes[3] * miss - slopes[1] * draw_miss) / determinant
            away_step = (slopes[0] * draw_miss - slopes[2] * miss) / determinant
            shortened = max((abs(home_step) + abs(away_step)) / _LARGEST_STEP, 1.0)
            home -= home_step / shortened
            away -= away_step / shortened
    return rates, is_found


@compiled
def _grid_slopes(
    home_mean: float, away_mean: float, rho: float
) -> tuple[float, float, tuple[float, float, float, float]]:
    """`goal_model.outcome_log_odds`, and its slopes by the log of each rate, row by row.

    One goal more on average moves a Poisson count up by one with the rate's own share, so that the slope of
    P(home wins) by the home rate is P(draw), and by the away rate minus P(home wins by one goal).
    """
    home_p, away_p = math.exp(-home_mean), math.exp(-away_mean)
    lowest = home_p * away_p
    home_below, away_below = 0.0, 0.0
    home_before, away_before = 0.0, 0.0
    p_home, p_draw, p_away, by_one_home, by_one_away = 0.0, 0.0, 0.0, 0.0, 0.0
    for goals in range(GRID_GOALS):
        if goals > 0:
            home_before, away_before = home_p, away_p
            home_p *= home_mean * _INVERSES[goals]
            away_p *= away_mean * _INVERSES[goals]
        p_home += home_p * away_below
        p_draw += home_p * away_p
        p_away += away_p * home_below
        by_one_home += home_p * away_before
        by_one_away += away_p * home_before
        home_below += home_p
        away_below += away_p
    level = p_draw
    moved = lowest * home_mean * away_mean * rho
    p_home, p_draw, p_away = p_home + moved, p_draw - 2.0 * moved, p_away + moved
    # By the log of the home rate, then of the away rate.
    moved_1, moved_2 = moved * (1.0 - home_mean), moved * (1.0 - away_mean)
    home_1, home_2 = home_mean * level + moved_1, -away_mean * by_one_home + moved_2
    away_1, away_2 = -home_mean * by_one_away + moved_1, away_mean * level + moved_2
    draw_1 = home_mean * (by_one_away - level) - 2.0 * moved_1
    draw_2 = away_mean * (by_one_home - level) - 2.0 * moved_2
    odds_1, odds_2 = home_1 / p_home - away_1 / p_away, home_2 / p_home - away_2 / p_away
    draw_odds_1 = draw_1 / p_draw - 0.5 * (home_1 / p_home + away_1 / p_away)
    draw_odds_2 = draw_2 / p_draw - 0.5 * (home_2 / p_home + away_2 / p_away)
    return (
        math.log(p_home / p_away),
        math.log(p_draw) - 0.5 * math.log(p_home * p_away),
        (odds_1, odds_2, draw_odds_1, draw_odds_2),
    )
