"""Calibration of one event: bins of equal mass, slope, and the test of a line."""

import numpy as np
import pytest

from soccer_assets.modelling.calibration import (
    calibration_slope,
    class_calibration,
    equal_mass_bins,
    holm,
    p_calibrated,
)

RNG = np.random.default_rng(5)
P = RNG.beta(6, 16, 20_000)
HAPPENED = RNG.random(len(P)) < P


def flattened(p, slope):
    log_odds = slope * (np.log(p) - np.log1p(-p))
    return 1 / (1 + np.exp(-log_odds))


def test_bins_hold_as_many_rows():
    """Equal values are split by their order; the smallest are in bin 0."""
    assert np.bincount(equal_mass_bins(P, 20)).tolist() == [1_000] * 20
    assert equal_mass_bins(np.array([0.3, 0.1, 0.2, 0.2]), 2).tolist() == [1, 0, 0, 1]


def test_the_error_of_two_bins_by_hand():
    """Twenty rows, a bin each: the mean distance of forecast and outcome."""
    p = np.linspace(0.1, 0.86, 20)
    happened = p > 0.5

    assert class_calibration(p, happened).ece_20 == pytest.approx(np.abs(happened - p).mean())


def test_a_perfect_forecaster_is_within_chance_and_a_wrong_one_is_not():
    """Of log-odds that are halved the slope is 2, of those that are doubled 1/2."""
    true, timid = class_calibration(P, HAPPENED), class_calibration(flattened(P, 0.5), HAPPENED)
    bold = class_calibration(flattened(P, 2.0), HAPPENED)

    assert true.ece_20 < true.ece_20_noise
    assert timid.ece_20 > timid.ece_20_noise
    assert abs(true.slope - 1.0) < 3 * true.slope_error
    assert timid.slope == pytest.approx(2 * true.slope)
    assert bold.slope == pytest.approx(true.slope / 2)
    assert bold.slope_error == pytest.approx(true.slope_error / 2)


@pytest.mark.parametrize("p", [np.full(50, 0.3), np.linspace(0.1, 0.9, 50), np.empty(0)])
def test_no_slope_where_there_is_none(p):
    """Equal forecasts, outcomes that a threshold separates, no rows."""
    assert calibration_slope(p, p > 0.5) == (0.0, 0.0)


def test_p_values_of_perfect_forecasters_are_even():
    """A twentieth lies below .05, for frequent and for rare events; a forecaster off by .03 is found."""
    rng = np.random.default_rng(0)
    for a, b in ((6, 16), (1, 60)):
        p = rng.beta(a, b, 4_000)
        found = np.array([p_calibrated(p, rng.random(len(p)) < p) for _ in range(400)])
        assert 0.02 < (found < 0.05).mean() < 0.09
        assert 0.43 < found.mean() < 0.57
    assert p_calibrated(P + 0.03, HAPPENED) < 1e-6
    assert p_calibrated(np.full(30, 0.01), np.zeros(30, bool)) == 1.0


def test_holm_by_hand():
    """The least of three is tripled, the next doubled, none falls below the one before or passes 1."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
