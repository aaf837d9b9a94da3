"""Pi-ratings: one rating of a team at home and one away (Constantinou & Fenton 2013)."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import PI_CROSS_RATE, PI_LOG_SCALE, PI_RATE, PI_SCALE


@compiled
def pi_goals(rating: float) -> float:
    """Goals by which a side with this pi-rating is expected to beat an average team."""
    goals = math.exp(abs(rating) * PI_LOG_SCALE) - 1.0
    return goals if rating >= 0.0 else -goals


@compiled
def apply_to_pi(match: Any, home: Any, away: Any) -> None:
    """Update both ratings of both teams; the other venue's moves by `PI_CROSS_RATE` of the step."""
    goal_difference = match.home_goals - match.away_goals
    error = goal_difference - (pi_goals(home.pi_home) - pi_goals(away.pi_away))
    step = PI_RATE * PI_SCALE * math.log10(1.0 + abs(error))
    if error < 0.0:
        step = -step
    home.pi_home += step
    home.pi_away += PI_CROSS_RATE * step
    away.pi_away -= step
    away.pi_home -= PI_CROSS_RATE * step
