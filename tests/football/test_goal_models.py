"""Pi-ratings and the goal models by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccer_assets.football.features import apply_results, compute_features
from soccer_assets.football.ratings import outcome_log_odds
from soccer_assets.football.team_state import FAST, JOINT, SLOW
from tests.football.helpers import match, random_table, table

FIRST = match("a", "2024-08-17T15:00", "Ash", "Birch", "3-1")
STATISTICS = {
    "home_shots_on_target": 7,
    "away_shots_on_target": 4,
    "home_shots": 15,
    "away_shots": 9,
    "home_corners": 6,
    "away_corners": 3,
}


def test_pi_ratings_by_hand():
    """3-1 between equals is an error of 2: the step is .035 x 3 x log10(3), .7 of it crosses over."""
    state = apply_results(table(FIRST))
    step = 0.0500977  # .105 x .477121

    home, away = state.team("Ash"), state.team("Birch")

    assert [home["pi_home"], home["pi_away"]] == pytest.approx([step, 0.0350684], abs=1e-7)
    assert [away["pi_away"], away["pi_home"]] == pytest.approx([-step, -0.0350684], abs=1e-7)


def test_all_four_pi_ratings_are_features():
    """At the next meeting, the other way round, each side brings what it is at home and away."""
    state = apply_results(table(FIRST))

    after, _ = compute_features(table(match("b", "2024-08-24T15:00", "Birch", "Ash")), state)

    names = ("home_pi_home", "home_pi_away", "away_pi_home", "away_pi_away")
    ratings = [after.column(name)[0] for name in names]
    assert ratings == pytest.approx([-0.0350684, -0.0500977, 0.0500977, 0.0350684], abs=1e-7)


def test_the_pi_gap_is_in_goals():
    """A home rating of log10(2) x 3 against an away rating of 0 expects one goal more."""
    state = apply_results(table(FIRST))
    state.teams["pi_home"] = [3 * math.log10(2), 0.0]
    state.teams["pi_away"] = 0.0

    features, _ = compute_features(table(match("b", "2024-08-24T15:00", "Ash", "Birch")), state)

    assert features.column("pi_gap")[0] == pytest.approx(1.0)


def test_the_slow_model_by_hand():
    """One 3-1 moves attack and defence by variance x surprise / noise, shrunk by what is known already."""
    state = apply_results(table(FIRST))
    home_mean, away_mean = math.exp(0.2 + 0.135), math.exp(0.2 - 0.135)
    variance, noise = 0.093, 0.94
    home_shrink = 1 / (1 + 2 * variance * home_mean / noise)
    away_shrink = 1 / (1 + 2 * variance * away_mean / noise)
    rate = (0.0001 + 0.3 / 10) / 1.35

    home, away, league = state.team("Ash"), state.team("Birch"), state.leagues[0]

    assert home["attack"][SLOW] == pytest.approx(variance * (3 - home_mean) / noise * home_shrink)
    assert away["defence"][SLOW] == pytest.approx(-variance * (3 - home_mean) / noise * home_shrink)
    assert away["attack"][SLOW] == pytest.approx(variance * (1 - away_mean) / noise * away_shrink)
    assert home["attack_variance"][SLOW] == pytest.approx(
        variance - variance**2 * home_mean / noise * home_shrink
    )
    assert league["level"][SLOW] == pytest.approx(0.2 + rate * (4 - home_mean - away_mean) / 2)
    assert league["home_gain"][SLOW] == pytest.approx(0.27 + 0.0027 / 1.35 * (2 - home_mean + away_mean))
    assert home["home_gain"][SLOW] == pytest.approx(0.0021 / 1.35 * (2 - home_mean + away_mean))
    assert away["home_gain"].tolist() == [0.0] * 3
    assert league["mean_attack"][SLOW] == pytest.approx(
        0.01 * (home["attack"][SLOW] + away["attack"][SLOW]) / 2
    )


# 3-1 between equals in a new league, on paper. Slow and fast: e^(.2 + .135) = 1.39794, e^(.2 - .135) =
# 1.06716 are expected; shrink 1 / (1 + .186 x 1.39794 / .94) = .783322, attack .093 x 1.60206 / .94 x
# .783322 = .124158, variance .093 - .093^2 x 1.39794 / .94 x .783322 = .082924; away .825654, .093 x
# -.06716 / .94 x .825654. Joint: e^(.2 + .15) = 1.41907 and e^(.2 - .15) = 1.05127; .048 and 1.15: shrinks
# .894085 and .919322.
@pytest.mark.parametrize(
    ("model", "home_attack", "home_variance", "away_attack", "away_variance"),
    [
        (SLOW, 0.1241579, 0.0829245, -0.0054860, 0.0848929),
        (FAST, 0.1241579, 0.0829245, -0.0054860, 0.0848929),
        (JOINT, 0.0589978, 0.0454581, -0.0019674, 0.0460637),
    ],
)
def test_each_model_worked_on_paper(model, home_attack, home_variance, away_attack, away_variance):
    """What a side gains in attack its opponent loses in defence, with the same uncertainty."""
    state = apply_results(table(FIRST))
    home, away = state.team("Ash"), state.team("Birch")

    assert home["attack"][model] == pytest.approx(home_attack, abs=1e-7)
    assert away["defence"][model] == pytest.approx(-home_attack, abs=1e-7)
    assert home["attack_variance"][model] == pytest.approx(home_variance, abs=1e-7)
    assert away["attack"][model] == pytest.approx(away_attack, abs=1e-7)
    assert home["defence"][model] == pytest.approx(-away_attack, abs=1e-7)
    assert away["attack_variance"][model] == pytest.approx(away_variance, abs=1e-7)


def test_shots_on_target_worked_on_paper():
    """7-4 in shots on target after the 3-1 moves the joint model's attack from .05900 on to .07071."""
    state = apply_results(table(FIRST | {"home_shots_on_target": 7, "away_shots_on_target": 4}))

    # Expected: 4.5 e^(.1 + .509 x (.058998 + .058998)) = 5.28111.
    # Information: .509^2 x 5.28111 / 3.27 = .418421; shrink: 1 / (1 + 2 x .045458 x .418421) = .963353.
    # Step: .045458 x .509 x 1.71889 / 3.27 x .963353 = .011717.
    home, away = state.team("Ash"), state.team("Birch")
    assert home["attack"][JOINT] == pytest.approx(0.0707147, abs=1e-7)
    assert away["defence"][JOINT] == pytest.approx(-0.0707147, abs=1e-7)
    assert home["attack_variance"][JOINT] == pytest.approx(0.0446251, abs=1e-7)
    # Expected of the other side: 4.5 e^(-.1 - .509 x .003935) = 4.06362.
    assert away["attack"][JOINT] == pytest.approx(-0.0024104, abs=1e-7)
    assert home["defence"][JOINT] == pytest.approx(0.0024104, abs=1e-7)


