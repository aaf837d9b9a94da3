"""The compiled core: the order of a table, and simulated rests of seasons.

One file, because a cached compilation follows changes of its own file only. Clubs are numbers from 0.
"""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

import math
from typing import NamedTuple

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
# Strengths drift in steps of so many days; a step a match gives the same final tables.
DRIFT_DAYS = 14
_MOST_GOALS = 15
_ZERO, _ONE = constant(0), constant(1)
# Of a segment of a table: its first criterion, and no mini-table yet.
_FIRST_CRITERION = (_ZERO, constant(-1), constant(-1))


class Strengths(NamedTuple):
    """Strengths of the clubs today, as each simulated season draws them.

    Attributes:
        mean: (n, 3) attack, defence, own home advantage.
        root: (n, 3, 3) lower Cholesky factors of their covariances.
        common: level, home advantage, and standard deviations of both, for all clubs of the league.
        drift: standard deviation of a step of `DRIFT_DAYS`, and the correlation of attack and defence in it.
        rho: Dixon-Coles correlation.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    common: NDArray[np.float64]
    drift: NDArray[np.float64]
    rho: float


class Start(NamedTuple):
    """The stage under way, with what is known of it.

    Attributes:
        fixtures: (m, 5) home, away, days from today, goals of both, in order of time: the rest of the stage.
            Goals are -1 where the match is to be drawn; else it is drawn, and these count.
        points: (n,) of the stage's table so far.
        tally: (n, TALLIES) likewise.
        h2h: (n, n, H2H) likewise.
        decided: (n, n) a club's goal difference in deciding matches that were played, 0 where none was.
        group_of: (n,) number of each club's group; their places follow that number.
        stage: its number.
        watched: (w,) rows of ``fixtures`` whose importance is asked.
    """

    fixtures: NDArray[np.int64]
    points: NDArray[np.int64]
    tally: NDArray[np.int64]
    h2h: NDArray[np.int64]
    decided: NDArray[np.int64]
    group_of: NDArray[np.int64]
    stage: int
    watched: NDArray[np.int64]


class Form(NamedTuple):
    """How the table is made.

    Attributes:
        win: points of a win.
        groups: (k, 4) of all later stages: number of the stage, clubs, meets, share of the points.
        criteria: (stages, c) codes.
        criteria_count: (stages,) how many of a stage's codes count.
        fresh: (stages,) bits of what starts anew in a stage.
        deciders: (d,) places, from 0: a club there and the next one, level on points, play a deciding match.
        seeding: (stages, n) the place in the stage before of each place at the start of a stage, from 0.
    """

    win: int
    groups: NDArray[np.int64]
    criteria: NDArray[np.int64]
    criteria_count: NDArray[np.int64]
    fresh: NDArray[np.int64]
    deciders: NDArray[np.int64]
    seeding: NDArray[np.int64]


class Counts(NamedTuple):
    """What the simulated seasons came to.

    Attributes:
        places: (n, n) how often a club came in at a place.
        point_sum: (n,) sum of final points.
        by_outcome: (w, 3, n, n) places by the outcome of a watched match.
        finals: (k, n) places, from 0, of the first k seasons.
    """

    places: NDArray[np.int64]
    point_sum: NDArray[np.int64]
    by_outcome: NDArray[np.int64]
    finals: NDArray[np.int8]

    @classmethod
    def zeros(cls, clubs: int, watched: int = 0, finals: int = 0) -> "Counts":
        """Of nothing simulated yet."""
        return cls(
            np.zeros((clubs, clubs), np.int64),
            np.zeros(clubs, np.int64),
            np.zeros((watched, 3, clubs, clubs), np.int64),
            np.zeros((finals, clubs), np.int8),
        )


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
    tally[home, GOAL_DIFFERENCE] += home_goals - away_goals
    tally[away, GOAL_DIFFERENCE] += away_goals - home_goals
    tally[home, GOALS] += home_goals
    tally[away, GOALS] += away_goals
    tally[away, AWAY_GOALS] += away_goals
    home_points, away_points = 1, 1
    if home_goals > away_goals:
        home_points, away_points = win, 0
        tally[home, WINS] += 1
        h2h[home, away, H2H_WINS] += 1
    elif away_goals > home_goals:
        home_points, away_points = 0, win
        tally[away, WINS] += 1
        tally[away, AWAY_WINS] += 1
        h2h[away, home, H2H_WINS] += 1
    points[home] += home_points
    points[away] += away_points
    h2h[home, away, H2H_POINTS] += home_points
    h2h[away, home, H2H_POINTS] += away_points
    h2h[home, away, H2H_GOALS] += home_goals
    h2h[away, home, H2H_GOALS] += away_goals
    h2h[away, home, H2H_AWAY_GOALS] += away_goals
    h2h[home, away, H2H_MATCHES] += 1
    h2h[away, home, H2H_MATCHES] += 1


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
def _poisson(mean: float) -> int:
    """A Poisson count of at most 15, by inversion."""
    left = np.random.random()  # noqa: NPY002  numba's own generator, seeded by `simulate`
    p = math.exp(-mean)
    goals = 0
    while left > p and goals < _MOST_GOALS:
        left -= p
        goals += 1
        p *= mean / goals
    return goals


@compiled
def _score(home_mean: float, away_mean: float, rho: float) -> tuple[int, int]:
    """A score: two Poisson counts, the four lowest weighted after Dixon & Coles (1997), by rejection."""
    most = max(
        1.0, 1.0 - rho, 1.0 - home_mean * away_mean * rho, 1.0 + home_mean * rho, 1.0 + away_mean * rho
    )
    while True:
        home, away = _poisson(home_mean), _poisson(away_mean)
        weight = 1.0
        if home < 2 and away < 2:  # noqa: PLR2004
            if home == 0 and away == 0:
                weight = 1.0 - home_mean * away_mean * rho
            elif home == 0:
                weight = 1.0 + home_mean * rho
            elif away == 0:
                weight = 1.0 + away_mean * rho
            else:
                weight = 1.0 - rho
        if np.random.random() * most <= weight:  # noqa: NPY002
            return home, away


@compiled
def _drift(strength: NDArray[np.float64], steps: int, deviation: float, correlation: float) -> None:
    """Move attack and defence of every club by so many steps, in place."""
    scale = deviation * math.sqrt(steps)
    other = math.sqrt(1.0 - correlation * correlation)
    for club in range(len(strength)):
        one, two = np.random.standard_normal(), np.random.standard_normal()  # noqa: NPY002
        strength[club, 0] += scale * one
        strength[club, 1] += scale * (correlation * one + other * two)


@compiled
def _play(
    strength: NDArray[np.float64], home: int, away: int, level: float, advantage: float, rho: float
) -> tuple[int, int]:
    """A score from strengths (attack, defence, home advantage of a club's own)."""
    own = strength[home, 2]
    home_log = level + advantage / 2.0 + strength[home, 0] - strength[away, 1] + own
    away_log = level - advantage / 2.0 + strength[away, 0] - strength[home, 1] - own
    home_log, away_log = min(max(home_log, -3.0), 2.3), min(max(away_log, -3.0), 2.3)
    return _score(math.exp(home_log), math.exp(away_log), rho)


@compiled
def _draw(
    strength: NDArray[np.float64],
    lots: NDArray[np.float64],
    strength_mean: NDArray[np.float64],
    strength_root: NDArray[np.float64],
) -> None:
    """Draw every club's strengths, and its lot, in place."""
    for club in range(len(strength)):
        one = np.random.standard_normal()  # noqa: NPY002
        two = np.random.standard_normal()  # noqa: NPY002
        three = np.random.standard_normal()  # noqa: NPY002
        root, mean = strength_root[club], strength_mean[club]
        strength[club, 0] = mean[0] + root[0, 0] * one
        strength[club, 1] = mean[1] + root[1, 0] * one + root[1, 1] * two
        strength[club, 2] = mean[2] + root[2, 0] * one + root[2, 1] * two + root[2, 2] * three
        lots[club] = np.random.random()  # noqa: NPY002


@compiled
def _grouped(order: NDArray[np.int64], bounds: NDArray[np.int64], group_of: NDArray[np.int64]) -> int:
    """Put the clubs of each group side by side, in place; how many groups there are."""
    count, number = 0, 0
    bounds[0] = 0
    while count < len(order):
        for club in range(len(order)):
            if group_of[club] == number:
                order[count] = club
                count += 1
        number += 1
        bounds[number] = count
    return number


@compiled
def _play_group(
    order: NDArray[np.int64],
    low: int,
    high: int,
    meets: int,
    strength: NDArray[np.float64],
    common: tuple[float, float, float],
    points: NDArray[np.int64],
    tally: NDArray[np.int64],
    h2h: NDArray[np.int64],
    win: int,
) -> None:
    """Play all matches of a later group; the better placed club is at home first."""
    for meeting in range(meets):
        for one in range(low, high):
            for two in range(one + 1, high):
                home, away = order[one], order[two]
                if meeting % 2 == 1:
                    home, away = away, home
                home_goals, away_goals = _play(strength, home, away, common[0], common[1], common[2])
                add_result(tally, h2h, points, home, away, home_goals, away_goals, win)


@compiled
def start_anew(fresh: int, tally: NDArray[np.int64], h2h: NDArray[np.int64]) -> None:
    """Forget what a stage does not count of the stages before, in place; `FRESH_H2H`, `FRESH_GOALS`."""
    if fresh & FRESH_H2H:
        h2h[:] = 0
    if fresh & FRESH_GOALS:
        tally[:, :_FIRST_OF_BEFORE] = 0


@compiled
def _decide(
    order: NDArray[np.int64],
    place: int,
    points: NDArray[np.int64],
    decided: NDArray[np.int64],
    strength: NDArray[np.float64],
    level: float,
    rho: float,
) -> None:
    """Where two neighbours are level on points, the winner of a match between them goes first, in place.

    It is on neutral ground, without extra time; a shoot-out is won by either side alike.
    """
    one, two = order[place], order[place + 1]
    if points[one] != points[two]:
        return
    ahead = decided[one, two]
    if ahead == 0:
        goals, others = _play(strength, one, two, level, -2.0 * strength[one, 2], rho)
        ahead = goals - others
    if ahead < 0 or (ahead == 0 and np.random.random() < 0.5):  # noqa: NPY002, PLR2004
        order[place], order[place + 1] = two, one


@compiled
def _play_stage(
    strength: NDArray[np.float64],
    common: tuple[float, float, float],
    drift: NDArray[np.float64],
    start: Start,
    win: int,
    own: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    outcome: NDArray[np.int64],
) -> None:
    """Play the rest of the stage under way once; ``own`` are points, tally and meetings, changed in place."""
    points, tally, h2h = own
    step, next_watched = 0, 0
    for row in range(len(start.fixtures)):
        home, away, day = start.fixtures[row, 0], start.fixtures[row, 1], start.fixtures[row, 2]
        if day // DRIFT_DAYS > step:
            _drift(strength, day // DRIFT_DAYS - step, drift[0], drift[1])
            step = day // DRIFT_DAYS
        home_goals, away_goals = _play(strength, home, away, common[0], common[1], common[2])
        if start.fixtures[row, 3] >= 0:
            # Drawn and put aside: the other matches of this season are those of the season without it.
            home_goals, away_goals = start.fixtures[row, 3], start.fixtures[row, 4]
        add_result(tally, h2h, points, home, away, home_goals, away_goals, win)
        if next_watched < len(start.watched) and start.watched[next_watched] == row:
            outcome[next_watched] = 0 if home_goals > away_goals else 1 if home_goals == away_goals else 2
            next_watched += 1


@compiled
def _play_later(
    order: NDArray[np.int64],
    after: int,
    strength: NDArray[np.float64],
    common: tuple[float, float, float],
    form: Form,
    own: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    lots: NDArray[np.float64],
) -> None:
    """Play a later stage: groups by the order so far, which becomes the order after it."""
    points, tally, h2h = own
    for place in range(len(order)):
        club = order[place]
        tally[club, STAGE_PLACE] = -place
        tally[club, STAGE_POINTS] = points[club]
    start_anew(form.fresh[after], tally, h2h)
    before = order.copy()
    for place in range(len(order)):  # a loop: indexing by an array takes 4 s more to compile
        order[place] = before[form.seeding[after, place]]
    codes = form.criteria[after][: form.criteria_count[after]]
    high = _ZERO
    for group in range(len(form.groups)):
        if form.groups[group, 0] != after:
            continue
        low, high = high, high + form.groups[group, 1]
        for place in range(low, high):
            club = order[place]
            points[club], tally[club, HALF_POINT] = kept_points(points[club], form.groups[group, 3])
        meets = form.groups[group, 2]
        _play_group(order, low, high, meets, strength, common, points, tally, h2h, form.win)
        rank_clubs(order, low, high, points, tally, h2h, codes, lots, _ZERO)


@compiled
def simulate(seed: int, seasons: int, strengths: Strengths, start: Start, form: Form, counts: Counts) -> None:
    """Simulate the rest of a season many times; equal arguments give equal bits.

    Args:
        seed: of numba's generator.
        seasons: how many.
        strengths: of the clubs today.
        start: the stage under way.
        form: of all stages.
        counts: filled, from zeros.
    """
    np.random.seed(seed)  # noqa: NPY002
    clubs, stages = len(start.points), len(form.criteria)
    common, drift, watched = strengths.common, strengths.drift, start.watched
    strength, lots = np.empty((clubs, 3)), np.empty(clubs)
    order, bounds = np.empty(clubs, np.int64), np.empty(clubs + 1, np.int64)
    outcome = np.zeros(max(len(watched), 1), np.int64)
    for season in range(seasons):
        level = common[0] + common[2] * np.random.standard_normal()  # noqa: NPY002
        advantage = common[1] + common[3] * np.random.standard_normal()  # noqa: NPY002
        _draw(strength, lots, strengths.mean, strengths.root)
        own_points, own_tally, own_h2h = start.points.copy(), start.tally.copy(), start.h2h.copy()
        own = (own_points, own_tally, own_h2h)
        _play_stage(strength, (level, advantage, strengths.rho), drift, start, form.win, own, outcome)

        number = _grouped(order, bounds, start.group_of)
        codes = form.criteria[start.stage][: form.criteria_count[start.stage]]
        for group in range(number):
            low, high = bounds[group], bounds[group + 1]
            rank_clubs(order, low, high, own_points, own_tally, own_h2h, codes, lots, _ZERO)
        for after in range(start.stage + 1, stages):
            _drift(strength, _ONE, drift[0], drift[1])
            _play_later(order, after, strength, (level, advantage, strengths.rho), form, own, lots)
        for number in range(len(form.deciders)):
            _decide(order, form.deciders[number], own_points, start.decided, strength, level, strengths.rho)
        for place in range(clubs):
            club = order[place]
            counts.places[club, place] += 1
            counts.point_sum[club] += own_points[club]
            if season < len(counts.finals):
                counts.finals[season, club] = place
            for match in range(len(watched)):
                counts.by_outcome[match, outcome[match], club, place] += 1
