"""What a model and its forecasts have read, and what the prices of past matches are worth to it."""

import numpy as np
import pytest

from soccer_assets.football.features import (
    FEATURE_NAMES,
    PRICE_FEATURES,
    RESULT_FEATURES,
    compute_features,
)
from soccer_assets.football.prices import PriceKind
from soccer_assets.modelling.dataset import Boundaries, Split, TrainingData, outcomes
from soccer_assets.modelling.information import (
    PRICES,
    RESULTS,
    STATISTICS,
    information_of_model,
    information_of_row,
    reads_prices,
)
from soccer_assets.modelling.training import fit_candidate
from tests.football.helpers import priced_with, random_table
from tests.modelling.test_calibration import JUDGED, divergence, ece_against_truth, poisson_grid, world


def data_of(matches, *, use_prices=True):
    """Training data whose first half trains, the next quarter calibrates and the rest tests."""
    matches = matches.take(matches.trains)
    part = np.argsort(np.argsort(matches.kickoff, kind="stable")) * 4 // len(matches)
    split = Split(part < 2, part == 2, part == 3)
    values = compute_features(matches)[0].values
    odds = np.full((len(matches), 3), np.nan)
    return TrainingData(
        *(matches, values, outcomes(matches), odds, split, Boundaries(0, 0, 0, 0), FEATURE_NAMES, "s"),
        use_prices=use_prices,
    )


@pytest.mark.parametrize(
    ("priced", "use_prices", "read"),
    [(True, True, FEATURE_NAMES), (True, False, RESULT_FEATURES), (False, True, RESULT_FEATURES)],
)
def test_a_candidate_reads_prices_where_there_are_any_and_they_may_be_read(priced, use_prices, read):
    """Otherwise its columns, and so every bit of it, are those of a home without prices."""
    data = data_of(random_table(4, 200, priced=priced), use_prices=use_prices)

    assert data.read == read
    assert data.inputs(read).shape == (len(data.matches), len(read))
    np.testing.assert_array_equal(data.inputs(RESULT_FEATURES), data.values[:, : len(RESULT_FEATURES)])


def test_a_model_says_what_it_has_read():
    """Results; statistics where a training match has them; prices where it reads their columns."""
    matches = random_table(4, 60)
    without = matches.take(matches.statistics[:, 0, 0] < 0)

    assert information_of_model(FEATURE_NAMES, matches) == PRICES
    assert information_of_model(RESULT_FEATURES, matches) == STATISTICS
    assert information_of_model(RESULT_FEATURES, without) == RESULTS


def test_a_forecast_says_whether_it_knew_a_price():
    """A model with prices has no news of sides whose last eight matches had none."""
    rows = np.zeros((3, len(FEATURE_NAMES)))
    rows[1, FEATURE_NAMES.index("home_price_share")] = 0.125
    rows[2, FEATURE_NAMES.index("away_price_share")] = 1.0

    found = reads_prices(FEATURE_NAMES, rows)

    assert found.tolist() == [False, True, True]
    assert [information_of_row(PRICES, has_price=one) for one in found] == [STATISTICS, PRICES, PRICES]
    assert not reads_prices(RESULT_FEATURES, rows[:, : len(RESULT_FEATURES)]).any()
    assert information_of_row(RESULTS, has_price=False) == RESULTS
    assert information_of_row("", has_price=False) == ""


def test_prices_of_past_matches_bring_forecasts_closer_to_the_truth():
    """Twenty simulated leagues: KL to the truth falls with a book's prices (noise 3 %, margin 5 %)."""
    matches, truth, season = world(poisson_grid)
    noisy = np.exp(np.log(truth) + np.random.default_rng(1).normal(0.0, 0.03, truth.shape))
    prices = np.maximum(noisy.sum(axis=1, keepdims=True) / noisy / 1.05, 1.01)
    matches = priced_with(matches, prices, np.full(len(matches), PriceKind.CLOSING_AVERAGE))
    values = compute_features(matches)[0].values
    split = Split(season < JUDGED - 1, season == JUDGED - 1, season == JUDGED)
    forecasts = {}
    for names in (RESULT_FEATURES, FEATURE_NAMES):
        model = fit_candidate(values[:, : len(names)], outcomes(matches), split, names, seeds=1)
        forecasts[names] = model.predict_proba(values[split.test][:, : len(names)])

    without, priced = (divergence(forecasts[names], truth[split.test]) for names in forecasts)

    assert priced < 0.7 * without
    assert ece_against_truth(forecasts[FEATURE_NAMES], truth[split.test]) < 0.01
    assert len(PRICE_FEATURES) == len(FEATURE_NAMES) - len(RESULT_FEATURES)
