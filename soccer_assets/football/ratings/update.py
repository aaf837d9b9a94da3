"""One pass over all matches in order of time: each result moves ratings, each fixture gets its feature row."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.compilation import compiled
from soccer_assets.football.ratings.elo import elo_at_kickoff, expected_score, league_mean
from soccer_assets.football.ratings.feature_row import write_features
from soccer_assets.football.ratings.form import _apply_to_form
from soccer_assets.football.ratings.goal_model import apply_to_space
from soccer_assets.football.ratings.parameters import (
    DRAW,
    ELO_K,
    FAST,
    HOME_ADVANTAGE_RATE,
    INTERNATIONAL,
    INTERNATIONAL_ELO_K,
    JOINT,
    LEAGUE_MEAN_RATE,
    SLOW,
    STATISTICS,
    TEXTBOOK_HOME_ADVANTAGE,
    TEXTBOOK_K,
)
from soccer_assets.football.ratings.pi import apply_to_pi
from soccer_assets.football.ratings.residuals import apply_surprise
from soccer_assets.football.ratings.season import _apply_to_league

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
) -> None:
    """The one pass: apply each result and write each match's features, in the order of the events.

    Args:
        event_row: (e,) row of the match in ``matches`` and ``features``.
        event_is_result: (e,) whether the event is a result becoming known or a match being predicted.
        matches: (n,) `MATCH_DTYPE`; its indices must be rows of ``teams`` and ``leagues``.
        teams: changed in place.
        leagues: changed in place.
        features: (n,) filled in place.
    """
    for event in range(len(event_row)):
        match = matches[event_row[event]]
        home, away, league = teams[match.home], teams[match.away], leagues[match.competition]
        if event_is_result[event]:
            apply_result(match, home, away, league)
        else:
            write_features(features[event_row[event]], match, home, away, league)


@compiled
def apply_result(match: Any, home: Any, away: Any, league: Any) -> None:
    """Move both teams and the league by a result."""
    goal_difference = match.home_goals - match.away_goals
    score = DRAW
    if goal_difference != 0:
        score = 1.0 if goal_difference > 0 else 0.0

    textbook_ground = 0.0 if match.is_neutral else TEXTBOOK_HOME_ADVANTAGE
    surprise = score - expected_score(home.elo_textbook + textbook_ground - away.elo_textbook)
    home.elo_textbook += TEXTBOOK_K * surprise
    away.elo_textbook -= TEXTBOOK_K * surprise

    mean = league_mean(league, match)
    home.elo, away.elo = elo_at_kickoff(home, league, match), elo_at_kickoff(away, league, match)
    ground = 0.0 if match.is_neutral else league.home_advantage
    surprise = score - expected_score(home.elo + ground - away.elo)
    k = INTERNATIONAL_ELO_K if match.kind == INTERNATIONAL else ELO_K
    step = k * (1.0 + abs(goal_difference)) * surprise
    home.elo += step
    away.elo -= step
    league.mean_elo = mean + LEAGUE_MEAN_RATE * ((home.elo + away.elo) / 2.0 - mean)
    if not match.is_neutral:
        league.home_advantage += HOME_ADVANTAGE_RATE * 400.0 * surprise

    apply_to_pi(match, home, away)
    for space in (SLOW, FAST):
        apply_to_space(space, match, home, away, league)
    home_mean, away_mean = apply_to_space(JOINT, match, home, away, league)
    apply_surprise(match, home, away, league, score, home_mean, away_mean)
    _apply_to_league(match, home, away, league, score)
    _apply_to_form(match, home, score, goal_difference)
    _apply_to_form(match, away, 1.0 - score, -goal_difference)
