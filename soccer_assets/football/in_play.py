"""Forecasts of a match under way, from its state as the caller tells it.

The rest of the match has the goal rates of the forecast before kickoff, for the time that is left: the score
grid, given the score so far and that each goal falls by now with the share of goals that usually do. At
kickoff it is the grid itself, so nothing jumps when a match begins. Nothing here follows matches.
"""

import re

import msgspec

from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.football_error import FootballError
from soccer_assets.football.match_scores import (
    Grid,
    Outcome,
    low_score_weight,
    outcome,
    outcome_factors,
    poisson,
)

HALF_MINUTES = 45
# Means of the minutes added to each half. A first half of 47 and a second of 50 minutes.
ADDED_MINUTES = (2.0, 5.0)
# What is left in 90+x, where x has used up the mean.
LEAST_ADDED_MINUTES = 1.0
# What a red card leaves of a side's rate, and makes of the other's (Vecer, Kopriva & Ichiba 2009, doi
# 10.2202/1559-0410.1146, from prices of two tournaments). The archive has no minutes of cards to fit them on.
OWN_RED_CARD, OTHER_RED_CARD = 2.0 / 3.0, 5.0 / 4.0

_MINUTE = re.compile(r"(\d{1,3})(?:\+(\d{1,2}))?")


class ExtraTimeError(FootballError):
    """The minute is one of extra time, which no forecast is about."""


class Clock(msgspec.Struct, frozen=True):
    """How much of a match has been played.

    Attributes:
        played_share: share of the goals of 90 minutes that usually fall by now.
        first_half_share: chance that a goal still to come falls before half-time; None after the first half.
    """

    played_share: float
    first_half_share: float | None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Goals and red cards of both sides so far."""

    home_goals: int = 0
    away_goals: int = 0
    home_reds: int = 0
    away_reds: int = 0


def clock_at(minute: int | str, first_half_share: float) -> Clock:
    """How much has been played at a minute: 0 to 90, ``45+x`` (the first half is over) or ``90+x``.

    Within a half goals fall evenly. In minutes to 45 and from 46 to 90 the mean of the added time is still to
    come; in 90+x that mean less x, and at least one minute.

    Raises:
        ExtraTimeError: it is a minute after 90.
        ValueError: it is no minute.
    """
    found = _MINUTE.fullmatch(str(minute))
    if found is None:
        raise ValueError(f"{minute!r} is no minute; write 0 to 90, or 45+2")
    played, added = int(found[1]), int(found[2] or 0)
    if played > 2 * HALF_MINUTES:
        raise ExtraTimeError("forecasts are about 90 minutes; there is none for extra time")
    if added and played not in {HALF_MINUTES, 2 * HALF_MINUTES}:
        raise ValueError(f"{minute!r} is no minute; time is added to 45 and 90 only")
    first, second = (HALF_MINUTES + minutes for minutes in ADDED_MINUTES)
    if played < HALF_MINUTES or (played == HALF_MINUTES and not added):
        share = first_half_share * played / first
        return Clock(share, (first_half_share - share) / (1.0 - share))
    if played == HALF_MINUTES:
        return Clock(first_half_share, None)
    left = max(second - (played - HALF_MINUTES) - added, LEAST_ADDED_MINUTES)
    return Clock(1.0 - (1.0 - first_half_share) * left / second, None)


def rest_of_match(goals: GoalModel, probabilities: Outcome, state: State, played_share: float) -> Grid:
    """Probability of each score of the goals still to come, 0 to 15 a side.

    With two Poisson counts, each goal before now with the chance ``played_share``, those to come are Poisson
    counts too; the final score keeps the grid's weights of low scores and of home, draw and away. So the grid
    before kickoff, given the goals so far, is found without its cells.

    Args:
        goals: what the score grid before kickoff is made of.
        probabilities: of home, draw and away before kickoff, which that grid keeps.
        state: goals and red cards so far.
        played_share: see `Clock`.

    Raises:
        ValueError: a rate is not above 0, or the probabilities do not add up to 1.
    """
    factors = outcome_factors(goals, probabilities)
    left = 1.0 - played_share
    home = goals.home_rate * left * OWN_RED_CARD**state.home_reds * OTHER_RED_CARD**state.away_reds
    away = goals.away_rate * left * OWN_RED_CARD**state.away_reds * OTHER_RED_CARD**state.home_reds
    lead = state.home_goals - state.away_goals
    away_counts = poisson(away)
    cells = [
        [
            p
            * q
            * factors[outcome(lead + i - j)]
            * low_score_weight(goals, state.home_goals + i, state.away_goals + j)
            for j, q in enumerate(away_counts)
        ]
        for i, p in enumerate(poisson(home))
    ]
    total = sum(map(sum, cells))
    return [[p / total for p in row] for row in cells]
