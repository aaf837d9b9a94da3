"""Elo."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compilation import compiled
from soccer_assets.football.ratings.parameters import (
    ELO_LOG_ODDS,
    NEWCOMER_GAP,
    RETURN_GAP,
    RETURN_REGRESSION,
    SEASON_REGRESSION,
    START_ELO,
    TIER_GAP,
)
from soccer_assets.football.ratings.season import enters_season, has_missed_season, is_newcomer


@compiled
def expected_score(rating_gap: float) -> float:
    """Elo's expected score of the side that is ``rating_gap`` points ahead: a win is 1, a draw 1/2."""
    return 1.0 / (1.0 + math.exp(-rating_gap * ELO_LOG_ODDS))


@compiled
def league_mean(league: Any, match: Any) -> float:
    """Mean tuned Elo of a competition; a new one starts 79 points lower a tier."""
    if league.matches == 0:
        return START_ELO - TIER_GAP * max(match.tier - 1, 0)
    return league.mean_elo


@compiled
def elo_at_kickoff(team: Any, league: Any, match: Any) -> float:
    """A team's tuned Elo as it enters a match, moved by what lies between two seasons."""
    mean = league_mean(league, match)
    if team.matches == 0:
        return mean - NEWCOMER_GAP if match.tier > 0 and is_newcomer(team, league, match) else mean
    if not enters_season(team, match):
        return team.elo
    elo = team.elo + SEASON_REGRESSION * (mean - team.elo)
    if has_missed_season(team, league, match):
        elo += RETURN_REGRESSION * (mean - RETURN_GAP - elo)
    return elo
