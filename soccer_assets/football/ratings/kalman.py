"""The Kalman update of two teams by one observation of each side; the equations are in `goal_model.py`."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import STRENGTHS


@compiled
def covariance_with(
    model: int, team: Any, attack: float, defence: float, home: float
) -> tuple[float, float, float]:
    """Covariance of each strength of a team with the sum of its strengths under three weights."""
    known = team.covariance
    aa, ad, ah = known[model, 0], known[model, 1], known[model, 2]
    dd, dh, hh = known[model, 3], known[model, 4], known[model, 5]
    return (
        attack * aa + defence * ad + home * ah,
        attack * ad + defence * dd + home * dh,
        attack * ah + defence * dh + home * hh,
    )


@compiled
def kalman_update(
    model: int,
    home: Any,
    away: Any,
    ground: float,
    elasticity: float,
    home_innovation: float,
    away_innovation: float,
    home_mean: float,
    away_mean: float,
    dispersion: float,
    correlation: float,
) -> None:
    """The Kalman update of both teams by one count of each side (goals, one match statistic, or a price).

    On the log scale an innovation is relative to its mean and has the variance dispersion / mean.

    Args:
        model: row of the strengths and covariances.
        home: changed in place.
        away: changed in place.
        ground: 1 at home, 0 on neutral ground.
        elasticity: log of the count per log goal; 1 for goals.
        home_innovation: count minus expected count.
        away_innovation: likewise.
        home_mean: expected count.
        away_mean: likewise.
        dispersion: variance of a count over its mean.
        correlation: between the counts of both sides.
    """
    # Covariance of each strength with the log of the home side's count (1) and of the away side's (2).
    home_1 = covariance_with(model, home, elasticity, 0.0, elasticity * ground)
    home_2 = covariance_with(model, home, 0.0, -elasticity, -elasticity * ground)
    away_1 = covariance_with(model, away, 0.0, -elasticity, 0.0)
    away_2 = covariance_with(model, away, elasticity, 0.0, 0.0)
    v_1 = elasticity * (home_1[0] + ground * home_1[2] - away_1[1]) + dispersion / home_mean
    v_2 = elasticity * (away_2[0] - home_2[1] - ground * home_2[2]) + dispersion / away_mean
    both = elasticity * (home_2[0] + ground * home_2[2] - away_2[1])
    both += correlation * dispersion / math.sqrt(home_mean * away_mean)
    determinant = v_1 * v_2 - both * both
    k_11, k_12, k_22 = v_2 / determinant, -both / determinant, v_1 / determinant
    relative_1, relative_2 = home_innovation / home_mean, away_innovation / away_mean
    step_1, step_2 = k_11 * relative_1 + k_12 * relative_2, k_12 * relative_1 + k_22 * relative_2
    for team, with_1, with_2 in ((home, home_1, home_2), (away, away_1, away_2)):
        place = 0
        for row in range(STRENGTHS):
            team.strength[model, row] += with_1[row] * step_1 + with_2[row] * step_2
            gain_1 = with_1[row] * k_11 + with_2[row] * k_12
            gain_2 = with_1[row] * k_12 + with_2[row] * k_22
            for column in range(row, STRENGTHS):
                team.covariance[model, place] -= gain_1 * with_1[column] + gain_2 * with_2[column]
                place += 1
