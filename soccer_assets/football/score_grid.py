"""Probabilities of scores, consistent with the 1x2 probabilities of a forecast.

Scores are two Poisson counts, with the four lowest weighted after Dixon & Coles (1997, doi
10.1111/1467-9876.00065) by the joint goal model's own correlation for the kind of match. Wins, draws and
defeats of that grid are then scaled to the forecast's 1x2 probabilities: of all grids with those it is the
nearest (least Kullback-Leibler divergence), and answers about goals cannot contradict the 1x2 answer.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.markets import GoalModel
from soccer_assets.contract.release import ScoreChance
from soccer_assets.football.first_half import USUAL_FIRST_HALF_SHARE
from soccer_assets.football.match_scores import GRID_GOALS
from soccer_assets.football.ratings.parameters import DRAW_CORRELATIONS, match_kinds

LIKELIEST_SCORES = 5
TOTAL_LINE = 2.5
# The features that a goal forecast is made from: the joint model's log goals, and the kind of match.
GOAL_FEATURES = ("joint_home_log_goals", "joint_away_log_goals", "tier", "is_international")
# In place of the first two where the model reads prices.
PRICED_RATES = ("priced_home_log_goals", "priced_away_log_goals")


class GoalForecast(msgspec.Struct, frozen=True):
    """What is expected of the goals of one match.

    Attributes:
        expected_home: goals.
        expected_away: goals.
        p_over_2_5: probability of three goals or more.
        p_both_score: probability that both teams score.
        likeliest_scores: five scores, the likeliest first.
        goal_model: what the grid is made of, from which every other market follows.
    """

    expected_home: float
    expected_away: float
    p_over_2_5: float
    p_both_score: float
    likeliest_scores: tuple[ScoreChance, ...]
    goal_model: GoalModel


def score_grid(
    home_rates: NDArray[np.float64],
    away_rates: NDArray[np.float64],
    draw_correlations: NDArray[np.float64],
    probabilities: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probability of every score, (n, 16, 16), home goals first; each grid adds up to 1.

    Args:
        home_rates: (n,) goals expected of the home side.
        away_rates: (n,) likewise.
        draw_correlations: (n,) Dixon-Coles rho of each match.
        probabilities: (n, 3) of home, draw and away, which the grids keep.

    Raises:
        ValueError: a rate is not above 0, or probabilities do not add up to 1.
    """
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6):
        raise ValueError("probabilities of home, draw and away must add up to 1")
    grid = rates_grid(home_rates, away_rates, draw_correlations)
    goals = np.arange(GRID_GOALS)
    outcome = 1 - np.sign(goals[:, None] - goals[None, :])
    for number in range(3):
        cells = outcome == number
        grid[:, cells] *= (probabilities[:, number] / grid[:, cells].sum(axis=1))[:, None]
    return grid


def rates_grid(
    home_rates: NDArray[np.float64], away_rates: NDArray[np.float64], draw_correlations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The grid (n, 16, 16) of the rates alone, before it is scaled; arguments as those of `score_grid`.

    Raises:
        ValueError: a rate is not above 0.
    """
    if not ((home_rates > 0.0).all() and (away_rates > 0.0).all()):
        raise ValueError("goal rates are above 0")
    grid = _poisson(home_rates)[:, :, None] * _poisson(away_rates)[:, None, :]
    grid[:, 0, 0] *= np.maximum(1.0 - home_rates * away_rates * draw_correlations, 0.0)
    grid[:, 0, 1] *= np.maximum(1.0 + home_rates * draw_correlations, 0.0)
    grid[:, 1, 0] *= np.maximum(1.0 + away_rates * draw_correlations, 0.0)
    grid[:, 1, 1] *= 1.0 - draw_correlations
    return grid


def goal_columns(feature_names: Sequence[str]) -> tuple[str, ...]:
    """The columns that the goals of a model's forecasts are made from: of the goal model it leans on."""
    rates = PRICED_RATES if set(PRICED_RATES) <= set(feature_names) else GOAL_FEATURES[:2]
    return (*rates, *GOAL_FEATURES[2:])


def goal_forecasts(
    features: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    first_half_shares: Sequence[float] | None = None,
) -> list[GoalForecast]:
    """The goals of n matches.

    Args:
        features: (n, 4) columns as in `GOAL_FEATURES`.
        probabilities: (n, 3) of home, draw and away, which the goals agree with.
        first_half_shares: (n,) share of the goals before half-time; the usual one by default.

    Raises:
        ValueError: probabilities do not add up to 1.
    """
    rates = np.exp(features[:, :2])
    shares = [USUAL_FIRST_HALF_SHARE] * len(rates) if first_half_shares is None else first_half_shares
    correlations = DRAW_CORRELATIONS[match_kinds(features[:, 2], features[:, 3])]
    grid = score_grid(rates[:, 0], rates[:, 1], correlations, probabilities)
    goals = np.arange(GRID_GOALS)
    is_over = goals[:, None] + goals[None, :] > TOTAL_LINE
    flat = grid.reshape(len(grid), GRID_GOALS**2)
    likeliest = np.argsort(-flat, axis=1, kind="stable")[:, :LIKELIEST_SCORES]
    return [
        GoalForecast(
            expected_home=float(scores.sum(axis=1) @ goals),
            expected_away=float(scores.sum(axis=0) @ goals),
            p_over_2_5=float(scores[is_over].sum()),
            p_both_score=float(scores[1:, 1:].sum()),
            likeliest_scores=tuple(
                ScoreChance(cell // GRID_GOALS, cell % GRID_GOALS, float(chances[cell]))
                for cell in cells.tolist()
            ),
            goal_model=GoalModel(own_rates[0], own_rates[1], correlation, share),
        )
        for scores, chances, cells, own_rates, correlation, share in zip(
            grid, flat, likeliest, rates.tolist(), correlations.tolist(), shares, strict=True
        )
    ]


def _poisson(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (n, 16) of 0 to 15 goals, without those of more."""
    goals = np.arange(GRID_GOALS)
    log_factorial = np.cumsum(np.log(np.maximum(goals, 1)))
    p: NDArray[np.float64] = np.exp(goals * np.log(rates)[:, None] - rates[:, None] - log_factorial)
    return p
