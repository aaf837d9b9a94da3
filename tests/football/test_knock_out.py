"""Who goes on from a cup tie: hand-worked values, and the sides' mirror."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.knock_out import HOME_ADVANTAGE, Tie, away_goals_count, p_home_advances
from soccer_assets.football.match_scores import GRID_GOALS, rates_grid

_EVEN = GoalModel(1.2, 1.2, 0.0, 0.45)


def _only(*scores: tuple[int, int]) -> list[list[float]]:
    """A grid of these scores alone, equally likely."""
    grid = [[0.0] * GRID_GOALS for _ in range(GRID_GOALS)]
    for home, away in scores:
        grid[home][away] += 1.0 / len(scores)
    return grid


def test_one_match_goes_to_extra_time_and_a_shoot_out() -> None:
    """A draw with rates .9 and .3 in 30 minutes: the home side wins it, or half of what stays level."""
    goals = GoalModel(2.7, 0.9, 0.0, 0.45)
    home, away = ([math.exp(-m) * m**k / math.factorial(k) for k in range(12)] for m in (0.9, 0.3))
    wins = sum(p * q for i, p in enumerate(home) for j, q in enumerate(away) if i > j)
    level = sum(p * q for p, q in zip(home, away, strict=True))

    assert p_home_advances(_only((1, 1)), goals, Tie()) == pytest.approx(wins + level / 2, abs=1e-9)
    assert p_home_advances(_only((1, 1)), goals, Tie(shoots_out_at_once=True)) == 0.5
    assert p_home_advances(_only((1, 0)), goals, Tie()) == 1.0
    assert p_home_advances(_only((0, 1)), goals, Tie()) == 0.0


def test_the_better_placed_side_needs_no_more_than_a_level_tie() -> None:
    """At once, or where extra time leaves it level; the other side's first leg mirrors it."""
    goals = GoalModel(2.7, 0.9, 0.0, 0.45)
    home, away = ([math.exp(-m) * m**k / math.factorial(k) for k in range(12)] for m in (0.9, 0.3))
    not_lost = sum(p * q for i, p in enumerate(home) for j, q in enumerate(away) if i >= j)
    at_once, after_it = (Tie(level_is_home="at_once"), Tie(level_is_home="after_extra_time"))

    assert p_home_advances(_only((1, 1)), goals, at_once) == 1.0
    assert p_home_advances(_only((1, 1)), goals, after_it) == pytest.approx(not_lost, abs=1e-9)
    assert p_home_advances(_only((0, 1)), goals, at_once) == 0.0
    second = msgspec.structs.replace(at_once, first_leg=(0, 1))
    assert p_home_advances(_only((1, 0)), goals, second) == 1.0
    # Level after the first leg, whose home side is the worse placed one: it must win away.
    rates = 1.2 * math.exp(HOME_ADVANTAGE), 1.2 / math.exp(HOME_ADVANTAGE)
    other, own = ([math.exp(-m) * m**k / math.factorial(k) for k in range(20)] for m in rates)
    wins = sum(p * q for i, p in enumerate(other) for j, q in enumerate(own) if j > i)
    opening = msgspec.structs.replace(at_once, is_first_leg=True)
    assert p_home_advances(_only((1, 1)), _EVEN, opening) == pytest.approx(wins, abs=1e-4)


@pytest.mark.parametrize(
    ("first_leg", "score", "counts", "p"),
    [
        ((0, 2), (3, 0), False, 1.0),  # 3-2 on aggregate
        ((0, 2), (2, 0), False, 0.5),  # level, an even extra time
        ((1, 2), (1, 0), True, 1.0),  # level, one goal away to none
        ((0, 1), (2, 1), True, 0.0),  # level, none away to one
        ((0, 0), (1, 1), True, 0.0),  # level, none away to one
        ((1, 1), (1, 2), True, 0.0),  # behind
    ],
)
def test_a_second_leg_goes_by_the_aggregate_and_by_away_goals_where_they_count(
    first_leg: tuple[int, int], score: tuple[int, int], counts: bool, p: float
) -> None:
    """The first leg's goals are of the side at home now and of the other."""
    tie = Tie(first_leg=first_leg, counts_away_goals=counts)
    assert p_home_advances(_only(score), _EVEN, tie) == pytest.approx(p)


def test_in_extra_time_a_level_score_with_goals_is_the_away_sides() -> None:
    """Even sides, away goals count, the legs mirror each other: the home side has less than half."""
    tie = Tie(first_leg=(1, 1), counts_away_goals=True)
    even = p_home_advances(_only((1, 1)), _EVEN, Tie(first_leg=(1, 1)))
    with_away_goals = p_home_advances(_only((1, 1)), _EVEN, tie)
    rate = 1.2 / 3
    level_with_goals = sum((math.exp(-rate) * rate**k / math.factorial(k)) ** 2 for k in range(1, 12))

    assert even == pytest.approx(0.5)
    assert with_away_goals == pytest.approx(0.5 - level_with_goals / 2, abs=1e-9)


def test_goals_so_far_count() -> None:
    """2-0 up in the second leg after 0-1, nothing more falls: 2-1 on aggregate."""
    assert p_home_advances(_only((0, 0)), _EVEN, Tie(first_leg=(0, 1)), (2, 0)) == 1.0
    assert p_home_advances(_only((0, 0)), _EVEN, Tie(first_leg=(0, 1), counts_away_goals=True), (2, 1)) == 0.0


@given(st.floats(0.2, 3.0), st.floats(0.2, 3.0), st.integers(0, 5), st.integers(0, 5))
def test_sides_mirror(home_rate: float, away_rate: float, own: int, other: int) -> None:
    """Exchanging the sides of a second leg without away goals exchanges the probabilities."""
    goals, mirrored = (
        GoalModel(home_rate, away_rate, -0.05, 0.45),
        GoalModel(away_rate, home_rate, -0.05, 0.45),
    )
    one = p_home_advances(rates_grid(goals), goals, Tie(first_leg=(own, other)))
    two = p_home_advances(rates_grid(mirrored), mirrored, Tie(first_leg=(other, own)))

    assert one + two == pytest.approx(1.0)
    assert 0.0 <= one <= 1.0


def test_a_first_leg_is_the_mean_over_its_scores_of_the_return_leg() -> None:
    """The return leg has the same sides with the grounds exchanged."""
    goals = GoalModel(1.5, 1.0, -0.05, 0.45)
    ratio = math.exp(HOME_ADVANTAGE)
    back = GoalModel(1.0 * ratio, 1.5 / ratio, -0.05, 0.45)
    expected = sum(
        p * (1.0 - p_home_advances(rates_grid(back), back, Tie(first_leg=(j, i), counts_away_goals=True)))
        for i, row in enumerate(rates_grid(goals))
        for j, p in enumerate(row)
    )

    found = p_home_advances(rates_grid(goals), goals, Tie(is_first_leg=True, counts_away_goals=True))
    assert found == pytest.approx(expected)


def test_away_goals_count_in_uefas_cups_until_2020_21() -> None:
    """Not since, and nowhere else unless it is told."""
    assert away_goals_count("UEFA-CL", "2020/2021")
    assert not away_goals_count("UEFA-CL", "2021/2022")
    assert not away_goals_count("ENG-LC", "2015/2016")
