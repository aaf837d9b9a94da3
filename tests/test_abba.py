"""The ratio of two checkouts' CPU times, from pairs of measurements."""

import pytest

from benchmarks.abba import summary


def test_a_constant_ratio_is_found_whatever_the_noise_of_the_machine():
    """Neighbours slow both sides of a pair: B takes a tenth more in each, and the interval has no width."""
    found = summary([(1.0, 1.1), (3.0, 3.3), (2.0, 2.2)])

    assert (found["ratio"], found["low"], found["high"]) == (1.1, 1.1, 1.1)
    assert (found["a_seconds"], found["b_seconds"], found["pairs"]) == (2.0, 2.2, 3)


def test_the_interval_is_that_of_the_t_distribution():
    """Two pairs whose ratios are 1/1.21 and 1.21: t of one degree of freedom is 12.7062."""
    found = summary([(1.21, 1.0), (1.0, 1.21)])

    assert found["ratio"] == 1.0
    assert found["high"] == pytest.approx(1.21**12.7062, rel=1e-4)
    assert found["low"] * found["high"] == pytest.approx(1.0, rel=1e-3)


def test_one_pair_has_no_interval():
    """A single ratio says nothing of its own error."""
    found = summary([(2.0, 1.0)])

    assert (found["ratio"], found["low"], found["high"]) == (0.5, None, None)
