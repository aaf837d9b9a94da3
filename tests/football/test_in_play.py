"""Matches under way: what is left of the rates, the score so far, and nothing that jumps."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.in_play import ExtraTimeError, State, clock_at, rest_of_match
from soccer_assets.football.match_scores import grid_of, outcome_of_grid
from soccer_assets.football.under_way import forecast_under_way

GOALS, CHANCES = GoalModel(1.5, 1.1, -0.073, 0.44), (0.46, 0.27, 0.27)


def at(minute, home_goals=0, away_goals=0, **reds):
    """The forecast of a match that stands so."""
    state = State(home_goals=home_goals, away_goals=away_goals, **reds)
    return forecast_under_way(GOALS, CHANCES, state, clock_at(minute, GOALS.first_half_share))


def test_at_kickoff_it_is_the_forecast_before_it():
    """Minute 0 without goals changes nothing."""
    found = at(0)

    assert found.probabilities == pytest.approx(CHANCES)
    assert np.array(rest_of_match(GOALS, CHANCES, State(), 0.0)) == pytest.approx(
        np.array(grid_of(GOALS, CHANCES))
    )


@pytest.mark.parametrize("share", [0.1, 0.44, 0.9])
@pytest.mark.parametrize("score", [(0, 0), (1, 0), (2, 3)])
def test_the_rest_is_the_grid_given_the_goals_so_far(share, score):
    """Bayes, cell by cell: P(final) times the chance that just these goals fell by now."""
    grid = grid_of(GOALS, CHANCES)
    expected = np.zeros((16, 16))
    for i in range(score[0], 16):
        for j in range(score[1], 16):
            fallen = math.prod(
                math.comb(all_goals, so_far) * share**so_far * (1 - share) ** (all_goals - so_far)
                for all_goals, so_far in ((i, score[0]), (j, score[1]))
            )
            expected[i - score[0], j - score[1]] = grid[i][j] * fallen
    expected /= expected.sum()

    found = rest_of_match(GOALS, CHANCES, State(home_goals=score[0], away_goals=score[1]), share)

    assert np.array(found) == pytest.approx(expected, abs=1e-9)


def test_the_clock():
    """The first half has 47 minutes of goals, the second 50; 45+x is its end, whatever x."""
    assert clock_at(0, 0.44).played_share == 0.0
    assert clock_at(30, 0.44).played_share == pytest.approx(0.44 * 30 / 47)
    assert clock_at(45, 0.44).played_share == pytest.approx(0.44 * 45 / 47)
    assert clock_at("45+1", 0.44) == clock_at("45+9", 0.44)
    assert clock_at("45+1", 0.44).played_share == 0.44
    assert clock_at("45+1", 0.44).first_half_share is None
    assert clock_at(60, 0.44).played_share == pytest.approx(0.44 + 0.56 * 15 / 50)
    assert clock_at(90, 0.44).played_share == pytest.approx(0.44 + 0.56 * 45 / 50)
    assert clock_at("90+2", 0.44).played_share == pytest.approx(0.44 + 0.56 * 47 / 50)
    assert clock_at("90+9", 0.44).played_share == pytest.approx(0.44 + 0.56 * 49 / 50)
    assert clock_at("67", 0.44) == clock_at(67, 0.44)


@pytest.mark.parametrize("minute", [91, 105, 120, "105+1", "120+3"])
def test_extra_time_has_no_forecast(minute):
    """A forecast is about 90 minutes."""
    with pytest.raises(ExtraTimeError):
        clock_at(minute, 0.44)


@pytest.mark.parametrize("minute", ["", "half-time", "-1", "60+2", "45+", "4.5"])
def test_what_is_no_minute_is_refused(minute):
    """Time is added to 45 and 90 only."""
    with pytest.raises(ValueError, match="no minute"):
        clock_at(minute, 0.44)


def test_a_lead_grows_with_time_and_a_red_card_costs():
    """1-0 is worth more at 80 than at 20; a sending-off moves both sides."""
    early, late = at(20, 1, 0), at(80, 1, 0)
    reduced = at(20, 1, 0, home_reds=1)

    assert CHANCES[0] < early.probabilities[0] < late.probabilities[0] < 1
    assert reduced.probabilities[0] < early.probabilities[0]
    assert reduced.rest.home < early.rest.home
    assert reduced.rest.away > early.rest.away
    assert late.markets.half_time is None
    assert early.markets.half_time.home.win > early.probabilities[0]
    assert early.goals.expected_home == pytest.approx(1 + early.rest.home)


def test_markets_are_those_of_the_final_score():
    """At 2-1 over 2.5 is won, and no exact score below it can come."""
    markets = at(70, 2, 1).markets
    totals = {total.line: total for total in markets.totals}

    assert totals[2.5].over.win == pytest.approx(1.0)
    assert totals[2.5].under.fair_odds is None
    assert {(score.home, score.away) for score in markets.exact_scores} >= {(2, 1), (5, 5)}
    assert min(score.home for score in markets.exact_scores) == 2
    assert markets.both_to_score.yes.win == pytest.approx(1.0)


@given(
    minute=st.integers(0, 90) | st.sampled_from(["45+2", "90+4"]),
    score=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    reds=st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
@settings(max_examples=40, deadline=None)
def test_every_state_has_a_forecast_that_adds_up(minute, score, reds):
    """Any score and any cards: probabilities from 0 to 1 that add up, finite goals."""
    found = at(minute, *score, home_reds=reds[0], away_reds=reds[1])

    assert sum(found.probabilities) == pytest.approx(1.0)
    assert min(found.probabilities) >= 0.0
    assert math.isfinite(found.rest.home + found.rest.away)
    assert found.goals.expected_home >= score[0]
    grid = rest_of_match(GOALS, CHANCES, State(home_goals=score[0], away_goals=score[1]), 0.5)
    assert sum(outcome_of_grid(grid)) == pytest.approx(1.0)
