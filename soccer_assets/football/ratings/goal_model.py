"""A Kalman filter of attack, defence and home advantage of every team, in log goals.

Each side's goals are a Poisson count whose log mean is linear in the strengths (`log_means`): the extended
Kalman filter of a dynamic Dixon-Coles model. Four of them run side by side: slow and fast see goals only,
joint sees shots and corners too, priced also sees what the price of a match said once it is over
(`price_news.py`). `propagate` takes a team's state to a kickoff, `apply_to_goal_model` updates it with a
result, `predict_goals` reads it.

An innovation is a count minus its expected value. Process noise is what time adds to the variance of a
strength. Dispersion is the variance of a count over its mean.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.kalman import kalman_update
from soccer_assets.football.ratings.parameters import (
    ATTACK,
    COVARIANCES,
    DEFENCE,
    GOAL_PARAMETERS,
    HEAD_START,
    HOME_ADVANTAGE,
    HOME_HEAD_START_MATCHES,
    INNOVATION_RATE,
    JOINT,
    LEAST_LOG_GOALS,
    LEVEL_HEAD_START_MATCHES,
    LONGEST_PAUSE_DAYS,
    MEAN_STRENGTH_RATE,
    MOST_AUTOCOVARIANCE,
    MOST_LOG_GOALS,
    MOST_LOG_NOISE_SCALE,
    MOST_LOG_STATISTIC,
    PRICED,
    RECENT_MATCHES,
    STATISTIC_DISPERSION,
    STATISTIC_ELASTICITY,
    STATISTICS,
    STRENGTHS,
    USUAL_GOALS,
    USUAL_STATISTICS,
)
from soccer_assets.football.ratings.price_news import (
    apply_news,
    apply_price,
    follow_prices,
    price_share,
    priced_noise,
    row_of,
)
from soccer_assets.football.ratings.season import enters_season, has_missed_season, is_newcomer

GRID_GOALS = 11  # scores of 0 to 10 goals a side
_INVERSES = (0.0, *(1.0 / goals for goals in range(1, GRID_GOALS)))


@compiled
def apply_to_goal_model(model: int, match: Any, home: Any, away: Any, league: Any) -> tuple[float, float]:
    """Update both teams and the league by a result, joint and priced also by the match's statistics.

    The priced model reads the match's price first. The covariance between a team's own strengths is kept;
    that between two teams is not.

    Returns:
        The expected goals of both sides before the update.
    """
    parameters = GOAL_PARAMETERS[match.kind, model]
    if model == PRICED:
        follow_prices(home, away, league)
    mean_attack, mean_defence = mean_strength(model, league, match)
    advantage, level = home_advantage(model, league, match), league.level[model]
    home_state = propagate(model, home, league, match)
    away_state = propagate(model, away, league, match)
    for team, state in ((home, home_state), (away, away_state)):
        for place in range(STRENGTHS):
            team.strength[model, place] = state[0][place]
        for place in range(COVARIANCES):
            team.covariance[model, place] = state[1][place]

    ground = 0.0 if match.is_neutral else 1.0
    home_log, away_log = log_means(level, advantage, 1.0, home_state[0], away_state[0], ground)
    home_log, away_log = bounded(home_log), bounded(away_log)
    home_mean, away_mean = math.exp(home_log), math.exp(away_log)
    home_innovation, away_innovation = match.home_goals - home_mean, match.away_goals - away_mean
    if model == PRICED and match.price_kind > 0:
        start_home_advantage = parameters.start_home_advantage
        apply_price(match, home, away, league, ground, home_log, away_log, start_home_advantage)
        apply_news(match, home, away, ground, parameters.dispersion, parameters.count_correlation)
    else:
        kalman_update(
            *(model, home, away, ground, 1.0),
            *(home_innovation, away_innovation, home_mean, away_mean),
            *(parameters.dispersion, parameters.count_correlation),
        )
        update_level(model, match, league, home_innovation, away_innovation)
    if parameters.noise_scale_rate > 0.0:
        innovation = (home_innovation - away_innovation) / math.sqrt(home_mean + away_mean)
        update_noise_scale(model, home, away, league, innovation, parameters.noise_scale_rate)
    if model >= JOINT:
        apply_statistics(model, match, home, away, league, ground)

    attack = (home.strength[model, ATTACK] + away.strength[model, ATTACK]) / 2.0
    defence = (home.strength[model, DEFENCE] + away.strength[model, DEFENCE]) / 2.0
    league.mean_attack[model] = mean_attack + MEAN_STRENGTH_RATE * (attack - mean_attack)
    league.mean_defence[model] = mean_defence + MEAN_STRENGTH_RATE * (defence - mean_defence)
    return home_mean, away_mean


@compiled
def mean_strength(model: int, league: Any, match: Any) -> tuple[float, float]:
    """Mean attack and defence of a competition; a new one starts lower a tier."""
    if league.matches == 0:
        start = -GOAL_PARAMETERS[match.kind, model].tier_gap * max(match.tier - 1, 0)
        return start, start
    row = row_of(model, league)
    return league.mean_attack[row], league.mean_defence[row]


@compiled
def home_advantage(model: int, league: Any, match: Any) -> float:
    """Log goals of the home side over the away side's among equals; 0 on neutral ground."""
    if match.is_neutral:
        return 0.0
    if league.matches == 0:
        return GOAL_PARAMETERS[match.kind, model].start_home_advantage
    return league.goal_home_advantage[row_of(model, league)]


