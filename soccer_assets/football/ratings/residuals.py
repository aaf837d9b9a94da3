"""Moving averages of the joint model's residuals: of teams, home sides, favourites and draws.

A residual is a match's score (1, 1/2 or 0 for the home side) minus the score that the joint model expected.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.goal_model import outcome_log_odds
from soccer_assets.football.ratings.parameters import (
    DRAW,
    DRAW_SURPRISE_RATE,
    FAVOURITE_RATE,
    GOAL_PARAMETERS,
    JOINT,
    SURPRISE_RATE,
    VENUE_SURPRISE_RATE,
)


@compiled
def apply_residuals(
    match: Any, home: Any, away: Any, league: Any, score: float, home_mean: float, away_mean: float
) -> None:
    """Update the moving averages by a result.

    Args:
        match: the result.
        home: changed in place.
        away: changed in place.
        league: changed in place.
        score: of the home side; 1 a win, 1/2 a draw, 0 a defeat.
        home_mean: goals that the joint model expected of the home side.
        away_mean: likewise.
    """
    rho = GOAL_PARAMETERS[match.kind, JOINT].draw_correlation
    odds, draw_odds = outcome_log_odds(home_mean, away_mean, rho)
    p_home, p_draw, p_away = math.exp(odds / 2.0), math.exp(draw_odds), math.exp(-odds / 2.0)
    total = p_home + p_draw + p_away
    expected = (p_home + DRAW * p_draw) / total
    surprise = score - expected
    draw_surprise = (1.0 if score == DRAW else 0.0) - p_draw / total
    home.surprise += SURPRISE_RATE * (surprise - home.surprise)
    away.surprise += SURPRISE_RATE * (-surprise - away.surprise)
    if not match.is_neutral:
        home.venue_surprise += VENUE_SURPRISE_RATE * (surprise - home.venue_surprise)
        away.venue_surprise += VENUE_SURPRISE_RATE * (surprise - away.venue_surprise)
    lead = surprise * (expected - DRAW)
    league.favourite_gain += FAVOURITE_RATE * (lead - league.favourite_gain)
    league.draw_surprise += DRAW_SURPRISE_RATE * (draw_surprise - league.draw_surprise)
