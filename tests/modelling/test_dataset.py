"""Labels and windows of time."""

import numpy as np
import pytest

from soccer_assets.football.match_table import MatchTable
from soccer_assets.modelling.dataset import (
    Boundaries,
    Split,
    default_boundaries,
    outcomes,
    split_by_kickoff,
    weighted,
)
from tests.football.helpers import epoch, match, table

DAY = 86_400


def test_outcomes_are_home_draw_away():
    """A home win is 0, a draw 1, an away win 2."""
    scores = ("2-1", "1-1", "0-3")
    matches = table(*(match(score, "2024-08-17T15:00", "Ash", "Oak", score) for score in scores))

    assert outcomes(matches).tolist() == [0, 1, 2]


def test_a_fixture_has_no_outcome():
    """A label is never made up for a match without a score."""
    with pytest.raises(ValueError, match="without a 90-minute score"):
        outcomes(table(match("a", "2024-08-17T15:00", "Ash", "Oak")))


def test_each_window_takes_its_start_and_leaves_its_end():
    """A kickoff on a boundary belongs to the later window; what lies outside belongs to none."""
    split = split_by_kickoff(np.arange(7), Boundaries(1, 3, 4, 6))

    assert np.flatnonzero(split.train).tolist() == [1, 2]
    assert np.flatnonzero(split.calibration).tolist() == [3]
    assert np.flatnonzero(split.test).tolist() == [4, 5]


def test_a_split_that_goes_back_in_time_is_refused():
    """Calibration may not end before training does."""
    with pytest.raises(ValueError, match="forward in time"):
        split_by_kickoff(np.arange(7), Boundaries(1, 4, 3, 6))


def test_a_long_history_gives_full_windows():
    """Of five years the last 120 days test, the 180 before calibrate and the first 90 are left out."""
    start = epoch("2019-08-01T12:00")
    kickoff = start + np.arange(5 * 365) * DAY
    last = int(kickoff[-1])

    cut = default_boundaries(kickoff, now=last + 30 * DAY)

    assert cut == Boundaries(start + 90 * DAY, last + 1 - 300 * DAY, last + 1 - 120 * DAY, last + 1)


def test_a_season_alone_is_cut_in_the_same_shares():
    """Of 270 days, a quarter of the full history, 30 test, 45 calibrate and 22.5 warm up."""
    start = epoch("2024-08-01T12:00")
    kickoff = start + np.arange(271) * DAY

    cut = default_boundaries(kickoff, now=int(kickoff[-1]))

    assert (cut.test_until - cut.calibrate_until) / DAY == pytest.approx(30, abs=0.01)
    assert (cut.calibrate_until - cut.train_until) / DAY == pytest.approx(45, abs=0.01)
    assert (cut.train_from - start) / DAY == pytest.approx(22.5, abs=0.01)


def test_matches_after_now_do_not_count():
    """The windows end at the newest match by now, not at a fixture."""
    cut = default_boundaries(np.array([10, 20, 99]), now=50)

    assert cut.test_until == 21


def test_no_history_is_an_error_that_says_what_to_do():
    """Without a played match there is nothing to cut."""
    with pytest.raises(ValueError, match="load some history"):
        default_boundaries(np.array([99]), now=50)


def living_and_dead():
    """Rows of a living league, of one given up ten years ago, and of a world cup, oldest first."""
    days = {"a": 0, "b": 10, "c": 300, "d": 8 * 365.25, "e": 3 * 8 * 365.25}
    now = epoch("2024-06-30T15:00")
    rows = [
        ("a", "LIV-1", False),
        ("c", "LIV-1", False),
        ("d", "LIV-1", False),
        ("d", "DEAD-1", False),
        ("e", "CUP", True),
    ]
    return MatchTable.from_columns(
        match_id=[f"{key}{code}" for key, code, _ in rows],
        kickoff=[now - int(days[key] * DAY) for key, _, _ in rows],
        is_day_precision=[False] * len(rows),
        competition=[code for _, code, _ in rows],
        season=["2024"] * len(rows),
        tier=[1] * len(rows),
        home_team=["Ash"] * len(rows),
        away_team=["Oak"] * len(rows),
        home_goals=[1] * len(rows),
        away_goals=[0] * len(rows),
        is_neutral=[False] * len(rows),
        moves_ratings=[True] * len(rows),
        trains=[True] * len(rows),
        is_international=[nation for _, _, nation in rows],
    )


def test_old_matches_and_dead_leagues_teach_less():
    """Eight years halve a weight, a league that is no longer played has none, a world cup keeps its own."""
    matches = living_and_dead()
    every = np.ones(len(matches), np.bool_)

    weight = weighted(Split(every, ~every, ~every), matches).weight

    assert weight == pytest.approx([1.0, 0.5 ** (300 / (8 * 365.25)), 0.5, 0.0, 0.125])


def test_test_rows_keep_no_league_alive():
    """Whether a league is alive is judged by what was known before the test."""
    matches = living_and_dead()
    test = np.array([True, True, False, False, False])

    weight = weighted(Split(~test, ~test & test, test), matches).weight

    assert weight[3] == weight[2] == 1.0


def test_where_no_row_teaches_all_do_alike():
    """A training window of dead leagues alone is still fitted."""
    rows = np.array([True, True, False])
    split = Split(rows, ~rows, rows & ~rows, weight=np.array([0.0, 0.0, 1.0]))

    assert split.weights(rows).tolist() == [1.0, 1.0, 0.0]
    assert split.weights(~rows).tolist() == [0.0, 0.0, 1.0]
