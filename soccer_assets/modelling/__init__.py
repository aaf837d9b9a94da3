"""Models and their evaluation: fitting, calibration, scores, promotion, rollback, drift. Pure functions.

Not here: I/O, Dagster, the registry (``resources``), training data (``stores/models``).
"""
