"""Goals agree with the outcome, and with hand-worked grids."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import FEATURE_NAMES, compute_features
from soccer_assets.football.score_grid import GOAL_FEATURES, goal_forecasts, score_grid
from tests.football.helpers import match, table

rates = st.floats(0.05, 6.0)
RHO = -0.073  # of leagues


def goal_features(home_rate, away_rate, *, tier=1, is_international=False):
    """One row of the features that a goal forecast is made from."""
    return np.array([[math.log(home_rate), math.log(away_rate), tier, is_international]])


@st.composite
def forecasts(draw):
    parts = np.array(draw(st.tuples(*[st.floats(0.02, 1.0)] * 3)))
    return draw(rates), draw(rates), (parts / parts.sum())[None]


@given(forecasts())
@settings(max_examples=100, deadline=None)
def test_the_grid_keeps_the_outcome_probabilities(asked):
    """Wins, draws and defeats of the grid add up to the given probabilities."""
    home, away, probabilities = asked
    grid = score_grid(np.array([home]), np.array([away]), np.array([RHO]), probabilities)[0]

    assert np.tril(grid, -1).sum() == pytest.approx(asked[2][0, 0])
    assert np.trace(grid) == pytest.approx(asked[2][0, 1])
    assert np.triu(grid, 1).sum() == pytest.approx(asked[2][0, 2])
    assert (grid >= 0).all()


@given(forecasts())
@settings(max_examples=50, deadline=None)
def test_every_answer_is_read_off_one_grid(asked):
    """Expected goals, over 2.5, both to score and the five likeliest scores are sums over the same cells."""
    home, away, probabilities = asked
    features = goal_features(home, away)
    rates = np.exp(features[:, :2])
    grid = score_grid(rates[:, 0], rates[:, 1], np.array([RHO]), probabilities)[0]
    [answer] = goal_forecasts(features, probabilities)
    scores = [(home, away) for home in range(16) for away in range(16)]

    assert answer.expected_home == pytest.approx(sum(home * grid[home, away] for home, away in scores))
    assert answer.expected_away == pytest.approx(sum(away * grid[home, away] for home, away in scores))
    assert answer.p_over_2_5 == pytest.approx(sum(grid[s] for s in scores if sum(s) >= 3))
    assert answer.p_both_score == pytest.approx(sum(grid[s] for s in scores if min(s) >= 1))
    assert [score.p for score in answer.likeliest_scores] == pytest.approx(np.sort(grid.ravel())[::-1][:5])
    assert all(score.p == grid[score.home, score.away] for score in answer.likeliest_scores)


def test_without_a_contradiction_the_grid_is_that_of_dixon_and_coles():
    """Given the 1x2 of its own rates, the grid is two Poisson counts with four cells weighted."""
    home, away, rho = np.array([1.5]), np.array([1.1]), np.array([RHO])
    neutral = score_grid(home, away, rho, np.array([[1 / 3, 1 / 3, 1 / 3]]))[0]
    goals = np.arange(16)
    factorial = np.array([math.factorial(count) for count in goals])
    own = np.outer(math.exp(-1.5) * 1.5**goals / factorial, math.exp(-1.1) * 1.1**goals / factorial)
    own[0, 0] *= 1 - 1.5 * 1.1 * RHO
    own[0, 1] *= 1 + 1.5 * RHO
    own[1, 0] *= 1 + 1.1 * RHO
    own[1, 1] *= 1 - RHO
    outcome = np.array([[np.tril(own, -1).sum(), np.trace(own), np.triu(own, 1).sum()]])

    grid = score_grid(home, away, rho, outcome / outcome.sum())[0]

    assert grid == pytest.approx(own / own.sum())
    assert np.abs(neutral - own).max() > 0.01


def test_a_favourite_is_expected_to_score_more():
    """2.1 against 0.8 with a strong favourite: most likely 2-0 or 1-0, and about 2.9 goals."""
    [answer] = goal_forecasts(goal_features(2.1, 0.8), np.array([[0.68, 0.19, 0.13]]))

    assert answer.expected_home + answer.expected_away == pytest.approx(2.9, abs=0.15)
    assert {(score.home, score.away) for score in answer.likeliest_scores[:2]} <= {
        (1, 0),
        (2, 0),
        (2, 1),
        (1, 1),
    }


def test_impossible_rates_and_probabilities_are_refused():
    """A rate of 0 and probabilities that do not add up have no grid."""
    with pytest.raises(ValueError, match="above 0"):
        score_grid(np.array([0.0]), np.array([1.0]), np.array([RHO]), np.array([[0.4, 0.3, 0.3]]))
    with pytest.raises(ValueError, match="add up"):
        score_grid(np.array([1.0]), np.array([1.0]), np.array([RHO]), np.array([[0.4, 0.3, 0.4]]))


def test_no_matches_have_no_goals():
    """An empty question has an empty answer."""
    assert goal_forecasts(np.empty((0, 4)), np.empty((0, 3))) == []


@pytest.mark.parametrize(
    ("kind", "over_2_5"),
    [({}, 0.4617), ({"tier": 0}, 0.4524), ({"tier": 0, "is_international": True}, 0.4564)],
)
def test_each_kind_of_match_has_its_own_draws(kind, over_2_5):
    """Low scores are likelier in leagues than in cups: the joint model's rho is -.073, .039 and -.013."""
    [answer] = goal_forecasts(goal_features(1.4, 1.1, **kind), np.array([[0.45, 0.27, 0.28]]))

    assert answer.p_over_2_5 == pytest.approx(over_2_5, abs=5e-5)


@pytest.mark.parametrize(
    ("kind", "rho"), [({}, -0.073), ({"tier": 0}, 0.039), ({"tier": 0, "is_international": True}, -0.013)]
)
def test_the_grid_is_the_joint_models_own_where_they_agree(kind, rho):
    """Given the joint model's own 1x2, the chance that both score is that of its Dixon-Coles grid."""
    features, _ = compute_features(table(match("a", "2024-08-17T15:00", "Ash", "Birch", **kind)))
    goals = features.values[:, [FEATURE_NAMES.index(name) for name in GOAL_FEATURES]]
    odds, draw_odds = features.column("joint_log_odds")[0], features.column("joint_draw_log_odds")[0]
    weights = np.exp([odds / 2, draw_odds, -odds / 2])

    [answer] = goal_forecasts(goals, (weights / weights.sum())[None])

    home, away = np.exp(goals[0, :2])
    goalless = math.exp(-home - away) * (1 - home * away * rho)
    # A side without a goal: the weights of 0-0 and 0-1 (or 1-0) cancel.
    assert answer.p_both_score == pytest.approx(1 - math.exp(-home) - math.exp(-away) + goalless, abs=1e-5)
