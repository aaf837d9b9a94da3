"""What the prices of past matches do to the priced goal model, and to nothing else."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import (
    FEATURE_NAMES,
    PRICE_FEATURES,
    RESULT_FEATURES,
    apply_results,
    compute_features,
)
from soccer_assets.football.match_table import PRICES
from soccer_assets.football.prices import PriceKind, price_rates
from soccer_assets.football.ratings.parameters import JOINT, PRICED
from tests.football.helpers import match, priced_with, random_table, table
from tests.football.ratings.test_goal_model import AT_HOME, kalman, known

RESULTS = len(RESULT_FEATURES)
SHARES = [FEATURE_NAMES.index(name) for name in ("home_price_share", "away_price_share")]
PRICE = {"home_price": 1.7, "draw_price": 3.8, "away_price": 5.2, "price_kind": PriceKind.CLOSING_AVERAGE}
NO_PRICE = {"home_price": np.nan, "draw_price": np.nan, "away_price": np.nan, "price_kind": 0}


def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def joint_columns(values):
    """The joint model's columns that the priced ones stand beside."""
    names = [name.replace("priced_", "joint_") for name in PRICE_FEATURES if name.startswith("priced_")]
    return values[:, [FEATURE_NAMES.index(name) for name in names]]


@pytest.mark.parametrize("seed", range(4))
def test_prices_move_no_bit_of_the_results_group(seed):
    """The first group of columns has the same hash with all prices, with other prices and with none."""
    matches = random_table(seed, 150)
    others = priced_with(matches, matches.prices[::-1], matches.price_kind[::-1])

    found = [compute_features(part)[0].values for part in (matches, others, matches.without_prices())]

    assert len({digest(values[:, :RESULTS]) for values in found}) == 1
    assert digest(found[0][:, RESULTS:]) != digest(found[1][:, RESULTS:])


@pytest.mark.parametrize("seed", range(4))
def test_without_a_price_the_second_group_is_the_joint_model(seed):
    """To the bit, with shares of 0; and the state keeps the priced rows unused."""
    features, state = compute_features(random_table(seed, 150, priced=False))

    assert digest(features.values[:, RESULTS : RESULTS + 6]) == digest(joint_columns(features.values))
    assert not features.values[:, SHARES].any()
    assert not state.teams["follows_prices"].any()
    assert not state.teams["strength"][:, PRICED].any()


def test_prices_of_goals_and_handicaps_move_no_bit_of_any_feature():
    """They are read by scorecards alone, also where a match has no other price."""
    matches = random_table(2, 120)
    rng = np.random.default_rng(2)
    quotes = {name: rng.uniform(1.5, 2.5, 120) for name in PRICES[3:]}
    kinds = np.full(120, PriceKind.CLOSING_AVERAGE, np.int8)
    quoted = replace(matches, **quotes, goal_price_kind=kinds)

    assert digest(compute_features(quoted)[0].values) == digest(compute_features(matches)[0].values)


@given(seed=st.integers(0, 10_000), day=st.integers(0, 59))
@settings(max_examples=25, deadline=None)
def test_another_future_of_results_and_prices_changes_nothing_until_then(seed, day):
    """All prices and results that become known after a day are replaced: no bit of a row up to it moves."""
    matches = random_table(seed, 60)
    cut = int(np.sort(matches.features_as_of)[day])
    later = matches.result_known_at > cut
    rng = np.random.default_rng(seed)
    columns = {name: getattr(matches, name).copy() for name in matches.__dataclass_fields__}
    for name in ("home_goals", "away_goals"):
        columns[name][later] = rng.integers(0, 9, int(later.sum()))
    other = type(matches).from_columns(**columns)
    prices, kinds = matches.prices.copy(), matches.price_kind.copy()
    prices[later], kinds[later] = [1.2, 7.0, 15.0], PriceKind.CLOSING
    other = priced_with(other, prices, kinds)

    known, changed = (compute_features(part)[0].values for part in (matches, other))

    until = matches.features_as_of <= cut
    assert digest(known[until]) == digest(changed[until])


@pytest.mark.parametrize("row", range(0, 60, 7))
def test_a_matchs_own_price_and_score_change_no_bit_of_its_own_features(row):
    """Its own price, statistics and score are replaced by another match's."""
    matches = random_table(3, 60)
    columns = {name: getattr(matches, name).copy() for name in matches.__dataclass_fields__}
    for name, values in columns.items():
        if name.endswith(("_goals", "_price", "price_kind", "_shots", "_target", "_corners")):
            values[row] = values[row - 1]
    other = type(matches).from_columns(**columns)

    features = [compute_features(part)[0].values[row] for part in (matches, other)]

    assert digest(features[0]) == digest(features[1])


