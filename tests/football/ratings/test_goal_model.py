"""Pi-ratings and the goal models by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from soccer_assets.football.features import apply_results, compute_features
from soccer_assets.football.ratings.goal_model import outcome_log_odds
from soccer_assets.football.ratings.parameters import (
    ATTACK,
    DEFENCE,
    FAST,
    GOAL_MODELS,
    HOME_ADVANTAGE,
    JOINT,
    SLOW,
)
from tests.football.helpers import match, random_table, table

Floats = NDArray[np.float64]

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


def kalman(
    strength: Floats, covariance: Floats, weights: Floats, innovation: Floats, noise: Floats
) -> tuple[Floats, Floats]:
    """The textbook's Kalman update of means (n,) and covariances (n, n) by sums (2, n) with noise (2, 2)."""
    gain = covariance @ weights.T @ np.linalg.inv(weights @ covariance @ weights.T + noise)
    return strength + gain @ innovation, covariance - gain @ weights @ covariance


def known(*teams: np.void, model: int) -> tuple[Floats, Floats]:
    """Six strengths of both teams in one model, and their covariance matrix (6, 6)."""
    matrix = np.zeros((6, 6))
    for number, team in enumerate(teams):
        block = np.zeros((3, 3))
        block[np.triu_indices(3)] = team["covariance"][model]
        matrix[3 * number : 3 * number + 3, 3 * number : 3 * number + 3] = np.triu(block, 1).T + block
    return np.concatenate([team["strength"][model] for team in teams]), matrix


# Log goals of the home side are its attack and home advantage minus the away side's defence; those of the
# away side its attack minus the home side's defence and home advantage.
AT_HOME = np.array([[1.0, 0.0, 1.0, 0.0, -1.0, 0.0], [0.0, -1.0, -1.0, 1.0, 0.0, 0.0]])
ON_NEUTRAL = np.array([[1.0, 0.0, 0.0, 0.0, -1.0, 0.0], [0.0, -1.0, 0.0, 1.0, 0.0, 0.0]])


@pytest.mark.parametrize(("is_neutral", "weights"), [(False, AT_HOME), (True, ON_NEUTRAL)])
def test_a_result_is_a_kalman_update(is_neutral, weights):
    """The second result of two teams equals the 6 x 6 matrix formula."""
    second = match("b", "2024-08-17T18:00", "Ash", "Birch", "0-2", is_neutral=is_neutral)
    before, after = apply_results(table(FIRST)), apply_results(table(FIRST, second))
    league = before.leagues[0]
    strength, covariance = known(before.team("Ash"), before.team("Birch"), model=SLOW)
    ground = 0.0 if is_neutral else league["goal_home_advantage"][SLOW] / 2
    means = np.exp(league["level"][SLOW] + np.array([ground, -ground]) + weights @ strength)
    noise = 1.26 * np.array([[1.0, 0.15], [0.15, 1.0]]) / np.sqrt(np.outer(means, means))

    strength, covariance = kalman(strength, covariance, weights, np.array([0, 2]) / means - 1, noise)

    # The covariance between the two teams is not kept.
    covariance[:3, 3:] = covariance[3:, :3] = 0.0
    found = known(after.team("Ash"), after.team("Birch"), model=SLOW)
    assert found[0] == pytest.approx(strength, abs=1e-12)
    assert found[1] == pytest.approx(covariance, abs=1e-12)


