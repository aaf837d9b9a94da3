"""Fitting the two recipes.

``elo_textbook`` is the baseline and the first champion: a multinomial logit on [d, d^2] of the textbook Elo
gap. ``xgboost_on_logit`` is the candidate: a standardised multinomial logit on all features, shrunk to the
joint goal model's forecast; XGBoost on its margins, averaged over seeds; a share of the baseline's margins;
and a temperature where it helps.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.modelling.boosting import xgboost
from soccer_assets.modelling.dataset import Split
from soccer_assets.modelling.logit import OUTCOMES, fit_logit, log_softmax
from soccer_assets.modelling.outcome_model import (
    ELO_FEATURE,
    ELO_TEXTBOOK,
    NATIONAL_FEATURE,
    THREADS,
    XGBOOST_ON_LOGIT,
    OutcomeModel,
    design_of,
)

LOGIT_L2 = 1e-5  # where the features hold no goal model, and so no prior
# Margins of the prior by column: log odds of home against away, and of a draw against both. Those of the goal
# model that knows most.
_ODDS_MARGINS, _DRAW_MARGINS = (0.5, 0.0, -0.5), (-1.0 / 3.0, 2.0 / 3.0, -1.0 / 3.0)
PRIORS: tuple[dict[str, tuple[float, float, float]], ...] = (
    {"priced_log_odds": _ODDS_MARGINS, "priced_draw_log_odds": _DRAW_MARGINS},
    {"joint_log_odds": _ODDS_MARGINS, "joint_draw_log_odds": _DRAW_MARGINS},
)
# Columns of the goal model's residuals need seasons of data: their penalty is larger by the square of this.
# It gains .0016 on five seasons of twenty simulated leagues; with a long history it hardly matters.
LATE_FEATURES = (
    *("home_surprise", "away_surprise", "home_venue_surprise", "away_venue_surprise"),
    *("league_favourite_gain", "league_draw_surprise", "favourite_log_odds"),
)
LATE_SCALE = 5.0
SEED = 20  # of every fit and bootstrap of the graph and the backtest: runs repeat to the bit
# Boosters whose margins are averaged: three instead of one gain .0001 of log loss (mean of 2020/21-2023/24).
SEEDS = 3
MAX_ROUNDS = 1_000
PATIENCE = 60
MAX_BINS = 128
# A model of many features is slightly overconfident where it departs from the baseline, so a share of the
# baseline's margins is mixed in. It is chosen by the upper bound of the paired difference, as the promotion
# gates are: the mean bound over 2020/21 to 2023/24, rows with prices, is -.0065 at share 0, -.0067 at .08,
# -.0069 at .15 to .25, -.0068 at .3 and -.0065 at .4. Simulated leagues, which need none, tolerate .25; above
# it their forecasts are off the truth by more than .01. With three years of five leagues (seven seasons of
# 2014 to 2023) it gains .0010. The fitted share is shrunk to this one with the weight of ANCHOR_MATCHES:
# fitted on one season alone it lost .0006 in 2021/22.
ANCHOR_SHARE = 0.20
ANCHOR_MATCHES = 1_000.0
# A temperature is used only if it gains this much log loss, and three standard errors, on the calibration
# rows: one that gained .0005 (two standard errors) on 2020/21 lost .0003 a season later.
TEMPERATURE_GAIN = 0.0003
TEMPERATURE_ERRORS = 3.0


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """Hyper-parameters of `XGBOOST_ON_LOGIT`, which `modelling.tuning` searches; the defaults need no search.

    Defaults: least log loss on the rows with prices of 2020/21 to 2023/24, each season predicted by a model
    of the seasons before it.

    Attributes:
        prior_matches: weight of the goal model's own forecast in the logit, in matches. On 5,200 simulated
            training matches a weak prior costs .010 against a strong one; on 250,000 matches 100 to 1,000
            are equal.
        learning_rate: of the trees; 0.1 takes half the rounds of 0.05 at equal log loss.
        max_depth: of a tree; 3 to 6 are equal.
        min_child_weight: least weight of a leaf; 500 are 2,300 matches of today.
        subsample: share of the rows a tree sees.
        colsample: share of the features a tree sees.
        reg_lambda: penalty on the leaves.
    """

    prior_matches: float = 300.0
    learning_rate: float = 0.1
    max_depth: int = 5
    min_child_weight: float = 500.0
    subsample: float = 0.7
    colsample: float = 0.4
    reg_lambda: float = 20.0


DEFAULTS = Parameters()


def fit_elo_textbook(
    values: NDArray[np.float64],
    outcomes: NDArray[np.int8],
    rows: NDArray[np.bool_],
    feature_names: tuple[str, ...],
) -> OutcomeModel:
    """The textbook Elo baseline, fitted on the rows of the mask ``rows`` with equal weights.

    Raises:
        ValueError: the mask is empty or the features lack ``elo_textbook_gap``.
    """
    design = design_of(ELO_TEXTBOOK, feature_names, values[rows], has_national=False)
    center, scale = np.zeros(design.shape[1]), np.ones(design.shape[1])
    return OutcomeModel(ELO_TEXTBOOK, feature_names, center, scale, fit_logit(design, outcomes[rows], l2=0.0))


def fit_candidate(
    values: NDArray[np.float64],
    outcomes: NDArray[np.int8],
    split: Split,
    feature_names: tuple[str, ...],
    *,
    recipe: str = XGBOOST_ON_LOGIT,
    parameters: Parameters = DEFAULTS,
    seed: int = 0,
    seeds: int = SEEDS,
) -> OutcomeModel:
    """A model of ``recipe``, fitted on the training rows, stopped and calibrated on the calibration rows.

    The same arguments give the same bytes.

    Args:
        values: (n, k) features.
        outcomes: (n,) 0 home, 1 draw, 2 away.
        split: masks over the n rows and the training weights; test rows are not read.
        feature_names: the k columns.
        recipe: one of `outcome_model.RECIPES`.
        parameters: of `XGBOOST_ON_LOGIT`.
        seed: of the trees' row and column samples; the boosters take it and those that follow.
        seeds: how many boosters are averaged.

    Raises:
        ValueError: a window is empty or the recipe is unknown.
    """
    if recipe == ELO_TEXTBOOK:
        return fit_elo_textbook(values, outcomes, split.train, feature_names)
    if recipe != XGBOOST_ON_LOGIT:
        raise ValueError(f"unknown recipe {recipe!r}; write {XGBOOST_ON_LOGIT!r} or {ELO_TEXTBOOK!r}")
    if not split.calibration.any():
        raise ValueError("no rows to stop the trees on; the calibration window is empty")
    train = _Rows.of(values, outcomes, split.weights(split.train))
    calibration = _Rows.of(values, outcomes, split.calibration.astype(np.float64))
    logit = _fit_prior_logit(train, feature_names, parameters)
    trees = _fit_boosters(logit, train, calibration, [MAX_ROUNDS] * seeds, parameters, seed)
    model = replace(logit, trees=trees)
    if ELO_FEATURE in feature_names:
        model = replace(model, anchor=_fit_anchor(train, feature_names))
        model = replace(model, anchor_share=_fit_anchor_share(model, calibration))
    margins = model.margins(calibration.values)
    return replace(model, temperature=_fit_temperature(margins, calibration.outcomes))


def refit(
    model: OutcomeModel,
    values: NDArray[np.float64],
    outcomes: NDArray[np.int8],
    split: Split,
    *,
    parameters: Parameters = DEFAULTS,
    seed: int = 0,
) -> OutcomeModel:
    """Fit the model's recipe on the training rows of ``split``; rounds, anchor share and temperature stay."""
    if model.recipe == ELO_TEXTBOOK:
        return fit_elo_textbook(values, outcomes, split.train, model.feature_names)
    train = _Rows.of(values, outcomes, split.weights(split.train))
    fitted = _fit_prior_logit(train, model.feature_names, parameters)
    trees = _fit_boosters(fitted, train, None, model.rounds, parameters, seed)
    return replace(
        fitted,
        trees=trees,
        temperature=model.temperature,
        anchor=None if model.anchor is None else _fit_anchor(train, model.feature_names),
        anchor_share=model.anchor_share,
    )