def test_a_price_is_a_kalman_update_of_both_log_rates_and_the_goals_are_news_beyond_it():
    """The second match of two teams equals the 6 x 6 matrix formula, price first."""
    first = match("a", "2024-08-17T15:00", "Ash", "Birch", "3-1", **NO_PRICE)
    second = match("b", "2024-08-17T18:00", "Ash", "Birch", "0-2", **PRICE)
    before, after = apply_results(table(first)), apply_results(table(first, second))
    league = before.leagues[0]
    strength, covariance = known(before.team("Ash"), before.team("Birch"), model=JOINT)
    ground = league["goal_home_advantage"][JOINT] / 2
    expected = league["level"][JOINT] + np.array([ground, -ground]) + AT_HOME @ strength
    rates, _ = price_rates(np.array([[1.7, 3.8, 5.2]]), np.array([-0.073]))
    noise = 0.02 * np.array([[1.0, -0.2], [-0.2, 1.0]])

    strength, covariance = kalman(strength, covariance, AT_HOME, rates[0] - expected, noise)
    covariance[:3, 3:] = covariance[3:, :3] = 0.0
    means = np.exp(rates[0])
    noise = 1.2 / 0.6 * np.array([[1.0, 0.077], [0.077, 1.0]]) / np.sqrt(np.outer(means, means))
    strength, covariance = kalman(strength, covariance, AT_HOME, np.array([0, 2]) / means - 1, noise)

    covariance[:3, 3:] = covariance[3:, :3] = 0.0
    found = known(after.team("Ash"), after.team("Birch"), model=PRICED)
    assert found[0] == pytest.approx(strength, abs=1e-12)
    assert found[1] == pytest.approx(covariance, abs=1e-12)
    moved = after.leagues[0]["level"][PRICED] - league["level"][JOINT]
    assert moved == pytest.approx(0.03 * (rates[0] - expected).mean(), abs=1e-12)


def season(first_day, count, *, price, competition="TST-1", teams=("Ash", "Birch", "Cedar", "Fir")):
    """Matches on days one after the other, each with the price or without."""
    rows = []
    for number in range(count):
        home, away = teams[number % 4], teams[(number + 1 + number // 4 % 3) % 4]
        day = np.datetime64("2024-01-01") + first_day + number
        rows.append(
            match(
                *(f"{competition}-{first_day}-{number:03d}", f"{day}T15:00", home, away, "2-1"),
                **({"competition": competition, "season": "2024"} | (PRICE if price else NO_PRICE)),
            )
        )
    return rows


def test_a_league_whose_prices_begin_pause_and_end():
    """Shares go up and down by an eighth a match, and uncertainty moves without a jump."""
    matches = table(
        *season(0, 40, price=False),
        *season(40, 40, price=True),
        *season(80, 40, price=False),
        *season(120, 40, price=True),
    )

    features, state = compute_features(matches)

    share = features.column("home_price_share")
    assert not share[:41].any()
    assert share[75:81].tolist() == [1.0] * 6
    assert share[110:121].tolist() == [0.0] * 11
    assert np.unique(share * 8).tolist() == list(range(9))
    before = joint_columns(features.values)[:41], features.values[:41, RESULTS : RESULTS + 6]
    assert digest(before[0]) == digest(before[1])
    uncertainty = features.column("priced_home_uncertainty")
    assert (uncertainty > 0).all()
    steps = np.abs(np.diff(np.log(uncertainty)))
    # The first prices halve the uncertainty; where they end it grows back, no faster than time adds noise.
    assert steps[80:119].max() < 0.25
    assert state.teams["follows_prices"].all()


def test_a_club_priced_in_the_league_and_not_in_the_cup():
    """The cup's matches count as matches without a price, and its other clubs learn from the priced side."""
    rows = season(0, 24, price=True)
    for number in range(8):
        day = np.datetime64("2024-02-01") + number
        other = f"Cup {number % 2}"
        rows.append(
            match(
                *(f"cup-{number}", f"{day}T15:00", "Ash", other, "3-0"),
                **({"competition": "CUP", "tier": 0, "season": "2024"} | NO_PRICE),
            )
        )

    features, state = compute_features(table(*rows))

    assert features.column("home_price_share")[24:].tolist() == [1 - number / 8 for number in range(8)]
    assert not features.column("away_price_share")[24:].any()
    assert state.team("Cup 0")["follows_prices"] == 1
    assert state.team("Cup 0")["strength"][PRICED].tolist() != state.team("Cup 0")["strength"][JOINT].tolist()


def test_prices_missing_for_a_month_leave_finite_features():
    """A gap in the feed: shares fall, everything stays finite, and prices count again afterwards."""
    matches = table(*season(0, 30, price=True), *season(30, 30, price=False), *season(60, 10, price=True))

    features, _ = compute_features(matches)

    assert np.isfinite(features.values).all()
    assert features.column("home_price_share")[[29, 59, 69]].tolist()[::2] > [0.9, 0.0]
    assert features.column("home_price_share")[59] == 0.0


def test_a_price_without_a_counted_result_is_never_read():
    """A quarantined or unplayed match moves no rating, nor does its price."""
    rows = season(0, 8, price=False)
    quarantined = [
        row | PRICE | {"moves_ratings": False, "trains": False} for row in season(8, 4, price=False)
    ]

    plain, state = compute_features(table(*rows, *[row | NO_PRICE for row in quarantined]))
    priced, same = compute_features(table(*rows, *quarantined))

    assert digest(plain.values) == digest(priced.values)
    assert state.to_bytes() == same.to_bytes()
