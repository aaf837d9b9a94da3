"""The parameters of all ratings: start values, rates and bounds, and how each was chosen.

The sizes of the state's records are here too, because they are compiled in like the rest. What a record holds
is in ``state.py``.
"""

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray


def constant(value: int) -> int:
    """A number for calls of compiled functions, of numpy's type.

    numba compiles a function once more for each Python constant that it is called with: 52 s of a first start
    instead of 30.
    """
    return cast("int", np.int64(value))


START_ELO = 1500.0
START_ELO_HOME_ADVANTAGE = 62.0
START_HOME_RATE = 0.45
START_DRAW_RATE = 0.26
START_GOALS = 2.6
# Matches a team in a league of 18; used until a league has finished a season.
START_MATCHES_PER_TEAM = 34.0
# Points a match of an average team: 74 % of matches give three points to two teams, the draws two.
AVERAGE_POINTS = 1.37
FORM_MATCHES = 5
RECENT_MATCHES = 8
# Goal models side by side: slow and fast on goals alone, joint on goals and match statistics, priced on these
# and the prices of matches that are over.
SLOW, FAST, JOINT, PRICED = (constant(model) for model in range(4))
GOAL_MODELS = 4
# Models that read match statistics, in the order of their rows: joint and priced.
STATISTIC_MODELS = 2
# Strengths of a team in a goal model; its home advantage is the one beyond the league's.
ATTACK, DEFENCE, HOME_ADVANTAGE = range(3)
STRENGTHS = 3
COVARIANCES = 6
# Statistics of the joint model: shots on target, shots off target, corners; with their usual number a side.
STATISTICS = 3
USUAL_STATISTICS = (4.5, 6.5, 5.0)
START_LEVEL = 0.2  # log goals of a side among equals on neutral ground
START_STATISTIC_HOME_ADVANTAGE = 0.2
LONG_AGO_DAY = -(2**30)

# Kinds of match, each with its own parameters of the goal models.
LEAGUE, CLUB_CUP, INTERNATIONAL = range(3)


def match_kinds(tier: NDArray[Any], is_international: NDArray[Any]) -> NDArray[np.int64]:
    """The kind of each match, (n,), from its tier (0 for cups) and whether national teams play."""
    return np.where(is_international, INTERNATIONAL, np.where(tier > 0, LEAGUE, CLUB_CUP))


# Log odds a rating point: 400 points are odds of 10. An exponential takes a third of the time of a power.
ELO_LOG_ODDS = math.log(10.0) / 400.0
# Elo's score of a draw; a win is 1, a defeat 0.
DRAW = 0.5

# Textbook Elo is the baseline of every evaluation and never changes.
TEXTBOOK_K = 20.0
TEXTBOOK_HOME_ADVANTAGE = 80.0

# Tuned Elo: log loss of 2012-2022 over 38 leagues. K from 6 to 10 is flat, x(1+|gd|) gains .0020 over none.
ELO_K = 7.7
ELO_HOME_ADVANTAGE_RATE = 0.003  # .05 costs .0039: a league's home advantage moves over years
ELO_SEASON_REGRESSION = 0.18
ELO_LEAGUE_MEAN_RATE = 0.01
ELO_NEWCOMER_GAP = 71.0  # below the league's mean: a team first seen in a league that is running
ELO_TIER_GAP = 79.0  # between the start of a tier and of the one above
# A team that missed a season of its competition (relegated and promoted again, where only the top tier is
# known) moves towards the mean minus the gap.
ELO_RETURN_REGRESSION = 0.55
ELO_RETURN_GAP = 40.0
LEAGUE_RATE = 0.005  # of a league's home win share, draw share and goals: a half-life of 140 matches

# National teams play 8 times a year and differ more in strength: a larger K, and no league mean.
ELO_K_INTERNATIONAL = 14.0

# Pi-ratings (Constantinou & Fenton 2013, doi 10.1515/jqas-2012-0036), rates of the R package `piratings`.
PI_RATE = 0.035
PI_CROSS_RATE = 0.7
PI_SCALE = 3.0
PI_LOG_SCALE = math.log(10.0) / PI_SCALE

# Each column minimises the log loss of that model's own 1x2 probabilities on:
#   slow: league matches worldwide, 2006-2016;
#   joint: league matches with closing prices, 2008-2017 and 2019-2024, with and without statistics (each is
#     .0001 from its own optimum);
#   cups: 22,834 club cup matches, 2003-2017; nations: internationals, 2004-2017 and 2019-2024. Neither has
#     seasons or tiers.
# Full covariance of attack, defence and home advantage, instead of variances alone, gains .0008 worldwide,
# .0005 beside prices (.0008 with statistics), .0018 in cups and .0026 between nations. An adaptive noise
# scale for each competition gains another .0006 worldwide and .0002 beside prices.
_PARAMETERS: tuple[tuple[str, float, float, float, float], ...] = (
    # name, slow, joint, cups, nations
    ("start_variance", 0.0744, 0.0235, 0.102, 1.17),  # of attack and of defence
    ("start_correlation", 0.59, 0.92, 0.84, 0.99),  # of attack and defence
    ("process_noise_a_day", 4.0e-5, 2.0e-5, 1.5e-5, 7.4e-6),
    ("process_correlation_a_day", 0.99, 0.99, 0.62, 0.87),
    ("process_noise_a_season", 0.0037, 0.0029, 0.0, 0.0),
    ("process_correlation_a_season", 0.80, 0.80, 0.0, 0.0),
    ("season_regression", 0.080, 0.051, 0.0, 0.0),  # of attack and defence, to the league's mean
    ("home_advantage_variance", 0.0045, 0.0015, 0.0006, 0.0025),  # of a team's own home advantage
    ("dispersion", 1.26, 1.2, 1.2, 0.95),  # variance of a side's goals over their mean
    ("count_correlation", 0.15, 0.077, 0.19, 0.64),  # between the goals of both sides
    ("newcomer_gap", 0.192, 0.137, 0.25, 0.256),  # in attack and in defence, log goals
    ("tier_gap", 0.245, 0.22, 0.0, 0.0),
    ("return_regression", 0.55, 0.50, 0.0, 0.0),  # after a missed season, to the mean minus the gap
    ("return_gap", 0.088, 0.063, 0.0, 0.0),
    ("level_rate", 0.0013, 0.0008, 0.0155, 0.0),
    ("home_advantage_rate", 0.0017, 0.0013, 0.0031, 0.0004),
    ("start_home_advantage", 0.232, 0.3, 0.384, 0.426),
    ("draw_correlation", -0.065, -0.073, 0.039, -0.013),  # Dixon-Coles rho
    ("noise_scale_rate", 0.042, 0.011, 0.0, 0.0),
)
FAST_PROCESS_NOISE = 5.0
_PARAMETER_DTYPE = np.dtype([(name, "<f8") for name, *_ in _PARAMETERS])


