"""Ratings by hand: what one result moves, and what a new season does."""

import math

import numpy as np
import pytest

from soccer_assets.football.features import apply_results, compute_features
from tests.football.helpers import match, random_table, table


def elo_of(state, team):
    return state.team(team)["elo"]


def features_of(matches, name, state=None):
    return compute_features(matches, state)[0].column(name).tolist()


def test_textbook_elo_by_hand():
    """A home win between equals gains 20 (1 - 1 / (1 + 10^-0.2)) points, whatever the score."""
    state = apply_results(table(match("a", "2024-08-17T15:00", "Ash", "Birch", "4-0")))

    # 80 points ahead: expected 0.61314.
    assert state.team("Ash")["elo_textbook"] == pytest.approx(1500 + 7.73726, abs=1e-5)
    assert state.team("Birch")["elo_textbook"] == pytest.approx(1500 - 7.73726, abs=1e-5)


def test_textbook_gap_has_home_advantage_only_on_home_ground():
    """Equal teams are 80 points apart at home and level on neutral ground."""
    fixtures = table(
        match("a", "2024-08-17T15:00", "Ash", "Birch"),
        match("b", "2024-08-17T15:00", "Ash", "Birch", is_neutral=True),
    )

    assert features_of(fixtures, "elo_textbook_gap") == [80.0, 0.0]
    assert features_of(fixtures, "elo_gap") == [62.0, 0.0]


def test_tuned_elo_counts_the_margin_and_moves_the_leagues_home_advantage():
    """3-1 at home between equals moves 7.7 x 3 x surprise, and the league's advantage by 1.2 x surprise."""
    matches = table(
        match("a", "2024-08-17T15:00", "Ash", "Birch", "3-1"), match("b", "2024-08-18T15:00", "Oak", "Elm")
    )
    surprise = 0.41171  # 1 - 1 / (1 + 10^-.155)

    table_after, state = compute_features(matches)

    assert elo_of(state, "Ash") == pytest.approx(1500 + 23.1 * surprise, abs=1e-3)
    assert elo_of(state, "Birch") == pytest.approx(1500 - 23.1 * surprise, abs=1e-3)
    assert table_after.column("league_home_advantage")[1] == pytest.approx(62 + 1.2 * surprise, abs=1e-4)


def test_neutral_ground_leaves_the_leagues_home_advantage_alone():
    """A result on neutral ground says nothing of home advantage."""
    state = apply_results(table(match("a", "2024-08-17T15:00", "Ash", "Birch", "3-1", is_neutral=True)))

    assert state.leagues["elo_home_advantage"].tolist() == [62.0]


@pytest.mark.parametrize("seed", range(5))
def test_textbook_points_are_conserved(seed):
    """Textbook Elo hands points over: their sum stays 1500 a team."""
    state = apply_results(random_table(seed, 200))

    assert state.teams["elo_textbook"].sum() == pytest.approx(1500 * len(state.team_names), rel=1e-12)


def test_a_new_league_starts_lower_a_tier_and_a_newcomer_below_its_mean():
    """Tier 3 starts at 1500 - 2 x 79; who joins in a later season starts 71 points below the mean."""
    first = table(match("a", "2024-08-17T15:00", "Ash", "Birch", "1-1", tier=3, is_neutral=True))
    state = apply_results(first)
    later = table(
        match("b", "2025-08-17T15:00", "Ash", "Fir", season="2025-26", tier=3),
        match("c", "2024-08-24T15:00", "Ash", "Fir", tier=3),
    )

    assert elo_of(state, "Ash") == 1342.0
    assert features_of(later, "away_elo_above_league", state) == [-71.0, 0.0]


def test_a_new_season_draws_a_team_to_its_leagues_mean():
    """At the first kickoff of a season a team moves 18 % of the way to the league's mean, later not."""
    state = apply_results(table(match("a", "2024-08-17T15:00", "Ash", "Birch", "3-0")))
    gap = elo_of(state, "Ash") - state.leagues["mean_elo"][0]
    fixtures = table(
        match("b", "2025-08-17T15:00", "Ash", "Birch", season="2025-26"),
        match("c", "2025-08-17T15:00", "Ash", "Birch"),
    )

    assert features_of(fixtures, "home_elo_above_league", state) == pytest.approx([0.82 * gap, gap])


def test_a_cup_does_not_count_as_a_season():
    """A cup match moves ratings and recent form; it neither starts a season nor enters its table."""
    state = apply_results(table(match("a", "2024-08-17T15:00", "Ash", "Birch", "3-0")))
    cup = match("b", "2024-08-20T15:00", "Ash", "Birch", "1-0", competition="CUP", season="2025", tier=0)
    fixture = table(match("c", "2024-08-24T15:00", "Ash", "Birch"))

    after, _ = compute_features(fixture, apply_results(table(cup), state))

    assert after.column("home_matches_season")[0] == 1
    assert after.column("home_points_last_5")[0] == pytest.approx(3 + 3 + 3 * 1.37)
    assert after.column("home_rest_days")[0] == 4


def test_form_and_season_by_hand():
    """Points, goals, rest and congestion of a team that won 2-0, drew 1-1 and lost 0-1."""
    matches = table(
        match("a", "2024-08-03T15:00", "Ash", "Birch", "2-0"),
        match("b", "2024-08-10T15:00", "Elm", "Ash", "1-1"),
        match("c", "2024-08-14T19:00", "Ash", "Oak", "0-1"),
        match("d", "2024-08-17T15:00", "Ash", "Fir"),
    )

    features = compute_features(matches)[0].take(np.array([3]))

    assert features.column("home_points_per_match_season")[0] == pytest.approx((4 + 3 * 1.37) / 6)
    assert features.column("home_goal_difference_per_match_season")[0] == pytest.approx(1 / 6)
    assert features.column("home_matches_season")[0] == 3
    assert features.column("home_log_matches_known")[0] == pytest.approx(math.log(4))
    assert features.column("home_points_last_5")[0] == pytest.approx(4 + 2 * 1.37)
    assert features.column("home_rest_days")[0] == 3
    assert features.column("home_matches_14_days")[0] == 3
    assert features.column("away_rest_days")[0] == 60
    assert features.column("away_is_new_in_league")[0] == 1
    assert features.column("home_is_new_in_league")[0] == 0


def test_season_progress_uses_the_last_finished_season():
    """Where two teams met four times in a season, one match is a quarter of the next season."""
    old = [match(f"a{day}", f"2024-08-{day}T15:00", "Ash", "Birch", "1-0") for day in (10, 11, 12, 13)]
    new = [
        match("b", "2025-08-10T15:00", "Ash", "Birch", "1-0", season="2025-26"),
        match("c", "2025-08-17T15:00", "Ash", "Birch", season="2025-26"),
    ]

    progress = features_of(table(*old, *new), "season_progress")

    assert progress == pytest.approx([0, 1 / 34, 2 / 34, 3 / 34, 0, 0.25])
