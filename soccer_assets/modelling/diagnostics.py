"""Diagnostics of a fitted model: its learning curve, and the gain of each feature in its trees."""

import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.logit import log_softmax
from soccer_assets.modelling.metrics import log_loss
from soccer_assets.modelling.outcome_model import OutcomeModel

CURVE_POINTS = 15


def learning_curve(
    model: OutcomeModel, values: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> list[tuple[int, float]]:
    """Log loss on rows (n, k) with outcomes (n,) by number of rounds of trees; 0 is the logit alone."""
    points = [0]
    if model.boosters:
        points += np.unique(np.linspace(1, max(model.rounds), CURVE_POINTS).round().astype(int)).tolist()
    margins = (model.margins(values, rounds) for rounds in points)
    return [
        (rounds, log_loss(np.exp(log_softmax(margin / model.temperature)), outcomes))
        for rounds, margin in zip(points, margins, strict=True)
    ]


def feature_gains(model: OutcomeModel) -> dict[str, float]:
    """Share of each feature in the total gain of all splits, the largest first; empty without trees."""
    gains: dict[str, float] = {}
    for booster in model.boosters:
        for column, gain in booster.get_score(importance_type="total_gain").items():
            # XGBoost calls the columns of a matrix f0, f1, ...
            name = model.feature_names[int(column.removeprefix("f"))]
            gains[name] = gains.get(name, 0.0) + gain
    total = sum(gains.values()) or 1.0
    return {name: gain / total for name, gain in sorted(gains.items(), key=lambda pair: -pair[1])}
