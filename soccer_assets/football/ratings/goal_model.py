"""Goal model."""

# mypy: disable-error-code="no-any-return"
# Records are typed by numba when it compiles, not by annotations.

import math
from typing import Any

from soccer_assets.football.ratings.compilation import compiled
from soccer_assets.football.ratings.parameters import (
    ATTACK,
    COVARIANCES,
    DEFENCE,
    HEAD_START,
    HOME_GAIN,
    HOME_HEAD_START_MATCHES,
    JOINT,
    LATE_SURPRISE_RATE,
    LEAST_LOG_GOALS,
    LEVEL_HEAD_START_MATCHES,
    LONGEST_PAUSE_DAYS,
    MEAN_STRENGTH_RATE,
    MOST_LOG_GOALS,
    MOST_LOG_STATISTIC,
    MOST_PERSISTENCE,
    MOST_RESTLESS,
    RECENT_MATCHES,
    SPACE_PARAMETERS,
    STATISTIC_ELASTICITY,
    STATISTIC_NOISE,
    STATISTICS,
    STRENGTHS,
    USUAL_GOALS,
    USUAL_STATISTICS,
)
from soccer_assets.football.ratings.season import enters_season, has_missed_season, is_newcomer

GRID_GOALS = 11  # scores of 0 to 10 goals a side
_INVERSES = (0.0, *(1.0 / goals for goals in range(1, GRID_GOALS)))


@compiled
def apply_to_space(space: int, match: Any, home: Any, away: Any, league: Any) -> tuple[float, float]:
    """Move what is known of both teams by the goals, and by the statistics there are.

    Returns the goals that were expected of both sides.

    The Kalman step of two Poisson counts whose log means are the sums of `log_means` (the extended filter of
    a dynamic Dixon-Coles model). A team's attack, defence and home gain are known together; what is known of
    two teams together is left out.
    """
    parameters = SPACE_PARAMETERS[match.kind, space]
    mean_attack, mean_defence = mean_strength(space, league, match)
    gain, level = home_gain(space, league, match), league.level[space]
    home_belief = belief_at_kickoff(space, home, league, match)
    away_belief = belief_at_kickoff(space, away, league, match)
    for team, belief in ((home, home_belief), (away, away_belief)):
        for place in range(STRENGTHS):
            team.strength[space, place] = belief[0][place]
        for place in range(COVARIANCES):
            team.covariance[space, place] = belief[1][place]

    ground = 0.0 if match.is_neutral else 1.0
    home_log, away_log = log_means(level, gain, 1.0, home_belief[0], away_belief[0], ground)
    home_mean, away_mean = math.exp(bounded(home_log)), math.exp(bounded(away_log))
    home_surprise, away_surprise = match.home_goals - home_mean, match.away_goals - away_mean
    kalman_step(
        *(space, home, away, ground, 1.0),
        *(home_surprise, away_surprise, home_mean, away_mean),
        *(parameters.noise, parameters.noise_correlation),
    )

    follow_goals(space, match, league, home_surprise, away_surprise)
    if parameters.restlessness_rate > 0.0:
        surprise = (home_surprise - away_surprise) / math.sqrt(home_mean + away_mean)
        follow_pace(space, home, away, league, surprise, parameters.restlessness_rate)
    if space == JOINT:
        _apply_statistics(match, home, away, league, ground)

    attack = (home.strength[space, ATTACK] + away.strength[space, ATTACK]) / 2.0
    defence = (home.strength[space, DEFENCE] + away.strength[space, DEFENCE]) / 2.0
    league.mean_attack[space] = mean_attack + MEAN_STRENGTH_RATE * (attack - mean_attack)
    league.mean_defence[space] = mean_defence + MEAN_STRENGTH_RATE * (defence - mean_defence)
    return home_mean, away_mean


@compiled
def mean_strength(space: int, league: Any, match: Any) -> tuple[float, float]:
    """Mean attack and defence of a competition; a new one starts lower a tier."""
    if league.matches == 0:
        start = -SPACE_PARAMETERS[match.kind, space].tier_gap * max(match.tier - 1, 0)
        return start, start
    return league.mean_attack[space], league.mean_defence[space]


@compiled
def home_gain(space: int, league: Any, match: Any) -> float:
    """Log goals of the home side over the away side's among equals; 0 on neutral ground."""
    if match.is_neutral:
        return 0.0
    if league.matches == 0:
        return SPACE_PARAMETERS[match.kind, space].start_home_gain
    return league.home_gain[space]


