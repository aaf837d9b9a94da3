"""Made-up features with known probabilities."""

import numpy as np

from soccer_assets.football.match_table import MatchTable

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


def played(kickoff, outcomes):
    """Matches of one league at these kickoffs (n,), each with a score of its outcome."""
    rows = len(outcomes)
    return MatchTable.from_columns(
        match_id=[f"m{number:06d}" for number in range(rows)],
        kickoff=kickoff,
        is_day_precision=np.zeros(rows, np.bool_),
        competition=["TST-1"] * rows,
        season=["2024"] * rows,
        tier=np.ones(rows),
        home_team=["Ash"] * rows,
        away_team=["Oak"] * rows,
        home_goals=(outcomes == 0).astype(int),
        away_goals=(outcomes == 2).astype(int),
        is_neutral=np.zeros(rows, np.bool_),
        moves_ratings=np.ones(rows, np.bool_),
        trains=np.ones(rows, np.bool_),
    )
