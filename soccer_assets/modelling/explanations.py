"""Reasons of a forecast: the contribution of each group of features, in log-odds and in words.

The log-odds of a home win against an away win are a sum: those of an average match, the logit's coefficients
times the distance of each feature from its training mean, and the trees' contributions (XGBoost's approximate
ones: each split moves the margin from its node's mean to its child's). They are summed by group, because the
features of a group are correlated and share their weight by chance. An average match is the home ground.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import Reason
from soccer_assets.modelling.boosting import xgboost
from soccer_assets.modelling.logit import OUTCOMES
from soccer_assets.modelling.neutral_ground import mirrored
from soccer_assets.modelling.outcome_model import ELO_FEATURE, THREADS, OutcomeModel

# Smaller contributions are left out: 0.02 log-odds move 50 % to 50.5 %.
LEAST_LOG_ODDS = 0.02
MAX_REASONS = 4
# Smaller ones are 0.00 in a text.
SHOWN_LOG_ODDS = 0.005
LEAST_PROBABILITY = 1e-300
HOME_GROUND = "home ground"
EVERYTHING_ELSE = "everything else"
_SIDES = ("home side", "away side")
# On neutral ground, and where the host is named second, the side named first is no home side.
_NAMED_SIDES = ("side named first", "side named second")


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
    probabilities: NDArray[np.float64],
    is_neutral: NDArray[np.bool_] | None = None,
    is_turned: NDArray[np.bool_] | None = None,
) -> list[tuple[Reason, ...]]:
    """The main reasons of each forecast, the strongest first; what they list adds up to the forecast.

    Their log-odds sum to log(p_home / p_away), those of a draw to log(p_draw / sqrt(p_home p_away)).
    `HOME_GROUND` is the average match: the model's log-odds without any group. Groups that are not listed are
    summed as `EVERYTHING_ELSE`, which comes last.

    Args:
        model: the model that made the forecasts.
        values: (n, k) features of the matches.
        group_of: group of each feature; a feature without one is a group of its own.
        probabilities: (n, 3) the forecasts of home, draw and away, in the order of the names.
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
    neutral = np.zeros(len(values), np.bool_) if is_neutral is None else is_neutral
    turned = np.zeros(len(values), np.bool_) if is_turned is None else is_turned
    if neutral.any():
        swapped, _ = contributions(model, mirrored(values[neutral], model.feature_names))
        summed[neutral] += np.einsum("gk,nkc->ngc", member, swapped)[:, :, ::-1]
        summed[neutral] /= 2.0
    summed[turned] = summed[turned][:, :, ::-1]
    log_p = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    odds, draws = _log_odds(summed)
    all_odds, all_draws = _log_odds(log_p)
    # Not the model's base: the trees' contributions are of single precision and miss the forecast by 1e-6.
    odds = np.column_stack([odds, all_odds - odds.sum(axis=1)])
    draws = np.column_stack([draws, all_draws - draws.sum(axis=1)])
    sides = np.where((neutral | turned)[:, None], _NAMED_SIDES, _SIDES).tolist()
    return [_strongest([*groups, HOME_GROUND], *row) for row in zip(odds, draws, sides, strict=True)]


def _log_odds(margins: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-odds of home against away, and of a draw against both, of margins (..., 3)."""
    home, draw, away = np.moveaxis(margins, -1, 0)
    return home - away, draw - (home + away) / 2.0


def _strongest(
    groups: Sequence[str], odds: NDArray[np.float64], draws: NDArray[np.float64], sides: Sequence[str]
) -> tuple[Reason, ...]:
    size = np.maximum(np.abs(odds), np.abs(draws))
    ground = len(groups) - 1
    order = np.argsort(-size, kind="stable").tolist()
    listed = [at for at in order if at != ground and size[at] >= LEAST_LOG_ODDS][:MAX_REASONS]
    shown = [at for at in order if at in listed or at == ground]
    rest = [at for at in order if at not in shown and size[at] > 0.0]
    found = [(groups[at], float(odds[at]), float(draws[at])) for at in shown]
    if rest:
        found.append((EVERYTHING_ELSE, float(odds[rest].sum()), float(draws[rest].sum())))
    return tuple(
        Reason(group, log_odds, draw, _sentence(group, log_odds, draw, sides))
        for group, log_odds, draw in found
    )


def _sentence(group: str, odds: float, draw: float, sides: Sequence[str]) -> str:
    """Says both log-odds, each where two digits show it: neither hides the other's favourite."""
    said = []
    if abs(odds) >= SHOWN_LOG_ODDS:
        said.append(f"for the {sides[0] if odds > 0 else sides[1]} ({abs(odds):.2f} log-odds)")
    if abs(draw) >= SHOWN_LOG_ODDS:
        said.append(f"{'for' if draw > 0 else 'against'} a draw ({abs(draw):.2f} log-odds)")
    return f"{group}: {', '.join(said) or 'for neither side'}"


def _tree_contributions(model: OutcomeModel, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """XGBoost's approximate contributions (n, 3, k + 1), the bias last, averaged over the boosters."""
    xgb = xgboost()
    # Base margin 0: the logit's part is counted above. With a thread a core a single row takes 20 ms on two
    # busy cores; with one thread 0.1 ms.
    rows = xgb.DMatrix(values, base_margin=np.zeros((len(values), OUTCOMES)), nthread=THREADS)
    total = np.zeros((len(values), OUTCOMES, len(model.feature_names) + 1))
    for booster in model.boosters:
        total += booster.predict(rows, pred_contribs=True, approx_contribs=True).reshape(total.shape)
    return total / len(model.boosters)
