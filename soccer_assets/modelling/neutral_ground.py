"""Neutral ground: a forecast that does not depend on which of the two sides is written first.

A fitted model has seen few neutral matches and keeps an advantage for the first side. So a neutral match is
asked both ways, and the margins of both answers are averaged (a logarithmic pool), which keeps the reasons a
sum. The graph's predictions and pairings asked over HTTP go through here alike.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.outcome_model import OutcomeModel


def forecast(
    model: OutcomeModel, values: NDArray[np.float64], is_neutral: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Probabilities (n, 3) of home, draw and away; equal but for their order where a neutral pair is swapped.

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


def mirrored(values: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """The features of the same neutral matches with home and away in the other order.

    What is said of one side is exchanged with the other side's; what compares them (a gap, log-odds of home
    against away) turns its sign, an expectation is taken from 1; what is said of both stays.
    """
    swapped = values[:, [_partner(name, names) for name in names]]
    for column, name in enumerate(names):
        if name.endswith("_expectation"):
            swapped[:, column] = 1.0 - swapped[:, column]
        elif name.endswith("_gap") or (name.endswith("_log_odds") and "draw" not in name):
            swapped[:, column] = -swapped[:, column]
    return swapped


def _partner(name: str, names: Sequence[str]) -> int:
    """The column of the other side, or the same one where the feature speaks of no single side."""
    words = name.split("_")
    other = {"home": "away", "away": "home"}
    # Only the first such word is a side: `away_pi_home` is what the away side is on its own ground.
    side = next((number for number, word in enumerate(words) if word in other), None)
    if side is None:
        return names.index(name)
    partner = "_".join([*words[:side], other[words[side]], *words[side + 1 :]])
    # `league_home_rate` speaks of a league: it has no partner.
    return names.index(partner if partner in names else name)
