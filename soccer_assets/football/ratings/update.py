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

from soccer_assets.football.ratings.state import (
    ATTACK,
    AVERAGE_POINTS,
    COVARIANCES,
    DEFENCE,
    FAST,
    FORM_MATCHES,
    HOME_GAIN,
    JOINT,
    RECENT_MATCHES,
    SLOW,
    SPACES,
    START_ELO,
    STATISTICS,
    STRENGTHS,
    USUAL_STATISTICS,
)

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
        ("kind", "<i4"),
        ("statistics", "<i4", (STATISTICS, 2)),  # home and away; -1 where unknown
    ]
)

# Kinds of match, each with its own parameters of the goal models.
LEAGUE, CLUB_CUP, INTERNATIONAL = range(3)

# Log odds a rating point: 400 points are odds of 10. An exponential takes a third of the time of a power.
ELO_LOG_ODDS = math.log(10.0) / 400.0
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
# A team comes back to a competition that has played a season without it: relegated and promoted again where
# only the top tier is known. It is drawn to the mean less the gap.
RETURN_REGRESSION = 0.55
RETURN_GAP = 40.0
LEAGUE_RATE = 0.005  # of the league's shares of home wins and draws and its goals: half-life 140 matches

# National teams meet 8 times a year and differ more: their ratings move faster and find no league's mean.
INTERNATIONAL_ELO_K = 14.0

# Pi-ratings (Constantinou & Fenton 2013, doi 10.1515/jqas-2012-0036), rates of the R package `piratings`.
PI_RATE = 0.035
PI_CROSS_RATE = 0.7
PI_SCALE = 3.0
PI_LOG_SCALE = math.log(10.0) / PI_SCALE

# Least log loss of a model's own 1x2 over: slow the league matches of the world of 2006-2016; joint those
# with prices of 2008-2017 and 2019-2024, with statistics and without (each .0001 from its own best); club
# cups 22,834 of 2003-2017, internationals of 2004-2017 and 2019-2024, which know neither seasons nor tiers.
# Attack, defence and home gain that are known together, not each alone, gain .0008 in the world, .0005
# beside prices (.0008 with statistics), .0018 in cups and .0026 between nations; a competition's own pace
# another .0006 in the world and .0002 beside prices.
_PARAMETERS: tuple[tuple[str, float, float, float, float], ...] = (
    # of a model of goals          slow    joint     cups  nations
    ("start_variance", 0.0744, 0.0235, 0.102, 1.17),  # of attack and of defence
    ("start_correlation", 0.59, 0.92, 0.84, 0.99),  # between the two: a good team is good at both
    ("variance_a_day", 4.0e-5, 2.0e-5, 1.5e-5, 7.4e-6),
    ("correlation_a_day", 0.99, 0.99, 0.62, 0.87),
    ("variance_a_season", 0.0037, 0.0029, 0.0, 0.0),
    ("correlation_a_season", 0.80, 0.80, 0.0, 0.0),
    ("season_regression", 0.080, 0.051, 0.0, 0.0),  # of attack and defence towards the league's mean
    ("home_variance", 0.0045, 0.0015, 0.0006, 0.0025),  # of the teams' own home gains
    ("noise", 1.26, 1.2, 1.2, 0.95),  # variance of a side's goals over their mean
    ("noise_correlation", 0.15, 0.077, 0.19, 0.64),  # between the goals of both sides
    ("newcomer_gap", 0.192, 0.137, 0.25, 0.256),  # in attack and in defence, log goals
    ("tier_gap", 0.245, 0.22, 0.0, 0.0),
    ("return_regression", 0.55, 0.50, 0.0, 0.0),  # of a team that missed a season, to the mean less the gap
    ("return_gap", 0.088, 0.063, 0.0, 0.0),
    ("level_rate", 0.0013, 0.0008, 0.0155, 0.0),
    ("home_rate", 0.0017, 0.0013, 0.0031, 0.0004),
    ("start_home_gain", 0.232, 0.3, 0.384, 0.426),
    ("draw_correlation", -0.065, -0.073, 0.039, -0.013),  # Dixon-Coles rho
    ("restlessness_rate", 0.042, 0.011, 0.0, 0.0),
)
FAST_BLUR = 5.0
_SPACE_DTYPE = np.dtype([(name, "<f8") for name, *_ in _PARAMETERS])


def _spaces() -> NDArray[np.void]:
    """One row a kind of match, one column a model; fast is slow with more blur, at one pace."""
    columns = np.array([values for _, *values in _PARAMETERS]).T.copy()
    slow, joint, cup, nations = columns.view(_SPACE_DTYPE)[:, 0]
    spaces = np.empty((3, SPACES), _SPACE_DTYPE)
    for kind, of_goals, of_all in (
        (LEAGUE, slow, joint),
        (CLUB_CUP, cup, cup),
        (INTERNATIONAL, nations, nations),
    ):
        spaces[kind, [SLOW, FAST]] = of_goals
        spaces[kind, JOINT] = of_all
    spaces["variance_a_day"][:, FAST] *= FAST_BLUR
    spaces["variance_a_season"][:, FAST] *= FAST_BLUR
    spaces["restlessness_rate"][:, FAST] = 0.0
    return spaces