@compiled
def belief_at_kickoff(
    space: int, team: Any, league: Any, match: Any
) -> tuple[tuple[float, float, float], tuple[float, float, float, float, float, float]]:
    """A team's strengths and their covariances as it enters a match: time and seasons blur what is known."""
    parameters = SPACE_PARAMETERS[match.kind, space]
    mean_attack, mean_defence = mean_strength(space, league, match)
    if team.matches == 0:
        gap = parameters.newcomer_gap if is_newcomer(team, league, match) else 0.0
        start = parameters.start_variance
        both = parameters.start_correlation * start
        return (
            (mean_attack - gap, mean_defence - gap, 0.0),
            (start, both, 0.0, start, 0.0, parameters.home_variance),
        )
    attack, defence = team.strength[space, ATTACK], team.strength[space, DEFENCE]
    pause = match.day - team.recent_days[(team.matches - 1) % RECENT_MATCHES]
    pace = math.exp(league.restlessness[space])
    blur = pace * parameters.variance_a_day * min(max(pause, 0), LONGEST_PAUSE_DAYS)
    both = parameters.correlation_a_day * blur
    if enters_season(team, match):
        blur += pace * parameters.variance_a_season
        both += pace * parameters.correlation_a_season * parameters.variance_a_season
        attack += parameters.season_regression * (mean_attack - attack)
        defence += parameters.season_regression * (mean_defence - defence)
        if has_missed_season(team, league, match):
            attack += parameters.return_regression * (mean_attack - parameters.return_gap - attack)
            defence += parameters.return_regression * (mean_defence - parameters.return_gap - defence)
    known = team.covariance
    return (
        (attack, defence, team.strength[space, HOME_GAIN]),
        (
            known[space, 0] + blur,
            known[space, 1] + both,
            known[space, 2],
            known[space, 3] + blur,
            known[space, 4],
            known[space, 5],
        ),
    )


@compiled
def bounded(log_goals: float) -> float:
    """The log of a side's expected goals, within what football has seen."""
    return min(max(log_goals, LEAST_LOG_GOALS), MOST_LOG_GOALS)


@compiled
def log_means(
    level: float,
    gain: float,
    elasticity: float,
    home: tuple[float, float, float],
    away: tuple[float, float, float],
    ground: float,
) -> tuple[float, float]:
    """Logs of a count expected of both sides; ``ground`` is 1 where the home side is at home, else 0."""
    own = ground * home[HOME_GAIN]
    return (
        level + gain / 2.0 + elasticity * (home[ATTACK] - away[DEFENCE] + own),
        level - gain / 2.0 + elasticity * (away[ATTACK] - home[DEFENCE] - own),
    )


@compiled
def covariance_with(
    space: int, team: Any, attack: float, defence: float, home: float
) -> tuple[float, float, float]:
    """Covariance of each of a team's strengths with their sum under three weights."""
    known = team.covariance
    aa, ad, ah = known[space, 0], known[space, 1], known[space, 2]
    dd, dh, hh = known[space, 3], known[space, 4], known[space, 5]
    return (
        attack * aa + defence * ad + home * ah,
        attack * ad + defence * dd + home * dh,
        attack * ah + defence * dh + home * hh,
    )


@compiled
def kalman_step(
    space: int,
    home: Any,
    away: Any,
    ground: float,
    elasticity: float,
    home_surprise: float,
    away_surprise: float,
    home_mean: float,
    away_mean: float,
    noise: float,
    noise_correlation: float,
) -> None:
    """Share the surprises of one count of both sides among the strengths of both teams.

    Seen from the logs of both counts: a surprise is relative to its mean, its variance noise / mean.
    """
    # Of each team's strengths with the log of the home side's count, and with the away side's.
    home_1 = covariance_with(space, home, elasticity, 0.0, elasticity * ground)
    home_2 = covariance_with(space, home, 0.0, -elasticity, -elasticity * ground)
    away_1 = covariance_with(space, away, 0.0, -elasticity, 0.0)
    away_2 = covariance_with(space, away, elasticity, 0.0, 0.0)
    v_1 = elasticity * (home_1[0] + ground * home_1[2] - away_1[1]) + noise / home_mean
    v_2 = elasticity * (away_2[0] - home_2[1] - ground * home_2[2]) + noise / away_mean
    both = elasticity * (home_2[0] + ground * home_2[2] - away_2[1])
    both += noise_correlation * noise / math.sqrt(home_mean * away_mean)
    determinant = v_1 * v_2 - both * both
    k_11, k_12, k_22 = v_2 / determinant, -both / determinant, v_1 / determinant
    relative_1, relative_2 = home_surprise / home_mean, away_surprise / away_mean
    step_1, step_2 = k_11 * relative_1 + k_12 * relative_2, k_12 * relative_1 + k_22 * relative_2
    for team, with_1, with_2 in ((home, home_1, home_2), (away, away_1, away_2)):
        place = 0
        for row in range(STRENGTHS):
            team.strength[space, row] += with_1[row] * step_1 + with_2[row] * step_2
            gain_1 = with_1[row] * k_11 + with_2[row] * k_12
            gain_2 = with_1[row] * k_12 + with_2[row] * k_22
            for column in range(row, STRENGTHS):
                team.covariance[space, place] -= gain_1 * with_1[column] + gain_2 * with_2[column]
                place += 1


@compiled
def learning_rate(rate: float, matches: int, head_start_matches: float, usual: float) -> float:
    """How far a competition's own mean follows a surprise of one count: sooner while it is new."""
    return (rate + HEAD_START / (matches + head_start_matches)) / usual


