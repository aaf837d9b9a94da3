"""Forecasts against the truth, in worlds whose true probabilities are known and unlike the model."""

import numpy as np
import pytest

from soccer_assets.football.features import RESULT_FEATURES, compute_features
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.modelling.dataset import Split, outcomes
from soccer_assets.modelling.training import fit_candidate

TEAMS, LEAGUES, SEASONS = 16, 20, 8
GRID = np.arange(13)
# The last season is judged, the one before stops the trees.
JUDGED = SEASONS - 1


def chances(rate):
    """Poisson probabilities (n, 13)."""
    log_factorial = np.cumsum(np.log(np.maximum(GRID, 1)))
    return np.exp(GRID * np.log(rate)[:, None] - rate[:, None] - log_factorial)


def poisson_grid(home, away):
    """Two independent counts, (n, 13, 13)."""
    return chances(home)[:, :, None] * chances(away)[:, None, :]


def overdispersed(home, away):
    """Each side's rate is itself drawn: gamma of mean 1 and variance 1/4, by nine quantiles."""
    quantiles = np.quantile(np.random.default_rng(0).gamma(4, 1 / 4, 100_000), np.linspace(0.05, 0.95, 9))
    quantiles /= quantiles.mean()
    sides = [np.mean([chances(rate * factor) for factor in quantiles], axis=0) for rate in (home, away)]
    return sides[0][:, :, None] * sides[1][:, None, :]


def draw_prone(home, away):
    """An eighth of the wins by one goal end level: draws are correlated beyond Poisson."""
    grid = poisson_grid(home, away)
    for goals in GRID[:-1]:
        moved = 0.12 * (grid[:, goals + 1, goals] + grid[:, goals, goals + 1])
        grid[:, goals + 1, goals] *= 0.88
        grid[:, goals, goals + 1] *= 0.88
        grid[:, goals, goals] += moved
    return grid


def world(make_grid, *, abrupt=False, seed=0):
    """Matches of twenty leagues over eight seasons, their true 1x2, and the number of each one's season."""
    rng = np.random.default_rng(seed)
    rows, rates = [], []
    for league in range(LEAGUES):
        strength = rng.normal(0, 0.3, TEAMS)
        for season in range(SEASONS):
            strength = 0.9 * strength + rng.normal(0, 0.12, TEAMS)
            rounds = [(h, a) for h in range(TEAMS) for a in range(TEAMS) if h != a]
            for number, place in enumerate(rng.permutation(len(rounds))):
                if abrupt and number == len(rounds) // 2:
                    strength = np.where(rng.random(TEAMS) < 0.2, rng.normal(0, 0.3, TEAMS), strength)
                home, away = rounds[place]
                gap = strength[home] - strength[away]
                rows.append((league, season, number, home, away))
                rates.append((np.exp(0.35 + gap), np.exp(0.05 - gap)))
    home_rate, away_rate = np.array(rates).T
    grid = make_grid(home_rate, away_rate)
    grid /= grid.sum(axis=(1, 2), keepdims=True)
    truth = np.column_stack(
        [np.tril(grid, -1).sum(axis=(1, 2)), np.einsum("nii->n", grid), np.triu(grid, 1).sum(axis=(1, 2))]
    )
    flat = grid.reshape(len(grid), -1).cumsum(axis=1)
    score = (rng.random((len(flat), 1)) > flat).sum(axis=1).clip(max=168)
    facts = np.array(rows)
    played = np.ones(len(facts), np.bool_)
    matches = MatchTable.from_columns(
        match_id=[f"m{number:06d}" for number in range(len(facts))],
        kickoff=(facts[:, 1] * 365 + facts[:, 2] + 10_000) * SECONDS_A_DAY + 15 * 3600,
        is_day_precision=~played,
        competition=[f"L{league}" for league in facts[:, 0]],
        season=[f"{2000 + season}" for season in facts[:, 1]],
        tier=np.ones(len(facts)),
        home_team=[f"{league}-{team}" for league, team in facts[:, [0, 3]]],
        away_team=[f"{league}-{team}" for league, team in facts[:, [0, 4]]],
        home_goals=score // len(GRID),
        away_goals=score % len(GRID),
        is_neutral=~played,
        moves_ratings=played,
        trains=played,
    )
    return matches, truth, facts[:, 1]


def last_season(matches, truth, season, first):
    """Forecasts and truth of the last season, with the history that begins with season ``first``."""
    rows = season >= first
    matches, truth, season = matches.take(rows), truth[rows], season[rows]
    values = compute_features(matches)[0].values[:, : len(RESULT_FEATURES)]
    split = Split(season < JUDGED - 1, season == JUDGED - 1, season == JUDGED)
    model = fit_candidate(values, outcomes(matches), split, RESULT_FEATURES)
    return model.predict_proba(values[split.test]), truth[split.test]


def divergence(forecasts, true):
    """Mean Kullback-Leibler divergence from the truth to the forecasts."""
    return float((true * np.log(true / forecasts)).sum(axis=1).mean())


@pytest.mark.parametrize(
    ("make_grid", "abrupt"),
    [
        pytest.param(draw_prone, False, id="draw_prone"),
        pytest.param(poisson_grid, True, id="abrupt"),
        # The two worlds that the model assumes, or nearly: 10 s of CPU each.
        pytest.param(poisson_grid, False, id="poisson", marks=pytest.mark.trial),
        pytest.param(overdispersed, False, id="overdispersed", marks=pytest.mark.trial),
    ],
)
def test_forecasts_come_closer_to_the_truth_with_more_history_and_are_calibrated(make_grid, abrupt):
    """KL to the truth falls from three seasons to eight, and the ECE against the truth is small."""
    matches, truth, season = world(make_grid, abrupt=abrupt)

    short = last_season(matches, truth, season, first=JUDGED - 2)
    long = last_season(matches, truth, season, first=0)

    assert divergence(*long) < divergence(*short)
    assert ece_against_truth(*long) < 0.01


def ece_against_truth(forecasts, true):
    """ECE15 of the top label with the true probability in place of hits: no noise of outcomes in it."""
    top = forecasts.argmax(axis=1)
    confidence, chance = forecasts.max(axis=1), true[np.arange(len(true)), top]
    bins = np.minimum((confidence * 15).astype(int), 14)
    return float(np.abs(np.bincount(bins, chance - confidence)).sum() / len(forecasts))
