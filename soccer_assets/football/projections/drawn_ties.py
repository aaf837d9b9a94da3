"""The compiled play-offs of a simulated season: ties of one match or two, in the order of play.

After the last match of a tie the aggregate counts, then away goals where they are told to, then what the tie
tells: 30 minutes at a third of the rates, a shoot-out that either side wins alike, or the better place. Not
here: which play-offs a season has (``play_offs.py``).
"""

# mypy: disable-error-code="no-any-return"
# Arrays are typed by numba when it compiles, not by annotations.

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.projections.drawn_goals import draw_club, goal_rates, play_match, poisson
from soccer_assets.football.projections.play_offs import RIVAL
from soccer_assets.football.projections.random_stream import uniform
from soccer_assets.football.ratings.compile_cache import compiled

# Columns of a tie. A side is a place from 0, `RIVAL` and a number up for a club of another league, or -1 - t
# for the winner of tie t. The outcomes are columns of what is counted, -1 for none.
SIDE_ONE, SIDE_TWO, LEGS, IS_NEUTRAL, BY_PLACE, AWAY_GOALS, IF_LEVEL, WINNER_TO, LOSER_TO = range(9)
# A club at the one place that is so many points ahead of the other wins without a match; 0 points are none.
AHEAD, BEHIND, BY_POINTS = range(9, 12)
TIE = 12
# What a tie tells of two sides that are level at its end.
EXTRA_TIME, SHOOT_OUT, BETTER_PLACED, EXTRA_TIME_THEN_PLACE, MORE_POINTS = range(5)
# What a play-off can lead to.
UP, DOWN = 0, 1
OUTCOMES = 2
# 30 of 90 minutes.
_EXTRA_TIME_SHARE = 1.0 / 3.0
_TWO_LEGS = 2
_HALF = 0.5


class Rivals(NamedTuple):
    """Clubs of other leagues in the play-offs of this one; their numbers follow those of its own clubs.

    Attributes:
        mean: (c, 3) as in `Strengths`.
        root: (c, 3, 3) likewise.
        drawn: (m, r) the club of each rival in the simulated seasons of its league, from 0; season s of this
            one takes row s modulo m.
        rank: (r,) orders rivals and own clubs, whose ranks are their places from 0: the lower the better.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]
    drawn: NDArray[np.int64]
    rank: NDArray[np.int64]

    @classmethod
    def none(cls) -> "Rivals":
        """Of a league that meets no other."""
        return cls(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((1, 0), np.int64), np.zeros(0, np.int64))


class PlayOffs(NamedTuple):
    """The play-offs of a season.

    Attributes:
        ties: (t, TIE) in the order in which they are played.
        known: (n + c, n + c, 2) goals of the first side, at home, and the second in a match that was played;
            -1 where none was.
        rivals: of other leagues.
    """

    ties: NDArray[np.int64]
    known: NDArray[np.int64]
    rivals: Rivals

    @classmethod
    def none(cls, clubs: int) -> "PlayOffs":
        """Of a league without any."""
        return cls(np.zeros((0, TIE), np.int64), np.full((clubs, clubs, 2), -1), Rivals.none())


@compiled
def _advantage(strength: NDArray[np.float64], home: int, is_neutral: bool, at_home: float) -> float:
    """The home advantage that `play_match` takes: on neutral ground it undoes the club's own."""
    return -2.0 * strength[home, 2] if is_neutral else at_home


@compiled
def _play_leg(
    strength: NDArray[np.float64],
    home: int,
    away: int,
    is_neutral: bool,
    known: NDArray[np.int64],
    common: tuple[float, float, float],
    stream: NDArray[np.uint64],
) -> tuple[int, int]:
    """Goals of both sides after 90 minutes: those that are known, else drawn."""
    if known[home, away, 0] >= 0:
        return known[home, away, 0], known[home, away, 1]
    if is_neutral and known[away, home, 0] >= 0:
        return known[away, home, 1], known[away, home, 0]
    advantage = _advantage(strength, home, is_neutral, common[1])
    return play_match(strength, home, away, common[0], advantage, common[2], stream)


