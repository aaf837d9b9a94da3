"""The compiled order of a table: what each result counts, and the criteria that separate clubs.

Clubs are numbers from 0. Not here: the rules that name the criteria (``standings.py``).
"""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.compile_cache import compiled
from soccer_assets.football.ratings.parameters import constant

# Columns of a club's tally: points apart, these are the criteria of all its matches.
GOAL_DIFFERENCE, GOALS, WINS, AWAY_GOALS, AWAY_WINS, HALF_POINT, STAGE_PLACE, STAGE_POINTS = range(8)
TALLIES = 8
# Columns from here on are of the stages before: a stage that starts anew keeps them.
_FIRST_OF_BEFORE = HALF_POINT
# Planes of what a club has against another: points, goals, goals away, matches, wins.
H2H_POINTS, H2H_GOALS, H2H_AWAY_GOALS, H2H_MATCHES, H2H_WINS = range(5)
H2H = 5
# Criteria from here on are of the mini-table.
FIRST_H2H = 10
H2H_BY_POINTS, H2H_BY_GOAL_DIFFERENCE, H2H_BY_GOALS, H2H_BY_AWAY_GOALS, H2H_BY_WINS = range(
    FIRST_H2H, FIRST_H2H + 5
)
# What starts anew in a stage, as bits: the mini-table; goals and wins of all matches.
FRESH_H2H, FRESH_GOALS = 1, 2
# How many of the points of earlier stages count in a group.
KEEP_ALL, HALF_UP, HALF_DOWN, KEEP_NONE = range(4)
_ZERO = constant(0)
# Of a segment of a table: its first criterion, and no mini-table yet.
_FIRST_CRITERION = (_ZERO, constant(-1), constant(-1))


@compiled
def add_result(
    tally: NDArray[np.int64],
    h2h: NDArray[np.int64],
    points: NDArray[np.int64],
    home: int,
    away: int,
    home_goals: int,
    away_goals: int,
    win: int,
) -> None:
    """Count a result for both clubs, in place."""
    add_to_tally(tally, points, home, away, home_goals, away_goals, win)
    add_meeting(h2h, home, away, home_goals, away_goals, win)


@compiled
def add_results(
    tally: NDArray[np.int64],
    h2h: NDArray[np.int64],
    points: NDArray[np.int64],
    results: NDArray[np.int64],
    win: int,
) -> None:
    """Count results, (m, 4) home, away and goals of both, in place."""
    for row in range(len(results)):
        home, away, home_goals, away_goals = results[row]
        add_result(tally, h2h, points, home, away, home_goals, away_goals, win)


@compiled
def add_to_tally(
    tally: NDArray[np.int64],
    points: NDArray[np.int64],
    home: int,
    away: int,
    home_goals: int,
    away_goals: int,
    win: int,
) -> None:
    """Count a result for both clubs, in place, but for what they have against each other."""
    # Without a branch, which no processor could foretell.
    home_won, away_won = home_goals > away_goals, away_goals > home_goals
    drawn = home_goals == away_goals
    points[home] += win * home_won + drawn
    points[away] += win * away_won + drawn
    tally[home, GOAL_DIFFERENCE] += home_goals - away_goals
    tally[away, GOAL_DIFFERENCE] += away_goals - home_goals
    tally[home, GOALS] += home_goals
    tally[away, GOALS] += away_goals
    tally[away, AWAY_GOALS] += away_goals
    tally[home, WINS] += home_won
    tally[away, WINS] += away_won
    tally[away, AWAY_WINS] += away_won


@compiled
def add_meeting(
    h2h: NDArray[np.int64], home: int, away: int, home_goals: int, away_goals: int, win: int
) -> None:
    """Count a result among what two clubs have against each other, in place."""
    home_won, away_won = home_goals > away_goals, away_goals > home_goals
    drawn = home_goals == away_goals
    h2h[home, away, H2H_POINTS] += win * home_won + drawn
    h2h[away, home, H2H_POINTS] += win * away_won + drawn
    h2h[home, away, H2H_GOALS] += home_goals
    h2h[away, home, H2H_GOALS] += away_goals
    h2h[away, home, H2H_AWAY_GOALS] += away_goals
    h2h[home, away, H2H_MATCHES] += 1
    h2h[away, home, H2H_MATCHES] += 1
    h2h[home, away, H2H_WINS] += home_won
    h2h[away, home, H2H_WINS] += away_won


@compiled
def _value(
    criterion: int,
    club: int,
    order: NDArray[np.int64],
    first: int,
    last: int,
    tally: NDArray[np.int64],
    h2h: NDArray[np.int64],
) -> int:
    """A club's number under a criterion; the mini-table is of ``order[first:last]``."""
    if criterion < FIRST_H2H:
        return tally[club, criterion]
    total = 0
    for place in range(first, last):
        other = order[place]
        if other == club:
            continue
        if criterion == H2H_BY_POINTS:
            total += h2h[club, other, H2H_POINTS]
        elif criterion == H2H_BY_GOAL_DIFFERENCE:
            total += h2h[club, other, H2H_GOALS] - h2h[other, club, H2H_GOALS]
        elif criterion == H2H_BY_GOALS:
            total += h2h[club, other, H2H_GOALS]
        elif criterion == H2H_BY_WINS:
            total += h2h[club, other, H2H_WINS]
        else:
            total += h2h[club, other, H2H_AWAY_GOALS]
    return total