def test_statistics_move_the_joint_model_alone():
    """Shots and corners leave the models of goals as they were, to the bit."""
    without = apply_results(table(FIRST))
    with_them = apply_results(table(FIRST | STATISTICS))

    home_without, home_with = without.team("Ash"), with_them.team("Ash")

    assert home_with["attack"][:JOINT].tolist() == home_without["attack"][:JOINT].tolist()
    assert home_with["attack"][JOINT] > home_without["attack"][JOINT]
    assert home_with["attack_variance"][JOINT] < home_without["attack_variance"][JOINT]


def test_one_statistic_by_hand():
    """Corners alone: a step of elasticity x variance x surprise / noise on top of the goals'."""
    goals = apply_results(table(FIRST)).team("Ash")
    away = apply_results(table(FIRST)).team("Birch")
    both = apply_results(table(FIRST | {"home_corners": 6, "away_corners": 3})).team("Ash")
    elasticity, noise = 0.527, 4.66
    strength = goals["attack"][JOINT] - away["defence"][JOINT]
    mean = math.exp(math.log(5.0) + 0.1 + elasticity * strength)
    variance, other = goals["attack_variance"][JOINT], away["defence_variance"][JOINT]
    shrink = 1 / (1 + (variance + other) * elasticity**2 * mean / noise)

    step = both["attack"][JOINT] - goals["attack"][JOINT]

    assert step == pytest.approx(variance * elasticity * (6 - mean) / noise * shrink)


