"""Knows probabilities: models, calibration, scores, promotion. Pure functions, no I/O, no Dagster."""
