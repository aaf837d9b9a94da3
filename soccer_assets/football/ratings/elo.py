"""Elo ratings: a textbook one that never changes, and a tuned one.

Tuned Elo weighs a result by its goal difference, learns each league's home advantage, and moves a team at the
start of a season.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import (
    ELO_HOME_ADVANTAGE_RATE,
    ELO_K,
    ELO_K_INTERNATIONAL,
    ELO_LEAGUE_MEAN_RATE,
    ELO_LOG_ODDS,
    ELO_NEWCOMER_GAP,
    ELO_RETURN_GAP,
    ELO_RETURN_REGRESSION,
    ELO_SEASON_REGRESSION,
    ELO_TIER_GAP,
    INTERNATIONAL,
    START_ELO,
    TEXTBOOK_HOME_ADVANTAGE,
    TEXTBOOK_K,
)
from soccer_assets.football.ratings.season import enters_season, has_missed_season, is_newcomer


@compiled
def expected_score(rating_gap: float) -> float:
    """Expected score, 0 to 1, of the side that is ``rating_gap`` points ahead; a win is 1, a draw 1/2."""
    return 1.0 / (1.0 + math.exp(-rating_gap * ELO_LOG_ODDS))


@compiled
def league_mean(league: Any, match: Any) -> float:
    """Mean tuned Elo of a competition; a new one starts 79 points lower for each tier below the first."""
    if league.matches == 0:
        return START_ELO - ELO_TIER_GAP * max(match.tier - 1, 0)
    return league.mean_elo


@compiled
def elo_at_kickoff(team: Any, league: Any, match: Any) -> float:
    """A team's tuned Elo at the kickoff of a match.

    A new season moves it towards the league's mean, a missed one further; a newcomer starts below the mean.
    """
    mean = league_mean(league, match)
    if team.matches == 0:
        return mean - ELO_NEWCOMER_GAP if match.tier > 0 and is_newcomer(team, league, match) else mean
    if not enters_season(team, match):
        return team.elo
    elo = team.elo + ELO_SEASON_REGRESSION * (mean - team.elo)
    if has_missed_season(team, league, match):
        elo += ELO_RETURN_REGRESSION * (mean - ELO_RETURN_GAP - elo)
    return elo


@compiled
def apply_to_elo(match: Any, home: Any, away: Any, league: Any, score: float) -> None:
    """Update both Elo ratings of both teams, and the league's mean and home advantage.

    ``score`` is the home side's: 1 a win, 1/2 a draw, 0 a defeat.
    """
    goal_difference = match.home_goals - match.away_goals
    textbook_ground = 0.0 if match.is_neutral else TEXTBOOK_HOME_ADVANTAGE
    residual = score - expected_score(home.elo_textbook + textbook_ground - away.elo_textbook)
    home.elo_textbook += TEXTBOOK_K * residual
    away.elo_textbook -= TEXTBOOK_K * residual

    mean = league_mean(league, match)
    home.elo, away.elo = elo_at_kickoff(home, league, match), elo_at_kickoff(away, league, match)
    ground = 0.0 if match.is_neutral else league.elo_home_advantage
    residual = score - expected_score(home.elo + ground - away.elo)
    k = ELO_K_INTERNATIONAL if match.kind == INTERNATIONAL else ELO_K
    step = k * (1.0 + abs(goal_difference)) * residual
    home.elo += step
    away.elo -= step
    league.mean_elo = mean + ELO_LEAGUE_MEAN_RATE * ((home.elo + away.elo) / 2.0 - mean)
    if not match.is_neutral:
        league.elo_home_advantage += ELO_HOME_ADVANTAGE_RATE * 400.0 * residual
