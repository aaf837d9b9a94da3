"""Strengths of a season's clubs as a simulation draws them: the goal filter's posterior, and what is added.

The state is read through the filter's own functions: a club's strengths are taken to the day as for a match,
from the model that knows prices and in part from the joint one, which no price moves. They are one where no
price was seen.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.projections.drawn_goals import DRIFT_DAYS, Strengths
from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.goal_model import home_advantage, propagate
from soccer_assets.football.ratings.parameters import (
    GOAL_PARAMETERS,
    JOINT,
    LEAGUE,
    PRICED,
    PRICED_NOISE_A_DAY,
    PRICED_NOISE_CORRELATION,
)
from soccer_assets.football.ratings.price_news import price_share, row_of
from soccer_assets.football.ratings.season import enters_season
from soccer_assets.football.ratings.state import TeamState
from soccer_assets.football.ratings.update import MATCH_DTYPE


class Spread(NamedTuple):
    """Variances in log goals that are added to the filter's.

    Attributes:
        summer: of attack and defence of a club before its first match of a season.
        newcomer: the same, in addition, of a club that was in another league or unknown.
        correlation: of attack and defence in both.
        regression: share by which a summer moves a club to the mean of the season's clubs.
        drift: share of the process noise a day of prices that lasts; that of results lasts whole.
        level: standard deviation of the league's goal level.
        advantage: standard deviation of its home advantage.
        joint: weight of the joint model beside the priced one in the means of a club before its first
            match of a season; each match takes a third of it away.
        joint_spread: the same in the covariances.
    """

    summer: float = 0.0
    newcomer: float = 0.0
    correlation: float = 0.8
    regression: float = 0.0
    drift: float = 1.0
    level: float = 0.0
    advantage: float = 0.0
    joint: float = 0.0
    joint_spread: float = 0.0


# On 55 seasons of 2005 to 2011 at 0, 25 and 50 %, 12 times the variance of the randomised PIT of the place is
# .99, .93, .95 with the filter's whole process noise, 1.01, 1.01, 1.01 with .15 of it, and 1.02, 1.03, 1.01
# with .03: what a price moves from week to week is no lasting change of strength. Results alone bear a
# fifteenth of a price's noise, and all of it lasts: in six worlds without prices the squared error of the
# place before the season is 1.00 of the simulated variance with it and 1.02 with .2 of it, at 25 % 1.01 and
# 1.03.
#
# The joint model's weight is that of a regression of the goals to come on both models. On 157 priced seasons
# of 2003 to 2011 it is .81 before the season, and on the 70 since 2008, whose prices are averages as today's,
# .84, and .57, .30, .12 after 1, 2 and 4 matches a club, later about .1. The last prices of a season tell
# more of what its last matches are worth to the clubs than of how they begin the next one. With the joint
# model's covariance the squared error of the place before the season is 1.02 of the simulated variance,
# with the priced one's .91.
FITTED = Spread(drift=0.2, joint=0.8, joint_spread=1.0)
_JOINT_KEPT_A_MATCH = 2.0 / 3.0


@compiled
def _propagate_all(
    model: int, teams: Any, leagues: Any, matches: Any, day: int, mean: Any, covariance: Any
) -> tuple[float, float]:
    """Fill every club's strengths on a day; the league's goal level and home advantage."""
    league, match = leagues[0], matches[0]
    match.day = day
    for club in range(len(teams)):
        team = teams[club]
        strength, known = propagate(model, team, league, match)
        for place in range(3):
            mean[club, place] = strength[place]
        place = 0
        for row in range(3):
            for column in range(row, 3):
                covariance[club, row, column] = known[place]
                covariance[club, column, row] = known[place]
                place += 1
    return league.level[row_of(model, league)], home_advantage(model, league, match)


@compiled
def _noise_a_day(teams: Any, leagues: Any, matches: Any, drift: float) -> tuple[float, float]:
    """Lasting process noise a day, mean of the clubs: of attack and of defence, and their common part.

    What a pause adds for prices is no part of it: it comes once, not with every day.
    """
    league, parameters = leagues[0], GOAL_PARAMETERS[matches[0].kind, PRICED]
    scale = math.exp(league.log_noise_scale[row_of(PRICED, league)])
    of_results, of_prices = scale * parameters.process_noise_a_day, drift * PRICED_NOISE_A_DAY
    noise, both = 0.0, 0.0
    for club in range(len(teams)):
        share = price_share(teams[club])
        noise += (1.0 - share) * of_results + share * of_prices
        both += (1.0 - share) * parameters.process_correlation_a_day * of_results
        both += share * PRICED_NOISE_CORRELATION * of_prices
    return noise / len(teams), both / len(teams)


@compiled
def _fill_entries(teams: Any, matches: Any, enters: Any, played: Any) -> None:
    """Fill whether each club enters the season, 2 as a newcomer, and how many matches of it it has played."""
    match = matches[0]
    for club in range(len(teams)):
        team = teams[club]
        enters[club], played[club] = 0, team.season_matches
        if enters_season(team, match):
            enters[club], played[club] = 1, 0
            if team.matches == 0 or team.competition != match.competition:
                enters[club] = 2


def season_strengths(
    teams: NDArray[np.void], league: NDArray[np.void], match: NDArray[np.void], spread: Spread
) -> Strengths:
    """The joint distribution of the clubs' strengths on the day of a match of the season.

    Args:
        teams: (n,) `TEAM_DTYPE` records of the season's clubs.
        league: (1,) `LEAGUE_DTYPE` record of the competition.
        match: (1,) `MATCH_DTYPE`: season, competition, tier, kind and day are read.
        spread: what is added to the filter's variances.
    """
    clubs, day = len(teams), int(match["day"][0])
    mean, covariance = np.empty((clubs, 3)), np.empty((clubs, 3, 3))
    enters, played = np.empty(clubs, np.int64), np.empty(clubs, np.int64)
    _fill_entries(teams, match, enters, played)
    level, advantage = _propagate_all(PRICED, teams, league, match.copy(), day, mean, covariance)
    noise, both = _noise_a_day(teams, league, match, spread.drift)
    _blend(teams, league, match, played, spread, mean, covariance)
    centre = mean[:, :2].mean(axis=0)
    mean[:, :2] += spread.regression * (enters > 0)[:, None] * (centre - mean[:, :2])
    extra = spread.summer * (enters > 0) + spread.newcomer * (enters == 2)  # noqa: PLR2004
    covariance[:, [0, 1], [0, 1]] += extra[:, None]
    covariance[:, [0, 1], [1, 0]] += spread.correlation * extra[:, None]
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(3)).astype(np.float64)
    return Strengths(
        mean=mean,
        root=root,
        common=np.array([level, advantage, spread.level, spread.advantage]),
        drift=np.array([np.sqrt(DRIFT_DAYS * noise), both / noise if noise > 0.0 else 0.0]),
        rho=float(GOAL_PARAMETERS["draw_correlation"][LEAGUE, PRICED]),
    )


def _blend(
    teams: NDArray[np.void],
    league: NDArray[np.void],
    match: NDArray[np.void],
    played: NDArray[np.int64],
    spread: Spread,
    mean: NDArray[np.float64],
    covariance: NDArray[np.float64],
) -> None:
    """Move the priced model's strengths towards the joint model's, in place; the league's mean stays."""
    joint, known = np.empty_like(mean), np.empty_like(covariance)
    _propagate_all(JOINT, teams, league, match.copy(), int(match["day"][0]), joint, known)
    rest = _JOINT_KEPT_A_MATCH ** played[:, None]
    apart = joint - mean
    mean += spread.joint * rest * (apart - apart.mean(axis=0))
    covariance += spread.joint_spread * rest[:, None] * (known - covariance)


def league_records(
    state: TeamState, clubs: Sequence[str], competition: str, season: str, tier: int, day: int
) -> tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]:
    """The arguments of `season_strengths` from a state: records of the clubs, the league, and a match.

    Args:
        state: of all teams; one without a result yet has a fresh record.
        clubs: team ids, in the order of the rows.
        competition: code.
        season: label.
        tier: of the competition.
        day: since 1970.
    """
    wide = state.selected(set(clubs), {competition}).widened(set(clubs), {competition}, {season})
    match = np.zeros(1, MATCH_DTYPE)
    match["competition"] = wide.competition_names.index(competition)
    match["season"] = wide.season_names.index(season)
    match["day"], match["tier"], match["kind"] = day, tier, LEAGUE
    rows = [wide.team_rows[club] for club in clubs]
    return wide.teams[rows], wide.leagues[match["competition"]], match
