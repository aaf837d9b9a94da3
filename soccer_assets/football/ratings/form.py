"""Points, goal difference, rest and workload: the season table and the last matches of a team."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import (
    AVERAGE_POINTS,
    CONGESTION_DAYS,
    DRAW,
    FORM_MATCHES,
    RECENT_MATCHES,
    REST_DAYS_CAP,
    SEASON_PRIOR_MATCHES,
)
from soccer_assets.football.ratings.season import enters_season


@compiled
def points_of(score: float) -> float:
    """League points of a score of 1, 1/2 or 0."""
    if score == 1.0:
        return 3.0
    return 1.0 if score == DRAW else 0.0


@compiled
def apply_to_form(match: Any, team: Any, score: float, goal_difference: int) -> None:
    """Add a result to a team's season table and recent matches; cups (tier 0) count in the latter only."""
    if enters_season(team, match):
        if team.season_matches > 0.0:
            team.last_season_points = shrunk_points(team)
        team.season_points = 0.0
        team.season_goal_difference = 0.0
        team.season_matches = 0.0
        team.competition = match.competition
        team.season = match.season
    if match.tier > 0:
        team.season_points += points_of(score)
        team.season_goal_difference += goal_difference
        team.season_matches += 1.0
    team.recent_points[team.matches % FORM_MATCHES] = points_of(score)
    team.recent_days[team.matches % RECENT_MATCHES] = match.day
    team.matches += 1


@compiled
def shrunk_points(team: Any) -> float:
    """Points a match of the team's season so far, shrunk to an average team's."""
    weight = team.season_matches + SEASON_PRIOR_MATCHES
    return (team.season_points + AVERAGE_POINTS * SEASON_PRIOR_MATCHES) / weight


@compiled
def last_season_points(team: Any, match: Any) -> float:
    """Points a match of the season before the match's own, shrunk to an average team's."""
    if enters_season(team, match) and team.season_matches > 0.0:
        return shrunk_points(team)
    return team.last_season_points


@compiled
def season_table(team: Any, match: Any) -> tuple[float, float, float]:
    """Points and goal difference a match, both shrunk to an average team's, and matches this season."""
    if enters_season(team, match):
        return AVERAGE_POINTS, 0.0, 0.0
    weight = team.season_matches + SEASON_PRIOR_MATCHES
    return shrunk_points(team), team.season_goal_difference / weight, team.season_matches


@compiled
def workload(team: Any, match: Any) -> tuple[float, float]:
    """Days since the last match, 60 at most, and matches in the 14 days before this one."""
    rest, congestion = REST_DAYS_CAP, 0
    for day in team.recent_days:
        days_ago = max(match.day - day, 0)
        rest = min(rest, days_ago)
        congestion += days_ago <= CONGESTION_DAYS
    return float(rest), float(congestion)
