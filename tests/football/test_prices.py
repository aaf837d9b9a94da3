"""Kinds of prices, and the goal rates behind them."""

import numpy as np
import pytest

from soccer_assets.football.prices import PriceKind, price_kind_of, price_rates
from soccer_assets.football.ratings.goal_model import outcome_log_odds
from soccer_assets.football.ratings.price_rates import log_goal_rates, shin_probabilities
from soccer_assets.modelling.odds import devig_shin


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("avg_closing", PriceKind.CLOSING_AVERAGE),
        ("simulated_closing", PriceKind.CLOSING_AVERAGE),
        ("pinnacle_closing", PriceKind.CLOSING),
        ("espn_closing", PriceKind.CLOSING),
        ("avg", PriceKind.AVERAGE),
        ("betbrain_avg", PriceKind.AVERAGE),
        ("bet365", PriceKind.EARLIER),
        ("", PriceKind.NONE),
        (None, PriceKind.NONE),
    ],
)
def test_what_is_not_closing_is_not_called_closing(name, kind):
    """The kind decides the noise; only averages at kickoff are a market."""
    assert price_kind_of(name) is kind


def random_prices(count):
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([5.0, 3.0, 4.0], count)
    return rng.uniform(0.93, 1.0, (count, 1)) / np.clip(chances, 0.02, 0.95)


def test_compiled_shin_is_the_evaluations_shin():
    """Two ways to the same probabilities."""
    prices = random_prices(300)

    assert shin_probabilities(prices) == pytest.approx(devig_shin(prices), abs=1e-12)


@pytest.mark.parametrize("rho", [-0.073, 0.039, 0.0])
def test_the_rates_of_a_price_give_its_probabilities_back(rho):
    """The goal model's own log odds of the rates are those of the price."""
    probabilities = np.random.default_rng(1).dirichlet([40.0, 26.0, 34.0], 200)

    rates, is_found = log_goal_rates(probabilities, np.full(200, rho))

    assert is_found.all()
    for (home, away), (p_home, p_draw, p_away) in zip(rates, probabilities, strict=True):
        odds, draw_odds = outcome_log_odds(np.exp(home), np.exp(away), rho)
        assert odds == pytest.approx(np.log(p_home / p_away), abs=1e-9)
        assert draw_odds == pytest.approx(np.log(p_draw) - 0.5 * np.log(p_home * p_away), abs=1e-9)


def test_prices_that_no_goals_explain_are_no_price():
    """A draw at 1.05, a missing price, and one of 1: left out, the others kept."""
    prices = np.array([[2.1, 3.3, 3.6], [30.0, 1.05, 30.0], [2.1, np.nan, 3.6], [1.0, 9.0, 9.0]])

    rates, has_price = price_rates(prices, np.full(4, -0.073))

    assert has_price.tolist() == [True, False, False, False]
    assert not rates[1:].any()
    assert rates[0, 0] > rates[0, 1]
