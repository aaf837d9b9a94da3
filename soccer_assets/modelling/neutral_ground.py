"""Neutral ground: a forecast that does not depend on which side is listed first; and hosts listed second.

A model has few neutral matches to train on and keeps an advantage for the first side. So a neutral match is
forecast in both orders, and the margins are averaged (a logarithmic pool), which keeps reasons additive. The
graph's predictions and pairings scored over HTTP both use it. A match whose host is listed second is turned
round before it reaches a model, and its forecast is turned back.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.outcome_model import OutcomeModel


def forecast(
    model: OutcomeModel, values: NDArray[np.float64], is_neutral: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Probabilities (n, 3) of home, draw and away; swapping the sides of a neutral match swaps them too.

    Args:
        model: any recipe.
        values: (n, k) features, columns as in the model's.
        is_neutral: (n,) whether each match is on neutral ground.

    Raises:
        ValueError: the columns are not the model's, or a value is not finite.
    """
    margins = model.margins(values)
    if is_neutral.any():
        swapped = model.margins(mirrored(values[is_neutral], model.feature_names))
        margins[is_neutral] = (margins[is_neutral] + swapped[:, ::-1]) / 2.0
    probabilities: NDArray[np.float64] = np.exp(log_softmax(margins / model.temperature))
    return probabilities


def turned_back(values: NDArray[np.float64], is_turned: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Columns (n, 3) of home, draw and away with home and away exchanged where a match was turned round."""
    exchanged: NDArray[np.float64] = np.where(is_turned[:, None], values[:, ::-1], values)
    return exchanged


def mirrored(values: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """The features of the same neutral matches with home and away in the other order.

    A feature of one side is exchanged with the other side's. One that compares them (a gap, log-odds of home
    against away) changes its sign, an expectation e becomes 1 - e, and one of both stays.
    """
    swapped = values[:, [_partner(name, names) for name in names]]
    for column, name in enumerate(names):
        if name.endswith("_expectation"):
            swapped[:, column] = 1.0 - swapped[:, column]
        elif name.endswith("_gap") or (name.endswith("_log_odds") and "draw" not in name):
            swapped[:, column] = -swapped[:, column]
    return swapped


def _partner(name: str, names: Sequence[str]) -> int:
    """The column of the other side; the same one for a feature of no single side."""
    words = name.split("_")
    other = {"home": "away", "away": "home"}
    # Only the first such word is a side: `away_pi_home` is the away side's home rating.
    side = next((number for number, word in enumerate(words) if word in other), None)
    if side is None:
        return names.index(name)
    partner = "_".join([*words[:side], other[words[side]], *words[side + 1 :]])
    # `league_home_rate` is a league's: it has no partner.
    return names.index(partner if partner in names else name)
