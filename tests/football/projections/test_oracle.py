"""The simulated world as oracle: its seasons are drawn anew by every seed, so calibration is no accident."""

import numpy as np
import pytest

from benchmarks.projection_oracle import LEVEL, halved_variance, judge


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


@pytest.mark.trial
def test_a_hundred_worlds() -> None:
    """Projections pass in 98 of 100, the forecaster with half of the variance fails in 95."""
    found = [judge(seed, leagues=20, years=6) for seed in range(1, 101)]

    assert sum(one.projections >= LEVEL for one in found) >= 98
    assert sum(one.halved < LEVEL for one in found) >= 95
