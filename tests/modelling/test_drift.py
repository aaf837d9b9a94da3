"""Drift: what moved is found, chance and the season's rhythm are not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from soccer_assets.contract.reports import ColumnDrift
from soccer_assets.football.match_table import SECONDS_A_DAY
from soccer_assets.modelling.drift import (
    DEFAULT_POLICY,
    FEATURE,
    compare,
    effective_size,
    population_stability_index,
    share_drifted,
    windows,
)

NOW = 20_000 * SECONDS_A_DAY
YEAR = 364 * SECONDS_A_DAY


def _compare(reference: NDArray[np.float64], current: NDArray[np.float64]) -> tuple[ColumnDrift, ...]:
    """Columns `c0`, `c1` ... of matches of ten leagues."""
    names = [f"c{number}" for number in range(reference.shape[1])]
    groups = (np.arange(len(reference)) % 10, np.arange(len(current)) % 10)
    return compare(reference, current, *groups, names, [FEATURE] * len(names))


def test_the_index_of_two_shares_is_the_hand_worked_number() -> None:
    """Half zeros and half ones against one in four: (q - p) ln(q / p) summed over both."""
    before, now = np.repeat([0.0, 1.0], 5000), np.repeat([0.0, 1.0], [7500, 2500])

    expected = 0.25 * np.log(0.75 / 0.5) - 0.25 * np.log(0.25 / 0.5)
    assert population_stability_index(before, now) == pytest.approx(expected, abs=1e-3)
    assert population_stability_index(before, before) == 0.0


def test_the_reference_is_the_same_weeks_of_earlier_seasons_that_were_learnt_from() -> None:
    """28 days now; the same days 1, 2 and 3 seasons ago, and nothing after the training's end."""
    days = np.arange(-1500, 5) * SECONDS_A_DAY + NOW
    reference, current = windows(days, NOW, NOW - YEAR - 1)

    assert current.sum() == 28
    assert days[current].min() == NOW - 28 * SECONDS_A_DAY
    assert reference.sum() == 3 * 28
    assert ((NOW - days[reference] - 1) % YEAR < 28 * SECONDS_A_DAY).all()
    later, _ = windows(days, NOW, NOW - 2 * YEAR)
    assert later.sum() == 2 * 28


def test_a_seasons_rhythm_is_no_drift() -> None:
    """A feature that swings with the time of the year, the same every year, meets its own weeks."""
    rng = np.random.default_rng(0)
    kickoff = NOW - rng.integers(0, 4 * YEAR, 20_000)
    swing = np.sin(2 * np.pi * kickoff / YEAR)[:, None] + rng.normal(0, 0.1, (20_000, 1))
    reference, current = windows(kickoff, NOW, NOW)
    assert not any(column.has_drifted for column in _compare(swing[reference], swing[current]))
    assert all(column.has_drifted for column in _compare(swing[~current], swing[current]))


def test_of_forty_columns_exactly_the_moved_ones_are_named_over_fifty_draws() -> None:
    """Three columns move by half a deviation: all are found, and chance names none of the other 37."""
    moved = {"c3", "c7", "c11"}
    for seed in range(50):
        rng = np.random.default_rng(seed)
        reference, current = rng.normal(size=(900, 40)), rng.normal(size=(400, 40))
        current[:, [3, 7, 11]] += 0.6
        columns = _compare(reference, current)
        assert {column.name for column in columns if column.has_drifted} == moved
        assert {column.name for column in columns[:3]} == moved
        assert share_drifted(columns) == pytest.approx(3 / 40)
        assert all(column.p_corrected >= column.p_value for column in columns)
    assert columns[0].shift == pytest.approx(0.6, abs=0.15)


def test_a_visible_move_of_a_few_leagues_numbers_is_chance() -> None:
    """One number a league: ten leagues prove nothing, however many matches they play."""
    rng = np.random.default_rng(1)
    reference, current = np.repeat(rng.normal(size=10), 100), np.repeat(rng.normal(size=10) + 0.5, 40)
    names, kinds = ["league"], [FEATURE]
    groups = np.repeat(np.arange(10), 100), np.repeat(np.arange(10), 40)
    (by_league,) = compare(reference[:, None], current[:, None], *groups, names, kinds)
    alone = np.arange(1000), np.arange(400)
    (by_match,) = compare(reference[:, None], current[:, None], *alone, names, kinds)

    assert by_league.psi == by_match.psi > DEFAULT_POLICY.psi
    assert (by_league.has_drifted, by_match.has_drifted) == (False, True)


def test_matches_of_a_group_count_as_one_where_they_are_equal_and_fully_where_they_are_not() -> None:
    """Ten groups of 50 equal values are ten; 500 independent values are 500, or nearly."""
    group = np.repeat(np.arange(10), 50)
    rng = np.random.default_rng(2)
    assert effective_size(np.repeat(rng.normal(size=10), 50), group) == pytest.approx(10, rel=0.01)
    assert effective_size(rng.normal(size=500), group) > 250
    assert effective_size(np.zeros(500), group) == 500
    assert effective_size(np.arange(5.0), np.arange(5)) == 5


def test_nothing_to_compare_is_no_drift() -> None:
    """Without columns the share is 0."""
    assert share_drifted(()) == 0.0
