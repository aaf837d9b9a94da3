"""Goals agree with the outcome, and with hand-worked grids."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.ratings.parameters import GOAL_PARAMETERS, JOINT, LEAGUE
from soccer_assets.football.score_grid import DRAW_CORRELATION, goal_forecasts, score_grid

rates = st.floats(0.05, 6.0)


@st.composite
def forecasts(draw):
    parts = np.array(draw(st.tuples(*[st.floats(0.02, 1.0)] * 3)))
    return np.array([draw(rates)]), np.array([draw(rates)]), (parts / parts.sum())[None]


@given(forecasts())
@settings(max_examples=100, deadline=None)
def test_the_grid_keeps_the_outcome_probabilities(asked):
    """Wins, draws and defeats of the grid add up to what the model said."""
    grid = score_grid(*asked)[0]

    assert np.tril(grid, -1).sum() == pytest.approx(asked[2][0, 0])
    assert np.trace(grid) == pytest.approx(asked[2][0, 1])
    assert np.triu(grid, 1).sum() == pytest.approx(asked[2][0, 2])
    assert (grid >= 0).all()


@given(forecasts())
@settings(max_examples=50, deadline=None)
def test_every_answer_is_read_off_one_grid(asked):
    """Expected goals, over 2.5, both to score and the five likeliest scores are sums over the same cells."""
    grid = score_grid(*asked)[0]
    [answer] = goal_forecasts(*asked)
    scores = [(home, away) for home in range(16) for away in range(16)]

    assert answer.expected_home == pytest.approx(sum(home * grid[home, away] for home, away in scores))
    assert answer.expected_away == pytest.approx(sum(away * grid[home, away] for home, away in scores))
    assert answer.p_over_2_5 == pytest.approx(sum(grid[s] for s in scores if sum(s) >= 3))
    assert answer.p_both_score == pytest.approx(sum(grid[s] for s in scores if min(s) >= 1))
    assert [one.p for one in answer.likeliest_scores] == pytest.approx(np.sort(grid.ravel())[::-1][:5])
    assert all(one.p == grid[one.home, one.away] for one in answer.likeliest_scores)


def test_without_a_contradiction_the_grid_is_that_of_dixon_and_coles():
    """Given the 1x2 of its own rates, the grid is two Poisson counts with four cells weighted."""
    home, away = np.array([1.5]), np.array([1.1])
    neutral = score_grid(home, away, np.array([[1 / 3, 1 / 3, 1 / 3]]))[0]
    goals = np.arange(16)
    factorial = np.array([math.factorial(count) for count in goals])
    own = np.outer(math.exp(-1.5) * 1.5**goals / factorial, math.exp(-1.1) * 1.1**goals / factorial)
    own[0, 0] *= 1 - 1.5 * 1.1 * DRAW_CORRELATION
    own[0, 1] *= 1 + 1.5 * DRAW_CORRELATION
    own[1, 0] *= 1 + 1.1 * DRAW_CORRELATION
    own[1, 1] *= 1 - DRAW_CORRELATION
    outcome = np.array([[np.tril(own, -1).sum(), np.trace(own), np.triu(own, 1).sum()]])

    grid = score_grid(home, away, outcome / outcome.sum())[0]

    assert grid == pytest.approx(own / own.sum())
    assert np.abs(neutral - own).max() > 0.01


def test_a_favourite_is_expected_to_score_more():
    """2.1 against 0.8 with a strong favourite: most likely 2-0 or 1-0, and about 2.9 goals."""
    [answer] = goal_forecasts(np.array([2.1]), np.array([0.8]), np.array([[0.68, 0.19, 0.13]]))

    assert answer.expected_home + answer.expected_away == pytest.approx(2.9, abs=0.15)
    assert {(one.home, one.away) for one in answer.likeliest_scores[:2]} <= {(1, 0), (2, 0), (2, 1), (1, 1)}


def test_impossible_rates_and_probabilities_are_refused():
    """A rate of 0 and probabilities that do not add up have no grid."""
    with pytest.raises(ValueError, match="above 0"):
        score_grid(np.array([0.0]), np.array([1.0]), np.array([[0.4, 0.3, 0.3]]))
    with pytest.raises(ValueError, match="add up"):
        score_grid(np.array([1.0]), np.array([1.0]), np.array([[0.4, 0.3, 0.4]]))


def test_no_matches_have_no_goals():
    """An empty question has an empty answer."""
    assert goal_forecasts(np.empty(0), np.empty(0), np.empty((0, 3))) == []


def test_the_grid_has_the_joint_models_draws():
    """Scores are spread as the model expects whose rates they come from, which only compiled code reads."""
    assert GOAL_PARAMETERS[LEAGUE, JOINT]["draw_correlation"] == DRAW_CORRELATION
