"""Knows probabilities: models, calibration, scores, promotion, drift. Pure functions.

Not here: I/O, Dagster, the registry (``resources``), training data (``stores/models``).
"""
