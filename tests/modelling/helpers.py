"""Made-up features with known probabilities."""

import numpy as np

NAMES = ("elo_textbook_gap", "form", "noise")


def made_up(rows, seed=0):
    """Features (n, 3), outcomes (n,) drawn from the true probabilities, and those (n, 3)."""
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.normal(80, 120, rows), rng.normal(0, 1, rows), rng.normal(0, 1, rows)])
    strength = values[:, 0] / 200 + 0.4 * values[:, 1]
    margins = np.column_stack([strength / 2, np.full(rows, -0.25), -strength / 2])
    truth = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    return values, drawn(truth, rng), truth


def drawn(probabilities, rng):
    """One outcome a row, (n,), as often as the probabilities say."""
    return (
        (rng.random((len(probabilities), 1)) > np.cumsum(probabilities, axis=1)[:, :2])
        .sum(axis=1)
        .astype(np.int8)
    )
