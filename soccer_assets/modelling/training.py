"""Fitting the two recipes.

``elo_textbook`` is the yardstick and the first champion: a multinomial logit on [d, d^2] of the textbook Elo
gap. ``xgboost_on_logit`` is the candidate: a standardised multinomial logit on all features, drawn towards
the forecast of the joint goal model, XGBoost on its margin, and a temperature where one helps.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.logit import OUTCOMES, fit_logit, log_softmax
from soccer_assets.modelling.outcome_model import (
    ELO_TEXTBOOK,
    THREADS,
    XGBOOST_ON_LOGIT,
    OutcomeModel,
    design_of,
)

# A coefficient starts as the goal model has it and moves when data insist: the prior weighs 1,000 matches.
# On 12 splits of simulated leagues with 5,200 training matches the log loss against textbook Elo goes from
# +.0021 (hardly any prior) over -.0036 (30 matches) to -.0080; the goal model alone has -.0056.
PRIOR_MATCHES = 1_000.0
LOGIT_L2 = 1e-5  # where the features hold no goal model, and so no prior
# The columns whose margins are the prior: log odds of home against away, and of a draw against both.
PRIOR_MARGINS: dict[str, tuple[float, float, float]] = {
    "joint_log_odds": (0.5, 0.0, -0.5),
    "joint_draw_log_odds": (-1.0 / 3.0, 2.0 / 3.0, -1.0 / 3.0),
}
MAX_ROUNDS = 1_000
PATIENCE = 60
TREE_PARAMETERS: dict[str, Any] = {
    "objective": "multi:softprob",
    "num_class": 3,
    "tree_method": "hist",
    "eta": 0.05,
    "max_depth": 6,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "min_child_weight": 300.0,  # a leaf holds 1,400 matches
    "lambda": 5.0,
    "max_bin": 128,
    "nthread": THREADS,
    "eval_metric": "mlogloss",
}
# A temperature is kept where it gains this much log loss and two standard errors on the calibration rows.
TEMPERATURE_GAIN = 0.0003


def fit_elo_textbook(
    values: NDArray[np.float64],
    outcomes: NDArray[np.int8],
    rows: NDArray[np.bool_],
    feature_names: tuple[str, ...],
) -> OutcomeModel:
    """The textbook Elo baseline, fitted on the rows of the mask ``rows``.

    Raises:
        ValueError: the mask is empty or the features lack ``elo_textbook_gap``.
    """
    return _fit_logit_model(ELO_TEXTBOOK, values[rows], outcomes[rows], feature_names)


def fit_candidate(
    values: NDArray[np.float64],
    outcomes: NDArray[np.int8],
    split: Split,
    feature_names: tuple[str, ...],
    *,
    recipe: str = XGBOOST_ON_LOGIT,
    seed: int = 0,
) -> OutcomeModel:
    """A model of ``recipe``, fitted on the training rows, stopped and calibrated on the calibration rows.

    The same arguments give the same bytes.

    Args:
        values: (n, k) features.
        outcomes: (n,) 0 home, 1 draw, 2 away.
        split: masks over the n rows; the test rows are not read.
        feature_names: the k columns.
        recipe: one of `outcome_model.RECIPES`.
        seed: of the trees' row and column samples.

    Raises:
        ValueError: a window is empty or the recipe is unknown.
    """
    if recipe == ELO_TEXTBOOK:
        return fit_elo_textbook(values, outcomes, split.train, feature_names)
    if recipe != XGBOOST_ON_LOGIT:
        raise ValueError(f"unknown recipe {recipe!r}; write {XGBOOST_ON_LOGIT!r} or {ELO_TEXTBOOK!r}")
    if not split.calibration.any():
        raise ValueError("no rows to stop the trees on; the calibration window is empty")
    logit = _fit_logit_model(recipe, values[split.train], outcomes[split.train], feature_names)
    train = (values[split.train], outcomes[split.train])
    calibration = (values[split.calibration], outcomes[split.calibration])
    model = replace(logit, trees=_fit_trees(logit, train, calibration, MAX_ROUNDS, seed))
    return replace(model, temperature=_fit_temperature(model.margins(calibration[0]), calibration[1]))


def refit(
    model: OutcomeModel,
    values: NDArray[np.float64],
    outcomes: NDArray[np.int8],
    rows: NDArray[np.bool_],
    seed: int = 0,
) -> OutcomeModel:
    """The model's recipe on more rows: number of trees and temperature stay, all else is fitted anew."""
    train = (values[rows], outcomes[rows])
    fitted = _fit_logit_model(model.recipe, *train, model.feature_names)
    if model.booster is None:
        return fitted
    trees = _fit_trees(fitted, train, None, model.booster.num_boosted_rounds(), seed)
    return replace(fitted, trees=trees, temperature=model.temperature)


