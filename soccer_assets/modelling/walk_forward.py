"""Walk-forward: each week's matches are predicted by a model fitted on results known before that week.

Features never see the future (`football.features`); here the fit does not either.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.modelling.dataset import CALIBRATION_DAYS, Split, outcomes, weighted
from soccer_assets.modelling.outcome_model import OutcomeModel

SECONDS_A_WEEK = 7 * SECONDS_A_DAY

# Fits a model on features (n, k), labels (n,) and a split of the n rows, whose test rows lie ahead.
Fit = Callable[[NDArray[np.float64], NDArray[np.int8], Split], OutcomeModel]


@dataclass(frozen=True, eq=False)
class WalkForward:
    """Out-of-sample forecasts.

    Attributes:
        rows: (m,) indices of the predicted matches, in weeks' order.
        probabilities: (m, 3) home, draw, away.
        prior: (m, 3) class shares among the results known when the week's model was fitted.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    prior: NDArray[np.float64]


def walk_forward(
    matches: MatchTable,
    values: NDArray[np.float64],
    fit: Fit,
    *,
    start: int,
    end: int,
    refit_weeks: int = 1,
    calibration_days: int = CALIBRATION_DAYS,
) -> WalkForward:
    """Predict every match from ``start`` to ``end``, a week at a time.

    Args:
        matches: matches that train (all have a score).
        values: (n, k) their features.
        fit: fits a model on the rows of a split.
        start: epoch seconds of the first week's beginning.
        end: epoch seconds; matches from here on are not predicted.
        refit_weeks: the model is fitted anew every so many weeks, and kept in between.
        calibration_days: results of the last days before a fit that calibrate instead of training.

    Raises:
        ValueError: there is nothing to predict, or nothing was known before ``start``.
    """
    labels = outcomes(matches)
    asked_at, known_at = matches.features_as_of, matches.result_known_at
    period = refit_weeks * SECONDS_A_WEEK
    rows, probabilities, priors = [], [], []
    for fitted_at in range(start, end, period):
        ahead = (asked_at >= fitted_at) & (asked_at < min(fitted_at + period, end))
        if not ahead.any():
            continue
        known = known_at <= fitted_at
        calibration = known & (known_at > fitted_at - calibration_days * SECONDS_A_DAY)
        split = Split(train=known & ~calibration, calibration=calibration, test=ahead)
        model = fit(values, labels, weighted(split, matches))
        rows.append(np.flatnonzero(ahead))
        probabilities.append(model.predict_proba(values[ahead]))
        shares = np.bincount(labels[known], minlength=3) / known.sum()
        priors.append(np.tile(shares, (len(rows[-1]), 1)))
    if not rows:
        raise ValueError("no match lies between start and end; ask for a period with matches")
    return WalkForward(np.concatenate(rows), np.concatenate(probabilities), np.concatenate(priors))
