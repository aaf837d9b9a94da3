"""Prices without their margin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.modelling.odds import devig_shin

prices = st.lists(st.floats(1.05, 30.0), min_size=3, max_size=3)


@given(prices)
def test_probabilities_add_up_and_keep_the_order_of_the_prices(row):
    """Rows add up to 1 and a lower price is a higher probability, whatever the margin."""
    p = devig_shin(np.array([row]))[0]

    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert (np.diff(p[np.argsort(row)]) <= 1e-12).all()


def test_shin_by_its_own_equation():
    """The prices of a book with 3 % insiders give its probabilities back."""
    p, z = np.array([0.6, 0.25, 0.15]), 0.03
    # Shin's pricing: q_i = sqrt(B (z p_i + (1 - z) p_i^2)) with B = (sum_i sqrt(z p_i + (1 - z) p_i^2))^2.
    root = np.sqrt(z * p + (1 - z) * p**2)
    odds = 1 / (root * root.sum())

    assert devig_shin(odds[None])[0] == pytest.approx(p, abs=1e-9)


def test_favourites_gain_against_plain_scaling():
    """Shin takes more of the margin from the outsider than scaling does."""
    odds = np.array([[1.3, 5.0, 11.0]])
    scaled = (1 / odds) / (1 / odds).sum()

    p = devig_shin(odds)

    assert p[0, 0] > scaled[0, 0]
    assert p[0, 2] < scaled[0, 2]


def test_fair_prices_stay_and_missing_ones_stay_missing():
    """Prices without a margin are their own probabilities; a row without a price is NaN."""
    p = devig_shin(np.array([[2.0, 4.0, 4.0], [2.0, np.nan, 4.0]]))

    assert p[0] == pytest.approx([0.5, 0.25, 0.25])
    assert np.isnan(p[1]).all()


def test_a_price_that_pays_nothing_is_refused():
    """Decimal prices are above 1."""
    with pytest.raises(ValueError, match="above 1"):
        devig_shin(np.array([[1.0, 4.0, 4.0]]))
