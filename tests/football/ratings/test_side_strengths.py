"""Strengths before a match: they are the goal model's own, and follow results."""

import numpy as np

from soccer_assets.football.features import compute_features
from soccer_assets.football.ratings.side_strengths import STRENGTH_NAMES
from tests.football.helpers import match, random_table, table


def test_strengths_give_the_expected_goals_of_the_model():
    """On neutral ground expected goals differ from attack times defence by one factor of both sides."""
    matches = random_table(3, 200)
    features = compute_features(matches)[0]
    home_attack, home_defence, _, _, away_attack, away_defence, _, _ = features.strengths.T
    home_level = features.column("priced_home_log_goals") - np.log(home_attack * away_defence)
    away_level = features.column("priced_away_log_goals") - np.log(away_attack * home_defence)
    neutral = matches.is_neutral.astype(bool)

    assert features.strengths.shape == (200, len(STRENGTH_NAMES))
    assert (features.strengths > 0).all()
    assert neutral.sum() > 10
    assert np.allclose(home_level[neutral], away_level[neutral])
    assert not np.allclose(home_level[~neutral], away_level[~neutral])


def test_a_side_that_wins_scores_more_and_lets_in_fewer():
    """After twenty wins by 4-0 the winner's attack is above the loser's, its defence below, all surer."""
    days = [f"2024-{month:02}-{day:02}T15:00" for month in range(1, 6) for day in (1, 8, 15, 22)]
    games = [match(f"m{number:02}", day, "A", "B", "4-0") for number, day in enumerate(days)]
    features = compute_features(table(*games))[0]
    first, last = features.strengths[0], features.strengths[-1]

    assert first[:4].tolist() == first[4:].tolist()
    assert last[0] > first[0] > last[4]
    assert last[1] < first[1] < last[5]
    assert last[3] / last[1] < first[3] / first[1]
