"""Forecasts of fixtures by one model: probabilities, goals, and the reasons behind them.

Not here: which fixtures there are and how forecasts are stored (``stores/predictions.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soccer_assets.contract.release import OUTCOMES, Reason
from soccer_assets.football.features import FEATURE_GROUPS
from soccer_assets.football.knock_out import Tie, p_home_advances
from soccer_assets.football.match_scores import grid_of
from soccer_assets.football.score_grid import GoalForecast, goal_columns, goal_forecasts
from soccer_assets.modelling.explanations import reasons
from soccer_assets.modelling.information import reads_prices
from soccer_assets.modelling.neutral_ground import forecast, turned_back
from soccer_assets.modelling.outcome_model import OutcomeModel


@dataclass(frozen=True, eq=False)
class FixtureForecasts:
    """Forecasts of n fixtures, in their order.

    Attributes:
        probabilities: (n, 3) of home, draw and away.
        goals: n forecasts of the goals, consistent with the probabilities.
        reasons: n tuples, the strongest reason first; empty tuples where none were asked for.
        reads_prices: (n,) whether the model knew a price of a recent match of either side.
        p_home_advances: (n,) that the side at home goes on from a cup tie; NaN where none is decided.
    """

    probabilities: NDArray[np.float64]
    goals: list[GoalForecast]
    reasons: list[tuple[Reason, ...]]
    reads_prices: NDArray[np.bool_]
    p_home_advances: NDArray[np.float64]


def forecast_fixtures(
    model: OutcomeModel,
    values: NDArray[np.float64],
    feature_names: Sequence[str],
    is_neutral: NDArray[np.bool_],
    *,
    with_reasons: bool,
    is_turned: NDArray[np.bool_] | None = None,
    first_half_shares: Sequence[float] | None = None,
    ties: Sequence[Tie | None] | None = None,
) -> FixtureForecasts:
    """Forecasts of one model for fixtures whose features are ``values``.

    Args:
        model: any recipe.
        values: (n, k) features; n may be 0.
        feature_names: the k columns of ``values``; the model may read fewer of them.
        is_neutral: (n,) whether each fixture is on neutral ground.
        is_turned: (n,) whether the features have the side named second at home; none by default.
            The forecasts are those of the sides as they are named.
        first_half_shares: (n,) share of the goals before half-time; the usual one by default.
        ties: (n,) what decides beside each match who goes on; None where nothing does, as by default.
        with_reasons: whether to explain each forecast, which costs more than making it.

    Raises:
        ValueError: a feature that the model reads is missing, or a value is not finite.
    """
    if not len(values):
        return FixtureForecasts(np.empty((0, len(OUTCOMES))), [], [], np.zeros(0, np.bool_), np.empty(0))
    inputs = values[:, [feature_names.index(name) for name in model.feature_names]]
    goal_features = values[:, [feature_names.index(name) for name in goal_columns(model.feature_names)]]
    turned = np.zeros(len(values), np.bool_) if is_turned is None else is_turned
    probabilities = turned_back(forecast(model, inputs, is_neutral), turned)
    goal_features[turned, :2] = goal_features[turned, 1::-1]
    goals = goal_forecasts(goal_features, probabilities, first_half_shares)
    return FixtureForecasts(
        probabilities=probabilities,
        goals=goals,
        reasons=reasons(model, inputs, FEATURE_GROUPS, probabilities, is_neutral, turned)
        if with_reasons
        else [()] * len(values),
        reads_prices=reads_prices(model.feature_names, inputs),
        p_home_advances=_p_home_advances(probabilities, goals, ties or [None] * len(values)),
    )


def _p_home_advances(
    probabilities: NDArray[np.float64], goals: Sequence[GoalForecast], ties: Sequence[Tie | None]
) -> NDArray[np.float64]:
    chances = np.full(len(ties), np.nan)
    for number, tie in enumerate(ties):
        if tie is not None:
            p_home, p_draw, p_away = probabilities[number].tolist()
            rates = goals[number].goal_model
            chances[number] = p_home_advances(grid_of(rates, (p_home, p_draw, p_away)), rates, tie)
    return chances