SPACE_PARAMETERS = _spaces()
# A surprise that goes on says that strengths move faster than believed, one that turns that they move slower.
LATE_SURPRISE_RATE = 0.05
MOST_PERSISTENCE = 3.0
MOST_RESTLESS = 2.0
# How a statistic answers to strength: noise over its mean, and its log per log goal.
STATISTIC_NOISE = (2.48, 7.85, 4.07)
STATISTIC_ELASTICITY = (0.599, 0.573, 0.580)
USUAL_GOALS = 1.35
# A competition's own level is learnt with rate + .3 / (matches + 10), its home gain with 50 for 10.
HEAD_START, LEVEL_HEAD_START_MATCHES, HOME_HEAD_START_MATCHES = 0.3, 10.0, 50.0
MEAN_STRENGTH_RATE = 0.01
# What the joint model leaves: of a team over 15 matches, of the home sides of a team's matches over 60, of a
# competition's draws over 400 and favourites over 1,000. Together -.0004 of log loss over the world's matches
# of 2014-2016, -.0001 on the rows with prices of 2020/21-2023/24; half that where Elo says what is expected.
SURPRISE_RATE = 1.0 / 15.0
VENUE_SURPRISE_RATE = 1.0 / 60.0
DRAW_SURPRISE_RATE = 1.0 / 400.0
FAVOURITE_RATE = 1.0 / 1000.0
LONGEST_PAUSE_DAYS = 400
LEAST_LOG_GOALS, MOST_LOG_GOALS = -3.0, 2.3
MOST_LOG_STATISTIC = 4.0
GRID_GOALS = 11  # scores of 0 to 10 goals a side
_INVERSES = (0.0, *(1.0 / goals for goals in range(1, GRID_GOALS)))

REST_DAYS_CAP = 60
CONGESTION_DAYS = 14
# Weight of an average team in this season's points a match: three matches.
SEASON_PRIOR_MATCHES = 3.0

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile with numba on the first call; ``numba.njit`` with the types kept.

    Without Python's checks for division by zero: no divisor here can be 0.
    """
    return cast("F", numba.njit(cache=True, error_model="numpy")(function))


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
    return 1.0 / (1.0 + math.exp(-rating_gap * ELO_LOG_ODDS))


@compiled
def enters_season(team: Any, match: Any) -> bool:
    """Whether the match is the team's first of a league season. A straggler of an old season is not."""
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
def league_mean(league: Any, match: Any) -> float:
    """Mean tuned Elo of a competition; a new one starts 79 points lower a tier."""
    if league.matches == 0:
        return START_ELO - TIER_GAP * max(match.tier - 1, 0)
    return league.mean_elo


@compiled
def is_newcomer(team: Any, league: Any, match: Any) -> bool:
    """Whether a team is first seen in a competition that has been running for a season."""
    is_running = league.matches > 0 and (league.seasons_before > 0 or match.season > league.season)
    return team.matches == 0 and is_running


@compiled
def elo_at_kickoff(team: Any, league: Any, match: Any) -> float:
    """A team's tuned Elo as it enters a match, moved by what lies between two seasons."""
    mean = league_mean(league, match)
    if team.matches == 0:
        return mean - NEWCOMER_GAP if match.tier > 0 and is_newcomer(team, league, match) else mean
    if not enters_season(team, match):
        return team.elo
    elo = team.elo + SEASON_REGRESSION * (mean - team.elo)
    if has_missed_season(team, league, match):
        elo += RETURN_REGRESSION * (mean - RETURN_GAP - elo)
    return elo


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
    k = INTERNATIONAL_ELO_K if match.kind == INTERNATIONAL else ELO_K
    step = k * (1.0 + abs(goal_difference)) * surprise
    home.elo += step
    away.elo -= step
    league.mean_elo = mean + LEAGUE_MEAN_RATE * ((home.elo + away.elo) / 2.0 - mean)
    if not match.is_neutral:
        league.home_advantage += HOME_ADVANTAGE_RATE * 400.0 * surprise

    apply_to_pi(match, home, away)
    for space in (SLOW, FAST):
        apply_to_space(space, match, home, away, league)
    home_mean, away_mean = apply_to_space(JOINT, match, home, away, league)
    apply_surprise(match, home, away, league, score, home_mean, away_mean)
    _apply_to_league(match, home, away, league, score)
    _apply_to_form(match, home, score, goal_difference)
    _apply_to_form(match, away, 1.0 - score, -goal_difference)


@compiled
def pi_goals(rating: float) -> float:
    """Goals by which a pi-rating is expected to beat an average team."""
    goals = math.exp(abs(rating) * PI_LOG_SCALE) - 1.0
    return goals if rating >= 0.0 else -goals


