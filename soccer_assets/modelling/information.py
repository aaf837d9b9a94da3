"""What a model and a forecast have read: results, match statistics, prices of past matches."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.features import PRICE_FEATURES
from soccer_assets.football.match_table import MatchTable

RESULTS = "results"
STATISTICS = "results+statistics"
PRICES = "results+statistics+prices"

_PRICE_SHARES = ("home_price_share", "away_price_share")


def columns_read(
    values: NDArray[np.float64], feature_names: Sequence[str], *, use_prices: bool = True
) -> tuple[str, ...]:
    """The columns that a model is trained with: the price group only where a training row has price news.

    Args:
        values: (n, k) features of the training rows.
        feature_names: the k columns.
        use_prices: whether prices may be read at all.
    """
    shares = [feature_names.index(name) for name in _PRICE_SHARES if name in feature_names]
    if use_prices and shares and values[:, shares].any():
        return tuple(feature_names)
    return tuple(name for name in feature_names if name not in PRICE_FEATURES)


def information_of_model(feature_names: Sequence[str], trained_on: MatchTable) -> str:
    """What a model has read, by its columns and the matches that it was fitted on."""
    if set(PRICE_FEATURES) <= set(feature_names):
        return PRICES
    return STATISTICS if (trained_on.statistics[:, 0, 0] >= 0).any() else RESULTS


def reads_prices(feature_names: Sequence[str], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the forecast of each row, (n,), has read a price: of one of both sides' last eight matches.

    Args:
        feature_names: the k columns that the model reads.
        values: (n, k) these columns.
    """
    shares = [feature_names.index(name) for name in _PRICE_SHARES if name in feature_names]
    found: NDArray[np.bool_] = np.any(values[:, shares] > 0.0, axis=1)
    return found


def information_of_row(of_model: str, *, has_price: bool) -> str:
    """What one forecast has read: a model with prices has no news of some teams.

    Args:
        of_model: the model's own information; empty where it is unknown, as of older versions' models.
        has_price: see `reads_prices`.
    """
    return STATISTICS if of_model == PRICES and not has_price else of_model
