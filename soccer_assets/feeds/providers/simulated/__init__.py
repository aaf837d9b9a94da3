"""The simulated world: leagues whose true strengths are known, played against the clock.

A pure function of (seed, window, now). It is the oracle of calibration tests.
"""
