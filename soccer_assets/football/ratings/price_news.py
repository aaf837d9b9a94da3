"""What the price of a match says of its teams, once the match is over: the priced goal model's own steps.

A closing price is a far better observation of two teams' strength on a day than the score (Wunderlich &
Memmert 2018, doi 10.1371/journal.pone.0198668). It enters with the result, never before: the model predicts
matches whose own prices it has not seen.

A team or a competition follows prices from the first match on that had a price, or whose other side or
competition followed prices. Until then its priced rows are unused and the joint model's stand for them.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.kalman import kalman_update
from soccer_assets.football.ratings.parameters import (
    COVARIANCES,
    JOINT,
    PRICE_NOISE,
    PRICE_NOISE_CORRELATION,
    PRICED,
    PRICED_GOAL_WEIGHT,
    PRICED_HOME_ADVANTAGE_RATE,
    PRICED_LEVEL_RATE,
    PRICED_NOISE_A_DAY,
    PRICED_NOISE_AFTER_PAUSE,
    PRICED_NOISE_CORRELATION,
    PRICED_PAUSE_DAYS,
    RECENT_MATCHES,
    STATISTICS,
    STRENGTHS,
)


@compiled
def reads_prices(match: Any, home: Any, away: Any, league: Any) -> bool:
    """Whether the priced model knows more of a match than the joint one."""
    return match.price_kind > 0 or follows_prices(home, away, league)


@compiled
def follows_prices(home: Any, away: Any, league: Any) -> bool:
    """Whether a price has moved what is known of one of them."""
    return home.follows_prices > 0 or away.follows_prices > 0 or league.follows_prices > 0


@compiled
def row_of(model: int, record: Any) -> int:
    """The row of a model in a team's or league's record: joint for a priced model that has no price news."""
    if model == PRICED and record.follows_prices == 0:
        return JOINT
    return model


@compiled
def follow_prices(home: Any, away: Any, league: Any) -> None:
    """Start the priced model of those that had no price news, from the joint model."""
    for team in (home, away):
        if team.follows_prices == 0:
            team.follows_prices = 1
            for place in range(STRENGTHS):
                team.strength[PRICED, place] = team.strength[JOINT, place]
            for place in range(COVARIANCES):
                team.covariance[PRICED, place] = team.covariance[JOINT, place]
            team.mean_innovation[PRICED] = team.mean_innovation[JOINT]
    if league.follows_prices == 0:
        league.follows_prices = 1
        league.level[PRICED] = league.level[JOINT]
        league.goal_home_advantage[PRICED] = league.goal_home_advantage[JOINT]
        league.mean_attack[PRICED] = league.mean_attack[JOINT]
        league.mean_defence[PRICED] = league.mean_defence[JOINT]
        league.log_noise_scale[PRICED] = league.log_noise_scale[JOINT]
        for number in range(STATISTICS):
            league.statistic_level[1, number] = league.statistic_level[0, number]
            league.statistic_home_advantage[1, number] = league.statistic_home_advantage[0, number]
            league.statistic_matches[1, number] = league.statistic_matches[0, number]


@compiled
def price_share(team: Any) -> float:
    """The share of a team's last eight matches that had a price."""
    known = min(team.matches, RECENT_MATCHES)
    if known == 0:
        return 0.0
    priced = 0
    for place in range(known):
        priced += team.recent_prices[place]
    return priced / known


@compiled
def priced_noise(share: float, days: int, process_noise: float, both: float) -> tuple[float, float]:
    """Process noise of attack and of defence, and their common part, of a team with a share of price news.

    Between the joint model's for a share of 0 and the prices' own for 1: a team whose prices begin, pause or
    end moves from one to the other match by match.
    """
    noise = PRICED_NOISE_A_DAY * days
    common = PRICED_NOISE_CORRELATION * noise
    if days > PRICED_PAUSE_DAYS:
        noise += PRICED_NOISE_AFTER_PAUSE
    return (1.0 - share) * process_noise + share * noise, (1.0 - share) * both + share * common


@compiled
def apply_price(
    match: Any,
    home: Any,
    away: Any,
    league: Any,
    ground: float,
    home_log: float,
    away_log: float,
    start_home_advantage: float,
) -> None:
    """Update teams and league by a match's price: both log goal rates, observed with `PRICE_NOISE`.

    Args:
        match: with its price.
        home: changed in place.
        away: changed in place.
        league: changed in place.
        ground: 1 at home, 0 on neutral ground.
        home_log: log of the goals that the model expected of the home side.
        away_log: likewise.
        start_home_advantage: log goals, of a competition's first match.
    """
    home_innovation, away_innovation = match.price_rates[0] - home_log, match.price_rates[1] - away_log
    # On the log scale already: a mean of 1 leaves innovation and variance as they are.
    kalman_update(
        *(PRICED, home, away, ground, 1.0),
        *(home_innovation, away_innovation, 1.0, 1.0),
        *(PRICE_NOISE[match.price_kind], PRICE_NOISE_CORRELATION),
    )
    league.level[PRICED] += PRICED_LEVEL_RATE * (home_innovation + away_innovation) / 2.0
    if league.matches == 0:
        league.goal_home_advantage[PRICED] = start_home_advantage
    if not match.is_neutral:
        advantage = PRICED_HOME_ADVANTAGE_RATE * (home_innovation - away_innovation)
        league.goal_home_advantage[PRICED] += advantage


@compiled
def apply_news(
    match: Any, home: Any, away: Any, ground: float, dispersion: float, correlation: float
) -> None:
    """Update both teams by the goals of a match beyond what its price expected."""
    home_mean, away_mean = math.exp(match.price_rates[0]), math.exp(match.price_rates[1])
    kalman_update(
        *(PRICED, home, away, ground, 1.0),
        *(match.home_goals - home_mean, match.away_goals - away_mean, home_mean, away_mean),
        *(dispersion / PRICED_GOAL_WEIGHT, correlation),
    )


@compiled
def remember_price(match: Any, team: Any) -> None:
    """Note whether a team's match had a price; call it before the match counts in ``team.matches``."""
    team.recent_prices[team.matches % RECENT_MATCHES] = 1 if match.price_kind > 0 else 0
