"""Reasons of a forecast: the contribution of each group of features, in log-odds and in words.

The log-odds of a home win against an away win are a sum: those of an average match, the logit's coefficients
times the distance of each feature from its training mean, and the trees' contributions (XGBoost's approximate
ones: each split moves the margin from its node's mean to its child's). They are summed by group, because the
features of a group are correlated and share their weight by chance.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import Reason
from soccer_assets.modelling.logit import OUTCOMES
from soccer_assets.modelling.neutral_ground import mirrored
from soccer_assets.modelling.outcome_model import ELO_FEATURE, THREADS, OutcomeModel

# Smaller contributions are left out: 0.02 log-odds move 50 % to 50.5 %.
LEAST_LOG_ODDS = 0.02
MAX_REASONS = 4


def contributions(
    model: OutcomeModel, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The contribution of each column to the margins, and the base margins without any.

    Both are divided by the temperature: ``softmax(base + parts.sum(axis=1))`` is the forecast.

    Args:
        model: any recipe.
        values: (n, k) features.

    Returns:
        parts (n, k, 3) and base (n, 3), which is the same for every row.
    """
    per_column = model.standardised(values)[:, :, None] * model.weights[1:]
    parts = np.zeros((len(values), len(model.feature_names), OUTCOMES))
    columns = model.design_columns
    for position, column in enumerate(columns):
        parts[:, column] += per_column[:, position]
    base = np.tile(model.weights[0], (len(values), 1))
    if model.boosters:
        trees = _tree_contributions(model, values)
        parts += trees[:, :, :-1].transpose(0, 2, 1)
        base += trees[:, :, -1]
    if model.anchor is not None:
        share, mean = model.anchor_share, model.center[None, : len(model.feature_names)]
        typical = model.anchor_margins(mean)
        parts, base = parts * (1.0 - share), base * (1.0 - share) + share * typical
        parts[:, model.feature_names.index(ELO_FEATURE)] += share * (model.anchor_margins(values) - typical)
    return parts / model.temperature, base / model.temperature


def reasons(
    model: OutcomeModel,
    values: NDArray[np.float64],
    group_of: Mapping[str, str],
    is_neutral: NDArray[np.bool_] | None = None,
    is_turned: NDArray[np.bool_] | None = None,
) -> list[tuple[Reason, ...]]:
    """The main reasons of each forecast, the strongest first.

    Args:
        model: the model that made the forecasts.
        values: (n, k) features of the matches.
        group_of: group of each feature; a feature without one is a group of its own.
        is_neutral: (n,) matches on neutral ground, see `neutral_ground.forecast`; none by default.
        is_turned: (n,) matches whose host is named second: the reasons are those of the order of the names.

    Raises:
        ValueError: the columns are not those of the model.
    """
    if values.ndim != 2 or values.shape[1] != len(model.feature_names):  # noqa: PLR2004  rows and columns
        raise ValueError(f"expected {len(model.feature_names)} features a row, not shape {values.shape}")
    names = [group_of.get(name, name) for name in model.feature_names]
    groups = list(dict.fromkeys(names))
    member = np.array([[name == group for name in names] for group in groups], np.float64)
    summed = np.einsum("gk,nkc->ngc", member, contributions(model, values)[0])
    if is_neutral is not None and is_neutral.any():
        swapped, _ = contributions(model, mirrored(values[is_neutral], model.feature_names))
        summed[is_neutral] += np.einsum("gk,nkc->ngc", member, swapped)[:, :, ::-1]
        summed[is_neutral] /= 2.0
    if is_turned is not None and is_turned.any():
        summed[is_turned] = summed[is_turned][:, :, ::-1]
    odds = summed[:, :, 0] - summed[:, :, 2]
    draws = summed[:, :, 1] - (summed[:, :, 0] + summed[:, :, 2]) / 2.0
    return [_strongest(groups, row, draw) for row, draw in zip(odds, draws, strict=True)]


def _strongest(
    groups: Sequence[str], odds: NDArray[np.float64], draws: NDArray[np.float64]
) -> tuple[Reason, ...]:
    size = np.maximum(np.abs(odds), np.abs(draws))
    order = np.argsort(-size, kind="stable")[:MAX_REASONS]
    return tuple(
        Reason(groups[at], float(odds[at]), float(draws[at]), _sentence(groups[at], odds[at], draws[at]))
        for at in order
        if size[at] >= LEAST_LOG_ODDS
    )


def _sentence(group: str, odds: float, draw: float) -> str:
    if abs(odds) >= abs(draw):
        side = "home side" if odds > 0 else "away side"
        return f"{group}: for the {side} ({abs(odds):.2f} log-odds)"
    return f"{group}: {'for' if draw > 0 else 'against'} a draw ({abs(draw):.2f} log-odds)"


def _tree_contributions(model: OutcomeModel, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """XGBoost's approximate contributions (n, 3, k + 1), the bias last, averaged over the boosters."""
    import xgboost as xgb  # noqa: PLC0415  not needed for the textbook model

    # Base margin 0: the logit's part is counted above. With a thread a core a single row takes 20 ms on two
    # busy cores; with one thread 0.1 ms.
    rows = xgb.DMatrix(values, base_margin=np.zeros((len(values), OUTCOMES)), nthread=THREADS)
    total = np.zeros((len(values), OUTCOMES, len(model.feature_names) + 1))
    for booster in model.boosters:
        total += booster.predict(rows, pred_contribs=True, approx_contribs=True).reshape(total.shape)
    return total / len(model.boosters)