@pytest.mark.parametrize(
    "gap",
    [
        {"home_shots_on_target": 0, "away_shots_on_target": 0},
        {"home_shots_on_target": 5, "away_shots_on_target": -1},
        {"home_shots": 15, "away_shots": 9},
        {"home_corners": 0, "away_corners": 0},
    ],
)
def test_statistics_that_are_not_known_of_both_sides_move_nothing(gap):
    """Half a statistic, one of zeros, or shots without those on target teach nothing."""
    with_gap, without = apply_results(table(FIRST | gap)), apply_results(table(FIRST))

    assert with_gap.to_bytes() == without.to_bytes()


def test_time_and_a_new_season_blur_and_draw_back():
    """A year later the variance has grown a day at a time and by a season; strength moves to the mean."""
    state = apply_results(table(FIRST))
    team, league = state.team("Ash"), state.leagues[0]
    fixture = table(match("b", "2025-08-17T15:00", "Ash", "Birch", season="2025-26"))

    features, _ = compute_features(fixture, state)

    grown = 365 * 5.4e-5 + 0.0050
    variance = team["attack_variance"][SLOW] + team["defence_variance"][SLOW] + 2 * grown
    away = state.team("Birch")
    attack = team["attack"][SLOW] + 0.088 * (league["mean_attack"][SLOW] - team["attack"][SLOW])
    defence = away["defence"][SLOW] + 0.088 * (league["mean_defence"][SLOW] - away["defence"][SLOW])
    ground = league["home_gain"][SLOW] / 2 + team["home_gain"][SLOW]
    expected = league["level"][SLOW] + ground + attack - defence
    assert features.column("slow_home_uncertainty")[0] == pytest.approx(math.sqrt(variance))
    assert features.column("slow_home_log_goals")[0] == pytest.approx(expected)


RETURN = (
    match("a", "2022-08-13T15:00", "Ash", "Birch", "4-0", season="2022-23"),
    match("b", "2023-08-12T15:00", "Birch", "Cedar", "1-1", season="2023-24"),
)


def test_a_team_that_comes_back_starts_below_the_mean():
    """After a season without it a competition draws a team 55 % of the way to the mean less .1 log goals."""
    state = apply_results(table(*RETURN))
    team, league = state.team("Ash"), state.leagues[0]
    fixture = table(match("c", "2024-08-17T15:00", "Ash", "Birch", season="2024-25"))

    features, _ = compute_features(fixture, state)

    def entered(strength, mean):
        return strength + 0.088 * (mean - strength)

    attack = entered(team["attack"][SLOW], league["mean_attack"][SLOW])
    attack += 0.55 * (league["mean_attack"][SLOW] - 0.10 - attack)
    defence = entered(state.team("Birch")["defence"][SLOW], league["mean_defence"][SLOW])
    ground = league["home_gain"][SLOW] / 2 + team["home_gain"][SLOW]
    assert features.column("slow_home_log_goals")[0] == pytest.approx(
        league["level"][SLOW] + ground + attack - defence
    )
    elo = team["elo"] + 0.18 * (league["mean_elo"] - team["elo"])
    elo += 0.55 * (league["mean_elo"] - 40.0 - elo)
    assert features.column("home_elo_above_league")[0] == pytest.approx(elo - league["mean_elo"])


def test_a_team_that_played_the_season_before_does_not_come_back():
    """A season in another tier is no season missed, and neither is a summer."""
    below = match(
        "b2", "2023-08-12T15:00", "Ash", "Elm", "0-0", season="2023-24", competition="TST-2", tier=2
    )
    fixture = match("c", "2024-08-17T15:00", "Ash", "Birch", season="2024-25")

    features, state = compute_features(table(*RETURN, below, fixture))

    team, league = state.team("Ash"), state.leagues[0]
    elo = team["elo"] + 0.18 * (league["mean_elo"] - team["elo"])
    assert features.column("home_elo_above_league")[-1] == pytest.approx(elo - league["mean_elo"])


