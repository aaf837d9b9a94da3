"""Scores by hand, calibration and paired intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccer_assets.modelling.metrics import (
    accuracy,
    brier_score,
    class_prior,
    ece_15,
    ece_15_noise,
    iso_week_number,
    log_loss,
    paired_difference,
    rps,
)
from tests.football.helpers import epoch
from tests.modelling.helpers import drawn, made_up

FORECASTS = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
HAPPENED = np.array([0, 1], np.int8)


def test_scores_by_hand():
    """Two forecasts, a home win and a draw."""
    assert log_loss(FORECASTS, HAPPENED) == pytest.approx(-(np.log(0.5) + np.log(0.2)) / 2)
    # First: (0.5 - 1)^2 + (0.8 - 1)^2 = 0.29; second: 0.2^2 + (0.4 - 1)^2 = 0.40; halved, averaged.
    assert rps(FORECASTS, HAPPENED) == pytest.approx((0.29 + 0.40) / 4)
    assert brier_score(FORECASTS, HAPPENED) == pytest.approx((0.25 + 0.09 + 0.04 + 0.04 + 0.64 + 0.36) / 2)
    assert accuracy(FORECASTS, HAPPENED) == 0.5


def test_an_impossible_outcome_costs_a_finite_loss():
    """A forecast of 0 for what happened costs 34.5 nats, not infinity."""
    assert log_loss(np.array([[1.0, 0.0, 0.0]]), np.array([2], np.int8)) == pytest.approx(34.54, abs=0.01)


def test_ece_by_hand():
    """Four forecasts of .6 of which two hit, and one of .9 that misses: (4 x .1 + 1 x .9) / 5."""
    forecasts = np.array([[0.6, 0.2, 0.2]] * 4 + [[0.05, 0.05, 0.9]])

    assert ece_15(forecasts, np.array([0, 0, 1, 2, 0], np.int8)) == pytest.approx((4 * 0.1 + 0.9) / 5)


def test_a_calibrated_forecaster_stays_in_the_noise_band_and_an_overconfident_one_does_not():
    """True probabilities lie within the band in about 95 of 100 draws; sharpened ones never do."""
    _, _, truth = made_up(4_000)
    sharpened = truth**1.5 / (truth**1.5).sum(axis=1, keepdims=True)
    draws = [drawn(truth, np.random.default_rng(seed)) for seed in range(100)]

    inside = sum(ece_15(truth, outcomes) <= ece_15_noise(truth) for outcomes in draws[:40])
    caught = sum(ece_15(sharpened, outcomes) > ece_15_noise(sharpened) for outcomes in draws[:40])

    assert inside >= 34
    assert caught == 40


def test_class_prior_counts():
    """Shares of home, draw and away, of an outcome that never happened too."""
    assert class_prior(np.array([0, 0, 1, 0], np.int8)).tolist() == [0.75, 0.25, 0.0]
    with pytest.raises(ValueError, match="training window is empty"):
        class_prior(np.array([], np.int8))


def test_weeks_run_from_monday_to_sunday():
    """Sunday night and Monday morning lie in different ISO weeks, Monday and Sunday in one."""
    sunday, monday, next_sunday = iso_week_number(
        np.array([epoch("2024-08-18T23:59"), epoch("2024-08-19T00:00"), epoch("2024-08-25T23:59")])
    )

    assert monday == sunday + 1
    assert monday == next_sunday


@given(shift=st.floats(-1, 1))
def test_a_constant_difference_has_no_spread(shift):
    """Where one forecaster is always better by the same amount, the interval is that amount."""
    losses = np.linspace(0.5, 1.5, 40)

    difference = paired_difference(losses + shift, losses, np.arange(40) // 4)

    assert (difference.mean, difference.low, difference.high) == pytest.approx((shift,) * 3, abs=1e-12)


def test_the_interval_matches_the_standard_error_of_the_weeks():
    """With independent weeks of equal size, half the interval is 1.96 standard errors of the weekly means."""
    weekly = np.random.default_rng(1).normal(0.1, 1.0, 200)
    losses = np.repeat(weekly, 5)

    difference = paired_difference(losses, np.zeros(1_000), np.arange(1_000) // 5)

    half = 1.96 * weekly.std(ddof=1) / np.sqrt(200)
    assert difference.mean == pytest.approx(weekly.mean())
    assert (difference.high - difference.low) / 2 == pytest.approx(half, rel=0.08)
    assert difference == paired_difference(losses, np.zeros(1_000), np.arange(1_000) // 5)


def test_one_week_gives_no_interval():
    """A single block has no spread, and saying so is better than a width of zero."""
    with pytest.raises(ValueError, match="at least two weeks"):
        paired_difference(np.ones(3), np.zeros(3), np.zeros(3, np.int64))
