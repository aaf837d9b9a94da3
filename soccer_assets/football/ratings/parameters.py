"""Every number of the ratings: rates, start values, bounds, and what each was chosen by."""

import math

import numpy as np
from numpy.typing import NDArray

START_ELO = 1500.0
START_HOME_ADVANTAGE = 62.0
START_HOME_RATE = 0.45
START_DRAW_RATE = 0.26
START_GOALS = 2.6
# A season of 18 teams: stands in until a league has finished a season.
START_MATCHES_PER_TEAM = 34.0
# Points a match of an average team: three points for 74 % of matches, two for the rest, over two teams.
AVERAGE_POINTS = 1.37
FORM_MATCHES = 5
RECENT_MATCHES = 8
# Goal models side by side: slow and fast on goals alone, joint on goals and match statistics.
SLOW, FAST, JOINT = range(3)
SPACES = 3
# What a goal model knows of a team; a home gain is what the team gains beyond others at home.
ATTACK, DEFENCE, HOME_GAIN = range(3)
STRENGTHS = 3
COVARIANCES = 6
# Statistics of the joint model: shots on target, shots off target, corners; with their usual number a side.
STATISTICS = 3
USUAL_STATISTICS = (4.5, 6.5, 5.0)
START_LEVEL = 0.2  # log goals of a side among equals on neutral ground
START_STATISTIC_HOME = 0.2
LONG_AGO_DAY = -(2**30)

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

REST_DAYS_CAP = 60
CONGESTION_DAYS = 14
# Weight of an average team in this season's points a match: three matches.
SEASON_PRIOR_MATCHES = 3.0
