"""Scores of the goal markets on results drawn from known grids."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from soccer_assets.football.features import FEATURE_NAMES
from soccer_assets.football.match_table import SECONDS_A_DAY, MatchTable
from soccer_assets.football.prices import PriceKind
from soccer_assets.football.ratings.parameters import DRAW_CORRELATIONS, LEAGUE
from soccer_assets.football.score_grid import GOAL_FEATURES, rates_grid
from soccer_assets.modelling.market_scores import (
    GoalChances,
    MarketCard,
    decided,
    half_time_outcomes,
    market_card,
)

ROWS = 6_000
GOALS = 16


def drawn(seed=4):
    """Matches drawn from their rates' own grids, their features, and the true home, draw and away."""
    rng = np.random.default_rng(seed)
    logs = rng.normal(0.3, 0.35, (ROWS, 2))
    rates = np.exp(logs)
    grid = rates_grid(rates[:, 0], rates[:, 1], np.full(ROWS, DRAW_CORRELATIONS[LEAGUE]))
    flat = grid.reshape(ROWS, -1) / grid.sum(axis=(1, 2))[:, None]
    cell = (rng.random((ROWS, 1)) > flat.cumsum(axis=1)).sum(axis=1)
    home, away = np.divmod(np.minimum(cell, GOALS**2 - 1), GOALS)
    lead = np.arange(GOALS)[:, None] - np.arange(GOALS)
    truth = np.stack([flat @ (np.sign(lead).ravel() == sign) for sign in (1, 0, -1)], axis=1)
    matches = MatchTable.from_columns(
        match_id=[f"m{number:05d}" for number in range(ROWS)],
        kickoff=np.arange(ROWS) * SECONDS_A_DAY // 20,
        is_day_precision=np.zeros(ROWS, np.bool_),
        competition=["TST-1"] * ROWS,
        season=["2024"] * ROWS,
        tier=np.ones(ROWS),
        home_team=["Ash"] * ROWS,
        away_team=["Oak"] * ROWS,
        home_goals=home,
        away_goals=away,
        home_goals_half_time=rng.binomial(home, 0.44),
        away_goals_half_time=rng.binomial(away, 0.44),
        is_neutral=np.zeros(ROWS, np.bool_),
        moves_ratings=np.ones(ROWS, np.bool_),
        trains=np.ones(ROWS, np.bool_),
    )
    values = np.zeros((ROWS, len(FEATURE_NAMES)))
    columns = [FEATURE_NAMES.index(name) for name in GOAL_FEATURES]
    values[:, columns] = np.column_stack([logs, np.ones(ROWS), np.zeros(ROWS)])
    return matches, values, truth, flat.reshape(-1, GOALS, GOALS)


MATCHES, VALUES, TRUTH, GRID = drawn()
HALF = ROWS // 2


def card(probabilities=None, values=VALUES, matches=MATCHES):
    """The second half is scored, the first half is the training."""
    p = TRUTH if probabilities is None else probabilities
    scored = np.arange(ROWS) >= HALF
    return market_card(
        matches.take(scored), values[scored], FEATURE_NAMES, GOAL_FEATURES, p[scored], matches.take(~scored)
    )


def by_market(found):
    return {score.market: score for score in found.scores}


def test_the_truth_beats_the_prior_in_every_market_and_every_line_is_calibrated():
    """Home, draw and away that agree with the rates leave the grid as it is."""
    found = card()

    scores = by_market(found)
    assert scores.keys() == {"over_2_5", "asian_handicap", "both_to_score", "half_time"}
    for score in scores.values():
        assert score.differences["prior"].high < 0
        assert score.differences["rates_alone"].mean == pytest.approx(0.0, abs=1e-9)
        assert score.rows_with_odds == 0
        assert score.log_losses_with_odds == {}
    assert {line.rows for line in found.lines if line.market != "asian_handicap"} == {HALF}
    assert min(line.p_corrected for line in found.lines) > 0.05
    assert len(found.lines) == 7 + 11 + 1 + 3


def test_over_2_5_by_hand():
    """The log loss of over and under 2.5 goals by the Poisson sum of both rates, but for the low scores."""
    plain = card().scores[0]
    rows = np.arange(ROWS) >= HALF
    total = np.exp(VALUES[rows][:, [FEATURE_NAMES.index(name) for name in GOAL_FEATURES[:2]]]).sum(axis=1)
    under = np.exp(-total) * (1 + total + total**2 / 2)
    is_over = (MATCHES.home_goals + MATCHES.away_goals > 2)[rows]

    assert plain.log_losses["candidate"] == pytest.approx(
        -np.log(np.where(is_over, 1 - under, under)).mean(), abs=0.002
    )
    share = (MATCHES.home_goals + MATCHES.away_goals > 2)[~rows].mean()
    assert plain.log_losses["prior"] == pytest.approx(
        -np.log(np.where(is_over, share, 1 - share)).mean(), abs=1e-9
    )