@compiled
def propagate(
    model: int, team: Any, league: Any, match: Any
) -> tuple[tuple[float, float, float], tuple[float, float, float, float, float, float]]:
    """A team's strengths (3,) and their covariances (6,) at the kickoff of a match.

    Time adds process noise to the variances; a new season also pulls the strengths to the league's mean. A
    team without a result starts at the mean, a newcomer below it.
    """
    parameters = GOAL_PARAMETERS[match.kind, model]
    mean_attack, mean_defence = mean_strength(model, league, match)
    if team.matches == 0:
        gap = parameters.newcomer_gap if is_newcomer(team, league, match) else 0.0
        start = parameters.start_variance
        both = parameters.start_correlation * start
        return (
            (mean_attack - gap, mean_defence - gap, 0.0),
            (start, both, 0.0, start, 0.0, parameters.home_advantage_variance),
        )
    row = row_of(model, team)
    attack, defence = team.strength[row, ATTACK], team.strength[row, DEFENCE]
    pause = match.day - team.recent_days[(team.matches - 1) % RECENT_MATCHES]
    days = min(max(pause, 0), LONGEST_PAUSE_DAYS)
    noise_scale = math.exp(league.log_noise_scale[row_of(model, league)])
    process_noise = noise_scale * parameters.process_noise_a_day * days
    both = parameters.process_correlation_a_day * process_noise
    if model == PRICED:
        share = price_share(team)
        if share > 0.0:
            process_noise, both = priced_noise(share, days, process_noise, both)
            noise_scale *= 1.0 - share
    if enters_season(team, match):
        process_noise += noise_scale * parameters.process_noise_a_season
        both += noise_scale * parameters.process_correlation_a_season * parameters.process_noise_a_season
        attack += parameters.season_regression * (mean_attack - attack)
        defence += parameters.season_regression * (mean_defence - defence)
        if has_missed_season(team, league, match):
            attack += parameters.return_regression * (mean_attack - parameters.return_gap - attack)
            defence += parameters.return_regression * (mean_defence - parameters.return_gap - defence)
    known = team.covariance
    return (
        (attack, defence, team.strength[row, HOME_ADVANTAGE]),
        (
            known[row, 0] + process_noise,
            known[row, 1] + both,
            known[row, 2],
            known[row, 3] + process_noise,
            known[row, 4],
            known[row, 5],
        ),
    )


@compiled
def bounded(log_goals: float) -> float:
    """The log of a side's expected goals, cut to `LEAST_LOG_GOALS` and `MOST_LOG_GOALS`."""
    return min(max(log_goals, LEAST_LOG_GOALS), MOST_LOG_GOALS)


@compiled
def log_means(
    level: float,
    advantage: float,
    elasticity: float,
    home: tuple[float, float, float],
    away: tuple[float, float, float],
    ground: float,
) -> tuple[float, float]:
    """Logs of the expected counts of both sides; ``ground`` is 1 at home and 0 on neutral ground."""
    own = ground * home[HOME_ADVANTAGE]
    return (
        level + advantage / 2.0 + elasticity * (home[ATTACK] - away[DEFENCE] + own),
        level - advantage / 2.0 + elasticity * (away[ATTACK] - home[DEFENCE] - own),
    )


@compiled
def learning_rate(rate: float, matches: int, head_start_matches: float, usual: float) -> float:
    """Step of a competition's own mean per unit of innovation: larger while it has few matches."""
    return (rate + HEAD_START / (matches + head_start_matches)) / usual


@compiled
def update_level(model: int, match: Any, league: Any, home_innovation: float, away_innovation: float) -> None:
    """Move a competition's goal level and home advantage by the innovations of both sides."""
    parameters = GOAL_PARAMETERS[match.kind, model]
    rate = learning_rate(parameters.level_rate, league.matches, LEVEL_HEAD_START_MATCHES, USUAL_GOALS)
    league.level[model] += rate * (home_innovation + away_innovation) / 2.0
    if league.matches == 0:
        league.goal_home_advantage[model] = parameters.start_home_advantage
    if not match.is_neutral:
        rate = learning_rate(
            parameters.home_advantage_rate, league.matches, HOME_HEAD_START_MATCHES, USUAL_GOALS
        )
        league.goal_home_advantage[model] += rate * (home_innovation - away_innovation)


