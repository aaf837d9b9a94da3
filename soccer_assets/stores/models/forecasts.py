"""Forecasts of every model and baseline on the test rows, none of which was fitted on them."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.features import PRICE_FEATURES
from soccer_assets.modelling.dataset import Split, TrainingData
from soccer_assets.modelling.forecasters import CANDIDATE, CHAMPION, ELO, PRIOR, WITHOUT_PRICES
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, OutcomeModel
from soccer_assets.modelling.training import SEED, Parameters, fit_candidate, fit_elo_textbook
from soccer_assets.resources.model_registry import ModelRegistry, RegisteredModel


def forecasts_on_test(
    data: TrainingData, candidate: OutcomeModel, champion: RegisteredModel | None, registry: ModelRegistry
) -> dict[str, NDArray[np.float64]]:
    """Probabilities (n, 3) of every forecaster on the n test rows.

    A champion that was trained on test rows is refitted without them, by the same recipe.
    """
    split, test = data.split, data.split.test
    is_neutral = data.matches.is_neutral[test]
    learnt = split.train | split.calibration
    elo = fit_elo_textbook(data.values, data.outcomes, learnt, data.feature_names)
    prior = np.bincount(data.outcomes[learnt], minlength=3) / learnt.sum()
    forecasts = {
        PRIOR: np.tile(prior, (int(test.sum()), 1)),
        ELO: elo.predict_proba(data.values[test]),
        CANDIDATE: forecast(candidate, data.inputs(candidate.feature_names)[test], is_neutral),
    }
    if set(PRICE_FEATURES) <= set(candidate.feature_names):
        without = _without_prices(data, candidate)
        forecasts[WITHOUT_PRICES] = forecast(without, data.inputs(without.feature_names)[test], is_neutral)
    if champion is not None:
        model = registry.load(champion)
        last_seen = dt.datetime.fromisoformat(champion.facts.train_end).timestamp()
        is_off = not data.use_prices and not set(model.feature_names) <= set(data.read)
        if last_seen > data.matches.kickoff[test].min() or is_off:
            model = _same_recipe_at_cut(model, data, split, champion.facts.parameters)
        forecasts[CHAMPION] = forecast(model, data.inputs(model.feature_names)[test], is_neutral)
    return forecasts


def _without_prices(data: TrainingData, candidate: OutcomeModel) -> OutcomeModel:
    """The candidate's recipe without the price group, one seed: what the prices of past matches are worth."""
    names = tuple(name for name in candidate.feature_names if name not in PRICE_FEATURES)
    return fit_candidate(
        data.inputs(names),
        data.outcomes,
        data.split,
        names,
        recipe=candidate.recipe,
        seed=SEED,
        seeds=1,
    )


def _same_recipe_at_cut(
    model: OutcomeModel, data: TrainingData, split: Split, parameters: Parameters
) -> OutcomeModel:
    """The champion's recipe, fitted without the test rows: trained on them it would not be comparable.

    Where prices are switched off it reads none: else no model without could replace one with.
    """
    names = model.feature_names if data.use_prices else data.read
    if model.recipe == ELO_TEXTBOOK:
        learnt = split.train | split.calibration
        return fit_elo_textbook(data.inputs(names), data.outcomes, learnt, names)
    return fit_candidate(
        data.inputs(names),
        data.outcomes,
        split,
        names,
        recipe=model.recipe,
        parameters=parameters,
        seed=SEED,
    )