@compiled
def apply_to_pi(match: Any, home: Any, away: Any) -> None:
    """Move pi-ratings: at home and away apart, with a part of the step crossing over."""
    goal_difference = match.home_goals - match.away_goals
    error = goal_difference - (pi_goals(home.pi_home) - pi_goals(away.pi_away))
    step = PI_RATE * PI_SCALE * math.log10(1.0 + abs(error))
    if error < 0.0:
        step = -step
    home.pi_home += step
    home.pi_away += PI_CROSS_RATE * step
    away.pi_away -= step
    away.pi_home -= PI_CROSS_RATE * step


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
def apply_surprise(
    match: Any, home: Any, away: Any, league: Any, score: float, home_mean: float, away_mean: float
) -> None:
    """Follow what the joint model gets wrong again and again: of teams, home sides, favourites and draws.

    ``home_mean`` and ``away_mean`` are the goals it expected.
    """
    rho = SPACE_PARAMETERS[match.kind, JOINT].draw_correlation
    odds, draw_odds = outcome_log_odds(home_mean, away_mean, rho)
    p_home, p_draw, p_away = math.exp(odds / 2.0), math.exp(draw_odds), math.exp(-odds / 2.0)
    total = p_home + p_draw + p_away
    expected = (p_home + DRAW * p_draw) / total
    surprise = score - expected
    draw_surprise = (1.0 if score == DRAW else 0.0) - p_draw / total
    home.surprise += SURPRISE_RATE * (surprise - home.surprise)
    away.surprise += SURPRISE_RATE * (-surprise - away.surprise)
    if not match.is_neutral:
        home.venue_surprise += VENUE_SURPRISE_RATE * (surprise - home.venue_surprise)
        away.venue_surprise += VENUE_SURPRISE_RATE * (surprise - away.venue_surprise)
    lead = surprise * (expected - DRAW)
    league.favourite_gain += FAVOURITE_RATE * (lead - league.favourite_gain)
    league.draw_surprise += DRAW_SURPRISE_RATE * (draw_surprise - league.draw_surprise)


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
def uncertainty(covariance: tuple[float, float, float, float, float, float]) -> float:
    """Standard deviation of attack + defence: of the goal difference a team makes, in log goals."""
    return math.sqrt(covariance[0] + 2.0 * covariance[1] + covariance[3])


@compiled
def _apply_to_league(match: Any, home: Any, away: Any, league: Any, score: float) -> None:
    """Count the league's season and let its shares and goals follow. Call before the teams' own season."""
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
        if team.season_matches > 0.0:
            team.last_season_points = drawn_points(team)
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
def drawn_points(team: Any) -> float:
    """Points a match of the team's season so far, drawn towards an average team."""
    weight = team.season_matches + SEASON_PRIOR_MATCHES
    return (team.season_points + AVERAGE_POINTS * SEASON_PRIOR_MATCHES) / weight


@compiled
def last_season_points(team: Any, match: Any) -> float:
    """Points a match of the season before the one a match belongs to."""
    if enters_season(team, match) and team.season_matches > 0.0:
        return drawn_points(team)
    return team.last_season_points


@compiled
def season_table(team: Any, match: Any) -> tuple[float, float, float]:
    """Points and goal difference a match, drawn towards an average team, and matches played this season."""
    if enters_season(team, match):
        return AVERAGE_POINTS, 0.0, 0.0
    weight = team.season_matches + SEASON_PRIOR_MATCHES
    return drawn_points(team), team.season_goal_difference / weight, team.season_matches


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

    if match.is_neutral:  # neither side is at home: both stand between their two ratings
        out.pi_gap = pi_goals(0.5 * (home.pi_home + home.pi_away)) - pi_goals(
            0.5 * (away.pi_home + away.pi_away)
        )
    else:
        out.pi_gap = pi_goals(home.pi_home) - pi_goals(away.pi_away)
    out.home_pi_home, out.home_pi_away = home.pi_home, home.pi_away
    out.away_pi_home, out.away_pi_away = away.pi_home, away.pi_away
    _write_spaces(out, match, home, away, league)

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
def _write_spaces(out: Any, match: Any, home: Any, away: Any, league: Any) -> None:
    (
        out.slow_home_log_goals,
        out.slow_away_log_goals,
        out.slow_log_odds,
        out.slow_draw_log_odds,
        out.slow_home_uncertainty,
        out.slow_away_uncertainty,
    ) = predict_from_space(SLOW, match, home, away, league)
    (
        out.fast_home_log_goals,
        out.fast_away_log_goals,
        out.fast_log_odds,
        out.fast_draw_log_odds,
        _,
        _,
    ) = predict_from_space(FAST, match, home, away, league)
    (
        out.joint_home_log_goals,
        out.joint_away_log_goals,
        out.joint_log_odds,
        out.joint_draw_log_odds,
        out.joint_home_uncertainty,
        out.joint_away_uncertainty,
    ) = predict_from_space(JOINT, match, home, away, league)
