"""Writes the feature row of one match from the records of its teams and league."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.elo import elo_at_kickoff, expected_score, league_mean
from soccer_assets.football.ratings.form import last_season_points, season_table, workload
from soccer_assets.football.ratings.goal_model import predict_goals
from soccer_assets.football.ratings.parameters import (
    FAST,
    INTERNATIONAL,
    JOINT,
    PRICED,
    SLOW,
    TEXTBOOK_HOME_ADVANTAGE,
)
from soccer_assets.football.ratings.pi import pi_goals
from soccer_assets.football.ratings.price_news import follows_prices, price_share
from soccer_assets.football.ratings.season import matches_per_team


@compiled
def write_features(out: Any, match: Any, home: Any, away: Any, league: Any) -> None:
    """Fill the feature row ``out`` of a match; teams and league are only read."""
    out.elo_textbook_gap = home.elo_textbook - away.elo_textbook
    out.league_home_advantage = 0.0
    if not match.is_neutral:
        out.elo_textbook_gap += TEXTBOOK_HOME_ADVANTAGE
        out.league_home_advantage = league.elo_home_advantage

    home_elo, away_elo = elo_at_kickoff(home, league, match), elo_at_kickoff(away, league, match)
    mean = league_mean(league, match)
    out.elo_gap = home_elo - away_elo + out.league_home_advantage
    out.elo_expectation = expected_score(out.elo_gap)
    out.home_elo_above_league = home_elo - mean
    out.away_elo_above_league = away_elo - mean

    if match.is_neutral:  # neither side is at home: both stand between their two ratings
        out.pi_gap = pi_goals(0.5 * (home.pi_home + home.pi_away)) - pi_goals(
            0.5 * (away.pi_home + away.pi_away)
        )
    else:
        out.pi_gap = pi_goals(home.pi_home) - pi_goals(away.pi_away)
    out.home_pi_home, out.home_pi_away = home.pi_home, home.pi_away
    out.away_pi_home, out.away_pi_away = away.pi_home, away.pi_away
    _write_goal_models(out, match, home, away, league)

    home_points, home_goals, home_matches = season_table(home, match)
    away_points, away_goals, away_matches = season_table(away, match)
    out.home_points_per_match_season, out.away_points_per_match_season = home_points, away_points
    out.home_goal_difference_per_match_season = home_goals
    out.away_goal_difference_per_match_season = away_goals
    out.home_matches_season, out.away_matches_season = home_matches, away_matches
    out.home_points_per_match_last_season = last_season_points(home, match)
    out.away_points_per_match_last_season = last_season_points(away, match)
    out.season_progress = 0.0
    if match.tier > 0:
        out.season_progress = min((home_matches + away_matches) / 2.0 / matches_per_team(league, match), 1.0)

    out.home_log_matches_known = math.log1p(home.matches)
    out.away_log_matches_known = math.log1p(away.matches)
    out.home_is_new_in_league = match.tier > 0 and home.competition != match.competition
    out.away_is_new_in_league = match.tier > 0 and away.competition != match.competition
    out.home_surprise, out.away_surprise = home.surprise, away.surprise
    out.home_venue_surprise, out.away_venue_surprise = home.venue_surprise, away.venue_surprise
    out.league_favourite_gain = league.favourite_gain
    out.league_draw_surprise = league.draw_surprise
    out.favourite_log_odds = league.favourite_gain * out.joint_log_odds
    out.home_points_last_5 = home.recent_points.sum()
    out.away_points_last_5 = away.recent_points.sum()
    out.home_rest_days, out.home_matches_14_days = workload(home, match)
    out.away_rest_days, out.away_matches_14_days = workload(away, match)

    out.league_home_rate = league.home_rate
    out.league_draw_rate = league.draw_rate
    out.league_goals = league.goals
    out.tier = match.tier
    out.is_neutral = match.is_neutral
    out.is_international = match.kind == INTERNATIONAL


@compiled
def _write_goal_models(out: Any, match: Any, home: Any, away: Any, league: Any) -> None:
    (
        out.slow_home_log_goals,
        out.slow_away_log_goals,
        out.slow_log_odds,
        out.slow_draw_log_odds,
        out.slow_home_uncertainty,
        out.slow_away_uncertainty,
    ) = predict_goals(SLOW, match, home, away, league)
    (
        out.fast_home_log_goals,
        out.fast_away_log_goals,
        out.fast_log_odds,
        out.fast_draw_log_odds,
        _,
        _,
    ) = predict_goals(FAST, match, home, away, league)
    (
        out.joint_home_log_goals,
        out.joint_away_log_goals,
        out.joint_log_odds,
        out.joint_draw_log_odds,
        out.joint_home_uncertainty,
        out.joint_away_uncertainty,
    ) = predict_goals(JOINT, match, home, away, league)
    _write_priced_model(out, match, home, away, league)


@compiled
def _write_priced_model(out: Any, match: Any, home: Any, away: Any, league: Any) -> None:
    """The priced model's columns; those of the joint model where no price has moved anything."""
    out.home_price_share, out.away_price_share = price_share(home), price_share(away)
    if not follows_prices(home, away, league):
        out.priced_home_log_goals, out.priced_away_log_goals = (
            out.joint_home_log_goals,
            out.joint_away_log_goals,
        )
        out.priced_log_odds, out.priced_draw_log_odds = out.joint_log_odds, out.joint_draw_log_odds
        out.priced_home_uncertainty = out.joint_home_uncertainty
        out.priced_away_uncertainty = out.joint_away_uncertainty
        return
    (
        out.priced_home_log_goals,
        out.priced_away_log_goals,
        out.priced_log_odds,
        out.priced_draw_log_odds,
        out.priced_home_uncertainty,
        out.priced_away_uncertainty,
    ) = predict_goals(PRICED, match, home, away, league)
