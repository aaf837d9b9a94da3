"""Forecasts of every model and baseline on the test rows, none of which was fitted on them."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.dataset import Split, TrainingData
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.outcome_model import ELO_TEXTBOOK, OutcomeModel
from soccer_assets.modelling.scorecard import CANDIDATE, CHAMPION, ELO, PRIOR
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
        CANDIDATE: forecast(candidate, data.values[test], is_neutral),
    }
    if champion is not None:
        model = registry.load(champion)
        last_seen = dt.datetime.fromisoformat(champion.facts.train_end).timestamp()
        if last_seen > data.matches.kickoff[test].min():
            model = _same_recipe_at_cut(model, data, split, champion.facts.parameters)
        forecasts[CHAMPION] = forecast(model, data.values[test], is_neutral)
    return forecasts


def _same_recipe_at_cut(
    model: OutcomeModel, data: TrainingData, split: Split, parameters: Parameters
) -> OutcomeModel:
    """The champion's recipe, fitted without the test rows: trained on them it would not be comparable."""
    if model.recipe == ELO_TEXTBOOK:
        return fit_elo_textbook(
            data.values, data.outcomes, split.train | split.calibration, data.feature_names
        )
    return fit_candidate(
        data.values,
        data.outcomes,
        split,
        data.feature_names,
        recipe=model.recipe,
        parameters=parameters,
        seed=SEED,
    )