@compiled
def follow_goals(space: int, match: Any, league: Any, home_surprise: float, away_surprise: float) -> None:
    """Move a competition's level and home gain by goals beyond the expected."""
    parameters = SPACE_PARAMETERS[match.kind, space]
    rate = learning_rate(parameters.level_rate, league.matches, LEVEL_HEAD_START_MATCHES, USUAL_GOALS)
    league.level[space] += rate * (home_surprise + away_surprise) / 2.0
    if league.matches == 0:
        league.home_gain[space] = parameters.start_home_gain
    if not match.is_neutral:
        rate = learning_rate(parameters.home_rate, league.matches, HOME_HEAD_START_MATCHES, USUAL_GOALS)
        league.home_gain[space] += rate * (home_surprise - away_surprise)


@compiled
def follow_pace(space: int, home: Any, away: Any, league: Any, surprise: float, rate: float) -> None:
    """Learn how fast the teams of a competition change, from whether surprises go on or turn.

    A filter that is as fast as its teams leaves surprises without correlation (Mehra 1970, doi
    10.1109/TAC.1970.1099422). ``surprise`` is the goal difference over the expected, in standard deviations.
    """
    goes_on = surprise * (home.late_surprise[space] - away.late_surprise[space])
    pace = league.restlessness[space] + rate * min(max(goes_on, -MOST_PERSISTENCE), MOST_PERSISTENCE)
    league.restlessness[space] = min(max(pace, -MOST_RESTLESS), MOST_RESTLESS)
    home.late_surprise[space] += LATE_SURPRISE_RATE * (surprise - home.late_surprise[space])
    away.late_surprise[space] += LATE_SURPRISE_RATE * (-surprise - away.late_surprise[space])


@compiled
def strengths(space: int, team: Any) -> tuple[float, float, float]:
    """A team's attack, defence and home gain."""
    return team.strength[space, ATTACK], team.strength[space, DEFENCE], team.strength[space, HOME_GAIN]


@compiled
def _apply_statistics(match: Any, home: Any, away: Any, league: Any, ground: float) -> None:
    """Move the joint model by each statistic of a match that both sides have."""
    parameters = SPACE_PARAMETERS[match.kind, JOINT]
    for number in range(STATISTICS):
        home_count, away_count = match.statistics[number, 0], match.statistics[number, 1]
        if home_count < 0:
            continue
        level, elasticity = league.statistic_level[number], STATISTIC_ELASTICITY[number]
        gain = ground * league.statistic_home_gain[number]
        home_log, away_log = log_means(
            level, gain, elasticity, strengths(JOINT, home), strengths(JOINT, away), ground
        )
        home_mean = math.exp(min(home_log, MOST_LOG_STATISTIC))
        away_mean = math.exp(min(away_log, MOST_LOG_STATISTIC))
        home_surprise, away_surprise = home_count - home_mean, away_count - away_mean
        kalman_step(
            *(JOINT, home, away, ground, elasticity),
            *(home_surprise, away_surprise, home_mean, away_mean),
            *(STATISTIC_NOISE[number], 0.0),
        )

        league.statistic_matches[number] += 1
        matches, usual = league.statistic_matches[number], USUAL_STATISTICS[number]
        rate = learning_rate(parameters.level_rate, matches, LEVEL_HEAD_START_MATCHES, usual)
        league.statistic_level[number] += rate * (home_surprise + away_surprise) / 2.0
        if not match.is_neutral:
            rate = parameters.home_rate / usual
            league.statistic_home_gain[number] += rate * (home_surprise - away_surprise)


@compiled
def predict_from_space(
    space: int, match: Any, home: Any, away: Any, league: Any
) -> tuple[float, float, float, float, float, float]:
    """Log goals of both sides, the two log odds, and how uncertain each team's strength is (as a sd)."""
    home_strength, home_covariance = belief_at_kickoff(space, home, league, match)
    away_strength, away_covariance = belief_at_kickoff(space, away, league, match)
    ground = 0.0 if match.is_neutral else 1.0
    gain = home_gain(space, league, match)
    home_log, away_log = log_means(league.level[space], gain, 1.0, home_strength, away_strength, ground)
    home_log, away_log = bounded(home_log), bounded(away_log)
    rho = SPACE_PARAMETERS[match.kind, space].draw_correlation
    odds, draw_odds = outcome_log_odds(math.exp(home_log), math.exp(away_log), rho)
    return home_log, away_log, odds, draw_odds, uncertainty(home_covariance), uncertainty(away_covariance)


@compiled
def outcome_log_odds(home_mean: float, away_mean: float, rho: float) -> tuple[float, float]:
    """Log odds of home against away, and of a draw against their geometric mean.

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
    """Standard deviation of attack + defence: of the goal difference a team makes, in log goals."""
    return math.sqrt(covariance[0] + 2.0 * covariance[1] + covariance[3])