def test_what_the_joint_model_got_wrong_is_followed():
    """A win where .52 of one was expected: a fifteenth of the rest for form, a sixtieth for home sides."""
    state = apply_results(table(FIRST))
    fixtures = table(match("b", "2024-08-24T15:00", "Ash", "Birch"))
    home_mean, away_mean = math.exp(0.35), math.exp(0.05)
    odds, draw_odds = outcome_log_odds(home_mean, away_mean, -0.068)
    weights = np.exp([odds / 2, draw_odds, -odds / 2])
    p_home, p_draw, _ = weights / weights.sum()
    expected = p_home + p_draw / 2

    features, _ = compute_features(fixtures, state)

    def column(name):
        return features.column(name)[0]

    assert column("home_surprise") == pytest.approx((1 - expected) / 15)
    assert column("away_surprise") == pytest.approx(-(1 - expected) / 15)
    assert (
        column("home_venue_surprise") == column("away_venue_surprise") == pytest.approx((1 - expected) / 60)
    )
    assert column("league_favourite_gain") == pytest.approx((1 - expected) * (expected - 0.5) / 1000)
    assert column("league_draw_surprise") == pytest.approx(-p_draw / 400)
    assert column("favourite_log_odds") == column("league_favourite_gain") * column("joint_log_odds")


def test_newcomers_lower_tiers_and_neutral_ground():
    """A newcomer starts below the mean, a tier below the one above, and neutral ground has no home gain."""
    old = match("a", "2023-08-17T15:00", "Ash", "Birch", "1-1", season="2023-24")
    state = apply_results(table(old))
    neutral = {"is_neutral": True}
    fixtures = table(
        match("b", "2024-08-17T15:00", "New", "Newer", **neutral),
        match("c", "2024-08-17T15:00", "One", "Two", competition="TST-3", tier=3, **neutral),
    )

    features, _ = compute_features(fixtures, state)

    league = state.leagues[0]
    assert features.column("slow_home_log_goals")[0] == pytest.approx(
        league["level"][SLOW] + league["mean_attack"][SLOW] - league["mean_defence"][SLOW]
    )
    assert features.column("slow_log_odds") == pytest.approx([0.0, 0.0], abs=1e-12)
    assert features.column("slow_home_log_goals")[1] == pytest.approx(0.2)


def test_national_teams_have_parameters_of_their_own():
    """The same score between national teams moves strengths much further: they differ more."""
    friendly = FIRST | {"tier": 0, "is_international": True}

    club, nation = apply_results(table(FIRST)).team("Ash"), apply_results(table(friendly)).team("Ash")

    assert nation["attack"][SLOW] > 2 * club["attack"][SLOW]
    assert nation["elo"] - 1500 == pytest.approx(14.0 / 7.7 * (club["elo"] - 1500))


@given(home=st.floats(0.05, 9.9), away=st.floats(0.05, 9.9), rho=st.floats(-0.1, 0.1))
@settings(max_examples=100, deadline=None)
def test_log_odds_equal_the_whole_grid(home, away, rho):
    """The one pass over 11 goals gives the odds of the 11 x 11 grid of Dixon and Coles."""
    goals = np.arange(11)
    factorial = np.cumprod(np.r_[1.0, goals[1:]])
    grid = np.outer(
        np.exp(-home) * home**goals / factorial,
        np.exp(-away) * away**goals / factorial,
    )
    grid[0, 0] *= 1 - home * away * rho
    grid[0, 1] *= 1 + home * rho
    grid[1, 0] *= 1 + away * rho
    grid[1, 1] *= 1 - rho
    p_home, p_draw, p_away = np.tril(grid, -1).sum(), np.trace(grid), np.triu(grid, 1).sum()

    odds, draw_odds = outcome_log_odds(home, away, rho)

    assert odds == pytest.approx(math.log(p_home / p_away), abs=1e-9)
    assert draw_odds == pytest.approx(math.log(p_draw / math.sqrt(p_home * p_away)), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_variances_stay_positive(seed):
    """Knowledge grows, and never to certainty or beyond."""
    state = apply_results(random_table(seed, 400))

    assert (state.teams["attack_variance"] > 0).all()
    assert (state.teams["defence_variance"] > 0).all()


def test_points_of_the_last_season_are_kept():
    """The season before, drawn towards an average team, is known when the next begins and all through it."""
    old = [
        match(f"a{day}", f"2024-05-{day}T15:00", "Ash", "Birch", "1-0", season="2023-24") for day in (10, 11)
    ]
    new = [
        match("b", "2024-08-10T15:00", "Ash", "Birch", "0-1"),
        match("c", "2024-08-17T15:00", "Ash", "Birch"),
    ]

    features, _ = compute_features(table(*old, *new))

    expected = (6 + 3 * 1.37) / 5
    assert features.column("home_points_per_match_last_season") == pytest.approx(
        [1.37, 1.37, expected, expected]
    )