def test_rates_that_are_too_high_are_found_in_the_lines_of_totals():
    """A fifth more goals than come: each line up to 4.5 is off, and the loss is above that of the truth."""
    high = VALUES.copy()
    high[:, [FEATURE_NAMES.index(name) for name in GOAL_FEATURES[:2]]] += np.log(1.2)

    found = card(values=high)

    off = {line.line for line in found.lines if line.market == "over" and line.p_corrected < 0.01}
    assert off >= {"0.5", "1.5", "2.5", "3.5", "4.5"}
    assert by_market(found)["over_2_5"].log_losses["candidate"] > card().scores[0].log_losses["candidate"]


def test_a_wrong_outcome_moves_the_totals_it_is_scaled_with():
    """Twice as many draws as there are: scaling the grid to them makes over 2.5 worse than the rates."""
    tilted = TRUTH * np.array([1.0, 2.0, 1.0])

    score = by_market(card(tilted / tilted.sum(axis=1, keepdims=True)))["over_2_5"]

    assert score.differences["rates_alone"].low > 0


def test_matches_without_a_half_time_score_settle_no_half_time():
    """Unknown and impossible ones alike; no row leaves no market."""
    half = np.where(np.arange(ROWS) % 3 == 0, MATCHES.home_goals_half_time, -1)
    some = replace(MATCHES, home_goals_half_time=half)
    none = replace(MATCHES, away_goals_half_time=MATCHES.away_goals + 1)

    assert by_market(card(matches=some))["half_time"].rows == HALF // 3
    assert "half_time" not in by_market(card(matches=none))
    assert (half_time_outcomes(none) == -1).all()


def test_stakes_of_quarter_lines():
    """A lead of one goal at -0.75 wins half, at -1 is returned, at -1.25 loses half."""
    leads = np.array([1, 1, 1, 1, 0])
    lines = np.array([-0.75, -1.0, -1.25, -0.5, 0.25])

    assert decided(leads, lines).tolist() == [[0.5, 0.0], [0.0, 0.0], [0.0, 0.5], [1.0, 0.0], [0.5, 0.0]]


def test_closing_prices_are_scored_on_no_push_and_only_where_they_are_closing():
    """Fair prices of the truth are as good as the candidate; averages of earlier prices are no market."""
    quarter = np.where(np.arange(ROWS) % 2 == 0, -0.25, 1.0)
    found = GoalChances.of_grids(GRID, np.full(ROWS, 0.44))
    over = found.totals[:, 3:].sum(axis=1)
    leads = np.arange(-15, 16)
    won, lost = (
        np.array([chances @ part for chances, part in zip(found.leads, parts, strict=True)])
        for parts in np.moveaxis(decided(leads, quarter[:, None]), -1, 0)
    )
    fair = {
        "over_price": 1 / over,
        "under_price": 1 / (1 - over),
        "handicap": quarter,
        "home_handicap_price": (won + lost) / won,
        "away_handicap_price": (won + lost) / lost,
    }
    closing = np.where(np.arange(ROWS) < ROWS - 100, PriceKind.CLOSING_AVERAGE, PriceKind.AVERAGE)

    scores = by_market(card(matches=replace(MATCHES, goal_price_kind=closing.astype(np.int8), **fair)))

    for name in ("over_2_5", "asian_handicap"):
        assert scores[name].differences_with_odds["book"].mean == pytest.approx(0.0, abs=2e-3)
        assert scores[name].differences_with_odds["prior"].high < 0
    assert scores["over_2_5"].rows_with_odds == HALF - 100
    lead = (MATCHES.home_goals - MATCHES.away_goals)[HALF : ROWS - 100]
    pushes = int(((quarter[HALF : ROWS - 100] == 1.0) & (lead == -1)).sum())
    assert scores["asian_handicap"].rows_with_odds == HALF - 100 - pushes
    assert scores["both_to_score"].rows_with_odds == 0


def test_a_card_survives_json():
    """It is stored with the evaluation."""
    found = card()

    assert msgspec.json.decode(msgspec.json.encode(found), type=MarketCard) == found
