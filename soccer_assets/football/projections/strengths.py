"""Strengths of a season's clubs as a simulation draws them: the goal filter's posterior, and what is added.

The state is read through the filter's own functions: a club's strengths are taken to the day as for a match.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.projections.kernel import DRIFT_DAYS
from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.goal_model import home_advantage, propagate
from soccer_assets.football.ratings.parameters import GOAL_PARAMETERS, JOINT, LEAGUE
from soccer_assets.football.ratings.season import enters_season


class Spread(NamedTuple):
    """Variances in log goals that are added to the filter's.

    Attributes:
        summer: of attack and defence of a club before its first match of a season.
        newcomer: the same, in addition, of a club that was in another league or unknown.
        correlation: of attack and defence in both.
        regression: share by which a summer moves a club to the mean of the season's clubs.
        drift: factor on the filter's process noise a day.
        level: standard deviation of the league's goal level.
        advantage: standard deviation of its home advantage.
    """

    summer: float = 0.0
    newcomer: float = 0.0
    correlation: float = 0.8
    regression: float = 0.0
    drift: float = 1.0
    level: float = 0.0
    advantage: float = 0.0


# On 247 seasons of 2001 to 2011, before the season, the final places are spread as the filter's own posterior
# says (variance of the randomised PIT over 1/12: 1.003 of clubs that stay, .980 of newcomers). A summer's
# variance of .003 makes it .989 and .978, with .1 of regression .953 and .947: nothing is added.
FITTED = Spread()


class Strengths(NamedTuple):
    """What `kernel.simulate` draws from; see there."""

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    common: NDArray[np.float64]
    drift: NDArray[np.float64]
    rho: float


@compiled
def _propagate_all(
    model: int, teams: Any, leagues: Any, matches: Any, mean: Any, covariance: Any, enters: Any
) -> float:
    league, match = leagues[0], matches[0]
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
        enters[club] = 0
        if enters_season(team, match):
            enters[club] = 1
            if team.matches == 0 or team.competition != match.competition:
                enters[club] = 2
    return home_advantage(model, league, match)


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
    clubs = len(teams)
    mean, covariance = np.empty((clubs, 3)), np.empty((clubs, 3, 3))
    enters = np.empty(clubs, np.int64)
    advantage = _propagate_all(JOINT, teams, league, match, mean, covariance, enters)
    centre = mean[:, :2].mean(axis=0)
    mean[:, :2] += spread.regression * (enters > 0)[:, None] * (centre - mean[:, :2])
    extra = spread.summer * (enters > 0) + spread.newcomer * (enters == 2)  # noqa: PLR2004
    covariance[:, [0, 1], [0, 1]] += extra[:, None]
    covariance[:, [0, 1], [1, 0]] += spread.correlation * extra[:, None]
    parameters = GOAL_PARAMETERS[LEAGUE, JOINT]
    noise = np.exp(league["log_noise_scale"][0, JOINT]) * parameters["process_noise_a_day"] * spread.drift
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(3)).astype(np.float64)
    return Strengths(
        mean=mean,
        root=root,
        common=np.array([league["level"][0, JOINT], advantage, spread.level, spread.advantage]),
        drift=np.array([np.sqrt(noise * DRIFT_DAYS), parameters["process_correlation_a_day"]]),
        rho=float(parameters["draw_correlation"]),
    )
