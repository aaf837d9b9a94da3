"""A Kalman filter of attack, defence and home advantage of every team, in log goals.

Each side's goals are a Poisson count whose log mean is linear in the strengths (`log_means`): the extended
Kalman filter of a dynamic Dixon-Coles model. Three of them run side by side: slow and fast see goals only,
joint sees shots and corners too. `propagate` takes a team's state to a kickoff, `apply_to_goal_model` updates
it with a result, `predict_goals` reads it.

An innovation is a count minus its expected value. Process noise is what time adds to the variance of a
strength. Dispersion is the variance of a count over its mean.
"""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compile_cache import compiled
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
    RECENT_MATCHES,
    STATISTIC_DISPERSION,
    STATISTIC_ELASTICITY,
    STATISTICS,
    STRENGTHS,
    USUAL_GOALS,
    USUAL_STATISTICS,
)
from soccer_assets.football.ratings.season import enters_season, has_missed_season, is_newcomer

GRID_GOALS = 11  # scores of 0 to 10 goals a side
_INVERSES = (0.0, *(1.0 / goals for goals in range(1, GRID_GOALS)))


@compiled
def apply_to_goal_model(model: int, match: Any, home: Any, away: Any, league: Any) -> tuple[float, float]:
    """Update both teams and the league by a result, and the joint model by the match's statistics.

    The covariance between a team's own strengths is kept; that between two teams is not.

    Returns:
        The expected goals of both sides before the update.
    """
    parameters = GOAL_PARAMETERS[match.kind, model]
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
    home_mean, away_mean = math.exp(bounded(home_log)), math.exp(bounded(away_log))
    home_innovation, away_innovation = match.home_goals - home_mean, match.away_goals - away_mean
    kalman_update(
        *(model, home, away, ground, 1.0),
        *(home_innovation, away_innovation, home_mean, away_mean),
        *(parameters.dispersion, parameters.count_correlation),
    )

    update_level(model, match, league, home_innovation, away_innovation)
    if parameters.noise_scale_rate > 0.0:
        innovation = (home_innovation - away_innovation) / math.sqrt(home_mean + away_mean)
        update_noise_scale(model, home, away, league, innovation, parameters.noise_scale_rate)
    if model == JOINT:
        apply_statistics(match, home, away, league, ground)

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
    return league.mean_attack[model], league.mean_defence[model]


