"""Calibration of probabilities of one event: error in bins of equal mass, slope, and a test of a line.

Several lines of one market are tested at once, so that p-values are corrected after Holm (1979).
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

MASS_BINS = 20
NOISE_SAMPLES = 400
# A bin of a test holds at least this many events, and as many non-events: its sum is near normal then.
LEAST_EVENTS = 20
TEST_BINS = 10
_STEPS = 25
_CONVERGED = 1e-10
# Log-odds are those of probabilities from here to 1 minus it.
_LEAST = 1e-9
_LARGEST_LOG_ODDS = 700.0


class ClassCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """How well the probabilities of one outcome, such as a draw, are calibrated.

    Attributes:
        ece_20: mean distance of probability and frequency in 20 bins of equal mass.
        ece_20_noise: 95 % quantile of it for a perfect forecaster with the same probabilities.
        slope: of the outcome on its log-odds; below 1 the forecasts are too extreme. 0 where they are all
            equal.
        slope_error: its standard error; 0 likewise.
    """

    ece_20: float
    ece_20_noise: float
    slope: float
    slope_error: float


def class_calibration(p: NDArray[np.float64], happened: NDArray[np.bool_], seed: int = 0) -> ClassCalibration:
    """Calibration of probabilities (n,) of an event that ``happened`` (n,)."""
    bins = equal_mass_bins(p, MASS_BINS)
    rng = np.random.default_rng(seed)
    noise = [_error(p, rng.random(len(p)) < p, bins) for _ in range(NOISE_SAMPLES)]
    slope, error = calibration_slope(p, happened)
    return ClassCalibration(
        ece_20=_error(p, happened, bins),
        ece_20_noise=float(np.quantile(noise, 0.95)),
        slope=slope,
        slope_error=error,
    )


def equal_mass_bins(p: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """The bin (n,) of each probability: as many rows in each, the smallest in bin 0."""
    rank = np.empty(len(p), np.int64)
    rank[np.argsort(p, kind="stable")] = np.arange(len(p))
    return rank * bins // max(len(p), 1)


def calibration_slope(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope, and its standard error, of a logit of the event on its forecast's log-odds (Cox 1958).

    Both are 0 where all forecasts are equal or the logit has no finite fit.
    """
    bounded = np.clip(p, _LEAST, 1.0 - _LEAST)
    log_odds = np.log(bounded) - np.log1p(-bounded)
    if len(p) == 0 or np.ptp(log_odds) == 0.0:
        return 0.0, 0.0
    design = np.column_stack([np.ones(len(p)), log_odds])
    weights = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        fitted = 1.0 / (1.0 + np.exp(np.clip(-design @ weights, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)))
        information = design.T @ (design * (fitted * (1.0 - fitted))[:, None])
        if np.linalg.cond(information) > 1.0 / _CONVERGED:
            break
        step = np.linalg.solve(information, design.T @ (happened - fitted))
        weights = weights + step
        if np.abs(step).max() < _CONVERGED:
            return float(weights[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))
    return 0.0, 0.0


def p_calibrated(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """Chance that a perfect forecaster with these probabilities (n,) is off by as much.

    Chi-squared over bins of equal mass: the sum of squared standardised distances of event counts from their
    expected values. There are fewer bins where events are rare; 1 where there are too few for one.
    """
    from scipy.special import chdtrc  # noqa: PLC0415  not needed for scoring

    events = min(float(p.sum()), float((1.0 - p).sum()))
    bins = min(int(events // LEAST_EVENTS), TEST_BINS)
    if bins < 1:
        return 1.0
    bin_of = equal_mass_bins(p, bins)
    distance = np.bincount(bin_of, happened - p, minlength=bins)
    variance = np.bincount(bin_of, p * (1.0 - p), minlength=bins)
    return float(chdtrc(bins, (distance**2 / variance).sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests, corrected for their number (Holm 1979): monotone, at most 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(p_values[place] * (len(p_values) - rank), 1.0))
        corrected[place] = largest
    return corrected


def _error(p: NDArray[np.float64], happened: NDArray[np.bool_], bins: NDArray[np.int64]) -> float:
    excess = np.bincount(bins, happened - p)
    return float(np.abs(excess).sum() / max(len(p), 1))