class _Rows(msgspec.Struct, frozen=True):
    """Rows of weight above 0."""

    values: NDArray[np.float64]
    outcomes: NDArray[np.int8]
    weights: NDArray[np.float64]

    @classmethod
    def of(
        cls, values: NDArray[np.float64], outcomes: NDArray[np.int8], weights: NDArray[np.float64]
    ) -> "_Rows":
        used = weights > 0
        return cls(values[used], outcomes[used], weights[used])


def _fit_prior_logit(rows: _Rows, feature_names: tuple[str, ...], parameters: Parameters) -> OutcomeModel:
    """The candidate's logit, whose coefficients are shrunk to the joint goal model's forecast."""
    if not len(rows.values):
        raise ValueError("no rows to fit on; the training window is empty")
    has_national = NATIONAL_FEATURE in feature_names and bool(
        rows.values[:, feature_names.index(NATIONAL_FEATURE)].any()
    )
    design = design_of(XGBOOST_ON_LOGIT, feature_names, rows.values, has_national=has_national)
    center, scale = design.mean(axis=0), design.std(axis=0)
    scale[scale == 0.0] = 1.0  # a constant column, as in a home of one league
    is_late = np.isin(np.resize(feature_names, len(scale)), LATE_FEATURES)
    scale[is_late] *= LATE_SCALE
    margins = next((margins for margins in PRIORS if margins.keys() <= set(feature_names)), None)
    prior = None if margins is None else _prior_weights(margins, feature_names, center, scale)
    l2 = LOGIT_L2 if prior is None else parameters.prior_matches / rows.weights.sum()
    weights = fit_logit((design - center) / scale, rows.outcomes, l2, prior, rows.weights)
    return OutcomeModel(XGBOOST_ON_LOGIT, feature_names, center, scale, weights)