@compiled
def update_noise_scale(model: int, home: Any, away: Any, league: Any, innovation: float, rate: float) -> None:
    """Adapt a competition's process noise to how fast its teams change.

    Innovations of a well-tuned filter are uncorrelated (Mehra 1970, doi 10.1109/TAC.1970.1099422): a positive
    autocovariance asks for more process noise, a negative one for less. ``innovation`` is the goal difference
    minus its expected value, in standard deviations.
    """
    autocovariance = innovation * (home.mean_innovation[model] - away.mean_innovation[model])
    bounded_step = min(max(autocovariance, -MOST_AUTOCOVARIANCE), MOST_AUTOCOVARIANCE)
    log_scale = league.log_noise_scale[model] + rate * bounded_step
    league.log_noise_scale[model] = min(max(log_scale, -MOST_LOG_NOISE_SCALE), MOST_LOG_NOISE_SCALE)
    home.mean_innovation[model] += INNOVATION_RATE * (innovation - home.mean_innovation[model])
    away.mean_innovation[model] += INNOVATION_RATE * (-innovation - away.mean_innovation[model])


@compiled
def strengths(model: int, team: Any) -> tuple[float, float, float]:
    """A team's attack, defence and home advantage."""
    return team.strength[model, ATTACK], team.strength[model, DEFENCE], team.strength[model, HOME_ADVANTAGE]


@compiled
def apply_statistics(model: int, match: Any, home: Any, away: Any, league: Any, ground: float) -> None:
    """Update a model by each statistic that is known of both sides."""
    parameters = GOAL_PARAMETERS[match.kind, model]
    row = model - JOINT
    for number in range(STATISTICS):
        home_count, away_count = match.statistics[number, 0], match.statistics[number, 1]
        if home_count < 0:
            continue
        level, elasticity = league.statistic_level[row, number], STATISTIC_ELASTICITY[number]
        advantage = ground * league.statistic_home_advantage[row, number]
        home_log, away_log = log_means(
            level, advantage, elasticity, strengths(model, home), strengths(model, away), ground
        )
        home_mean = math.exp(min(home_log, MOST_LOG_STATISTIC))
        away_mean = math.exp(min(away_log, MOST_LOG_STATISTIC))
        home_innovation, away_innovation = home_count - home_mean, away_count - away_mean
        kalman_update(
            *(model, home, away, ground, elasticity),
            *(home_innovation, away_innovation, home_mean, away_mean),
            *(STATISTIC_DISPERSION[number], 0.0),
        )

        league.statistic_matches[row, number] += 1
        matches, usual = league.statistic_matches[row, number], USUAL_STATISTICS[number]
        rate = learning_rate(parameters.level_rate, matches, LEVEL_HEAD_START_MATCHES, usual)
        league.statistic_level[row, number] += rate * (home_innovation + away_innovation) / 2.0
        if not match.is_neutral:
            rate = parameters.home_advantage_rate / usual
            league.statistic_home_advantage[row, number] += rate * (home_innovation - away_innovation)


@compiled
def predict_goals(
    model: int, match: Any, home: Any, away: Any, league: Any
) -> tuple[float, float, float, float, float, float]:
    """What the model expects of a match; nothing changes.

    Returns:
        Log expected goals of both sides, log odds of home against away, log odds of a draw against the
        geometric mean of home and away, and the `uncertainty` of both teams.
    """
    home_strength, home_covariance = propagate(model, home, league, match)
    away_strength, away_covariance = propagate(model, away, league, match)
    ground = 0.0 if match.is_neutral else 1.0
    advantage = home_advantage(model, league, match)
    home_log, away_log = log_means(
        league.level[row_of(model, league)], advantage, 1.0, home_strength, away_strength, ground
    )
    home_log, away_log = bounded(home_log), bounded(away_log)
    rho = GOAL_PARAMETERS[match.kind, model].draw_correlation
    odds, draw_odds = outcome_log_odds(math.exp(home_log), math.exp(away_log), rho)
    return home_log, away_log, odds, draw_odds, uncertainty(home_covariance), uncertainty(away_covariance)


@compiled
def outcome_log_odds(home_mean: float, away_mean: float, rho: float) -> tuple[float, float]:
    """Log odds of home against away, and of a draw against the geometric mean of home and away.

    Two Poisson counts of 0 to 10 goals, the four lowest scores weighted after Dixon & Coles (1997).
    """
    home_p, away_p = math.exp(-home_mean), math.exp(-away_mean)
    lowest = home_p * away_p
    home_below, away_below = 0.0, 0.0
    p_home, p_draw, p_away = 0.0, 0.0, 0.0
    for goals in range(GRID_GOALS):
        if goals > 0:
            home_p *= home_mean * _INVERSES[goals]
            away_p *= away_mean * _INVERSES[goals]
        p_home += home_p * away_below
        p_draw += home_p * away_p
        p_away += away_p * home_below
        home_below += home_p
        away_below += away_p
    moved = lowest * home_mean * away_mean * rho
    p_home, p_draw, p_away = p_home + moved, p_draw - 2.0 * moved, p_away + moved
    return math.log(p_home / p_away), math.log(p_draw) - 0.5 * math.log(p_home * p_away)


@compiled
def uncertainty(covariance: tuple[float, float, float, float, float, float]) -> float:
    """Standard deviation of attack + defence, log goals: how uncertain a team's goal difference is."""
    return math.sqrt(covariance[0] + 2.0 * covariance[1] + covariance[3])
