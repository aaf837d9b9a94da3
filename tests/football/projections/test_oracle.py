"""The simulated world as oracle: its seasons are drawn anew by every seed, so calibration is no accident."""

import numpy as np
import pytest

from benchmarks.projection_oracle import LEVEL, halved_variance, judge, true_finals
from benchmarks.projections import Calibration, Cut


def test_projections_of_a_world_are_calibrated_and_narrower_ones_are_less() -> None:
    """Eight leagues over three years at four cuts each; half of the variance is seen by the same test."""
    found = judge(1, leagues=8, years=3, simulated=200, history=2)

    assert found.projections >= LEVEL
    assert found.halved < found.projections


def test_the_narrower_forecaster_has_half_of_the_variance() -> None:
    """Of places that are far from both ends: the mean of two draws, ranked again."""
    draw = np.random.default_rng(0)
    strength = np.linspace(0, 6, 20) + 2.0 * draw.standard_normal((4000, 20))
    finals = np.argsort(np.argsort(-strength, axis=1), axis=1).astype(np.int8)
    ratio = halved_variance(finals)[:, 8:12].var(axis=0) / finals[:, 8:12].var(axis=0)

    assert np.all((ratio > 0.4) & (ratio < 0.8))


def test_few_simulated_tables_leave_the_true_forecaster_calibrated() -> None:
    """Of 300 seasons whose clubs have chances up to .04: 100 tables a season put many into a wrong bucket."""
    draw = np.random.default_rng(1)
    calibration = Calibration()
    for chances in draw.uniform(0.0, 0.04, (300, 20)):
        calibration.add(draw.random((100, 20)) < chances, draw.random(20) < chances)

    assert calibration.test()[0] >= LEVEL


def test_who_knows_the_rates_of_a_match_knows_how_it_ends() -> None:
    """Of two clubs the first lost 0-3 at home, and has 1,000 times the rate in the match that is left."""
    results = np.array([[0, 1, 0, 3, -7], [1, 0, 2, 2, 7]])
    nobody = np.zeros(2)
    cut = Cut(0.5, "SIM-1", "2024", nobody, nobody, nobody, results, np.array([True, False]))  # type: ignore[arg-type]
    finals = true_finals(cut, np.array([[9.0, 0.01], [0.01, 10.0]]), 50, 0)

    # Level on points, as a rule, and ahead by some seven goals.
    assert (finals[:, 0] == 0).mean() > 0.9
    np.testing.assert_array_equal(finals.sum(axis=1), 1)


@pytest.mark.trial
def test_a_hundred_worlds() -> None:
    """At .01, where 2 of 100 may fail by chance: projections pass in 98, half of the variance fails in 95."""
    found = [judge(seed, leagues=20, years=6) for seed in range(1, 101)]

    assert sum(one.projections >= 0.01 for one in found) >= 98
    assert sum(one.halved < 0.01 for one in found) >= 95
    assert sum(one.projections >= LEVEL for one in found) >= 93