# 3-1 between equals in a new league, on paper. Slow and fast: e^(.2 + .116) = 1.37163 and e^(.2 - .116) =
# 1.08763 are expected, the relative innovations 1.18718 and -.08057. Variances of the logs: 2 x .0744 + .0045
# + 1.26 / 1.37163 = 1.07191 and 1.31178, together -2 x .59 x .0744 - .0045 + .15 x 1.26 / 1.22140 = .06245;
# so the steps are 1.11420 and -.11446, attack .0744 x 1.11420 + .59 x .0744 x .11446. Joint: 1.41907 and
# 1.05127; .89413, 1.18998 and .03091; 1.24852 and -.07342.
@pytest.mark.parametrize(
    ("model", "home", "away"),
    [
        (SLOW, [0.0879208, 0.0574248, 0.005529], [-0.0574248, -0.0879208, 0.0]),
        (FAST, [0.0879208, 0.0574248, 0.005529], [-0.0574248, -0.0879208, 0.0]),
        (JOINT, [0.0309275, 0.0287183, 0.0019829], [-0.0287183, -0.0309275, 0.0]),
    ],
)
def test_each_model_worked_on_paper(model, home, away):
    """Attack, defence and home advantage of both; attack and defence are correlated."""
    state = apply_results(table(FIRST))

    assert state.team("Ash")["strength"][model] == pytest.approx(home, abs=1e-6)
    assert state.team("Birch")["strength"][model] == pytest.approx(away, abs=1e-6)


def test_a_result_updates_the_leagues_level_and_home_advantage():
    """Level and home advantage move at .3 / (matches + 10) and .3 / (matches + 50) and their own rates."""
    state = apply_results(table(FIRST))
    home_mean, away_mean = math.exp(0.2 + 0.116), math.exp(0.2 - 0.116)
    level_rate, home_rate = (0.0013 + 0.3 / 10) / 1.35, (0.0017 + 0.3 / 50) / 1.35

    home, away, league = state.team("Ash"), state.team("Birch"), state.leagues[0]

    assert league["level"][SLOW] == pytest.approx(0.2 + level_rate * (4 - home_mean - away_mean) / 2)
    assert league["goal_home_advantage"][SLOW] == pytest.approx(
        0.232 + home_rate * (2 - home_mean + away_mean)
    )
    attacks = home["strength"][SLOW][ATTACK] + away["strength"][SLOW][ATTACK]
    assert league["mean_attack"][SLOW] == pytest.approx(0.01 * attacks / 2)


def test_autocorrelated_innovations_raise_the_noise_scale():
    """The log noise scale moves by .042 times the innovation times the mean of those before it."""
    repeated = match("b", "2024-08-17T18:00", "Ash", "Birch", "5-0")
    reversed_ = match("b", "2024-08-17T18:00", "Ash", "Birch", "0-5")
    first = apply_results(table(FIRST))
    home_mean, away_mean = math.exp(0.2 + 0.116), math.exp(0.2 - 0.116)
    innovation = (2 - home_mean + away_mean) / math.sqrt(home_mean + away_mean)
    strength, _ = known(first.team("Ash"), first.team("Birch"), model=SLOW)
    league = first.leagues[0]
    assert first.team("Ash")["mean_innovation"][SLOW] == pytest.approx(0.05 * innovation)
    assert first.team("Birch")["mean_innovation"][SLOW] == pytest.approx(-0.05 * innovation)
    assert league["log_noise_scale"].tolist() == [0.0] * GOAL_MODELS
    home_advantage = np.array([1, -1]) * league["goal_home_advantage"][SLOW] / 2
    home, away = np.exp(league["level"][SLOW] + home_advantage + AT_HOME @ strength)

    for second, goals in ((repeated, 5), (reversed_, -5)):
        log_scale = apply_results(table(FIRST, second)).leagues[0]["log_noise_scale"]

        autocovariance = 2 * 0.05 * innovation * (goals - home + away) / math.sqrt(home + away)
        assert log_scale[SLOW] == pytest.approx(0.042 * autocovariance)
        assert log_scale[FAST] == 0.0
        assert (log_scale[JOINT] > 0) == (goals > 0)


