"""Search for hyper-parameters on walk-forward folds, each predicted by a model fitted on its past.

The folds end where the calibration ends: the test window of the scorecard is never read. Seeds are fixed, so
the same number of trials on the same rows gives the same result.
"""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.modelling.dataset import (
    CALIBRATION_DAYS,
    FULL_HISTORY_DAYS,
    Boundaries,
    Split,
    outcomes,
    split_by_kickoff,
    weighted,
)
from soccer_assets.modelling.metrics import log_loss
from soccer_assets.modelling.neutral_ground import forecast
from soccer_assets.modelling.training import DEFAULTS, Parameters, fit_candidate

SEASONS = 3
SEASON_DAYS = 365
# Smallest mean gain for which the defaults are replaced: half the gain of one step of the recipe.
LEAST_GAIN = 0.0001
STARTUP_TRIALS = 8


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One set of parameters and its log loss on each fold; a pruned trial has fewer folds."""

    parameters: Parameters
    log_losses: tuple[float, ...]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes:
        parameters: the best of all trials, or the defaults where nothing beats them by `LEAST_GAIN`.
        log_loss: their mean over the folds.
        default_log_loss: that of the defaults.
        trials: all trials in their order, the defaults first.
        fold_rows: matches scored in each fold.
        first_kickoff: of the oldest scored match, epoch seconds.
        last_kickoff: of the newest, which lies before the test window.
    """

    parameters: Parameters
    log_loss: float
    default_log_loss: float
    trials: tuple[Trial, ...]
    fold_rows: tuple[int, ...]
    first_kickoff: int
    last_kickoff: int


def completed_trials(found: Search) -> list[tuple[int, float]]:
    """Number and mean log loss of each trial that was scored on every fold."""
    return [
        (number, float(np.mean(trial.log_losses)))
        for number, trial in enumerate(found.trials)
        if len(trial.log_losses) == len(found.fold_rows)
    ]


def season_folds(matches: MatchTable, boundaries: Boundaries, seasons: int = SEASONS) -> list[Split]:
    """The last ``seasons`` years before the test window, oldest first, each after its own past.

    Each fold's ``test`` rows are one year; the 180 days before it calibrate and all before those train. A
    history shorter than the years asked for, and one more to learn from, gives folds of equal shares.

    Raises:
        ValueError: a fold would be empty.
    """
    start, end = boundaries.train_from, boundaries.calibrate_until
    length = min(SEASON_DAYS * SECONDS_A_DAY, (end - start) // (seasons + 2))
    share = min((end - start) / (FULL_HISTORY_DAYS * SECONDS_A_DAY), 1.0)
    calibration = min(round(CALIBRATION_DAYS * SECONDS_A_DAY * share), length)
    folds = []
    for years_before in reversed(range(seasons)):
        until = end - years_before * length
        cut = Boundaries(
            train_from=start,
            train_until=until - length - calibration,
            calibrate_until=until - length,
            test_until=until,
        )
        fold = split_by_kickoff(matches.kickoff, cut)
        if not (fold.train.any() and fold.calibration.any() and fold.test.any()):
            raise ValueError(f"too short a history for {seasons} folds; load more seasons")
        folds.append(weighted(fold, matches))
    return folds


def search(
    matches: MatchTable,
    values: NDArray[np.float64],
    boundaries: Boundaries,
    feature_names: tuple[str, ...],
    *,
    trials: int,
    timeout_seconds: float,
    seed: int = 0,
) -> Search:
    """Parameters of least mean log loss over the folds of `season_folds`.

    The first trial is the defaults. A trial that is worse than the median after a fold is pruned. The same
    arguments give the same result unless the time runs out.

    Args:
        matches: matches that train, with their scores.
        values: (n, k) their features.
        boundaries: of the scorecard's split; rows from ``calibrate_until`` on are not read.
        feature_names: the k columns.
        trials: how many sets of parameters are tried.
        timeout_seconds: no trial starts after this time.
        seed: of the sampler and of the fits.

    Raises:
        ValueError: the history is too short.
    """
    import optuna  # noqa: PLC0415  its import takes half a second

    labels = outcomes(matches)
    folds = season_folds(matches, boundaries)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    )
    study.enqueue_trial(msgspec.structs.asdict(DEFAULTS))

    def objective(trial: Any) -> float:
        parameters = _suggested(trial)
        losses = []
        for number, fold in enumerate(folds):
            losses.append(_loss(matches, values, labels, fold, feature_names, parameters, seed))
            trial.set_user_attr("log_losses", losses)
            trial.report(float(np.mean(losses)), number)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(losses))

    study.optimize(objective, n_trials=trials, timeout=timeout_seconds)
    completed = [(trial.value, trial) for trial in study.trials if trial.value is not None]
    (default, _), (least, best) = completed[0], min(completed, key=lambda pair: pair[0])
    is_better = least <= default - LEAST_GAIN
    scored = np.logical_or.reduce([fold.test for fold in folds])
    return Search(
        parameters=Parameters(**best.params) if is_better else DEFAULTS,
        log_loss=least if is_better else default,
        default_log_loss=default,
        trials=tuple(
            Trial(parameters=Parameters(**trial.params), log_losses=tuple(trial.user_attrs["log_losses"]))
            for trial in study.trials
            if "log_losses" in trial.user_attrs
        ),
        fold_rows=tuple(int(fold.test.sum()) for fold in folds),
        first_kickoff=int(matches.kickoff[scored].min()),
        last_kickoff=int(matches.kickoff[scored].max()),
    )


def _suggested(trial: Any) -> Parameters:
    return Parameters(
        prior_matches=trial.suggest_float("prior_matches", 30.0, 3_000.0, log=True),
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.1, log=True),
        max_depth=trial.suggest_int("max_depth", 2, 7),
        min_child_weight=trial.suggest_float("min_child_weight", 50.0, 1_500.0, log=True),
        subsample=trial.suggest_float("subsample", 0.5, 0.9),
        colsample=trial.suggest_float("colsample", 0.2, 0.8),
        reg_lambda=trial.suggest_float("reg_lambda", 1.0, 30.0, log=True),
    )


def _loss(
    matches: MatchTable,
    values: NDArray[np.float64],
    labels: NDArray[np.int8],
    fold: Split,
    feature_names: tuple[str, ...],
    parameters: Parameters,
    seed: int,
) -> float:
    without_test = replace(fold, test=np.zeros_like(fold.test))
    # One seed: averaging three shifts all parameter sets alike and takes three times as long.
    model = fit_candidate(
        values, labels, without_test, feature_names, parameters=parameters, seed=seed, seeds=1
    )
    probabilities = forecast(model, values[fold.test], matches.is_neutral[fold.test])
    return log_loss(probabilities, labels[fold.test])
