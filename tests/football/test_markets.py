"""Markets of one grid: hand-worked settlements, mirrored sides, and the served 1x2 kept."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.contract.markets import GoalModel
from soccer_assets.football.markets import (
    HANDICAP_LINES,
    TOTAL_LINES,
    all_markets,
    fair_odds,
    markets_of,
    settle,
)
from soccer_assets.football.match_scores import grid_of, half_time_outcome
from soccer_assets.football.score_grid import goal_forecasts, score_grid

# 1-0 .25, 2-0 .15, 0-0 .1, 1-1 .2, 0-1 .2, 0-2 .1: home leads by 2, 1, 0, -1, -2 with .15, .25, .3, .2, .1.
GRID = [[0.1, 0.2, 0.1], [0.25, 0.2, 0.0], [0.15, 0.0, 0.0]]


def settlement(bet):
    """The five probabilities and the price of a bet."""
    return (bet.win, bet.half_win, bet.push, bet.half_lose, bet.lose, bet.fair_odds)


@st.composite
def matches(draw):
    parts = draw(st.tuples(*[st.floats(0.02, 1.0)] * 3))
    rates = [draw(st.floats(0.05, 6.0)) for _ in range(2)]
    goals = GoalModel(*rates, draw(st.sampled_from([-0.073, 0.039, -0.013])), draw(st.floats(0.3, 0.6)))
    return goals, tuple(part / sum(parts) for part in parts)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Draw: half the stake is lost at -.5, half is returned at 0; 1 + (.3 + .15) / .4.
        (-0.25, (0.4, 0.0, 0.0, 0.3, 0.3, 2.125)),
        (-0.5, (0.4, 0.0, 0.0, 0.0, 0.6, 2.5)),
        # Won by one: half wins at -.5, half is returned at -1; 1 + .6 / (.15 + .125).
        (-0.75, (0.15, 0.25, 0.0, 0.0, 0.6, 1 + 0.6 / 0.275)),
        (-1.0, (0.15, 0.0, 0.25, 0.0, 0.6, 5.0)),
        # Draw: half is returned at 0, half wins at +.5; 1 + .3 / (.4 + .15).
        (0.25, (0.4, 0.3, 0.0, 0.0, 0.3, 1 + 0.3 / 0.55)),
        (0.0, (0.4, 0.0, 0.3, 0.0, 0.3, 1.75)),
        # Nothing wins by three: no price is fair.
        (-3.0, (0.0, 0.0, 0.0, 0.0, 1.0, None)),
        (3.0, (1.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    ],
)
def test_handicaps_by_hand(line, expected):
    """Each line of one small grid, worked out on paper."""
    bets = {each.line: each.bet for each in all_markets(GRID, None).asian_handicap.home}

    assert settlement(bets[line]) == pytest.approx(expected)


def test_other_markets_by_hand():
    """The same grid: 1.7 goals a match; 2 or fewer in each."""
    markets = all_markets(GRID, (0.3, 0.5, 0.2))
    totals = {total.line: total for total in markets.totals}

    assert settlement(totals[1.5].over) == pytest.approx((0.45, 0, 0, 0, 0.55, 1 + 0.55 / 0.45))
    # Two goals: half wins over 1.75, since half the stake is on 1.5 and half on 2.
    assert settlement(totals[1.75].over)[:5] == pytest.approx((0.0, 0.45, 0, 0, 0.55))
    assert settlement(totals[2.0].over) == pytest.approx((0, 0, 0.45, 0, 0.55, None), nan_ok=True)
    assert settlement(totals[2.0].under)[:5] == pytest.approx((0.55, 0, 0.45, 0, 0))
    assert settlement(totals[2.25].under)[:5] == pytest.approx((0.55, 0.45, 0, 0, 0))
    assert markets.both_to_score.yes.win == pytest.approx(0.2)
    assert markets.double_chance.home_or_draw.win == pytest.approx(0.7)
    assert markets.double_chance.home_or_away.win == pytest.approx(0.7)
    assert markets.double_chance.draw_or_away.win == pytest.approx(0.6)
    assert settlement(markets.draw_no_bet.away) == pytest.approx((0.3, 0, 0.3, 0, 0.4, 1 + 0.4 / 0.3))
    assert markets.clean_sheet.home.yes.win == pytest.approx(0.5)
    assert markets.clean_sheet.away.yes.win == pytest.approx(0.4)
    assert markets.win_to_nil.home.yes.win == pytest.approx(0.4)
    assert markets.win_to_nil.away.no.win == pytest.approx(0.7)
    assert markets.team_totals.home[0].over.win == pytest.approx(0.6)
    assert markets.team_totals.away[1].under.win == pytest.approx(0.9)
    assert markets.half_time.draw.fair_odds == pytest.approx(2.0)
    assert markets.other_score.win == pytest.approx(0.0)


def test_a_bet_that_cannot_win_has_no_fair_price():
    """A denominator of 0 has an answer: none, also where it is rounding alone."""
    assert fair_odds(0.0, 0.0, 0.0, 1.0) is None
    assert fair_odds(1e-17, 0.0, 0.0, 1.0) is None
    assert fair_odds(0.0, 0.0, 0.0, 0.0) is None  # always returned: any price is as good
    assert fair_odds(0.5, 0.0, 0.5, 0.0) == 1.5


def test_lines_are_in_quarters():
    """A third of a goal is no line."""
    with pytest.raises(ValueError, match="quarters"):
        settle({0: 1.0}, 1 / 3)


@given(matches())
@settings(max_examples=25, deadline=None)
def test_sides_mirror_and_every_bet_adds_up(asked):
    """Home at a line is the contrary of away at minus it; a match with sides exchanged has them exchanged."""
    goals, (p_home, p_draw, p_away) = asked
    markets = markets_of(goals, (p_home, p_draw, p_away))
    turned = GoalModel(goals.away_rate, goals.home_rate, goals.draw_correlation, goals.first_half_share)
    mirrored = markets_of(turned, (p_away, p_draw, p_home))
    away = {each.line: each.bet for each in markets.asian_handicap.away}

    assert tuple(each.line for each in markets.asian_handicap.home) == HANDICAP_LINES
    for each, other in zip(markets.asian_handicap.home, mirrored.asian_handicap.away, strict=True):
        five = settlement(each.bet)[:5]
        assert settlement(away[-each.line])[:5] == pytest.approx(five[::-1], abs=1e-12)
        assert settlement(other.bet) == pytest.approx(settlement(each.bet), rel=1e-9, abs=1e-9)
        assert sum(five) == pytest.approx(1.0)
        # At the fair price a stake of 1 gains nothing.
        price = each.bet.fair_odds
        if price is not None and price < 1e6:
            gain = (price - 1) * (five[0] + five[1] / 2) - five[3] / 2 - five[4]
            assert gain == pytest.approx(0.0, abs=1e-9)
    assert tuple(each.line for each in markets.totals) == TOTAL_LINES
    for total in markets.totals:
        assert settlement(total.under)[:5] == pytest.approx(settlement(total.over)[4::-1], abs=1e-12)


@given(matches())
@settings(max_examples=25, deadline=None)
def test_every_market_is_that_of_the_served_forecast(asked):
    """The 1x2, over 2.5 and both to score that are served are those of the markets."""
    goals, chances = asked
    markets = markets_of(goals, chances)
    rates = np.log([[goals.home_rate, goals.away_rate]])
    kinds = {-0.073: (1, 0), 0.039: (0, 0), -0.013: (0, 1)}[goals.draw_correlation]
    [served] = goal_forecasts(np.hstack([rates, [kinds]]), np.array([chances]), [goals.first_half_share])
    totals = {total.line: total for total in markets.totals}
    handicaps = {each.line: each.bet for each in markets.asian_handicap.home}
    scores = {(each.home, each.away): each.bet.win for each in markets.exact_scores}

    outcome = markets.outcome
    assert (outcome.home.win, outcome.draw.win, outcome.away.win) == pytest.approx(chances)
    assert handicaps[-0.5].win == pytest.approx(chances[0])
    assert (handicaps[0.0].win, handicaps[0.0].push) == pytest.approx(chances[:2])
    assert settlement(markets.draw_no_bet.home) == settlement(handicaps[0.0])
    assert totals[2.5].over.win == pytest.approx(served.p_over_2_5)
    assert markets.both_to_score.yes.win == pytest.approx(served.p_both_score)
    for score in served.likeliest_scores:
        if max(score.home, score.away) <= 5:
            assert scores[score.home, score.away] == pytest.approx(score.p)
    assert sum(scores.values()) + markets.other_score.win == pytest.approx(1.0)


@given(matches())
@settings(max_examples=25, deadline=None)
def test_one_grid_in_plain_python_is_that_of_many(asked):
    """The sidecar's own process and numpy make the same grid."""
    goals, chances = asked
    many = score_grid(
        *(np.array([each]) for each in (goals.home_rate, goals.away_rate, goals.draw_correlation)),
        np.array([chances]),
    )[0]

    assert np.array(grid_of(goals, chances)) == pytest.approx(many, abs=1e-12)