def _goal_parameters() -> NDArray[np.void]:
    """Parameters, (kinds of match, goal models); fast is slow with more process noise that does not adapt."""
    columns = np.array([values for _, *values in _PARAMETERS]).T.copy()
    slow, joint, cup, nations = columns.view(_PARAMETER_DTYPE)[:, 0]
    parameters = np.empty((3, GOAL_MODELS), _PARAMETER_DTYPE)
    for kind, goals_only, with_statistics in (
        (LEAGUE, slow, joint),
        (CLUB_CUP, cup, cup),
        (INTERNATIONAL, nations, nations),
    ):
        parameters[kind, [SLOW, FAST]] = goals_only
        # Without a price in sight priced is joint.
        parameters[kind, [JOINT, PRICED]] = with_statistics
    parameters["process_noise_a_day"][:, FAST] *= FAST_PROCESS_NOISE
    parameters["process_noise_a_season"][:, FAST] *= FAST_PROCESS_NOISE
    parameters["noise_scale_rate"][:, FAST] = 0.0
    return parameters


GOAL_PARAMETERS = _goal_parameters()
# Dixon-Coles correlation of the joint model, by kind of match.
DRAW_CORRELATIONS: NDArray[np.float64] = GOAL_PARAMETERS["draw_correlation"][:, JOINT]
# Of the adaptive noise scale, see `goal_model.update_noise_scale`.
INNOVATION_RATE = 0.05
MOST_AUTOCOVARIANCE = 3.0
MOST_LOG_NOISE_SCALE = 2.0
# Of each statistic: variance over mean, and its log per log goal of strength.
STATISTIC_DISPERSION = (2.48, 7.85, 4.07)
STATISTIC_ELASTICITY = (0.599, 0.573, 0.580)
USUAL_GOALS = 1.35
# A competition's goal level moves at rate + .3 / (matches + 10), its home advantage with 50 instead of 10.
HEAD_START, LEVEL_HEAD_START_MATCHES, HOME_HEAD_START_MATCHES = 0.3, 10.0, 50.0
MEAN_STRENGTH_RATE = 0.01
# Moving averages of the joint model's residuals: of a team over 15 matches, of the home sides in a team's
# matches over 60, of a competition's draws over 400 and favourites over 1,000. Together they lower log loss
# by .0004 worldwide (2014-2016) and by .0001 on rows with prices (2020/21-2023/24); residuals of Elo's
# expectation gain half as much.
SURPRISE_RATE = 1.0 / 15.0
VENUE_SURPRISE_RATE = 1.0 / 60.0
DRAW_SURPRISE_RATE = 1.0 / 400.0
FAVOURITE_RATE = 1.0 / 1000.0
# Of the priced model: log loss of 2022/23 and 2023/24 on matches with closing prices, by a logit on the
# model's own columns that was fitted on 2012/13 to 2021/22 (25,167 and 119,223 matches). A price tells both
# log goal rates with an error of this variance, whose sides have this correlation. Variances of .01 and .04
# are .0001 worse; a correlation of 0 and of .3 too.
# By `prices.PriceKind`: none, an average of closing prices, one book's closing price, an average of earlier
# prices, one book's earlier price. On 2015/16 to 2018/19 averages of earlier prices want 1 to 2 times the
# variance of closing averages (4 times is .0002 worse), on 2003/04 and 2004/05 one book's earlier prices 4
# times or more (.0018 better than the same).
PRICE_NOISE = (1.0, 0.02, 0.04, 0.03, 0.08)
PRICE_NOISE_CORRELATION = -0.2
# Process noise of a team all of whose recent matches had a price: ten times what results alone bear. 1e-4 is
# .0004 worse, 2e-4 to 6e-4 are equal.
PRICED_NOISE_A_DAY = 3e-4
PRICED_NOISE_CORRELATION = 0.5
PRICED_PAUSE_DAYS = 45
PRICED_NOISE_AFTER_PAUSE = 0.03
# Goals of a priced match are news beyond its price, and count this much of what they count without one.
PRICED_GOAL_WEIGHT = 0.6
PRICED_LEVEL_RATE = 0.03
PRICED_HOME_ADVANTAGE_RATE = 0.01
LONGEST_PAUSE_DAYS = 400
LEAST_LOG_GOALS, MOST_LOG_GOALS = -3.0, 2.3
MOST_LOG_STATISTIC = 4.0

REST_DAYS_CAP = 60
CONGESTION_DAYS = 14
# Points a match this season are shrunk to an average team's with the weight of three matches.
SEASON_PRIOR_MATCHES = 3.0
