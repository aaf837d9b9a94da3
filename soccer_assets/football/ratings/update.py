"""The one pass over all matches in order of time.

Functions of this package take records (`TEAM_DTYPE`, `LEAGUE_DTYPE`, `MATCH_DTYPE`, `features.FEATURE_DTYPE`)
by reference. `apply_result` changes teams and league; `write_features` only reads them. What a new season or
league does to a team is computed by the same functions in both, and stored by the first only.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.elo import apply_to_elo
from soccer_assets.football.ratings.feature_row import write_features
from soccer_assets.football.ratings.form import apply_to_form
from soccer_assets.football.ratings.goal_model import apply_to_goal_model
from soccer_assets.football.ratings.parameters import (
    DRAW,
    FAST,
    JOINT,
    PRICED,
    SLOW,
    STATISTICS,
)
from soccer_assets.football.ratings.pi import apply_to_pi
from soccer_assets.football.ratings.price_news import reads_prices, remember_price
from soccer_assets.football.ratings.residuals import apply_residuals
from soccer_assets.football.ratings.season import apply_to_league
from soccer_assets.football.ratings.side_strengths import write_strengths

MATCH_DTYPE = np.dtype(
    [
        ("home", "<i4"),
        ("away", "<i4"),
        ("competition", "<i4"),
        ("season", "<i4"),
        ("day", "<i4"),
        ("home_goals", "<i4"),
        ("away_goals", "<i4"),
        ("tier", "<i4"),
        ("is_neutral", "<i4"),
        ("kind", "<i4"),
        ("statistics", "<i4", (STATISTICS, 2)),  # home and away; -1 where unknown
        ("price_kind", "<i4"),  # of `prices.PriceKind`; 0 where there is none
        ("price_rates", "<f8", (2,)),  # log goals of home and away that the price implies
    ]
)


@compiled
def run_events(
    event_row: NDArray[np.int64],
    event_is_result: NDArray[np.bool_],
    matches: NDArray[np.void],
    teams: NDArray[np.void],
    leagues: NDArray[np.void],
    features: NDArray[np.void],
    strengths: NDArray[np.float64],
) -> None:
    """Apply each result and write each match's features, in the order of the events.

    Args:
        event_row: (e,) row of the match in ``matches`` and ``features``.
        event_is_result: (e,) true where a result becomes known, false where a match is predicted.
        matches: (n,) `MATCH_DTYPE`; its indices must be rows of ``teams`` and ``leagues``.
        teams: changed in place.
        leagues: changed in place.
        features: (n,) filled in place.
        strengths: (n, 8) filled in place, columns as in `side_strengths.STRENGTH_NAMES`.
    """
    for event in range(len(event_row)):
        match = matches[event_row[event]]
        home, away, league = teams[match.home], teams[match.away], leagues[match.competition]
        if event_is_result[event]:
            apply_result(match, home, away, league)
        else:
            write_features(features[event_row[event]], match, home, away, league)
            write_strengths(strengths[event_row[event]], match, home, away, league)


@compiled
def apply_result(match: Any, home: Any, away: Any, league: Any) -> None:
    """Update both teams and the league by a result."""
    goal_difference = match.home_goals - match.away_goals
    score = DRAW
    if goal_difference != 0:
        score = 1.0 if goal_difference > 0 else 0.0

    apply_to_elo(match, home, away, league, score)
    apply_to_pi(match, home, away)
    for model in (SLOW, FAST):
        apply_to_goal_model(model, match, home, away, league)
    if reads_prices(match, home, away, league):  # before joint, whose state it may start from
        apply_to_goal_model(PRICED, match, home, away, league)
    home_mean, away_mean = apply_to_goal_model(JOINT, match, home, away, league)
    apply_residuals(match, home, away, league, score, home_mean, away_mean)
    apply_to_league(match, home, away, league, score)
    remember_price(match, home)
    remember_price(match, away)
    apply_to_form(match, home, score, goal_difference)
    apply_to_form(match, away, 1.0 - score, -goal_difference)