def _fit_logit_model(
    recipe: str, values: NDArray[np.float64], outcomes: NDArray[np.int8], feature_names: tuple[str, ...]
) -> OutcomeModel:
    design = design_of(recipe, feature_names, values)
    if recipe == ELO_TEXTBOOK or not len(design):
        center, scale = np.zeros(design.shape[1]), np.ones(design.shape[1])
        return OutcomeModel(recipe, feature_names, center, scale, fit_logit(design, outcomes, 0.0))
    center, scale = design.mean(axis=0), design.std(axis=0)
    scale[scale == 0.0] = 1.0  # a constant column, as in a home of one league
    has_prior = PRIOR_MARGINS.keys() <= set(feature_names)
    prior = _prior_weights(feature_names, center, scale) if has_prior else None
    l2 = PRIOR_MATCHES / len(design) if has_prior else LOGIT_L2
    weights = fit_logit((design - center) / scale, outcomes, l2, prior)
    return OutcomeModel(recipe, feature_names, center, scale, weights)


def _prior_weights(
    feature_names: tuple[str, ...], center: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights (p + 1, 3) of standardised columns that give the joint goal model's own forecast."""
    weights = np.zeros((len(feature_names) + 1, OUTCOMES))
    for name, margins in PRIOR_MARGINS.items():
        column = feature_names.index(name)
        weights[column + 1] = scale[column] * np.array(margins)
        weights[0] += center[column] * np.array(margins)
    return weights


def _fit_trees(
    logit: OutcomeModel,
    train: tuple[NDArray[np.float64], NDArray[np.int8]],
    calibration: tuple[NDArray[np.float64], NDArray[np.int8]] | None,
    rounds: int,
    seed: int,
) -> bytes:
    """XGBoost on the logit's margin, cut after its best round on the calibration rows where given."""
    import xgboost as xgb  # noqa: PLC0415  half a second, paid only by who fits trees

    parameters = TREE_PARAMETERS | {"seed": seed}
    bins: int = parameters["max_bin"]
    matrix = xgb.QuantileDMatrix(
        train[0], train[1], base_margin=logit.logit_log_probabilities(train[0]), max_bin=bins
    )
    if calibration is None:
        return bytes(xgb.train(parameters, matrix, rounds, verbose_eval=False).save_raw("ubj"))
    watched = xgb.DMatrix(
        calibration[0], calibration[1], base_margin=logit.logit_log_probabilities(calibration[0])
    )
    booster = xgb.train(
        parameters,
        matrix,
        rounds,
        evals=[(watched, "calibration")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return bytes(booster[: booster.best_iteration + 1].save_raw("ubj"))


def _fit_temperature(margins: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """The temperature of least log loss, or 1 where it does not gain for sure."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  scoring must not pay for the import

    rows = np.arange(len(outcomes))

    def losses(temperature: float) -> NDArray[np.float64]:
        log_p: NDArray[np.float64] = log_softmax(margins / temperature)[rows, outcomes]
        return -log_p

    found = minimize_scalar(
        lambda temperature: losses(temperature).mean(), bounds=(0.5, 2.0), method="bounded"
    )
    gain = losses(1.0) - losses(found.x)
    is_sure = gain.mean() > max(TEMPERATURE_GAIN, 2.0 * gain.std() / np.sqrt(len(gain)))
    return float(found.x) if is_sure else 1.0
