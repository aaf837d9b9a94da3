"""When a season starts for a team and for a league, and the running rates of a league."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import DRAW, LEAGUE_RATE


@compiled
def enters_season(team: Any, match: Any) -> bool:
    """Whether the match is the team's first of a league season; a late match of an older season is not."""
    if match.tier == 0:
        return False
    return match.season > team.season or (
        match.season == team.season and match.competition != team.competition
    )


@compiled
def has_missed_season(team: Any, league: Any, match: Any) -> bool:
    """Whether a team enters a competition that has played a season since the team's last league match."""
    season_before = league.season if match.season > league.season else league.previous_season
    return 0 <= team.season < season_before and enters_season(team, match)


@compiled
def is_newcomer(team: Any, league: Any, match: Any) -> bool:
    """Whether a team is first seen in a competition that has been running for a season."""
    is_running = league.matches > 0 and (league.seasons_before > 0 or match.season > league.season)
    return team.matches == 0 and is_running


@compiled
def matches_per_team(league: Any, match: Any) -> float:
    """How many matches a team plays a season, judged by the league's last finished season."""
    if league.season >= 0 and match.season > league.season and league.season_teams > 1:
        return 2.0 * league.season_matches / league.season_teams
    return league.matches_per_team


@compiled
def apply_to_league(match: Any, home: Any, away: Any, league: Any, score: float) -> None:
    """Update a league's season and its rates of home wins, draws and goals.

    Call it before `form.apply_to_form` moves the teams to the new season.
    """
    if match.tier > 0 and match.season > league.season:
        league.matches_per_team = matches_per_team(league, match)
        league.seasons_before += league.matches > 0
        league.previous_season = league.season
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