@compiled
def _sort(order: NDArray[np.int64], value: NDArray[np.float64], first: int, last: int) -> None:
    """Order ``order[first:last]`` by falling value, in place; equal ones stay as they are."""
    for place in range(first + 1, last):
        club = order[place]
        back = place
        while back > first and value[order[back - 1]] < value[club]:
            order[back] = order[back - 1]
            back -= 1
        order[back] = club


@compiled
def _push_level(
    order: NDArray[np.int64],
    value: NDArray[np.float64],
    segment: tuple[int, int, int, int, int],
    stack: NDArray[np.int64],
    height: int,
) -> int:
    """Push every run of level clubs of a segment, to be separated by the criterion; the new height.

    A segment is first, last, number of the criterion, first and last of the mini-table (-1 before there is
    one).
    """
    low, high = segment[0], segment[1]
    start = low
    for place in range(low + 1, high + 1):
        if place == high or value[order[place]] != value[order[start]]:
            if place - start > 1:
                stack[height, 0], stack[height, 1], stack[height, 2] = start, place, segment[2]
                stack[height, 3], stack[height, 4] = segment[3], segment[4]
                height += 1
            start = place
    return height


@compiled
def _is_complete(order: NDArray[np.int64], first: int, last: int, h2h: NDArray[np.int64], meets: int) -> bool:
    """Whether the clubs of a mini-table have met as often as told."""
    for one in range(first, last):
        for two in range(one + 1, last):
            if h2h[order[one], order[two], H2H_MATCHES] < meets:
                return False
    return True


@compiled
def rank_clubs(
    order: NDArray[np.int64],
    first: int,
    last: int,
    points: NDArray[np.int64],
    tally: NDArray[np.int64],
    h2h: NDArray[np.int64],
    criteria: NDArray[np.int64],
    lots: NDArray[np.float64],
    complete_meets: int,
) -> None:
    """Put the clubs of ``order[first:last]`` in the order of the table, in place.

    Clubs level on points are separated by the criteria in turn. The mini-table is of all clubs that are level
    where the first of its criteria is reached, and stays so for the criteria of it that follow.

    Args:
        order: club numbers.
        first: place of the first club to be ordered.
        last: the place after the last one.
        points: (n,) by club.
        tally: (n, TALLIES).
        h2h: (n, n, H2H).
        criteria: codes of this module.
        lots: (n,) decide what is left, the larger first.
        complete_meets: matches of each two tied clubs without which their mini-table does not count; 0 is
            always.
    """
    value = np.empty(len(points))
    for place in range(first, last):
        value[order[place]] = points[order[place]]
    _sort(order, value, first, last)
    stack = np.empty((4 * len(points) + 8, 5), np.int64)
    height = _push_level(order, value, (first, last, *_FIRST_CRITERION), stack, _ZERO)
    while height > 0:
        height -= 1
        low, high, number = stack[height, 0], stack[height, 1], stack[height, 2]
        mini_first, mini_last = stack[height, 3], stack[height, 4]
        if number == len(criteria):
            for place in range(low, high):
                value[order[place]] = lots[order[place]]
            _sort(order, value, low, high)
            continue
        criterion = criteria[number]
        is_counted = True
        if criterion < FIRST_H2H:
            mini_first, mini_last = -1, -1
        else:
            if mini_first < 0:
                mini_first, mini_last = low, high
            is_counted = complete_meets == 0 or _is_complete(
                order, mini_first, mini_last, h2h, complete_meets
            )
        for place in range(low, high):
            club = order[place]
            value[club] = 0.0
            if is_counted:
                value[club] = _value(criterion, club, order, mini_first, mini_last, tally, h2h)
        _sort(order, value, low, high)
        segment = (low, high, number + 1, mini_first, mini_last)
        height = _push_level(order, value, segment, stack, height)


@compiled
def kept_points(points: int, share: int) -> tuple[int, int]:
    """Points that a group starts with, and the half point that rounding gained (-1) or lost (1)."""
    if share == KEEP_ALL:
        return points, 0
    if share == KEEP_NONE:
        return 0, 0
    half = points // 2
    if points == 2 * half:
        return half, 0
    if share == HALF_UP:
        return half + 1, -1
    return half, 1


@compiled
def start_anew(fresh: int, tally: NDArray[np.int64], h2h: NDArray[np.int64]) -> None:
    """Forget what a stage does not count of the stages before, in place; `FRESH_H2H`, `FRESH_GOALS`."""
    if fresh & FRESH_H2H:
        h2h[:] = 0
    if fresh & FRESH_GOALS:
        tally[:, :_FIRST_OF_BEFORE] = 0