@given(matches())
@settings(max_examples=15, deadline=None)
def test_half_time_is_the_thinned_grid(asked):
    """Each goal falls before half-time by the toss of one coin, whatever the score."""
    goals, chances = asked
    grid, share = np.array(grid_of(goals, chances)), goals.first_half_share
    thinning = np.array(
        [
            [math.comb(n, k) * share**k * (1 - share) ** (n - k) if k <= n else 0.0 for k in range(16)]
            for n in range(16)
        ]
    )
    half_time = thinning.T @ grid @ thinning

    home, draw, away = half_time_outcome(grid.tolist(), share)

    assert home == pytest.approx(np.tril(half_time, -1).sum())
    assert draw == pytest.approx(np.trace(half_time))
    assert away == pytest.approx(np.triu(half_time, 1).sum())


def test_the_first_half_is_no_half_or_all_at_its_ends():
    """With no goal before half-time it is a draw; with all goals before it, half-time is full time."""
    goals, chances = GoalModel(1.4, 1.1, -0.073, 0.44), (0.45, 0.27, 0.28)

    assert half_time_outcome(grid_of(goals, chances), 0.0) == pytest.approx((0.0, 1.0, 0.0))
    assert half_time_outcome(grid_of(goals, chances), 1.0) == pytest.approx(chances)
