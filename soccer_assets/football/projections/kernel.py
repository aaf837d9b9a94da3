"""The compiled simulation of the rest of a season, many times. Clubs are numbers from 0."""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.projections.drawn_goals import (
    DRIFT_DAYS,
    Strengths,
    draw_strengths,
    drift_strengths,
    play_match,
)
from soccer_assets.football.projections.drawn_ties import OUTCOMES, PlayOffs, play_ties
from soccer_assets.football.projections.random_stream import normal, start_stream, uniform
from soccer_assets.football.projections.table_order import (
    HALF_POINT,
    STAGE_PLACE,
    STAGE_POINTS,
    add_result,
    kept_points,
    rank_clubs,
    start_anew,
)
from soccer_assets.football.ratings.compile_cache import compiled, compiled_for_threads
from soccer_assets.football.ratings.parameters import constant

_ZERO, _ONE = constant(0), constant(1)


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
        places: (n, n + OUTCOMES) how often a club came in at a place, then how often it went up and down by a
            play-off.
        point_sum: (n,) sum of final points.
        by_outcome: (w, 3, n, n + OUTCOMES) the same by the outcome of a watched match.
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
            np.zeros((clubs, clubs + OUTCOMES), np.int64),
            np.zeros(clubs, np.int64),
            np.zeros((watched, 3, clubs, clubs + OUTCOMES), np.int64),
            np.zeros((finals, clubs), np.int8),
        )


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
    stream: NDArray[np.uint64],
) -> None:
    """Play all matches of a later group; the better placed club is at home first."""
    for meeting in range(meets):
        for one in range(low, high):
            for two in range(one + 1, high):
                home, away = order[one], order[two]
                if meeting % 2 == 1:
                    home, away = away, home
                home_goals, away_goals = play_match(
                    strength, home, away, common[0], common[1], common[2], stream
                )
                add_result(tally, h2h, points, home, away, home_goals, away_goals, win)


@compiled
def _decide(
    order: NDArray[np.int64],
    place: int,
    points: NDArray[np.int64],
    decided: NDArray[np.int64],
    strength: NDArray[np.float64],
    level: float,
    rho: float,
    stream: NDArray[np.uint64],
) -> None:
    """Where two neighbours are level on points, the winner of a match between them goes first, in place.

    It is on neutral ground, without extra time; a shoot-out is won by either side alike.
    """
    one, two = order[place], order[place + 1]
    if points[one] != points[two]:
        return
    ahead = decided[one, two]
    if ahead == 0:
        goals, others = play_match(strength, one, two, level, -2.0 * strength[one, 2], rho, stream)
        ahead = goals - others
    if ahead < 0 or (ahead == 0 and uniform(stream) < 0.5):  # noqa: PLR2004
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
    stream: NDArray[np.uint64],
) -> None:
    """Play the rest of the stage under way once; ``own`` are points, tally and meetings, changed in place."""
    points, tally, h2h = own
    step, next_watched = 0, 0
    for row in range(len(start.fixtures)):
        home, away, day = start.fixtures[row, 0], start.fixtures[row, 1], start.fixtures[row, 2]
        if day // DRIFT_DAYS > step:
            drift_strengths(strength, day // DRIFT_DAYS - step, drift[0], drift[1], stream)
            step = day // DRIFT_DAYS
        home_goals, away_goals = play_match(strength, home, away, common[0], common[1], common[2], stream)
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
    stream: NDArray[np.uint64],
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
        _play_group(order, low, high, meets, strength, common, points, tally, h2h, form.win, stream)
        rank_clubs(order, low, high, points, tally, h2h, codes, lots, _ZERO)


@compiled
def _count_play_offs(led_to: NDArray[np.int64], outcome: NDArray[np.int64], counts: Counts) -> None:
    """Count the clubs that went up or down by a play-off, in place."""
    clubs = len(led_to)
    for club in range(clubs):
        for column in range(OUTCOMES):
            if led_to[club, column] == 1:
                counts.places[club, clubs + column] += 1
                for match in range(len(counts.by_outcome)):
                    counts.by_outcome[match, outcome[match], club, clubs + column] += 1


@compiled_for_threads
def simulate(
    seed: int,
    seasons: int,
    strengths: Strengths,
    start: Start,
    form: Form,
    play_offs: PlayOffs,
    counts: Counts,
) -> None:
    """Simulate the rest of a season many times; equal arguments give equal bits.

    Args:
        seed: of the random numbers; a season's own follow from it and the season's number alone.
        seasons: how many.
        strengths: of the clubs today.
        start: the stage under way.
        form: of all stages.
        play_offs: after the last stage; without ties none are drawn.
        counts: filled, from zeros.
    """
    clubs, stages = len(start.points), len(form.criteria)
    common, drift, watched = strengths.common, strengths.drift, start.watched
    strength, lots = np.empty((clubs, 3)), np.empty(clubs)
    order, bounds = np.empty(clubs, np.int64), np.empty(clubs + 1, np.int64)
    outcome = np.zeros(max(len(watched), 1), np.int64)
    led_to = np.zeros((clubs, OUTCOMES), np.int64)
    stream = np.empty(1, np.uint64)
    for season in range(seasons):
        start_stream(stream, seed, season)
        level = common[0] + common[2] * normal(stream)
        advantage = common[1] + common[3] * normal(stream)
        draw_strengths(strength, lots, strengths.mean, strengths.root, stream)
        own_points, own_tally, own_h2h = start.points.copy(), start.tally.copy(), start.h2h.copy()
        own = (own_points, own_tally, own_h2h)
        _play_stage(strength, (level, advantage, strengths.rho), drift, start, form.win, own, outcome, stream)

        number = _grouped(order, bounds, start.group_of)
        codes = form.criteria[start.stage][: form.criteria_count[start.stage]]
        for group in range(number):
            low, high = bounds[group], bounds[group + 1]
            rank_clubs(order, low, high, own_points, own_tally, own_h2h, codes, lots, _ZERO)
        for after in range(start.stage + 1, stages):
            drift_strengths(strength, _ONE, drift[0], drift[1], stream)
            _play_later(order, after, strength, (level, advantage, strengths.rho), form, own, lots, stream)
        for number in range(len(form.deciders)):
            _decide(
                order,
                form.deciders[number],
                own_points,
                start.decided,
                strength,
                level,
                strengths.rho,
                stream,
            )
        if len(play_offs.ties) > 0:
            drift_strengths(strength, _ONE, drift[0], drift[1], stream)
            common_drawn = (level, advantage, strengths.rho)
            play_ties(season, play_offs, order, own_points, strength, common_drawn, led_to, stream)
            _count_play_offs(led_to, outcome, counts)
        for place in range(clubs):
            club = order[place]
            counts.places[club, place] += 1
            counts.point_sum[club] += own_points[club]
            if season < len(counts.finals):
                counts.finals[season, club] = place
            for match in range(len(watched)):
                counts.by_outcome[match, outcome[match], club, place] += 1
