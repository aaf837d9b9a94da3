"""What a result teaches, and what is known before a kickoff: the compiled arithmetic of one match.

Every function takes records (`TEAM_DTYPE`, `LEAGUE_DTYPE`, `MATCH_DTYPE`, `features.FEATURE_DTYPE`) by
reference. `apply_result` moves teams and league; `write_features` reads them and moves nothing; what a season
or a league change does to a team is computed in both from the same function, and kept only by the first.

All compiled code is in this one module: numba's cache notices a change of this file, not of files it imports.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.team_state import AVERAGE_POINTS, FORM_MATCHES, RECENT_MATCHES, START_ELO

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
    ]
)

# Elo's score of a draw; a win is 1, a defeat 0.
DRAW = 0.5

# Textbook Elo, the yardstick: fixed for ever, so that every model is measured against the same thing.
TEXTBOOK_K = 20.0
TEXTBOOK_HOME_ADVANTAGE = 80.0

# Tuned Elo: log loss of 2012-2022 over 38 leagues. K from 6 to 10 is flat, x(1+|gd|) gains .0020 over none.
ELO_K = 7.7
HOME_ADVANTAGE_RATE = 0.003  # .05 costs .0039: a league's home advantage moves over years
SEASON_REGRESSION = 0.18
LEAGUE_MEAN_RATE = 0.01
NEWCOMER_GAP = 71.0  # below the league's mean: a team first seen in a league that is running
TIER_GAP = 79.0  # between the start of a tier and of the one above
LEAGUE_RATE = 0.005  # of the league's shares of home wins and draws and its goals: half-life 140 matches

REST_DAYS_CAP = 60
CONGESTION_DAYS = 14
# Weight of an average team in this season's points a match: three matches.
SEASON_PRIOR_MATCHES = 3.0

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile with numba on the first call; ``numba.njit`` with the types kept."""
    return cast("F", numba.njit(cache=True)(function))


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
def expected_score(rating_gap: float) -> float:
    """Elo's expected score of the side that is ``rating_gap`` points ahead: a win is 1, a draw 1/2."""
    return 1.0 / (1.0 + 10.0 ** (-rating_gap / 400.0))


@compiled
def enters_season(team: Any, match: Any) -> bool:
    """Whether the match is the team's first of a league season. A straggler of an old season is not."""
    if match.tier == 0:
        return False
    return match.season > team.season or (
        match.season == team.season and match.competition != team.competition
    )


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
        is_running = league.matches > 0 and (league.seasons_before > 0 or match.season > league.season)
        return mean - NEWCOMER_GAP if match.tier > 0 and is_running else mean
    if enters_season(team, match):
        return team.elo + SEASON_REGRESSION * (mean - team.elo)
    return team.elo


@compiled
def matches_per_team(league: Any, match: Any) -> float:
    """How many matches a team plays a season, judged by the league's last finished season."""
    if league.season >= 0 and match.season > league.season and league.season_teams > 1:
        return 2.0 * league.season_matches / league.season_teams
    return league.matches_per_team


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
    step = ELO_K * (1.0 + abs(goal_difference)) * surprise
    home.elo += step
    away.elo -= step
    league.mean_elo = mean + LEAGUE_MEAN_RATE * ((home.elo + away.elo) / 2.0 - mean)
    if not match.is_neutral:
        league.home_advantage += HOME_ADVANTAGE_RATE * 400.0 * surprise

    _apply_to_league(match, home, away, league, score)
    _apply_to_form(match, home, score, goal_difference)
    _apply_to_form(match, away, 1.0 - score, -goal_difference)


