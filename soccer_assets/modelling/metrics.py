"""Proper scores, calibration error, and paired differences with their intervals.

Probabilities are (n, 3) in the order home, draw, away; outcomes are (n,) 0, 1, 2. The level of a score
depends on which matches were played; only differences on the same rows rank forecasters.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from soccer_assets.football.match_table import SECONDS_A_DAY

ECE_BINS = 15
RESAMPLES = 2_000
NOISE_SAMPLES = 400
# Probabilities are raised to this in a log loss: one impossible forecast must not make a mean infinite.
LEAST_PROBABILITY = 1e-15
# 1970-01-01 was a Thursday, three days into its ISO week.
EPOCH_WEEKDAY = 3


class Difference(msgspec.Struct, frozen=True):
    """Mean of a paired difference and its 95 % interval; below 0 favours the first forecaster."""

    mean: float
    low: float
    high: float
    rows: int


def log_losses(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> NDArray[np.float64]:
    """Log loss of each match in nats, (n,)."""
    happened = probabilities[np.arange(len(outcomes)), outcomes]
    losses: NDArray[np.float64] = -np.log(np.maximum(happened, LEAST_PROBABILITY))
    return losses


def log_loss(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """Mean log loss in nats."""
    return float(log_losses(probabilities, outcomes).mean())


def rps(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """Mean ranked probability score, 0 to 1: half the squared gaps of the cumulative forecast."""
    gaps = np.cumsum(probabilities - np.eye(3)[outcomes], axis=1)[:, :2]
    return float((gaps**2).sum(axis=1).mean() / 2.0)


def brier_score(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """Mean over matches of the squared error summed over the three outcomes, 0 to 2."""
    return float(((probabilities - np.eye(3)[outcomes]) ** 2).sum(axis=1).mean())


def accuracy(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """Share of matches whose most probable outcome happened."""
    return float((probabilities.argmax(axis=1) == outcomes).mean())


def ece_15(probabilities: NDArray[np.float64], outcomes: NDArray[np.int8]) -> float:
    """Expected calibration error of the top label in 15 bins of equal width (Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    return _ece_of_hits(confidence, _bins(confidence), probabilities.argmax(axis=1) == outcomes)


def ece_15_noise(probabilities: NDArray[np.float64], seed: int = 0) -> float:
    """The 95 % quantile of `ece_15` for a perfectly calibrated forecaster who issues these probabilities.

    At finite n a perfect forecaster has an error too (.006 on average at 25,800 matches); only an error above
    this quantile is significant.
    """
    rng = np.random.default_rng(seed)
    confidence = probabilities.max(axis=1)
    bins = _bins(confidence)
    errors = [
        _ece_of_hits(confidence, bins, rng.random(len(confidence)) < confidence) for _ in range(NOISE_SAMPLES)
    ]
    return float(np.quantile(errors, 0.95))


def class_prior(outcomes: NDArray[np.int8]) -> NDArray[np.float64]:
    """Shares (3,) of home, draw and away among the training outcomes.

    Raises:
        ValueError: there are no outcomes.
    """
    if not len(outcomes):
        raise ValueError("no outcomes to count; the training window is empty")
    return np.bincount(outcomes, minlength=3) / len(outcomes)


def iso_week_number(kickoff: NDArray[np.int64]) -> NDArray[np.int64]:
    """A running number of the ISO week (Monday to Sunday, UTC) of each kickoff in epoch seconds."""
    weeks: NDArray[np.int64] = (kickoff // SECONDS_A_DAY + EPOCH_WEEKDAY) // 7
    return weeks


def paired_difference(
    losses_a: NDArray[np.float64],
    losses_b: NDArray[np.float64],
    week: NDArray[np.int64],
    seed: int = 0,
) -> Difference:
    """Mean of a - b on the same matches, with a 95 % interval by block bootstrap over weeks.

    Weeks are drawn with replacement 2,000 times, because matches of one week are correlated. The bootstrap
    interval of few weeks is too narrow by the factor sqrt(weeks / (weeks - 1)), and is widened by it.

    Raises:
        ValueError: the matches lie in fewer than two weeks.
    """
    difference = losses_a - losses_b
    _, block = np.unique(week, return_inverse=True)
    sums, counts = np.bincount(block, difference), np.bincount(block)
    weeks = len(sums)
    if weeks < 2:  # noqa: PLR2004  one block has no spread
        raise ValueError("a paired interval needs matches of at least two weeks; wait for more results")
    drawn = np.random.default_rng(seed).integers(0, weeks, (RESAMPLES, weeks))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    mean = float(difference.mean())
    low, high = mean + (np.quantile(means, [0.025, 0.975]) - mean) * np.sqrt(weeks / (weeks - 1))
    return Difference(mean, float(low), float(high), len(difference))


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each confidence; the upper edge belongs to the bin, as in Guo et al."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)


def _ece_of_hits(
    confidence: NDArray[np.float64], bins: NDArray[np.int64], is_hit: NDArray[np.bool_]
) -> float:
    excess = np.bincount(bins, is_hit - confidence, minlength=ECE_BINS)
    return float(np.abs(excess).sum() / len(confidence))
