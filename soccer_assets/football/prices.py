"""Bookmakers' prices: their kinds, the probabilities behind them, and the goals that these imply.

A price enters the ratings with its match's result, see ``ratings/price_news.py``. Which columns of a provider
are a price is decided by its feed.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.ratings.price_rates import log_goal_rates, shin_probabilities

# The kinds that are a market: averages of many books at kickoff, and the simulated feed's only book.
MARKET_KINDS = ("avg_closing", "simulated_closing")
_CLOSING, _AVERAGE = "_closing", "avg"


class PriceKind(IntEnum):
    """What a price is, as far as its noise goes; numbers are rows of ``parameters.PRICE_NOISE``."""

    NONE = 0
    CLOSING_AVERAGE = 1
    CLOSING = 2
    AVERAGE = 3
    EARLIER = 4


def price_kind_of(kind: str | None) -> PriceKind:
    """The kind of a price by its name, such as ``avg_closing``, ``betbrain_avg`` or ``bet365``."""
    if not kind:
        return PriceKind.NONE
    if kind in MARKET_KINDS:
        return PriceKind.CLOSING_AVERAGE
    if kind.endswith(_CLOSING):
        return PriceKind.CLOSING
    return PriceKind.AVERAGE if _AVERAGE in kind.split("_") else PriceKind.EARLIER


def price_rates(
    prices: NDArray[np.float64], draw_correlations: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log goal rates (n, 2) whose score grid has the probabilities of the prices, and where there are any.

    Args:
        prices: (n, 3) decimal prices of home, draw and away, NaN where unknown.
        draw_correlations: (n,) Dixon-Coles rho of each match.
    """
    has_price: NDArray[np.bool_] = np.all(np.isfinite(prices) & (prices > 1.0), axis=1)
    rates = np.zeros((len(prices), 2))
    probabilities = shin_probabilities(prices[has_price])
    rates[has_price], is_found = log_goal_rates(probabilities, draw_correlations[has_price])
    has_price[has_price] = is_found
    return rates, has_price