@compiled
def first_goes_on(
    tie: NDArray[np.int64],
    one: int,
    two: int,
    strength: NDArray[np.float64],
    known: NDArray[np.int64],
    rank: NDArray[np.int64],
    points: NDArray[np.int64],
    common: tuple[float, float, float],
    stream: NDArray[np.uint64],
) -> bool:
    """Play a tie; whether its first side wins it.

    Args:
        tie: (TIE,) what is told of it.
        one: at home in the first leg, or in the only match.
        two: the other side.
        strength: (n + c, 3) of this season.
        known: see `PlayOffs`.
        rank: (n + c,) the lower the better.
        points: (n,) of the final table.
        common: level, home advantage, Dixon-Coles correlation.
        stream: of random numbers.
    """
    is_neutral, legs, if_level = tie[IS_NEUTRAL] == 1, tie[LEGS], tie[IF_LEVEL]
    goals, others = _play_leg(strength, one, two, is_neutral, known, common, stream)
    ahead, last_home = goals - others, one
    if legs == _TWO_LEGS:
        others_back, goals_back = _play_leg(strength, two, one, is_neutral, known, common, stream)
        ahead, last_home = ahead + goals_back - others_back, two
        if ahead == 0 and tie[AWAY_GOALS] == 1:
            ahead = goals_back - others
    if ahead != 0:
        return ahead > 0
    if if_level == MORE_POINTS and one < len(points) and two < len(points) and points[one] != points[two]:
        return points[one] > points[two]
    if if_level == BETTER_PLACED:
        return rank[one] < rank[two]
    if if_level != SHOOT_OUT:
        last_away = one + two - last_home
        advantage = _advantage(strength, last_home, is_neutral, common[1])
        home_rate, away_rate = goal_rates(strength, last_home, last_away, common[0], advantage)
        home_goals = poisson(home_rate * _EXTRA_TIME_SHARE, stream)
        away_goals = poisson(away_rate * _EXTRA_TIME_SHARE, stream)
        if home_goals == away_goals and home_goals > 0 and tie[AWAY_GOALS] == 1:
            away_goals += 1  # away goals count in extra time too
        if home_goals != away_goals:
            return (home_goals > away_goals) == (last_home == one)
        if if_level == EXTRA_TIME_THEN_PLACE:
            return rank[one] < rank[two]
    return uniform(stream) < _HALF


@compiled
def _club_of(
    side: int,
    order: NDArray[np.int64],
    winners: NDArray[np.int64],
    rivals: NDArray[np.int64],
) -> int:
    """The club that a side of a tie is."""
    if side < 0:
        return winners[-1 - side]
    if side >= RIVAL:
        return rivals[side - RIVAL]
    return order[side]


@compiled
def _draw_rivals(
    season: int,
    rivals: Rivals,
    strength: NDArray[np.float64],
    rank: NDArray[np.int64],
    clubs: int,
    stream: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """Numbers of this season's rivals, whose strengths and ranks are filled in place."""
    found = np.empty(rivals.drawn.shape[1], np.int64)
    for number in range(len(found)):
        candidate = rivals.drawn[season % len(rivals.drawn), number]
        found[number] = clubs + candidate
        rank[clubs + candidate] = rivals.rank[number]
        draw_club(strength, clubs + candidate, rivals.mean[candidate], rivals.root[candidate], stream)
    return found


@compiled
def play_ties(
    season: int,
    play_offs: PlayOffs,
    order: NDArray[np.int64],
    points: NDArray[np.int64],
    own_strength: NDArray[np.float64],
    common: tuple[float, float, float],
    led_to: NDArray[np.int64],
    stream: NDArray[np.uint64],
) -> None:
    """Play all ties of a simulated season.

    Args:
        season: its number.
        play_offs: of the league.
        order: clubs by final place.
        points: (n,) of the final table.
        own_strength: (n, 3) of this season.
        common: level, home advantage, Dixon-Coles correlation.
        led_to: (n, OUTCOMES) filled: 1 for a club that went up or down by a play-off.
        stream: of random numbers.
    """
    clubs, ties = len(order), play_offs.ties
    led_to[:] = 0
    strength = np.empty((clubs + len(play_offs.rivals.mean), 3))
    rank = np.zeros(len(strength), np.int64)
    for place in range(clubs):
        club = order[place]
        rank[club] = place
        for number in range(3):
            strength[club, number] = own_strength[club, number]
    rivals = _draw_rivals(season, play_offs.rivals, strength, rank, clubs, stream)
    winners = np.empty(len(ties), np.int64)
    for number in range(len(ties)):
        tie = ties[number]
        one = _club_of(tie[SIDE_ONE], order, winners, rivals)
        two = _club_of(tie[SIDE_TWO], order, winners, rivals)
        # The better placed side is at home in the only match, and last of two.
        if tie[BY_PLACE] == 1 and (rank[one] < rank[two]) == (tie[LEGS] == _TWO_LEGS):
            one, two = two, one
        if tie[BY_POINTS] > 0 and points[order[tie[AHEAD]]] - points[order[tie[BEHIND]]] >= tie[BY_POINTS]:
            one, two = order[tie[AHEAD]], order[tie[BEHIND]]
        elif not first_goes_on(tie, one, two, strength, play_offs.known, rank, points, common, stream):
            one, two = two, one
        winners[number] = one
        if tie[WINNER_TO] >= 0 and one < clubs:
            led_to[one, tie[WINNER_TO]] = 1
        if tie[LOSER_TO] >= 0 and two < clubs:
            led_to[two, tie[LOSER_TO]] = 1