def _prior_weights(
    margins: dict[str, tuple[float, float, float]],
    feature_names: tuple[str, ...],
    center: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weights (p + 1, 3) of standardised columns that give a goal model's own forecast."""
    weights = np.zeros((len(center) + 1, OUTCOMES))
    for name, of_column in margins.items():
        column = feature_names.index(name)
        weights[column + 1] = scale[column] * np.array(of_column)
        weights[0] += center[column] * np.array(of_column)
    return weights


def _fit_boosters(
    logit: OutcomeModel,
    train: _Rows,
    calibration: _Rows | None,
    rounds: Sequence[int],
    parameters: Parameters,
    seed: int,
) -> tuple[bytes, ...]:
    """One booster for each seed from ``seed`` on, of ``rounds[i]`` rounds, in as many threads as cores."""
    base = logit.logit_log_probabilities(train.values)
    watched = None if calibration is None else logit.logit_log_probabilities(calibration.values)

    def fit(number: int) -> bytes:
        options = _tree_options(parameters, seed + number)
        return _fit_trees(options, train, base, calibration, watched, rounds[number])

    # XGBoost releases the GIL while it fits.
    with ThreadPoolExecutor(min(len(rounds), os.cpu_count() or 1)) as pool:
        return tuple(pool.map(fit, range(len(rounds))))


def _fit_trees(
    options: dict[str, Any],
    train: _Rows,
    base: NDArray[np.float64],
    calibration: _Rows | None,
    calibration_base: NDArray[np.float64] | None,
    rounds: int,
) -> bytes:
    """XGBoost on the logit's margins, cut after its best round on the calibration rows if there are any."""
    xgb = xgboost()
    matrix = xgb.QuantileDMatrix(
        train.values,
        train.outcomes,
        weight=train.weights,
        base_margin=base,
        max_bin=MAX_BINS,
        nthread=THREADS,
    )
    if calibration is None:
        return bytes(xgb.train(options, matrix, rounds, verbose_eval=False).save_raw("ubj"))
    watched = xgb.DMatrix(
        calibration.values, calibration.outcomes, base_margin=calibration_base, nthread=THREADS
    )
    booster = xgb.train(
        options,
        matrix,
        rounds,
        evals=[(watched, "calibration")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return bytes(booster[: booster.best_iteration + 1].save_raw("ubj"))


def _tree_options(parameters: Parameters, seed: int) -> dict[str, Any]:
    return {
        "objective": "multi:softprob",
        "num_class": OUTCOMES,
        "tree_method": "hist",
        "eta": parameters.learning_rate,
        "max_depth": parameters.max_depth,
        "min_child_weight": parameters.min_child_weight,
        "subsample": parameters.subsample,
        "colsample_bytree": parameters.colsample,
        "lambda": parameters.reg_lambda,
        "max_bin": MAX_BINS,
        "nthread": THREADS,
        "seed": seed,
        "eval_metric": "mlogloss",
    }


def _fit_anchor(rows: _Rows, feature_names: tuple[str, ...]) -> NDArray[np.float64]:
    """The textbook's logit (3, 3), with the rows' weights."""
    design = design_of(ELO_TEXTBOOK, feature_names, rows.values, has_national=False)
    # A penalty of one match's weight: a dozen matches may be separable by the gap, with no finite slope.
    return fit_logit(design, rows.outcomes, 1.0 / rows.weights.sum(), row_weights=rows.weights)


def _fit_anchor_share(model: OutcomeModel, calibration: _Rows) -> float:
    """The baseline's share of least log loss on the calibration rows, shrunk to `ANCHOR_SHARE`."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  not needed for scoring

    own, textbook = model.margins(calibration.values), model.anchor_margins(calibration.values)
    rows = np.arange(len(own))

    def objective(share: float) -> float:
        log_p = log_softmax((1.0 - share) * own + share * textbook)[rows, calibration.outcomes]
        return float(-log_p.sum() + ANCHOR_MATCHES / 2.0 * (share - ANCHOR_SHARE) ** 2)

    return float(minimize_scalar(objective, bounds=(0.0, 1.0), method="bounded").x)


def _fit_temperature(margins: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """The temperature of least log loss; 1 where its gain is not significant."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  not needed for scoring

    rows = np.arange(len(outcomes))

    def losses(temperature: float) -> NDArray[np.float64]:
        log_p: NDArray[np.float64] = log_softmax(margins / temperature)[rows, outcomes]
        return -log_p

    found = minimize_scalar(
        lambda temperature: losses(temperature).mean(), bounds=(0.5, 2.0), method="bounded"
    )
    gain = losses(1.0) - losses(found.x)
    is_sure = gain.mean() > max(TEMPERATURE_GAIN, TEMPERATURE_ERRORS * gain.std() / np.sqrt(len(gain)))
    return float(found.x) if is_sure else 1.0