@compiled
def home_advantage(model: int, league: Any, match: Any) -> float:
    """Log goals of the home side over the away side's among equals; 0 on neutral ground."""
    if match.is_neutral:
        return 0.0
    if league.matches == 0:
        return GOAL_PARAMETERS[match.kind, model].start_home_advantage
    return league.goal_home_advantage[model]


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
    attack, defence = team.strength[model, ATTACK], team.strength[model, DEFENCE]
    pause = match.day - team.recent_days[(team.matches - 1) % RECENT_MATCHES]
    noise_scale = math.exp(league.log_noise_scale[model])
    process_noise = noise_scale * parameters.process_noise_a_day * min(max(pause, 0), LONGEST_PAUSE_DAYS)
    both = parameters.process_correlation_a_day * process_noise
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
        (attack, defence, team.strength[model, HOME_ADVANTAGE]),
        (
            known[model, 0] + process_noise,
            known[model, 1] + both,
            known[model, 2],
            known[model, 3] + process_noise,
            known[model, 4],
            known[model, 5],
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
def covariance_with(
    model: int, team: Any, attack: float, defence: float, home: float
) -> tuple[float, float, float]:
    """Covariance of each strength of a team with the sum of its strengths under three weights."""
    known = team.covariance
    aa, ad, ah = known[model, 0], known[model, 1], known[model, 2]
    dd, dh, hh = known[model, 3], known[model, 4], known[model, 5]
    return (
        attack * aa + defence * ad + home * ah,
        attack * ad + defence * dd + home * dh,
        attack * ah + defence * dh + home * hh,
    )


@compiled
def kalman_update(
    model: int,
    home: Any,
    away: Any,
    ground: float,
    elasticity: float,
    home_innovation: float,
    away_innovation: float,
    home_mean: float,
    away_mean: float,
    dispersion: float,
    correlation: float,
) -> None:
    """The Kalman update of both teams by one count of each side (goals, or one match statistic).

    On the log scale an innovation is relative to its mean and has the variance dispersion / mean.

    Args:
        model: row of the strengths and covariances.
        home: changed in place.
        away: changed in place.
        ground: 1 at home, 0 on neutral ground.
        elasticity: log of the count per log goal; 1 for goals.
        home_innovation: count minus expected count.
        away_innovation: likewise.
        home_mean: expected count.
        away_mean: likewise.
        dispersion: variance of a count over its mean.
        correlation: between the counts of both sides.
    """
    # Covariance of each strength with the log of the home side's count (1) and of the away side's (2).
    home_1 = covariance_with(model, home, elasticity, 0.0, elasticity * ground)
    home_2 = covariance_with(model, home, 0.0, -elasticity, -elasticity * ground)
    away_1 = covariance_with(model, away, 0.0, -elasticity, 0.0)
    away_2 = covariance_with(model, away, elasticity, 0.0, 0.0)
    v_1 = elasticity * (home_1[0] + ground * home_1[2] - away_1[1]) + dispersion / home_mean
    v_2 = elasticity * (away_2[0] - home_2[1] - ground * home_2[2]) + dispersion / away_mean
    both = elasticity * (home_2[0] + ground * home_2[2] - away_2[1])
    both += correlation * dispersion / math.sqrt(home_mean * away_mean)
    determinant = v_1 * v_2 - both * both
    k_11, k_12, k_22 = v_2 / determinant, -both / determinant, v_1 / determinant
    relative_1, relative_2 = home_innovation / home_mean, away_innovation / away_mean
    step_1, step_2 = k_11 * relative_1 + k_12 * relative_2, k_12 * relative_1 + k_22 * relative_2
    for team, with_1, with_2 in ((home, home_1, home_2), (away, away_1, away_2)):
        place = 0
        for row in range(STRENGTHS):
            team.strength[model, row] += with_1[row] * step_1 + with_2[row] * step_2
            gain_1 = with_1[row] * k_11 + with_2[row] * k_12
            gain_2 = with_1[row] * k_12 + with_2[row] * k_22
            for column in range(row, STRENGTHS):
                team.covariance[model, place] -= gain_1 * with_1[column] + gain_2 * with_2[column]
                place += 1


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
def apply_statistics(match: Any, home: Any, away: Any, league: Any, ground: float) -> None:
    """Update the joint model by each statistic that is known of both sides."""
    parameters = GOAL_PARAMETERS[match.kind, JOINT]
    for number in range(STATISTICS):
        home_count, away_count = match.statistics[number, 0], match.statistics[number, 1]
        if home_count < 0:
            continue
        level, elasticity = league.statistic_level[number], STATISTIC_ELASTICITY[number]
        advantage = ground * league.statistic_home_advantage[number]
        home_log, away_log = log_means(
            level, advantage, elasticity, strengths(JOINT, home), strengths(JOINT, away), ground
        )
        home_mean = math.exp(min(home_log, MOST_LOG_STATISTIC))
        away_mean = math.exp(min(away_log, MOST_LOG_STATISTIC))
        home_innovation, away_innovation = home_count - home_mean, away_count - away_mean
        kalman_update(
            *(JOINT, home, away, ground, elasticity),
            *(home_innovation, away_innovation, home_mean, away_mean),
            *(STATISTIC_DISPERSION[number], 0.0),
        )

        league.statistic_matches[number] += 1
        matches, usual = league.statistic_matches[number], USUAL_STATISTICS[number]
        rate = learning_rate(parameters.level_rate, matches, LEVEL_HEAD_START_MATCHES, usual)
        league.statistic_level[number] += rate * (home_innovation + away_innovation) / 2.0
        if not match.is_neutral:
            rate = parameters.home_advantage_rate / usual
            league.statistic_home_advantage[number] += rate * (home_innovation - away_innovation)


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
    home_log, away_log = log_means(league.level[model], advantage, 1.0, home_strength, away_strength, ground)
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