@compiled
def _apply_to_league(match: Any, home: Any, away: Any, league: Any, score: float) -> None:
    """Count the league's season and let its shares and goals follow. Call before the teams' own season."""
    if match.tier > 0 and match.season > league.season:
        league.matches_per_team = matches_per_team(league, match)
        league.seasons_before += league.matches > 0
        league.season = match.season
        league.season_matches = 0
        league.season_teams = 0
    league.matches += 1
    league.season_matches += 1
    league.season_teams += enters_season(home, match)
    league.season_teams += enters_season(away, match)
    league.home_rate += LEAGUE_RATE * ((1.0 if score == 1.0 else 0.0) - league.home_rate)
    league.draw_rate += LEAGUE_RATE * ((1.0 if score == DRAW else 0.0) - league.draw_rate)
    league.goals += LEAGUE_RATE * (match.home_goals + match.away_goals - league.goals)


@compiled
def points_of(score: float) -> float:
    """League points of a score of 1, 1/2 or 0."""
    if score == 1.0:
        return 3.0
    return 1.0 if score == DRAW else 0.0


@compiled
def _apply_to_form(match: Any, team: Any, score: float, goal_difference: int) -> None:
    """Season table and recent matches of one side. Cups do not count in the season's table."""
    if enters_season(team, match):
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
def season_table(team: Any, match: Any) -> tuple[float, float, float]:
    """Points and goal difference a match, drawn towards an average team, and matches played this season."""
    if enters_season(team, match):
        return AVERAGE_POINTS, 0.0, 0.0
    weight = team.season_matches + SEASON_PRIOR_MATCHES
    points = (team.season_points + AVERAGE_POINTS * SEASON_PRIOR_MATCHES) / weight
    return points, team.season_goal_difference / weight, team.season_matches


@compiled
def workload(team: Any, match: Any) -> tuple[float, float]:
    """Days since the last match, 60 at most, and matches in the 14 days before this one."""
    rest, congestion = REST_DAYS_CAP, 0
    for day in team.recent_days:
        days_ago = max(match.day - day, 0)
        rest = min(rest, days_ago)
        congestion += days_ago <= CONGESTION_DAYS
    return float(rest), float(congestion)


@compiled
def write_features(out: Any, match: Any, home: Any, away: Any, league: Any) -> None:
    """What is known of a match from the state as it stands; no record but ``out`` changes."""
    out.elo_textbook_gap = home.elo_textbook - away.elo_textbook
    out.league_home_advantage = 0.0
    if not match.is_neutral:
        out.elo_textbook_gap += TEXTBOOK_HOME_ADVANTAGE
        out.league_home_advantage = league.home_advantage

    home_elo, away_elo = elo_at_kickoff(home, league, match), elo_at_kickoff(away, league, match)
    mean = league_mean(league, match)
    out.elo_gap = home_elo - away_elo + out.league_home_advantage
    out.elo_expectation = expected_score(out.elo_gap)
    out.home_elo_above_league = home_elo - mean
    out.away_elo_above_league = away_elo - mean

    home_points, home_goals, home_matches = season_table(home, match)
    away_points, away_goals, away_matches = season_table(away, match)
    out.home_points_per_match_season, out.away_points_per_match_season = home_points, away_points
    out.home_goal_difference_per_match_season = home_goals
    out.away_goal_difference_per_match_season = away_goals
    out.home_matches_season, out.away_matches_season = home_matches, away_matches
    out.season_progress = 0.0
    if match.tier > 0:
        out.season_progress = min((home_matches + away_matches) / 2.0 / matches_per_team(league, match), 1.0)

    out.home_log_matches_known = math.log1p(home.matches)
    out.away_log_matches_known = math.log1p(away.matches)
    out.home_is_new_in_league = match.tier > 0 and home.competition != match.competition
    out.away_is_new_in_league = match.tier > 0 and away.competition != match.competition
    out.home_points_last_5 = home.recent_points.sum()
    out.away_points_last_5 = away.recent_points.sum()
    out.home_rest_days, out.home_matches_14_days = workload(home, match)
    out.away_rest_days, out.away_matches_14_days = workload(away, match)

    out.league_home_rate = league.home_rate
    out.league_draw_rate = league.draw_rate
    out.league_goals = league.goals
    out.tier = match.tier
    out.is_neutral = match.is_neutral