def test_the_noise_scale_multiplies_the_process_noise():
    """At a log noise scale of log 2 a day and a season add twice the process noise."""
    state = apply_results(table(FIRST))
    fixture = table(match("b", "2025-08-17T15:00", "Ash", "Birch", season="2025-26"))

    def uncertainty():
        return compute_features(fixture, state)[0].column("slow_home_uncertainty")[0] ** 2

    usual = uncertainty()
    state.leagues["log_noise_scale"][:, SLOW] = math.log(2)

    process_noise = 365 * 4.0e-5 * (1 + 0.99) * 2 + 0.0037 * (1 + 0.80) * 2
    assert uncertainty() - usual == pytest.approx(process_noise)


def simulated_league(name: str, noise_scale: float, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Twelve years of rounds of twelve teams; at a noise scale of 1 they change as the model assumes."""
    strength, rows = rng.normal(0.0, 0.27, 12), []
    for week in range(600):
        for home, away in rng.permutation(12).reshape(6, 2):
            gap = strength[home] - strength[away]
            score = "-".join(map(str, rng.poisson(np.exp([0.335 + gap, 0.065 - gap]))))
            kickoff = 1_400_000_000 + week * 7 * 86_400
            sides = (f"{name}-{home}", f"{name}-{away}")
            rows.append(match(f"{name}-{len(rows)}", kickoff, *sides, score, competition=name))
        strength = 0.996 * strength + rng.normal(0.0, math.sqrt(7 * 4.0e-5 * noise_scale), 12)
    return rows


def test_the_noise_scale_of_simulated_leagues_is_found():
    """Nine times the process noise is detected in each of four pairs of leagues."""
    rng = np.random.default_rng(7)
    for number in range(4):
        usual = apply_results(table(*simulated_league(f"usual-{number}", 1.0, rng)))
        quick = apply_results(table(*simulated_league(f"quick-{number}", 9.0, rng)))

        log_scales = [float(state.leagues[0]["log_noise_scale"][SLOW]) for state in (usual, quick)]
        assert log_scales[1] > log_scales[0] + 1.0


def test_shots_on_target_are_a_second_update():
    """7-4 in shots on target after the 3-1 is a Kalman update after the goals', with elasticity."""
    goals = apply_results(table(FIRST))
    both = apply_results(table(FIRST | {"home_shots_on_target": 7, "away_shots_on_target": 4}))
    strength, covariance = known(goals.team("Ash"), goals.team("Birch"), model=JOINT)
    weights = 0.599 * AT_HOME
    means = 4.5 * np.exp(np.array([0.1, -0.1]) + weights @ strength)

    strength, covariance = kalman(
        strength, covariance, weights, np.array([7, 4]) / means - 1, np.diag(2.48 / means)
    )

    covariance[:3, 3:] = covariance[3:, :3] = 0.0
    found = known(both.team("Ash"), both.team("Birch"), model=JOINT)
    assert found[0] == pytest.approx(strength, abs=1e-12)
    assert found[1] == pytest.approx(covariance, abs=1e-12)


def test_statistics_move_the_joint_model_alone():
    """Shots and corners leave the models of goals as they were, to the bit."""
    without = apply_results(table(FIRST))
    with_them = apply_results(table(FIRST | STATISTICS))

    home_without, home_with = without.team("Ash"), with_them.team("Ash")

    assert home_with["strength"][:JOINT].tolist() == home_without["strength"][:JOINT].tolist()
    assert home_with["strength"][JOINT][ATTACK] > home_without["strength"][JOINT][ATTACK]
    assert home_with["covariance"][JOINT][0] < home_without["covariance"][JOINT][0]


@pytest.mark.parametrize(
    "gap",
    [
        {"home_shots_on_target": 0, "away_shots_on_target": 0},
        {"home_shots_on_target": 5, "away_shots_on_target": -1},
        {"home_shots": 15, "away_shots": 9},
        {"home_corners": 0, "away_corners": 0},
    ],
)
def test_incomplete_statistics_change_nothing(gap):
    """A statistic of one side, zeros, or shots without those on target are ignored."""
    with_gap, without = apply_results(table(FIRST | gap)), apply_results(table(FIRST))

    assert with_gap.to_bytes() == without.to_bytes()


def test_time_and_a_new_season_add_process_noise_and_shrink_strengths():
    """After a year the variance has grown by days and by a season; strengths move to the league's mean."""
    state = apply_results(table(FIRST))
    team, league = state.team("Ash"), state.leagues[0]
    fixture = table(match("b", "2025-08-17T15:00", "Ash", "Birch", season="2025-26"))

    features, _ = compute_features(fixture, state)

    attack_variance, together, _, defence_variance, _, _ = team["covariance"][SLOW]
    grown, grown_together = 365 * 4.0e-5 + 0.0037, 365 * 4.0e-5 * 0.99 + 0.0037 * 0.80
    variance = attack_variance + defence_variance + 2 * grown + 2 * (together + grown_together)
    away = state.team("Birch")
    attack = team["strength"][SLOW][ATTACK]
    attack += 0.080 * (league["mean_attack"][SLOW] - attack)
    defence = away["strength"][SLOW][DEFENCE]
    defence += 0.080 * (league["mean_defence"][SLOW] - defence)
    ground = league["goal_home_advantage"][SLOW] / 2 + team["strength"][SLOW][HOME_ADVANTAGE]
    expected = league["level"][SLOW] + ground + attack - defence
    assert features.column("slow_home_uncertainty")[0] == pytest.approx(math.sqrt(variance))
    assert features.column("slow_home_log_goals")[0] == pytest.approx(expected)


RETURN = (
    match("a", "2022-08-13T15:00", "Ash", "Birch", "4-0", season="2022-23"),
    match("b", "2023-08-12T15:00", "Birch", "Cedar", "1-1", season="2023-24"),
)


def test_a_team_that_comes_back_starts_below_the_mean():
    """After a season without it a competition draws a team 55 % of the way to .088 below the mean."""
    state = apply_results(table(*RETURN))
    team, league = state.team("Ash"), state.leagues[0]
    fixture = table(match("c", "2024-08-17T15:00", "Ash", "Birch", season="2024-25"))

    features, _ = compute_features(fixture, state)

    def entered(strength, mean):
        return strength + 0.080 * (mean - strength)

    attack = entered(team["strength"][SLOW][ATTACK], league["mean_attack"][SLOW])
    attack += 0.55 * (league["mean_attack"][SLOW] - 0.088 - attack)
    defence = entered(state.team("Birch")["strength"][SLOW][DEFENCE], league["mean_defence"][SLOW])
    ground = league["goal_home_advantage"][SLOW] / 2 + team["strength"][SLOW][HOME_ADVANTAGE]
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


def test_residuals_of_the_joint_model_are_averaged():
    """A win where .52 of one was expected: a fifteenth of the rest for form, a sixtieth for home sides."""
    state = apply_results(table(FIRST))
    fixtures = table(match("b", "2024-08-24T15:00", "Ash", "Birch"))
    home_mean, away_mean = math.exp(0.35), math.exp(0.05)
    odds, draw_odds = outcome_log_odds(home_mean, away_mean, -0.073)
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
    """A newcomer starts below the mean, a lower tier too, and neutral ground has no home advantage."""
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
    """The same score moves strengths of national teams much further, because they differ more."""
    friendly = FIRST | {"tier": 0, "is_international": True}

    club, nation = apply_results(table(FIRST)).team("Ash"), apply_results(table(friendly)).team("Ash")

    assert nation["strength"][SLOW][ATTACK] > 2 * club["strength"][SLOW][ATTACK]
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
def test_covariances_stay_positive_definite(seed):
    """After 400 random matches no combination of strengths has a variance of 0 or less."""
    state = apply_results(random_table(seed, 400))

    for team in state.teams:
        for model in (SLOW, FAST, JOINT):
            assert np.linalg.eigvalsh(known(team, team, model=model)[1]).min() > 0


def test_points_of_the_last_season_are_kept():
    """The last season's points, shrunk to an average team's, stand all through the next season."""
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
