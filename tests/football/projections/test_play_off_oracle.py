"""The simulated world as oracle of play-offs: it plays them in words of its own, and the projection knows."""

import numpy as np
import pytest

from benchmarks.play_off_oracle import PLAYED, WRONG, finished_seasons, holm, judge, p_value
from benchmarks.projection_oracle import LEVEL


def test_the_chance_to_go_up_is_calibrated_and_a_wrong_rule_is_seen() -> None:
    """Of 60 seasons; a projection that gives level ties to the better placed is not."""
    seasons = list(finished_seasons(1, leagues=20, years=3, history=2))

    assert judge(seasons, "ENG-2", "ENG-2", simulated=400) >= LEVEL
    assert judge(seasons, "ENG-2", "ESP-2", simulated=400) < LEVEL


@pytest.mark.trial
def test_all_told_rules_over_several_worlds() -> None:
    """Right rules pass together, each wrong one fails; of such sets one in a hundred fails by chance."""
    level = 0.01
    seasons = [season for seed in range(1, 9) for season in finished_seasons(seed, leagues=20, years=6)]

    assert holm({rules: judge(seasons, rules, rules) for rules in PLAYED}) >= level
    assert all(judge(seasons, rules, WRONG[rules]) < level for rules in PLAYED)


def test_groups_that_do_not_go_up_as_forecast_are_seen() -> None:
    """The best always goes up: likely where that is forecast, not where all have the same chance."""
    came = np.tile([1.0, 0.0, 0.0, 0.0], (40, 1))
    assert p_value(came, np.tile([0.97, 0.01, 0.01, 0.01], (40, 1))) > LEVEL
    assert p_value(came, np.full((40, 4), 0.25)) < 0.001
    assert p_value(came[:, ::-1], np.tile([0.5, 0.3, 0.2, 0.0], (40, 1))) < 0.001
